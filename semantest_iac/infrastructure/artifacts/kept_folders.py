"""Keeps folders that are costly to make for later packages: a bounded number of them, the last used ones."""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from semantest_iac.infrastructure.durable_files import make_draft_folder, publish_folder
from semantest_iac.infrastructure.file_locks import is_in_place, lock_or_close


def make_folder_key(facts: Iterable[bytes]) -> str:
    """Return the key of a folder that these facts decide, in their order."""
    digest = hashlib.sha256()
    for fact in facts:
        digest.update(f"{len(fact)}\0".encode() + fact)
    return digest.hexdigest()


class KeptFolders:
    """Folders `<folder>/<key>`, at most `most` besides those in use.

    A folder under its key is complete, because it is made as a draft and then renamed: of two processes that make it at
    once, both use that of the first. Whoever uses one holds a shared lock on it, and only unlocked ones are removed.
    """

    def __init__(self, folder: Path, most: int) -> None:
        self._folder = folder
        self._most = most

    @contextmanager
    def use(self, key: str, make: Callable[[Path], None]) -> Iterator[Path]:
        """Yield the folder of the key, which `make` fills if it is not there; it must not be changed."""
        path = self._folder / key
        while (descriptor := _open_shared(path)) is None:
            self._make(path, make)
        try:
            with suppress(OSError):
                os.utime(path)  # when it was used last
            yield path
        finally:
            os.close(descriptor)

    def _make(self, path: Path, make: Callable[[Path], None]) -> None:
        with make_draft_folder(self._folder) as workspace:
            draft = workspace / "new"
            draft.mkdir()
            make(draft)
            publish_folder(draft, path)
            self._move_oldest(workspace, path)

    def _move_oldest(self, workspace: Path, new: Path) -> None:
        """Move what is over the limit into the workspace, with which it is removed."""
        for path in sorted(self._list_folders() - {new}, key=_last_use, reverse=True)[max(0, self._most - 1) :]:
            descriptor = _open_folder(path)
            locked = None if descriptor is None else lock_or_close(descriptor)
            if locked is not None:
                with suppress(OSError):
                    path.rename(workspace / path.name)
                os.close(locked)

    def _list_folders(self) -> set[Path]:
        return {path for path in self._folder.iterdir() if not path.name.startswith(".")}


def _open_shared(path: Path) -> int | None:
    """Open a folder with a lock that keeps it in place; None if it is not there."""
    descriptor = _open_folder(path)
    if descriptor is None:
        return None
    with suppress(OSError):  # file systems without locks have no removal either
        fcntl.flock(descriptor, fcntl.LOCK_SH)
    if is_in_place(descriptor, path):
        return descriptor
    os.close(descriptor)
    return None


def _open_folder(path: Path) -> int | None:
    try:
        return os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None


def _last_use(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0
