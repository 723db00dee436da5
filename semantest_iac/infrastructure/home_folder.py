"""Creates the home: the folder of the ledger, the packages and the simulated clouds."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Final

from semantest_iac.infrastructure.durable_files import make_private_folder, replace_file

_IGNORE_EVERYTHING: Final = "# Created by semantest-iac.\n*\n"


def make_home_folder(home: Path) -> None:
    """Create the home with a .gitignore for all that is in it; a folder that exists is left as it is."""
    if home.is_dir():
        return
    make_private_folder(home)
    with suppress(OSError):  # the home works without it
        replace_file(home / ".gitignore", _IGNORE_EVERYTHING)
