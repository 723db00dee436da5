"""What stands between a client and a function: admission of requests, CORS, throttling, and responses."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from semantest_iac.domain.networking.http_exchange import BodyLimit, HttpRequest, HttpResponse, Pairs
from semantest_iac.domain.resource import DeployedResource
from semantest_iac.infrastructure.function_runtimes.function_spec import FunctionSpec, Invocation
from semantest_iac.infrastructure.local_service.tokens.json_web_tokens import JwtRules

CORS_HEADER_PREFIX = "access-control-"
REQUEST_METHOD_HEADER, REQUEST_HEADERS_HEADER = "access-control-request-method", "access-control-request-headers"

_USUAL_BODY_LIMIT = BodyLimit(10 * 1024 * 1024, HttpResponse(413))

DeployedResources = Sequence[DeployedResource]
UnpackPackage = Callable[[str], Path]
"""Unpacks a package by its digest (sha256, hex) and returns the folder."""


@dataclass(frozen=True, slots=True)
class TokenCheck:
    """What the token of a request is checked by, and what a client with another one is told."""

    rules: JwtRules
    refusal: HttpResponse


@dataclass(frozen=True, slots=True)
class AdmissionResult:
    """The event that a function receives, or the response that the frontend gives itself, such as a refusal.

    `function` is the key of one of several functions. The `token_check` comes before either.
    """

    event: Any = None
    function: str = ""
    direct_response: HttpResponse | None = None
    token_check: TokenCheck | None = None


@dataclass(frozen=True, slots=True)
class ApiFrontend:
    """One deployed API before its function, which is loaded once the first request is admitted.

    A client gets a response after `timeout_s` even if the function still runs. `other_functions` are those that an
    admission names by their keys, and `new_versions` the keys of those that share the traffic with the live version.
    """

    load_function: Callable[[], FunctionSpec]
    admit: Callable[[HttpRequest], AdmissionResult]
    respond: Callable[[HttpRequest, Invocation], HttpResponse]
    timeout_s: float = 230
    is_web_socket: bool = False
    body_limit: BodyLimit = _USUAL_BODY_LIMIT  # enforced by whoever receives requests
    other_functions: Mapping[str, Callable[[], FunctionSpec]] = field(default_factory=dict)
    new_versions: frozenset[str] = frozenset()

    def load(self, function: str) -> FunctionSpec | None:
        """Load the function of a key, the main one without; None if there is no such function (any more)."""
        loader = self.other_functions.get(function) if function else self.load_function
        return loader() if loader else None


def load_stored_body(response: HttpResponse) -> HttpResponse:
    """Return the response with its whole body in memory."""
    if response.stored_body is None:
        return response
    return replace(response, body=Path(response.stored_body.path).read_bytes(), stored_body=None)


def make_web_socket_frontend(load_function: Callable[[], FunctionSpec]) -> ApiFrontend:
    """Make the frontend of a WebSocket API, which refuses every plain request with 426."""
    return ApiFrontend(load_function, _require_upgrade, _refuse_to_respond, is_web_socket=True)


def _require_upgrade(request: HttpRequest) -> AdmissionResult:
    return AdmissionResult(direct_response=HttpResponse(426, (("upgrade", "websocket"), ("connection", "Upgrade"))))


def _refuse_to_respond(request: HttpRequest, invocation: Invocation) -> HttpResponse:
    raise AssertionError("a WebSocket API admits no plain request")


@dataclass(frozen=True, slots=True)
class CorsRules:
    """Cross-origin rules that a gateway applies; without methods or headers, every requested one is allowed.

    `origin_prefixes` are the patterns that the gateway knows beside `*`, each a beginning with a `*` at its end.
    """

    origins: Sequence[str]
    methods: Sequence[str] = ()
    headers: Sequence[str] = ()
    exposed_headers: Sequence[str] = ()
    allows_credentials: bool = False
    max_age_s: int = 0
    preflight_status: int = 204
    origin_prefixes: Sequence[str] = ()

    def answer_preflight(self, request: HttpRequest) -> HttpResponse | None:
        """Answer a preflight, without CORS headers if the origin is not allowed; None for every other request."""
        if request.method != "OPTIONS" or not (request.header("origin") and request.header(REQUEST_METHOD_HEADER)):
            return None
        return HttpResponse(self.preflight_status, (*self._origin_headers(request), *self._preflight_headers(request)))

    def replace_headers(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        """Replace the function's own CORS headers by those of the rules."""
        others = tuple(pair for pair in response.headers if not pair[0].startswith(CORS_HEADER_PREFIX))
        exposed = ((f"{CORS_HEADER_PREFIX}expose-headers", ",".join(self.exposed_headers)),)
        origin_headers = self._origin_headers(request)
        added = (*origin_headers, *(exposed if origin_headers and self.exposed_headers else ()))
        return replace(response, headers=(*others, *added))

    def allows_origin(self, origin: str) -> bool:
        patterns = (it for it in self.origins if it in self.origin_prefixes)
        return "*" in self.origins or origin in self.origins or any(origin.startswith(it[:-1]) for it in patterns)

    def _origin_headers(self, request: HttpRequest) -> Pairs:
        origin = request.header("origin")
        if not origin or not self.allows_origin(origin):
            return ()
        allowed = "*" if "*" in self.origins else origin
        credentials = ((f"{CORS_HEADER_PREFIX}allow-credentials", "true"),) if self.allows_credentials else ()
        return ((f"{CORS_HEADER_PREFIX}allow-origin", allowed), *credentials)

    def _preflight_headers(self, request: HttpRequest) -> Iterator[tuple[str, str]]:
        if not self.allows_origin(request.header("origin")):
            return
        methods = ",".join(self.methods) or request.header(REQUEST_METHOD_HEADER)
        yield f"{CORS_HEADER_PREFIX}allow-methods", methods
        if headers := ",".join(self.headers) or request.header(REQUEST_HEADERS_HEADER):
            yield f"{CORS_HEADER_PREFIX}allow-headers", headers
        if self.max_age_s:
            yield f"{CORS_HEADER_PREFIX}max-age", str(self.max_age_s)


@dataclass(frozen=True, slots=True)
class RateLimit:
    """`rate` calls a second, and up to `burst` at once after a pause."""

    rate: float
    burst: int


class TokenBuckets:
    """One token bucket per route, as API Gateway has; a route without a limit accepts every call."""

    def __init__(
        self, limit_of: Callable[[str], RateLimit | None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._limit_of = limit_of
        self._clock = clock
        self._buckets: dict[str, tuple[float, float]] = {}  # tokens, and the time at which they were counted

    def try_acquire(self, route: str) -> bool:
        """Take one token; False if the bucket is empty."""
        return self.acquire_or_wait_s(route) == 0

    def acquire_or_wait_s(self, route: str = "") -> float:
        """Take one token and return 0, or return the seconds until there is one; infinite where none ever comes."""
        limit = self._limit_of(route)
        if limit is None:
            return 0
        now = self._clock()
        tokens, counted_at = self._buckets.get(route, (float(limit.burst), now))
        tokens = min(float(limit.burst), tokens + (now - counted_at) * limit.rate)
        self._buckets[route] = (tokens - 1 if tokens >= 1 else tokens, now)
        if tokens >= 1:
            return 0
        return (1 - tokens) / limit.rate if limit.rate else math.inf


class SlidingWindow:
    """At most `calls` calls in any period of `period_s` seconds, as API Management counts them."""

    def __init__(self, calls: int, period_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._times: deque[float] = deque(maxlen=calls)
        self._period_s = period_s
        self._clock = clock

    def acquire_or_wait_s(self) -> float:
        """Count a call and return 0, or return the seconds until the next call may pass."""
        now, is_full = self._clock(), len(self._times) == self._times.maxlen
        wait_s = self._times[0] + self._period_s - now if is_full else 0.0
        if wait_s > 0:
            return wait_s
        self._times.append(now)
        return 0
