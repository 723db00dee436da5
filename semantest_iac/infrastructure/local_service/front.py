"""What stands between a client and a function: admits requests as events, and turns results into answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from semantest_iac.domain.networking.http_exchange import HttpRequest, HttpResponse
from semantest_iac.infrastructure.function_runtimes.function_spec import FunctionSpec, Invocation

Unpack = Callable[[str], Path]
"""The folder of an unpacked package, by its digest (sha256, hex)."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """A request as the function will see it, or the front's own refusal of it."""

    event: Any = None
    refusal: HttpResponse | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Front:
    """One deployed API with the function behind it, which is asked for once a request was admitted.

    A client is not kept waiting longer than `longest_s`, whatever becomes of the function.
    """

    function: Callable[[], FunctionSpec]
    admit: Callable[[HttpRequest], Arrival]
    answer: Callable[[HttpRequest, Invocation], HttpResponse]
    longest_s: float = 230
    is_for_sockets: bool = False


def for_sockets_only(function: Callable[[], FunctionSpec]) -> Front:
    """That of a WebSocket API, which answers nothing else itself."""
    return Front(function, _upgrade_first, _unasked, is_for_sockets=True)


def _upgrade_first(request: HttpRequest) -> Arrival:
    return Arrival(refusal=HttpResponse(426, (("upgrade", "websocket"), ("connection", "Upgrade"))))


def _unasked(request: HttpRequest, invocation: Invocation) -> HttpResponse:
    raise AssertionError("nothing was admitted")
