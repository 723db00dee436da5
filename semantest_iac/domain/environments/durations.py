"""How a span of time is written: 90s, 30m, 6h or 7d."""

from __future__ import annotations

import re
from collections.abc import Mapping

DURATION_HINT = "Write it as 90s, 30m, 6h or 7d."
_DURATION = re.compile(r"([0-9]{1,6})([smhd])")
_SECONDS: Mapping[str, int] = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


def parse_duration(text: str) -> int | None:
    """Return the seconds that a text states; None for one that states none, and for no time at all."""
    match = _DURATION.fullmatch(text)
    return int(match[1]) * _SECONDS[match[2]] or None if match else None
