"""Locks on open files (flock): they end with the process that holds them and with all that inherited the descriptor."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path


def try_lock(descriptor: int) -> bool:
    """Lock an open file; False if another process holds it. Raises OSError where the file system has no locks."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def is_in_place(descriptor: int, path: Path) -> bool:
    """Return False when the file was deleted before it was locked: another process may hold its successor."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False
