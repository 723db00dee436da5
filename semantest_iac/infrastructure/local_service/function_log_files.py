"""Stores what functions print, for the `logs` command: one bounded file per stack, and the file before it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, TextIO

from semantest_iac.infrastructure.function_runtimes.function_spec import Invocation

LARGEST_LOG_FILE = 4 * 1024 * 1024
LONGEST_LOG_LINE = 16 * 1024


class FunctionLogFiles:
    """`<home>/logs/<stack>.log`: a JSON line for each line that was printed; writers never fail because of it."""

    def __init__(self, folder: Path, largest: int = LARGEST_LOG_FILE) -> None:
        self._folder = folder
        self._largest = largest

    def add(self, stack: str, invocation: Invocation) -> None:
        """Keep what one invocation printed, and how it failed; values of the function's secrets are out of it."""
        lines = [*invocation.logs.splitlines(), *_error_lines(invocation)]
        if not lines:
            return
        moment = datetime.now(UTC).isoformat(timespec="milliseconds")
        text = "".join(json.dumps({"time": moment, "text": line[:LONGEST_LOG_LINE]}) + "\n" for line in lines)
        with suppress(OSError):
            self._append(stack, text)

    def batches(self, stack: str) -> Iterator[list[dict[str, Any]]]:
        """All that is kept, oldest first; then, whenever it is asked, what came since. Never ends."""
        seen: dict[int, int] = {}  # a file keeps its number when it becomes the older one
        while True:
            yield [line for path in _log_paths(self._folder, stack) for line in _read_new_lines(path, seen)]

    def _append(self, stack: str, text: str) -> None:
        older, path = _log_paths(self._folder, stack)
        with self._opened(path) as file:
            file.write(text)
            size = file.tell()
        if size > self._largest:
            path.replace(older)

    def _opened(self, path: Path) -> TextIO:
        try:
            return path.open("a")
        except FileNotFoundError:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            return path.open("a")


@lru_cache
def _log_paths(folder: Path, stack: str) -> tuple[Path, Path]:
    return folder / f"{stack}.older.log", folder / f"{stack}.log"


def _read_new_lines(path: Path, seen: dict[int, int]) -> Iterator[dict[str, Any]]:
    """The complete lines behind those that were seen."""
    with suppress(OSError), path.open("rb") as file:
        number = os.fstat(file.fileno()).st_ino
        file.seek(seen.get(number, 0))
        for line in file:
            if line.endswith(b"\n"):
                seen[number] = seen.get(number, 0) + len(line)
                yield json.loads(line)


def _error_lines(invocation: Invocation) -> Iterator[str]:
    """An error as its cloud would log it."""
    if invocation.error is not None:
        yield "{errorType}: {errorMessage}".format(**invocation.error)
        yield from map(str, invocation.error.get("stackTrace") or ())
