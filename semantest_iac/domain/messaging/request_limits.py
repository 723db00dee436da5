"""How a limit of requests is written: REQUESTS/SECONDS, or REQUESTS within a minute."""

from __future__ import annotations

LIMIT_HINT = "Write 60/60 (requests/seconds)."
_USUAL_SECONDS = "60"


def is_request_limit(text: str) -> bool:
    """Whether the text is a limit."""
    count, _, seconds = text.partition("/")
    return all(part.isascii() and part.isdecimal() and int(part) > 0 for part in (count, seconds or _USUAL_SECONDS))


def split_request_limit(text: str) -> tuple[int, float]:
    """Return the requests and the seconds of a limit."""
    count, _, seconds = text.partition("/")
    return int(count), float(seconds or _USUAL_SECONDS)
