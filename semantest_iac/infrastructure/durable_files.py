"""Writes the files and folders of a home: each is complete and on the disk, or the error names its path.

A file that replaces another is a draft until it is complete. The process that makes a draft holds a lock on it (flock,
which ends with the process). Whoever makes or looks for a draft in the same folder removes those that nobody holds.
Everything is readable by its owner only. tests/architecture lists what else may write files, with the reason.
"""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock
from typing import BinaryIO, Final

from semantest_iac.infrastructure.file_locks import is_in_place, lock_or_close, try_lock

DRAFT_PREFIX: Final = ".draft-"
_DRAFT_DIGITS: Final = 16
_CREATION_LOCK: Final = Lock()
_FILE_MODE: Final = 0o600
_FOLDER_MODE: Final = 0o700
_DISK_ERRORS: Final = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS}
_CLOSED_TO_LINKS: Final = os.O_NOFOLLOW | os.O_CLOEXEC


@contextmanager
def name_failed_path(path: Path) -> Iterator[None]:
    """Give errors of the disk the path that they are about, where they have none, as those of writes."""
    try:
        yield
    except OSError as error:
        if error.filename is None and error.errno in _DISK_ERRORS:
            error.filename = str(path)
        raise


def make_private_folder(path: Path) -> None:
    """Create a folder and those above it, on the disk when this returns; one that exists is left as it is.

    Raises NotADirectoryError where there is a file.
    """
    if path.is_dir():
        return
    try:
        path.mkdir(mode=_FOLDER_MODE)
    except FileExistsError as error:
        if not path.is_dir():  # else another process was first
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(path)) from error
    except FileNotFoundError:
        if path.parent.is_dir():  # such as in /proc, which takes no folders
            raise
        make_private_folder(path.parent)
        make_private_folder(path)
    else:
        sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Bring the names in a folder to the disk: new, replaced and removed ones. One that cannot be read is left."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except PermissionError:  # such as the folder that the homes of all users are in
        return
    try:
        with name_failed_path(folder), _allow_missing_sync():
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_fully(descriptor: int, content: bytes) -> None:
    """Write all of the content; raises OSError where the system takes only a part, as on a full disk."""
    rest = memoryview(content)
    while rest:
        written = os.write(descriptor, rest)
        if written == 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        rest = rest[written:]


def replace_file(path: Path, content: str | bytes) -> None:
    """Give a file this content, in place of the content before; on the disk when this returns."""
    with open_draft(path.parent) as (file, draft):
        file.write(content.encode() if isinstance(content, str) else content)
        publish_draft(file, draft, path)


def replace_lines(path: Path, lines: Iterable[str]) -> None:
    """Give a file these lines, in place of the content before; none of them if they end with an error."""
    with open_draft(path.parent) as (file, draft):
        for line in lines:
            file.write(f"{line}\n".encode())
        publish_draft(file, draft, path)


def ensure_private_file(path: Path, make: Callable[[], str]) -> Path:
    """Create a file unless it exists; of two processes that do so at once, one wins."""
    remove_abandoned_drafts(path.parent)
    if not path.exists():
        with open_draft(path.parent) as (file, draft):
            file.write(make().encode())
            _sync_file(file, path)
            with suppress(FileExistsError):
                os.link(draft, path)
            sync_folder(path.parent)
    return path


def remove_file(path: Path) -> None:
    """Remove a file that may be gone already; it does not come back after a power failure."""
    with suppress(FileNotFoundError):
        path.unlink()
        sync_folder(path.parent)


def remove_folder(path: Path) -> None:
    """Remove a folder that may be gone already; whoever looks for it finds all of it or nothing."""
    if path.is_dir():
        with suppress(FileNotFoundError), make_draft_folder(path.parent) as workspace:
            path.rename(workspace / path.name)


class AppendedFile:
    """A file that grows by whole records; it is created with the first one. The caller ensures one writer."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None

    @property
    def is_empty(self) -> bool:
        """Whether nothing was appended through this object."""
        return self._descriptor is None

    def append(self, record: bytes, *, sync: bool) -> None:
        """Append a record completely, with `sync` on the disk when this returns; after an error nothing of it stays."""
        with name_failed_path(self._path):
            descriptor = self._open()
            size = os.fstat(descriptor).st_size
            try:
                write_fully(descriptor, record)
                if sync:
                    with _allow_missing_sync():
                        os.fdatasync(descriptor)
            except OSError:
                with suppress(OSError):
                    os.ftruncate(descriptor, size)
                raise

    def close(self) -> None:
        """Close the file; there may have been none."""
        if self._descriptor is not None:
            os.close(self._descriptor)

    def _open(self) -> int:
        if self._descriptor is None:
            make_private_folder(self._path.parent)
            flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | _CLOSED_TO_LINKS
            self._descriptor = os.open(self._path, flags, _FILE_MODE)
            sync_folder(self._path.parent)
        return self._descriptor


def append_log_lines(path: Path, text: str) -> int:
    """Append lines that several processes write, and return the size of the file; lines are whole or missing.

    They are not flushed to the disk: a log is no record of what was done.
    """
    make_private_folder(path.parent)
    with name_failed_path(path):
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | _CLOSED_TO_LINKS, _FILE_MODE)
        try:
            with suppress(OSError):  # file systems without locks: lines may mix
                fcntl.flock(descriptor, fcntl.LOCK_EX)
            size, mode = os.fstat(descriptor).st_size, os.fstat(descriptor).st_mode
            if mode & 0o077:  # earlier versions let others read it
                os.fchmod(descriptor, _FILE_MODE)
            try:
                write_fully(descriptor, text.encode())
            except OSError:
                os.ftruncate(descriptor, size)
                raise
            return os.fstat(descriptor).st_size
        finally:
            os.close(descriptor)


def append_synced_line(path: Path, line: bytes) -> None:
    """Append a line that several processes may write; it is whole, and on the disk when this returns.

    What a killed process left of a line before it ends there. After an error nothing of the line stays.
    """
    make_private_folder(path.parent)
    with name_failed_path(path):
        is_new = not path.exists()
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | _CLOSED_TO_LINKS, _FILE_MODE)
        try:
            with suppress(OSError):  # file systems without locks: lines may mix
                fcntl.flock(descriptor, fcntl.LOCK_EX)
            size = os.fstat(descriptor).st_size
            is_open = size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"
            try:
                write_fully(descriptor, (b"\n" if is_open else b"") + line + b"\n")
                with _allow_missing_sync():
                    os.fsync(descriptor)
            except OSError:
                with suppress(OSError):
                    os.ftruncate(descriptor, size)
                raise
        finally:
            os.close(descriptor)
    if is_new:
        sync_folder(path.parent)


def open_lock_file(path: Path) -> int:
    """Open a file for locks and a small record, and create it if it is missing."""
    return os.open(path, os.O_RDWR | os.O_CREAT | _CLOSED_TO_LINKS, _FILE_MODE)


def write_record(descriptor: int, content: bytes, path: Path) -> None:
    """Write a record at the start of an open file, in one write, so that a kill leaves the old or the new one.

    It is not flushed to the disk: it is about a living process.
    """
    with name_failed_path(path):
        if os.pwrite(descriptor, content, 0) != len(content):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def create_empty_file(path: Path) -> None:
    """Create an empty file, which SQLite fills, unless it exists; never opens one that is in use.

    Closing a file releases every POSIX lock that its process holds on it (https://www.sqlite.org/howtocorrupt.html,
    2.2): other processes would then discard SQLite's log. The same holds between opening and closing a new file.
    """
    with _CREATION_LOCK, suppress(FileExistsError):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | _CLOSED_TO_LINKS, _FILE_MODE))


@contextmanager
def open_draft(folder: Path) -> Iterator[tuple[BinaryIO, Path]]:
    """Yield a new file that only its owner can read; it is removed at the end of the block unless it was published."""
    descriptor, path = _create_locked(folder, _create_file)
    try:
        with name_failed_path(folder), os.fdopen(descriptor, "wb", closefd=False) as file:
            yield file, path
    finally:
        with suppress(FileNotFoundError):
            path.unlink()
        os.close(descriptor)


def publish_draft(file: BinaryIO, draft: Path, path: Path) -> None:
    """Flush a draft to the disk and give it its name, in place of an older file."""
    _sync_file(file, path)
    draft.replace(path)
    sync_folder(path.parent)


@contextmanager
def make_draft_folder(folder: Path) -> Iterator[Path]:
    """Yield a new private folder, which is removed with its content at the end of the block."""
    descriptor, path = _create_locked(folder, _create_folder)
    try:
        with name_failed_path(folder):
            yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
        os.close(descriptor)


def publish_folder(complete: Path, path: Path) -> bool:
    """Move a complete folder out of a draft folder to its name; False if another process was first.

    Its files are not flushed one by one, as it may have thousands: only what can be made again is kept so.
    """
    try:
        complete.rename(path)
    except OSError:
        if not path.is_dir():
            raise
        return False
    sync_folder(path.parent)
    return True


def list_draft_folders(home: Path) -> list[Path]:
    """Return the folders of a home in which drafts are made."""
    try:
        with os.scandir(home) as entries:
            folders = [Path(it.path) for it in entries if not it.name.startswith(".") and it.is_dir()]
    except OSError:
        return []
    return [home, *folders, home / "artifacts" / "known"]


def remove_abandoned_drafts(folder: Path) -> None:
    """Remove the drafts in a folder whose process has ended."""
    for path in list(folder.glob(f"{DRAFT_PREFIX}{'[0-9a-f]' * _DRAFT_DIGITS}")):  # other names are not ours
        descriptor = _lock(path)
        if descriptor is not None:
            _remove(path)
            os.close(descriptor)


def _sync_file(file: BinaryIO, path: Path) -> None:
    with name_failed_path(path):
        file.flush()
        with _allow_missing_sync():
            os.fsync(file.fileno())


@contextmanager
def _allow_missing_sync() -> Iterator[None]:
    """Accept file systems that cannot flush a file or a folder (EINVAL, ENOTSUP); a failed flush is an error."""
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise


def _create_locked(folder: Path, create: Callable[[Path], int]) -> tuple[int, Path]:
    """Create a draft and lock it; where another process took it for abandoned before that, create another."""
    make_private_folder(folder)
    remove_abandoned_drafts(folder)
    while True:
        path = folder / f"{DRAFT_PREFIX}{os.urandom(_DRAFT_DIGITS // 2).hex()}"
        with suppress(FileNotFoundError):
            descriptor = create(path)
            if _lock_new(descriptor) and is_in_place(descriptor, path):
                return descriptor, path
            os.close(descriptor)
        make_private_folder(folder)


def _create_file(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _FILE_MODE)


def _create_folder(path: Path) -> int:
    path.mkdir(mode=_FOLDER_MODE)
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
