"""Decides what a managed gateway does with a request: a refusal, a kept answer, or the request for its backend."""

from __future__ import annotations

import base64
import hmac
import math
import time
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from ipaddress import ip_address, ip_network
from typing import Final

from semantest_iac.domain.networking.http_exchange import HttpRequest, HttpResponse, parse_query
from semantest_iac.infrastructure.function_runtimes.api_gateway import match_route
from semantest_iac.infrastructure.local_service.gateway.answer_cache import AnswerCache, find_cache_key
from semantest_iac.infrastructure.local_service.gateway.call_limits import CallLimits
from semantest_iac.infrastructure.local_service.gateway.rules import (
    CallRate,
    CountedBy,
    EnforcedApi,
    EnforcedProduct,
    EnforcedRoute,
    GatewayBackend,
    GatewayCheck,
    GatewayRefusal,
    GatewayRules,
    IssuedKey,
    RefusalReason,
)
from semantest_iac.infrastructure.local_service.tokens.issuer_keys import IssuerKeys
from semantest_iac.infrastructure.local_service.tokens.json_web_tokens import WrongTokenError

_BASIC: Final = "basic "
_LONGEST_WAIT_S: Final = 10_000_000_000


@dataclass(frozen=True, slots=True)
class ForwardedCall:
    """A request as its backend receives it, with what its answer needs."""

    backend: GatewayBackend
    request: HttpRequest
    original: HttpRequest
    api: EnforcedApi
    cache_key: Hashable | None = None


@dataclass(frozen=True, slots=True)
class OwnAnswer:
    """An answer of the gateway itself; `note` says why for the log, where the answer does not."""

    response: HttpResponse
    note: str = ""


@dataclass(slots=True)
class _Call:
    """A request while it is checked."""

    request: HttpRequest
    api: EnforcedApi
    note: str = ""
    key: IssuedKey | None = None
    product: EnforcedProduct | None = None


Refused = tuple[RefusalReason, float]
"""The reason, and the seconds after which the client may try again."""


@dataclass(slots=True)
class GatewayEnforcement:
    """Applies rules to requests; `limits` and `cache` may be those of the rules before.

    Only answers of the backend are kept, and headers of the rules are added to a kept answer again.
    """

    rules: GatewayRules
    limits: CallLimits = field(default_factory=CallLimits)
    cache: AnswerCache = field(default_factory=AnswerCache)
    wall_clock: Callable[[], float] = time.time
    issuer_keys: IssuerKeys = field(default_factory=IssuerKeys)
    _checks: Mapping[GatewayCheck, Callable[[_Call], Refused | None]] = field(init=False)

    def __post_init__(self) -> None:
        self._checks = {
            GatewayCheck.ADDRESS: self._check_address,
            GatewayCheck.KEY: self._check_key,
            GatewayCheck.LOGIN: self._check_login,
            GatewayCheck.PRODUCT_RATE: self._check_product_rate,
            GatewayCheck.PRODUCT_QUOTA: self._check_product_quota,
            GatewayCheck.API_RATE: self._check_api_rate,
        }

    async def admit(self, request: HttpRequest) -> OwnAnswer | ForwardedCall:
        """Return the gateway's own answer, or the request for a backend."""
        path = self._find_path(request)
        match = match_route(self.rules.routes, request.method, path) if path else None
        if preflight := self._answer_preflight(request, path):
            return OwnAnswer(preflight)
        if match is None:
            return OwnAnswer(self.refuse(RefusalReason.NO_ROUTE))
        route = self.rules.routes[match.route_key]
        call = _Call(request, self.rules.apis[route.api])
        for check in self.rules.checks:
            is_token = check is GatewayCheck.TOKEN  # the one check that may have to wait, for an issuer
            if refused := await self._check_token(call) if is_token else self._checks[check](call):
                return OwnAnswer(self._add_cors(call, self.refuse(*refused)), call.note)
        return self._answer_from_cache(call, route, path)

    def finish(self, call: ForwardedCall, answer: HttpResponse) -> HttpResponse:
        """Return the backend's answer as the client receives it, and keep it if the rules say so."""
        cache = call.api.cache
        if cache and call.cache_key is not None and answer.status == 200 and answer.stored_body is None:
            self.cache.keep(call.cache_key, answer, cache.seconds)
        return self._change_answer(call.api, call.original, answer)

    def fail(self, call: ForwardedCall, reason: RefusalReason) -> HttpResponse:
        """Return the answer where the backend gave none."""
        return self._add_cors(_Call(call.original, call.api), self.refuse(reason))

    def refuse(self, reason: RefusalReason, wait_s: float = 0) -> HttpResponse:
        """Word a refusal as the cloud does."""
        return build_refusal(self.rules.refusals[reason], wait_s)

    def _find_path(self, request: HttpRequest) -> str:
        """Return the path below the gateway's own; empty for one that is not there."""
        base = self.rules.base_path
        if not base:
            return request.path
        if request.path == base:
            return "/"
        return request.path.removeprefix(base) if request.path.startswith(f"{base}/") else ""

    def _answer_preflight(self, request: HttpRequest, path: str) -> HttpResponse | None:
        """Answer as the API of the method that the browser asks for; a preflight has no key, login or token."""
        wanted = request.header("access-control-request-method")
        if request.method != "OPTIONS" or not wanted:
            return None
        match = match_route(self.rules.routes, wanted, path) if path else None
        api = self.rules.apis[self.rules.routes[match.route_key].api] if match else None
        return api.cors.answer_preflight(request) if api and api.cors else None

    def _answer_from_cache(self, call: _Call, route: EnforcedRoute, path: str) -> OwnAnswer | ForwardedCall:
        key = self._find_cache_key(call)
        if key is not None and (cached := self.cache.find(key)):
            return OwnAnswer(self._change_answer(call.api, call.request, cached.response))
        return ForwardedCall(route.backend, _rewrite(call, route, path), call.request, call.api, cache_key=key)

    def _find_cache_key(self, call: _Call) -> Hashable | None:
        cache = call.api.cache
        if cache is None or (call.request.header("authorization") and not cache.keeps_authorized):
            return None
        return find_cache_key(call.api.name, call.request, cache.query, cache.headers)

    def _add_cors(self, call: _Call, response: HttpResponse) -> HttpResponse:
        cors = call.api.cors
        return cors.replace_headers(call.request, response) if cors and self.rules.refuses_with_cors else response

    def _change_answer(self, api: EnforcedApi, request: HttpRequest, answer: HttpResponse) -> HttpResponse:
        changed = replace(answer, headers=api.response_headers.apply(answer.headers))
        return api.cors.replace_headers(request, changed) if api.cors and self.rules.answers_with_cors else changed

    def _check_address(self, call: _Call) -> Refused | None:
        allowed = call.api.allowed_addresses
        return (RefusalReason.ADDRESS, 0) if allowed and not _is_in(call.request.client, allowed) else None

    def _check_key(self, call: _Call) -> Refused | None:
        """Find the key of the request; one that is sent where none is needed counts, too, if it is right."""
        sent = call.request.header(self.rules.key_header) or self._find_key_parameter(call.request)
        key = next((it for it in self.rules.keys if sent and _are_equal(it.value, sent)), None)
        product = self.rules.products.get(key.product) if key else None
        if product and call.api.name in product.apis:
            call.key, call.product = key, product
            return None
        if not call.api.needs_key:
            return None
        if key:
            return self.rules.foreign_key, 0
        return (RefusalReason.WRONG_KEY if sent else RefusalReason.NO_KEY), 0

    def _find_key_parameter(self, request: HttpRequest) -> str:
        parameter = self.rules.key_parameter
        return next((value for name, value in request.query if parameter and name == parameter), "")

    def _check_login(self, call: _Call) -> Refused | None:
        login = call.api.login
        if login is None:
            return None
        sent = _list_values(call.request, "authorization")
        if not any(sent):
            return RefusalReason.NO_LOGIN, 0
        is_right = len(sent) == 1 and _are_equal(_decode_login(sent[0]), f"{login.user}:{login.password}")
        return None if is_right else (RefusalReason.WRONG_LOGIN, 0)

    async def _check_token(self, call: _Call) -> Refused | None:
        rules = call.api.token
        if rules is None:
            return None
        sent = _list_values(call.request, rules.header)
        if not any(sent):
            return RefusalReason.NO_TOKEN, 0
        try:
            if len(sent) > 1:
                raise WrongTokenError("there are several")
            await self.issuer_keys.verify(rules, rules.read_token(call.request, self.wall_clock))
        except WrongTokenError as error:
            call.note = f"The token was refused: {error}."
            return RefusalReason.WRONG_TOKEN, 0
        return None

    def _check_product_rate(self, call: _Call) -> Refused | None:
        product = call.product
        return self._take_of_rate(call, f"product {product.name}", product.rate) if product else None

    def _check_product_quota(self, call: _Call) -> Refused | None:
        product = call.product
        if product is None or product.quota is None:
            return None
        caller = _find_caller(call, product.quota.counted_by)
        wait_s = self.limits.count_against_quota(f"product {product.name}", caller, product.quota)
        return (RefusalReason.QUOTA, wait_s) if wait_s else None

    def _check_api_rate(self, call: _Call) -> Refused | None:
        return self._take_of_rate(call, f"api {call.api.name}", call.api.rate)

    def _take_of_rate(self, call: _Call, name: str, rate: CallRate | None) -> Refused | None:
        if rate is None:
            return None
        wait_s = self.limits.count_against_rate(name, _find_caller(call, rate.counted_by), rate)
        return (RefusalReason.RATE, wait_s) if wait_s else None


def build_refusal(refusal: GatewayRefusal, wait_s: float) -> HttpResponse:
    """Return a refusal; a client that may try again learns when, in whole seconds and at least one."""
    seconds = min(max(1, math.ceil(min(wait_s, _LONGEST_WAIT_S))), _LONGEST_WAIT_S) if wait_s else 0
    clock = str(timedelta(seconds=seconds)).rjust(8, "0")
    body = refusal.body.replace("{wait}", str(seconds)).replace("{clock}", clock).encode()
    after = (("retry-after", str(seconds)),) if wait_s and refusal.names_wait else ()
    return HttpResponse(refusal.status, (*refusal.headers, ("content-length", str(len(body))), *after), body)


def _rewrite(call: _Call, route: EnforcedRoute, path: str) -> HttpRequest:
    """Return the request as the backend receives it: below its prefix, with its headers and the client's address."""
    below = "".join(f"/{segment}" for segment in path.split("/")[1 + route.dropped_prefix.count("/") :])
    headers = call.api.request_headers.apply(call.request.headers)
    earlier = next((value for name, value in headers if name.lower() == "x-forwarded-for"), "")
    others = tuple(pair for pair in headers if pair[0].lower() != "x-forwarded-for")
    forwarded = ", ".join(filter(None, (earlier, call.request.client)))
    return replace(
        _remove_parameters(call.request, call.api.removed_parameters),
        path=f"{route.prefix}{below}" or "/",
        headers=(*others, ("x-forwarded-for", forwarded)),
    )


def _remove_parameters(request: HttpRequest, removed: tuple[str, ...]) -> HttpRequest:
    if not any(name in removed for name, _ in request.query):
        return request
    kept = [it for it in request.raw_query.split("&") if not any(name in removed for name, _ in parse_query(it))]
    query = tuple(pair for pair in request.query if pair[0] not in removed)
    return replace(request, query=query, raw_query="&".join(kept))


def _list_values(request: HttpRequest, header: str) -> list[str]:
    """Return each value of a header: a request with several could show another one to the gateway than to a service."""
    return [value for name, value in request.headers if name.lower() == header]


def _find_caller(call: _Call, counted_by: CountedBy) -> str:
    """Return whose calls are counted; those of a client without a key count with all others without one."""
    if counted_by is CountedBy.KEY:
        return f"key {call.key.name}" if call.key else ""
    return call.request.client if counted_by is CountedBy.ADDRESS else ""


def _is_in(client: str, allowed: tuple[str, ...]) -> bool:
    try:
        address = ip_address(client)
    except ValueError:
        return False
    return any(address in ip_network(network, strict=False) for network in allowed)


def _decode_login(header: str) -> str:
    """Return `user:password` of a header; empty for one that is no basic authentication."""
    if not header.lower().startswith(_BASIC):
        return ""
    try:
        return base64.b64decode(header[len(_BASIC) :].strip(), validate=True).decode()
    except ValueError:
        return ""


def _are_equal(one: str, other: str) -> bool:
    """Compare without telling by the time it takes how much is right."""
    return hmac.compare_digest(one.encode(), other.encode())
