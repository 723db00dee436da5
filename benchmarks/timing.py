"""Times two actions by turns, so that the machine's load affects both alike."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import perf_counter

Action = Callable[[], object]


@dataclass(frozen=True, slots=True)
class PairedTimes:
    """Two medians of one run, in seconds; a ratio under 1 means that the first action is faster."""

    median_a: float
    median_b: float
    ratio: float


def time_in_turns(a: Action, b: Action, n: int) -> PairedTimes:
    """Time both actions `n` times by turns, after one untimed turn that fills caches and compiles modules."""
    rounds = [(_seconds(a), _seconds(b)) for _ in range(n + 1)][1:]
    median_a, median_b = (median(times) for times in zip(*rounds, strict=True))
    return PairedTimes(median_a, median_b, median_a / median_b)


def process_action(command: Sequence[str | Path], **environment: str) -> Action:
    """An action that runs a process without its output; raises if it fails."""
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    settings = {**inherited, **environment}
    return lambda: subprocess.run(command, env=settings, capture_output=True, check=True)


def _seconds(action: Action) -> float:
    started_at = perf_counter()
    action()
    return perf_counter() - started_at
