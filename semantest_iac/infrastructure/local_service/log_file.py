"""What functions printed, kept for `logs`: one bounded file per stack, and the one before it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from semantest_iac.infrastructure.function_runtimes.function_spec import Invocation

LARGEST = 4 * 1024 * 1024
LONGEST_LINE = 16 * 1024


class FunctionLogs:
    """`<home>/logs/<stack>.log`: a JSON line for each line that was printed; writers never fail because of it."""

    def __init__(self, folder: Path, largest: int = LARGEST) -> None:
        self._folder = folder
        self._largest = largest

    def add(self, stack: str, invocation: Invocation) -> None:
        """Keep what one invocation printed, and how it failed; values of the function's secrets are out of it."""
        lines = [*invocation.logs.splitlines(), *_failure(invocation)]
        if not lines:
            return
        moment = datetime.now(UTC).isoformat(timespec="milliseconds")
        text = "".join(json.dumps({"time": moment, "text": line[:LONGEST_LINE]}) + "\n" for line in lines)
        with suppress(OSError):
            self._append(self.path(stack), text)

    def read(self, stack: str) -> Iterator[dict[str, Any]]:
        """Everything that is kept, oldest first."""
        for path in (self._older(stack), self.path(stack)):
            with suppress(OSError):
                yield from map(json.loads, path.read_text().splitlines())

    def path(self, stack: str) -> Path:
        """The file that grows."""
        return self._folder / f"{stack}.log"

    def _older(self, stack: str) -> Path:
        return self._folder / f"{stack}.older.log"

    def _append(self, path: Path, text: str) -> None:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if path.exists() and path.stat().st_size + len(text) > self._largest:
            path.replace(path.with_suffix(".older.log"))
        with path.open("a") as file:
            file.write(text)


def _failure(invocation: Invocation) -> Iterator[str]:
    """An error as its cloud would log it."""
    if invocation.error is not None:
        yield "{errorType}: {errorMessage}".format(**invocation.error)
        yield from map(str, invocation.error.get("stackTrace") or ())
