"""API Management before a function app: what its operations and its policy do with a request."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from xml.etree.ElementTree import Element, fromstring

from semantest_iac.domain.deployment.deployed import DeployedResource
from semantest_iac.domain.networking.http_exchange import HttpRequest, HttpResponse, Pairs
from semantest_iac.infrastructure.function_runtimes.routes import match_route
from semantest_iac.infrastructure.local_service.cors import CorsRules
from semantest_iac.infrastructure.local_service.throttling import Window

OWN_ADDRESS = "192.0.2.80:443"
"""Where the app sees the gateway come from: an address for documentation, as it is nobody's."""

_API = "azure-native:apimanagement:Api"
_OPERATION = "azure-native:apimanagement:ApiOperation"
_POLICY = "azure-native:apimanagement:ApiPolicy"
_NAMED_VALUE = "azure-native:apimanagement:NamedValue"

_WITHOUT_TOKEN = re.compile(r'Operation\.Id\s*!=\s*"([^"]+)"')
_NAMED = re.compile(r"\{\{([\w-]+)\}\}")
_UNCHECKED = "The token was not checked: its issuer's keys are not on this machine."


@dataclass(frozen=True, slots=True)
class Gateway:
    """Operations by route key, and what the policy does with their calls."""

    operations: Mapping[str, str]
    cors: CorsRules | None = None
    token_header: str = ""
    public: frozenset[str] = frozenset()
    headers: Pairs = field(default=(), repr=False)  # one of them is the key of the app
    limit: Window | None = field(default=None, compare=False)

    def refusal(self, request: HttpRequest) -> HttpResponse | None:
        """What the gateway answers itself, in the order of its policy."""
        origin = request.header("origin")
        if self.cors and (preflight := self.cors.preflight(request)):
            return preflight
        if self.cors and origin and not self.cors.allows(origin) and request.method in ("GET", "HEAD"):
            return HttpResponse(200)  # documented: such requests end in silence
        match = match_route(self.operations, request.method, request.path)
        if match is None:
            return _told(404, "Resource not found")
        if self.limit and (wait := math.ceil(self.limit.wait())):
            return _told(429, f"Rate limit is exceeded. Try again in {wait} seconds.", ("retry-after", str(wait)))
        if self._wants_token(self.operations[match.route_key]) and not request.header(self.token_header.lower()):
            return _told(401, "JWT not present.")
        return None

    def forwarded(self, request: HttpRequest) -> HttpRequest:
        """The request as the app gets it: with the gateway's own headers, and the client's address."""
        own = {name.lower() for name, _ in self.headers}
        sent = tuple(pair for pair in request.headers if pair[0].lower() not in own)
        return replace(request, headers=(*sent, *self.headers, ("x-forwarded-for", request.client)))

    def note(self, request: HttpRequest) -> str:
        """What was left undone with an admitted request."""
        match = match_route(self.operations, request.method, request.path)
        return _UNCHECKED if match and self._wants_token(self.operations[match.route_key]) else ""

    def _wants_token(self, operation: str) -> bool:
        return bool(self.token_header) and operation not in self.public


def gateway_of(resources: Sequence[DeployedResource]) -> Gateway | None:
    """The gateway of a stack, or None where the app is called directly."""
    if not any(resource.type == _API for resource in resources):
        return None
    operations = {_route_key(it.inputs): str(it.inputs["operationId"]) for it in resources if it.type == _OPERATION}
    policy = next((str(it.inputs["value"]) for it in resources if it.type == _POLICY), "<policies/>")
    inbound = fromstring(policy).find("inbound")  # noqa: S314  # our own document
    if inbound is None:
        return Gateway(operations)
    values = {it.inputs["displayName"]: it.inputs.get("value") for it in resources if it.type == _NAMED_VALUE}
    return Gateway(
        operations,
        cors=_cors(inbound.find("cors")),
        token_header=next((jwt.get("header-name", "") for jwt in inbound.iter("validate-jwt")), ""),
        public=frozenset(_exempt(inbound)),
        headers=tuple(_headers(inbound, values)),
        limit=_limit(inbound.find("rate-limit")),
    )


def _route_key(operation: Mapping[str, str]) -> str:
    """`GET /a/*` as a route of our own: `GET /a/{rest+}`."""
    return f"{operation['method']} {re.sub(r'[*]$', '{rest+}', operation['urlTemplate'])}"


def _cors(policy: Element | None) -> CorsRules | None:
    if policy is None:
        return None
    methods = policy.find("allowed-methods")
    return CorsRules(
        origins=_texts(policy, "origin"),
        methods=_texts(policy, "method"),
        headers=_texts(policy, "allowed-headers/header"),
        exposed=_texts(policy, "expose-headers/header"),
        credentials=policy.get("allow-credentials") == "true",
        max_age=int(methods.get("preflight-result-max-age", 0)) if methods is not None else 0,
        status=200,
    )


def _limit(policy: Element | None) -> Window | None:
    return None if policy is None else Window(int(policy.get("calls", 1)), float(policy.get("renewal-period", 1)))


def _texts(policy: Element, path: str) -> list[str]:
    return [found.text or "" for found in policy.findall(path if "/" in path else f".//{path}")]


def _exempt(inbound: Element) -> Iterator[str]:
    """The operations for which the policy asks no token."""
    for when in inbound.iter("when"):
        if when.find("validate-jwt") is not None:
            yield from _WITHOUT_TOKEN.findall(when.get("condition", ""))


def _headers(inbound: Element, values: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    """The headers that the policy sets; one whose value the state keeps sealed cannot be set here."""
    for header in inbound.findall("set-header"):
        text = header.findtext("value") or ""
        named = _NAMED.fullmatch(text)
        value = values.get(named[1]) if named else text
        if isinstance(value, str):
            yield header.get("name", ""), value


def _told(status: int, message: str, *headers: tuple[str, str]) -> HttpResponse:
    body = json.dumps({"statusCode": status, "message": message}).encode()
    own = (("content-type", "application/json"), ("content-length", str(len(body))))
    return HttpResponse(status, (*own, *headers), body)
