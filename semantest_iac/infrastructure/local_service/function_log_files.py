"""Stores the logs of functions for the `logs` command: one bounded file per stack, and the file before it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from functools import lru_cache
from json.encoder import encode_basestring_ascii
from pathlib import Path
from typing import Any

from semantest_iac.infrastructure.durable_files import append_log_lines
from semantest_iac.infrastructure.function_runtimes.function_spec import Invocation
from semantest_iac.infrastructure.nested_text import parse_json

LARGEST_LOG_FILE = 4 * 1024 * 1024
LONGEST_LOG_LINE = 16 * 1024


class FunctionLogFiles:
    """`<home>/logs/<stack>.log`, a JSON object per event; a failing write is ignored."""

    def __init__(self, folder: Path, max_bytes: int = LARGEST_LOG_FILE) -> None:
        self._folder = folder
        self._max_bytes = max_bytes

    def add(self, stack: str, invocation: Invocation) -> None:
        """Store the log of one invocation, an event per line; its secret values are already redacted."""
        events = invocation.log_events
        if not events:
            return
        moment = datetime.now(UTC).isoformat(timespec="milliseconds")
        common = {"time": moment, **({"function": invocation.function} if invocation.function else {})}
        opening = f'{json.dumps(common)[:-1]}, "text": '  # a text alone is encoded ten times as fast as an object
        text = "".join(f"{opening}{encode_basestring_ascii(event[:LONGEST_LOG_LINE])}}}\n" for event in events)
        with suppress(OSError):
            self._append(stack, text)

    def follow_batches(self, stack: str) -> Iterator[list[dict[str, Any]]]:
        """Yield all stored lines, oldest first, then at each step the new ones; never ends."""
        offsets: dict[int, int] = {}  # by inode, which a file keeps when it becomes the older one
        while True:
            yield [
                line
                for path in _older_and_current_paths(self._folder, stack)
                for line in _read_new_lines(path, offsets)
            ]

    def _append(self, stack: str, text: str) -> None:
        older, path = _older_and_current_paths(self._folder, stack)
        if append_log_lines(path, text) > self._max_bytes:
            path.replace(older)


@lru_cache
def _older_and_current_paths(folder: Path, stack: str) -> tuple[Path, Path]:
    return folder / f"{stack}.older.log", folder / f"{stack}.log"


def _read_new_lines(path: Path, offsets: dict[int, int]) -> Iterator[dict[str, Any]]:
    """Yield the complete lines after the file's offset; what another program wrote is left out."""
    with suppress(OSError), path.open("rb") as file:
        inode = os.fstat(file.fileno()).st_ino
        file.seek(offsets.get(inode, 0))
        for line in file:
            if line.endswith(b"\n"):
                offsets[inode] = offsets.get(inode, 0) + len(line)
                with suppress(ValueError):
                    row = parse_json(line)
                    if isinstance(row, dict):
                        yield row
