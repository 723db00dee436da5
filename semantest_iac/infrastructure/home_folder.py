"""Creates the home: the folder of the ledger, the packages and the simulated clouds."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Final

_IGNORE_EVERYTHING: Final = "# Created by semantest-iac.\n*\n"


def make_home_folder(home: Path) -> None:
    """Create the home with a .gitignore for all that is in it; a folder that exists is left as it is."""
    with suppress(FileExistsError):
        home.mkdir(mode=0o700, parents=True)
        with suppress(OSError):  # the home works without it
            path = home / ".gitignore"
            path.touch(mode=0o600, exist_ok=False)
            path.write_text(_IGNORE_EVERYTHING, encoding="utf-8")
