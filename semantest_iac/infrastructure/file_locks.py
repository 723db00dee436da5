"""Locks on open files (flock): they end with the process that holds them and with all that inherited the descriptor."""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress
from pathlib import Path


def try_lock(descriptor: int) -> bool:
    """Lock an open file; False if another process holds it. Raises OSError where the file system has no locks."""
    return _try_flock(descriptor, fcntl.LOCK_EX)


def try_shared_lock(descriptor: int) -> bool:
    """Lock an open file beside others that read it; False if a process holds it alone."""
    return _try_flock(descriptor, fcntl.LOCK_SH)


def _try_flock(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def wait_for_lock(descriptor: int) -> None:
    """Wait until no other process holds the lock of an open file, and take it; for what is done in an instant."""
    fcntl.flock(descriptor, fcntl.LOCK_EX)


def lock_or_close(descriptor: int) -> int | None:
    """Lock an open file and return it; close it and return None if another process holds it or locks are missing."""
    with suppress(OSError):
        if try_lock(descriptor):
            return descriptor
    os.close(descriptor)
    return None


def is_in_place(descriptor: int, path: Path) -> bool:
    """Return False when the file was deleted before it was locked: another process may hold its successor."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False
