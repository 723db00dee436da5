"""How much room the disks of a home have, and the refusal of work that will not fit."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from semantest_iac.domain.errors import Fault, StorageError, as_storage_error

SPACE_FOR_RUN: Final = 4 * 1024 * 1024
"""Bytes that a run may need on a disk of its home, besides its packages.

Measured for a WebSocket API on Azure, which needs most: a new simulated cloud takes 2.1 MB with its log, the ledger
0.5 MB, state, journal and locks 0.2 MB; with Pulumi, its folder takes 1.7 MB.
"""
_FULL_BELOW: Final = 64 * 1024  # bytes: less than one page of SQLite's shared memory and a page of its log
_KIB: Final = 1024


def find_free_bytes(path: Path) -> int | None:
    """Return how much this user can write where a path is or will be; None where the system does not say."""
    nearest = next((folder for folder in (path, *path.parents) if folder.exists()), None)
    if nearest is None:
        return None
    try:
        status = os.statvfs(nearest)
    except OSError:
        return None
    return status.f_bavail * status.f_frsize if status.f_blocks else None  # some network file systems report zeros


def is_disk_full(path: Path) -> bool:
    """Whether there is no room where a path is."""
    free = find_free_bytes(path)
    return free is not None and free < _FULL_BELOW


def find_full_disk_error(path: Path) -> StorageError | None:
    """Return the error of a full disk where a path is; None where there is room.

    For programs that fail on a full disk in other words, as those that read half of what they wrote.
    """
    return as_storage_error(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))) if is_disk_full(path) else None


def require_free_space(folders: Iterable[Path], needed: int = SPACE_FOR_RUN) -> None:
    """Raise StorageError with every disk that has less room than this for the folders on it."""
    short = list(_find_short_disks(folders, needed))
    if not short:
        return
    faults = [
        Fault(str(folder), f"{free // _KIB} KB are free, and {needed // _KIB} KB are needed") for folder, free in short
    ]
    hint = "Free some space there, or choose another folder with --home."
    raise StorageError("Cannot begin: the disk is full.", "DISK_FULL", hint=hint, faults=faults)


def _find_short_disks(folders: Iterable[Path], needed: int) -> Sequence[tuple[Path, int]]:
    """Return the first folder on each disk with too little room, and how much it has."""
    short: dict[int, tuple[Path, int]] = {}
    for folder in folders:
        free = find_free_bytes(folder)
        if free is not None and free < needed:
            nearest = next(each for each in (folder, *folder.parents) if each.exists())
            short.setdefault(nearest.stat().st_dev, (folder, free))
    return list(short.values())
