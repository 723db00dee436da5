"""Counts the requests to the versions that share the traffic of a stack, as the metrics of a cloud do.

`serve` counts, and whoever carries out the deployment reads: `<home>/traffic/<stack>.log`, a line for each moment.
"""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from math import ceil
from pathlib import Path
from typing import Any

from semantest_iac.domain.delivery.canary import TrafficObservation
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.infrastructure.durable_files import append_log_lines
from semantest_iac.infrastructure.nested_text import parse_json

LARGEST_COUNTS_FILE = 4 * 1024 * 1024
_MOST_DURATIONS = 200  # of one line; more would not change the slowest twentieth by much
_SLOWEST = 0.95


@dataclass(frozen=True, slots=True)
class CallOutcome:
    """What became of one request: whether the new version answered, whether it failed, and how long it took."""

    is_new: bool
    has_failed: bool
    seconds: float


@dataclass(slots=True)
class _VersionCounts:
    requests: int = 0
    errors: int = 0
    durations_ms: list[int] = field(default_factory=list)

    def add(self, outcome: CallOutcome) -> None:
        self.requests += 1
        self.errors += outcome.has_failed
        if len(self.durations_ms) < _MOST_DURATIONS:
            self.durations_ms.append(round(outcome.seconds * 1000))


class TrafficCounts:
    """Keeps counts in memory until they are flushed to the file of their stack; a failing write is ignored."""

    def __init__(self, folder: Path, clock: Callable[[], float] = time.time) -> None:
        self._folder = folder
        self._clock = clock
        self._counts: dict[tuple[str, bool], _VersionCounts] = {}
        self._lock = threading.Lock()

    def add(self, stack: str, outcome: CallOutcome) -> None:
        """Count one request."""
        with self._lock:
            self._counts.setdefault((stack, outcome.is_new), _VersionCounts()).add(outcome)

    def flush(self) -> None:
        """Write what was counted since the last time."""
        with self._lock:
            counts, self._counts = self._counts, {}
        for (stack, is_new), one in counts.items():
            line = {
                "time": self._clock(),
                "new": is_new,
                "requests": one.requests,
                "errors": one.errors,
                "ms": one.durations_ms,
            }
            with suppress(OSError):
                path = self._path_of(stack)
                if append_log_lines(path, f"{json.dumps(line)}\n") > LARGEST_COUNTS_FILE:
                    path.replace(path.with_suffix(".older.log"))

    async def observe(self, stack: Stack, since: datetime) -> TrafficObservation:
        """Return what was counted of the new version since that time."""
        return await asyncio.to_thread(self._observe, str(stack), since.timestamp())

    def _observe(self, stack: str, since: float) -> TrafficObservation:
        total = _VersionCounts()
        for line in self._read_lines(stack):
            with suppress(KeyError, TypeError):
                if line["new"] and line["time"] >= since:
                    total.requests += line["requests"]
                    total.errors += line["errors"]
                    total.durations_ms += line["ms"]
        durations = sorted(total.durations_ms)
        slowest = durations[ceil(_SLOWEST * len(durations)) - 1] if durations else None
        return TrafficObservation(total.requests, total.errors, slowest)

    def _read_lines(self, stack: str) -> Iterator[dict[str, Any]]:
        path = self._path_of(stack)
        for file in (path.with_suffix(".older.log"), path):
            with suppress(OSError):
                for text in file.read_bytes().splitlines():
                    with suppress(ValueError):
                        row = parse_json(text)
                        if isinstance(row, dict):
                            yield row

    def _path_of(self, stack: str) -> Path:
        return self._folder / f"{stack}.log"
