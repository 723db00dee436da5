"""The log of the requests that the gateway answered, as the command line shows it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RequestLogEntry:
    """One line of the request log; `path` has no query, because queries can hold secrets."""

    method: str
    path: str
    stack: str
    status: int
    seconds: float
    note: str = ""


LogRequest = Callable[[RequestLogEntry], None]
