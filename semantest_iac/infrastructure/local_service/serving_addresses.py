"""Records at which address `serve` answers, as long as it runs, so that other commands find it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from semantest_iac.infrastructure.durable_files import make_private_folder, open_lock_file, write_record
from semantest_iac.infrastructure.file_locks import lock_or_close, try_lock
from semantest_iac.infrastructure.home_folder import make_home_folder

GATEWAY_FOLDER: Final = "serving"
MESSAGES_FOLDER: Final = "serving/messages"
_LONGEST_ADDRESS: Final = 200


@contextmanager
def announce_address(home: Path, url: str, folder: str = GATEWAY_FOLDER) -> Iterator[None]:
    """Record the address as long as the block; the lock on its file ends with this process, however that ends.

    In a home that cannot be written nothing is recorded.
    """
    path = home / folder / str(os.getpid())
    try:
        descriptor = _record(home, path, url)
    except OSError:
        yield
        return
    try:
        yield
    finally:
        with suppress(OSError):
            path.unlink()
        os.close(descriptor)


def find_address(home: Path, folder: str = GATEWAY_FOLDER) -> str | None:
    """Return the address at which `serve` answers for this home, None if it does not run."""
    return next(filter(None, map(_read_or_remove, sorted((home / folder).glob("[0-9]*")))), None)


def _record(home: Path, path: Path, url: str) -> int:
    make_home_folder(home)
    make_private_folder(home / GATEWAY_FOLDER)
    make_private_folder(path.parent)
    descriptor = open_lock_file(path)
    with suppress(OSError):  # a file system without locks
        try_lock(descriptor)
    try:
        write_record(descriptor, url.encode().ljust(_LONGEST_ADDRESS), path)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def _read_or_remove(path: Path) -> str | None:
    """Return what a living process recorded; remove what a killed one left."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return None
    url = os.read(descriptor, _LONGEST_ADDRESS).decode(errors="replace").rstrip()
    abandoned = lock_or_close(descriptor)
    if abandoned is None:
        return url or None
    with suppress(OSError):
        path.unlink()
    os.close(abandoned)
    return None
