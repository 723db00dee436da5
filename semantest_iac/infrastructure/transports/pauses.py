"""Pauses between tries to connect, which grow and differ from those of other processes."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Final

_FIRST_S: Final = 0.5
_LONGEST_S: Final = 30.0


def grow_pauses(first_s: float = _FIRST_S, longest_s: float = _LONGEST_S) -> Iterator[float]:
    """Yield pauses in seconds, without end: between half of and all of a time that doubles up to `longest_s`."""
    pause_s = first_s
    while True:
        yield pause_s * random.uniform(0.5, 1)  # noqa: S311 - no secret
        pause_s = min(2 * pause_s, longest_s)
