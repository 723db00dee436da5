"""Keeps a copy of what a repair replaces, in the folder `replaced` of the home."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from semantest_iac.infrastructure.durable_files import make_private_folder

BACKUP_FOLDER: Final = "replaced"


def move_to_backup(home: Path, path: Path) -> Path:
    """Move a file or folder of the home out of the way and return where it is now."""
    target = _choose_target(home, path)
    path.rename(target)
    return target


def copy_to_backup(home: Path, path: Path) -> Path:
    """Copy a file of the home and return where the copy is."""
    target = _choose_target(home, path)
    shutil.copy2(path, target)
    return target


def _choose_target(home: Path, path: Path) -> Path:
    """Return a free path in a folder of this second."""
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    target, number = home / BACKUP_FOLDER / stamp / path.relative_to(home), 1
    while target.exists():
        number += 1
        target = home / BACKUP_FOLDER / f"{stamp}-{number}" / path.relative_to(home)
    make_private_folder(target.parent)
    return target
