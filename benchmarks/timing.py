"""Two actions timed by turns, so that the mood of the machine touches both alike."""

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
class Paired:
    """Two medians of one run, in seconds; a ratio under 1 says that the first is the faster."""

    median_a: float
    median_b: float
    ratio: float


def paired(a: Action, b: Action, n: int) -> Paired:
    """Time both `n` times by turns, after one untimed turn that fills caches and compiles modules."""
    rounds = [(_seconds(a), _seconds(b)) for _ in range(n + 1)][1:]
    median_a, median_b = (median(times) for times in zip(*rounds, strict=True))
    return Paired(median_a, median_b, median_a / median_b)


def process(command: Sequence[str | Path], **environment: str) -> Action:
    """A whole process from start to exit, output thrown away; a failing one fails the benchmark."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    settings = {**kept, **environment}
    return lambda: subprocess.run(command, env=settings, capture_output=True, check=True)


def _seconds(action: Action) -> float:
    begun = perf_counter()
    action()
    return perf_counter() - begun
