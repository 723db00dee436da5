"""Drafts: files and folders that are complete only under another name, and that no kill leaves behind for long.

The process that makes a draft holds a lock on it (flock, which ends with the process). Whoever makes or looks for a
draft in the same folder removes those that nobody holds.
"""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Final

from semantest_iac.infrastructure.file_locks import is_in_place, lock_or_close, try_lock

DRAFT_PREFIX: Final = ".draft-"
_OWNER_ONLY: Final = 0o600


@contextmanager
def open_draft(folder: Path) -> Iterator[tuple[BinaryIO, Path]]:
    """Yield a new file that only its owner can read; it is removed at the end of the block unless it was published."""
    descriptor, path = _create_locked(folder, _create_file)
    try:
        with os.fdopen(descriptor, "wb", closefd=False) as file:
            yield file, path
    finally:
        with suppress(FileNotFoundError):
            path.unlink()
        os.close(descriptor)


def publish_draft(file: BinaryIO, draft: Path, path: Path) -> None:
    """Flush a draft to the disk and give it its name, in place of an older file."""
    file.flush()
    os.fsync(file.fileno())
    draft.replace(path)


@contextmanager
def make_draft_folder(folder: Path) -> Iterator[Path]:
    """Yield a new private folder, which is removed with its content at the end of the block."""
    descriptor, path = _create_locked(folder, _create_folder)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
        os.close(descriptor)


def ensure_private_file(path: Path, make: Callable[[], str]) -> Path:
    """Create a file that only its owner can read, unless it exists; of two processes that do so at once, one wins."""
    remove_abandoned_drafts(path.parent)
    if not path.exists():
        with open_draft(path.parent) as (file, draft):
            file.write(make().encode())
            file.flush()
            with suppress(FileExistsError):
                os.link(draft, path)
    return path


def remove_abandoned_drafts(folder: Path) -> None:
    """Remove the drafts in a folder whose process has ended."""
    for path in list(folder.glob(f"{DRAFT_PREFIX}*")):
        descriptor = _lock(path)
        if descriptor is not None:
            _remove(path)
            os.close(descriptor)


def _create_locked(folder: Path, create: Callable[[Path], int]) -> tuple[int, Path]:
    """Create a draft and lock it; where another process took it for abandoned before that, create another."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    remove_abandoned_drafts(folder)
    while True:
        path = folder / f"{DRAFT_PREFIX}{secrets.token_hex(8)}"
        with suppress(FileNotFoundError):
            descriptor = create(path)
            if _lock_new(descriptor) and is_in_place(descriptor, path):
                return descriptor, path
            os.close(descriptor)


def _create_file(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _OWNER_ONLY)


def _create_folder(path: Path) -> int:
    path.mkdir(mode=0o700)
    return os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)


def _lock(path: Path) -> int | None:
    """Return a locked descriptor of an abandoned draft; None if a process holds it, or it is gone."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return None
    return lock_or_close(descriptor)


def _lock_new(descriptor: int) -> bool:
    """Lock a new draft; False if another process was first. File systems without locks have no removal either."""
    try:
        return try_lock(descriptor)
    except OSError:
        return True


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink()
