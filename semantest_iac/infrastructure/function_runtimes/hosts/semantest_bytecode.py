"""Keeps the bytecode of a function's modules beside its package, so that only the first process compiles them.

Nothing is written into the package, which is read-only in the clouds, and no variable shows: `PYTHONPYCACHEPREFIX`
would be one, programs that the function starts would inherit it, and it would hold for the standard library too, whose
own bytecode would then be ignored.
"""

from __future__ import annotations

import os
import sys
from importlib.machinery import (
    BYTECODE_SUFFIXES,
    EXTENSION_SUFFIXES,
    SOURCE_SUFFIXES,
    ExtensionFileLoader,
    FileFinder,
    SourceFileLoader,
    SourcelessFileLoader,
)
from typing import Any

LOW_BITS = 0xFFFFFFFF  # what a .pyc file holds of a time


def keep_bytecode(root: str) -> None:
    """Let modules below `root` have their bytecode in `<root>.bytecode`, at the same relative paths."""
    kept = f"{root}.bytecode"

    class KeptBytecodeLoader(SourceFileLoader):
        """Reads and writes `__pycache__` elsewhere. A time in nanoseconds tells versions of one second apart."""

        def path_stats(self, path: Any) -> dict[str, Any]:
            status = os.stat(path)
            return {"mtime": status.st_mtime_ns & LOW_BITS, "size": status.st_size}

        def get_data(self, path: Any) -> bytes:
            return super().get_data(move(path))

        def set_data(self, path: Any, data: Any, *, _mode: int = 0o666) -> None:
            super().set_data(move(path), data)

    def move(path: str) -> str:
        return kept + path[len(root) :] if path.endswith(".pyc") and path.startswith(root + os.sep) else path

    make_finder = FileFinder.path_hook(
        (ExtensionFileLoader, EXTENSION_SUFFIXES),
        (KeptBytecodeLoader, SOURCE_SUFFIXES),
        (SourcelessFileLoader, BYTECODE_SUFFIXES),
    )

    def find_below_root(path: str) -> Any:
        if not f"{os.path.abspath(path or '.')}{os.sep}".startswith(root + os.sep):
            raise ImportError("not in the package")
        return make_finder(path)

    sys.path_hooks.insert(0, find_below_root)
    sys.path_importer_cache.clear()
    sys.dont_write_bytecode = False
