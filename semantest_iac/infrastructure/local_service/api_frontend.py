"""What stands between a client and a function: admission of requests, CORS, throttling, and responses."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from semantest_iac.domain.networking.http_exchange import HttpRequest, HttpResponse, Pairs
from semantest_iac.infrastructure.function_runtimes.function_spec import FunctionSpec, Invocation

UnpackPackage = Callable[[str], Path]
"""The folder of an unpacked package, by its digest (sha256, hex)."""


@dataclass(frozen=True, slots=True)
class AdmissionResult:
    """A request as the function will see it, or the front's own refusal of it."""

    event: Any = None
    refusal: HttpResponse | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class ApiFrontend:
    """One deployed API with the function behind it, which is asked for once a request was admitted.

    A client is not kept waiting longer than `longest_s`, whatever becomes of the function.
    """

    function: Callable[[], FunctionSpec]
    admit: Callable[[HttpRequest], AdmissionResult]
    answer: Callable[[HttpRequest, Invocation], HttpResponse]
    longest_s: float = 230
    is_for_sockets: bool = False


def make_web_socket_frontend(function: Callable[[], FunctionSpec]) -> ApiFrontend:
    """That of a WebSocket API, which answers nothing else itself."""
    return ApiFrontend(function, _require_upgrade, _refuse_to_answer, is_for_sockets=True)


def _require_upgrade(request: HttpRequest) -> AdmissionResult:
    return AdmissionResult(refusal=HttpResponse(426, (("upgrade", "websocket"), ("connection", "Upgrade"))))


def _refuse_to_answer(request: HttpRequest, invocation: Invocation) -> HttpResponse:
    raise AssertionError("nothing was admitted")


CORS_HEADER_PREFIX = "access-control-"
REQUEST_METHOD_HEADER, REQUEST_HEADERS_HEADER = "access-control-request-method", "access-control-request-headers"


@dataclass(frozen=True, slots=True)
class CorsRules:
    """Who may call from where; without methods or headers whatever a browser asks for is allowed.

    `status` is that of answers to preflights.
    """

    origins: Sequence[str]
    methods: Sequence[str] = ()
    headers: Sequence[str] = ()
    exposed: Sequence[str] = ()
    credentials: bool = False
    max_age: int = 0
    status: int = 204

    def preflight(self, request: HttpRequest) -> HttpResponse | None:
        """The answer to a preflight, bare where the origin is not allowed; None for every other request."""
        if request.method != "OPTIONS" or not (request.header("origin") and request.header(REQUEST_METHOD_HEADER)):
            return None
        return HttpResponse(self.status, (*self._of_origin(request), *self._of_preflight(request)))

    def dressed(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        """The answer with the rules' headers in place of the function's own."""
        own = tuple(pair for pair in response.headers if not pair[0].startswith(CORS_HEADER_PREFIX))
        exposed = ((f"{CORS_HEADER_PREFIX}expose-headers", ",".join(self.exposed)),) if self.exposed else ()
        given = self._of_origin(request)
        return replace(response, headers=(*own, *given, *(exposed if given else ())))

    def allows(self, origin: str) -> bool:
        """Whether pages of that origin may call."""
        return "*" in self.origins or origin in self.origins

    def _of_origin(self, request: HttpRequest) -> Pairs:
        origin = request.header("origin")
        if not origin or not self.allows(origin):
            return ()
        shown = "*" if "*" in self.origins else origin
        credentials = ((f"{CORS_HEADER_PREFIX}allow-credentials", "true"),) if self.credentials else ()
        return ((f"{CORS_HEADER_PREFIX}allow-origin", shown), *credentials)

    def _of_preflight(self, request: HttpRequest) -> Iterator[tuple[str, str]]:
        if not self.allows(request.header("origin")):
            return
        yield f"{CORS_HEADER_PREFIX}allow-methods", ",".join(self.methods) or request.header(REQUEST_METHOD_HEADER)
        if headers := ",".join(self.headers) or request.header(REQUEST_HEADERS_HEADER):
            yield f"{CORS_HEADER_PREFIX}allow-headers", headers
        if self.max_age:
            yield f"{CORS_HEADER_PREFIX}max-age", str(self.max_age)


@dataclass(frozen=True, slots=True)
class RateLimit:
    """`rate` calls a second, and `burst` at once after silence."""

    rate: float
    burst: int


class TokenBuckets:
    """What each route still lets through; a route without a limit lets everything through."""

    def __init__(
        self, limit_of: Callable[[str], RateLimit | None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._limit_of = limit_of
        self._clock = clock
        self._left: dict[str, tuple[float, float]] = {}  # tokens, and when they were counted

    def admits(self, route: str) -> bool:
        """Whether one more call may pass now; one that passes is counted."""
        limit = self._limit_of(route)
        if limit is None:
            return True
        now = self._clock()
        left, counted = self._left.get(route, (float(limit.burst), now))
        left = min(float(limit.burst), left + (now - counted) * limit.rate)
        self._left[route] = (left - 1 if left >= 1 else left, now)
        return left >= 1


class SlidingWindow:
    """So many calls in any period of so many seconds."""

    def __init__(self, calls: int, period_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._times: deque[float] = deque(maxlen=calls)
        self._period_s = period_s
        self._clock = clock

    def wait(self) -> float:
        """Seconds until one more call may pass; one that passes now is counted."""
        now, is_full = self._clock(), len(self._times) == self._times.maxlen
        left = self._times[0] + self._period_s - now if is_full else 0.0
        if left > 0:
            return left
        self._times.append(now)
        return 0


@dataclass(frozen=True, slots=True)
class StageLimits:
    """The limit of each route; without one of its own a route has the stage's."""

    default: RateLimit | None
    own: Mapping[str, RateLimit | None]

    def __call__(self, route: str) -> RateLimit | None:
        return self.own.get(route) or self.default


def read_stage_limits(stage: Mapping[str, Any] | None) -> StageLimits:
    """The limits by a deployed stage."""
    stage = stage or {}
    own = {str(it["routeKey"]): _read_rate_limit(it) for it in stage.get("routeSettings") or ()}
    return StageLimits(_read_rate_limit(stage.get("defaultRouteSettings") or {}), own)


def _read_rate_limit(settings: Mapping[str, Any]) -> RateLimit | None:
    rate, burst = settings.get("throttlingRateLimit"), settings.get("throttlingBurstLimit")
    return None if rate is None and burst is None else RateLimit(float(rate or 0), int(burst or 0))
