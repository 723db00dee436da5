"""Removes the file of a folder that Python is about to open, at a chosen point of a run."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


class Vanishing:
    """Counts what is opened or listed below a folder; at the chosen point it is removed right before.

    An audit hook stays for the life of the process: outside of `at` it does nothing.
    """

    def __init__(self) -> None:
        self._folder: Path | None = None
        self._point = self._count = 0
        self.removed: Path | None = None
        sys.addaudithook(self._watch)

    @contextmanager
    def at(self, folder: Path, point: int) -> Iterator[None]:
        """Remove what is opened as the `point`-th in the folder, counted from 1."""
        self._folder, self._point, self._count, self.removed = folder, point, 0, None
        try:
            yield
        finally:
            self._folder = None

    def _watch(self, event: str, arguments: tuple[Any, ...]) -> None:
        folder = self._folder
        if folder is None or event not in ("open", "os.scandir", "os.listdir"):
            return
        self._folder = None  # what is done here is not watched
        path = _find_path(arguments[0], folder, is_open=event == "open")
        if path is not None and path.is_relative_to(folder) and path != folder and os.path.lexists(path):
            self._count += 1
            if self._count == self._point:
                self.removed = path.relative_to(folder)
                shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
        self._folder = folder


def _find_path(opened: Any, folder: Path, *, is_open: bool) -> Path | None:
    """Return the path of what is opened: a descriptor's, or a name in one of the folders that are open."""
    if isinstance(opened, int):
        return _path_of(opened)
    if not isinstance(opened, (str, bytes, os.PathLike)):
        return None
    path = Path(os.fsdecode(opened))
    if path.is_absolute() or not is_open:
        return path.absolute()
    numbers = sorted(map(int, os.listdir("/proc/self/fd")), reverse=True)  # noqa: PTH208  # the last opened first
    around = [found for number in numbers if (found := _path_of(number))]
    return next((one / path for one in around if one.is_relative_to(folder) and os.path.lexists(one / path)), None)


def _path_of(descriptor: int) -> Path | None:
    try:
        return Path(os.readlink(f"/proc/self/fd/{descriptor}"))  # noqa: PTH115
    except OSError:
        return None
