"""A function app behind its own endpoint or behind API Management, read from deployed resources."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from xml.etree.ElementTree import Element, fromstring

from semantest_iac.domain.networking.http_exchange import HttpRequest, HttpResponse, Pairs
from semantest_iac.domain.resource import DeployedResource
from semantest_iac.infrastructure.function_runtimes import azure_functions
from semantest_iac.infrastructure.function_runtimes.api_gateway import match_route
from semantest_iac.infrastructure.function_runtimes.function_spec import FunctionSpec, Invocation
from semantest_iac.infrastructure.local_service.api_frontend import (
    AdmissionResult,
    ApiFrontend,
    CorsRules,
    SlidingWindow,
    UnpackPackage,
    make_web_socket_frontend,
)

GATEWAY_ADDRESS = "192.0.2.80:443"
"""Where the app sees the gateway come from: an address for documentation, as it is nobody's."""

_API = "azure-native:apimanagement:Api"
_OPERATION = "azure-native:apimanagement:ApiOperation"
_POLICY = "azure-native:apimanagement:ApiPolicy"
_NAMED_VALUE = "azure-native:apimanagement:NamedValue"

_PUBLIC_OPERATION = re.compile(r'Operation\.Id\s*!=\s*"([^"]+)"')
_NAMED_VALUE_REFERENCE = re.compile(r"\{\{([\w-]+)\}\}")
_UNVERIFIED_TOKEN_NOTE = "The token was not checked: its issuer's keys are not on this machine."  # noqa: S105


@dataclass(frozen=True, slots=True)
class ApiManagement:
    """Operations by route key, and what the policy does with their calls."""

    operations: Mapping[str, str]
    cors: CorsRules | None = None
    token_header: str = ""
    public: frozenset[str] = frozenset()
    headers: Pairs = field(default=(), repr=False)  # one of them is the key of the app
    limit: SlidingWindow | None = field(default=None, compare=False)

    def refusal(self, request: HttpRequest) -> HttpResponse | None:
        """What the gateway answers itself, in the order of its policy."""
        origin = request.header("origin")
        if self.cors and (preflight := self.cors.preflight(request)):
            return preflight
        if self.cors and origin and not self.cors.allows(origin) and request.method in ("GET", "HEAD"):
            return HttpResponse(200)  # documented: such requests end in silence
        match = match_route(self.operations, request.method, request.path)
        if match is None:
            return _json_error(404, "Resource not found")
        if self.limit and (wait := math.ceil(self.limit.wait())):
            return _json_error(429, f"Rate limit is exceeded. Try again in {wait} seconds.", ("retry-after", str(wait)))
        if self._wants_token(self.operations[match.route_key]) and not request.header(self.token_header.lower()):
            return _json_error(401, "JWT not present.")
        return None

    def forwarded(self, request: HttpRequest) -> HttpRequest:
        """The request as the app gets it: with the gateway's own headers, and the client's address."""
        own = {name.lower() for name, _ in self.headers}
        sent = tuple(pair for pair in request.headers if pair[0].lower() not in own)
        return replace(request, headers=(*sent, *self.headers, ("x-forwarded-for", request.client)))

    def note(self, request: HttpRequest) -> str:
        """What was left undone with an admitted request."""
        match = match_route(self.operations, request.method, request.path)
        return _UNVERIFIED_TOKEN_NOTE if match and self._wants_token(self.operations[match.route_key]) else ""

    def _wants_token(self, operation: str) -> bool:
        return bool(self.token_header) and operation not in self.public


def read_api_management(resources: Sequence[DeployedResource]) -> ApiManagement | None:
    """The gateway of a stack, or None where the app is called directly."""
    if not any(resource.type == _API for resource in resources):
        return None
    operations = {_route_key(it.inputs): str(it.inputs["operationId"]) for it in resources if it.type == _OPERATION}
    policy = next((str(it.inputs["value"]) for it in resources if it.type == _POLICY), "<policies/>")
    inbound = fromstring(policy).find("inbound")  # noqa: S314  # our own document
    if inbound is None:
        return ApiManagement(operations)
    values = {it.inputs["displayName"]: it.inputs.get("value") for it in resources if it.type == _NAMED_VALUE}
    return ApiManagement(
        operations,
        cors=_read_cors_policy(inbound.find("cors")),
        token_header=next((jwt.get("header-name", "") for jwt in inbound.iter("validate-jwt")), ""),
        public=frozenset(_public_operations(inbound)),
        headers=tuple(_read_headers(inbound, values)),
        limit=_read_rate_limit(inbound.find("rate-limit")),
    )


def _route_key(operation: Mapping[str, str]) -> str:
    """`GET /a/*` as a route of our own: `GET /a/{rest+}`."""
    return f"{operation['method']} {re.sub(r'[*]$', '{rest+}', operation['urlTemplate'])}"


def _read_cors_policy(policy: Element | None) -> CorsRules | None:
    if policy is None:
        return None
    methods = policy.find("allowed-methods")
    return CorsRules(
        origins=_read_texts(policy, "origin"),
        methods=_read_texts(policy, "method"),
        headers=_read_texts(policy, "allowed-headers/header"),
        exposed=_read_texts(policy, "expose-headers/header"),
        credentials=policy.get("allow-credentials") == "true",
        max_age=int(methods.get("preflight-result-max-age", 0)) if methods is not None else 0,
        status=200,
    )


def _read_rate_limit(policy: Element | None) -> SlidingWindow | None:
    return (
        None if policy is None else SlidingWindow(int(policy.get("calls", 1)), float(policy.get("renewal-period", 1)))
    )


def _read_texts(policy: Element, path: str) -> list[str]:
    return [found.text or "" for found in policy.findall(path if "/" in path else f".//{path}")]


def _public_operations(inbound: Element) -> Iterator[str]:
    """The operations for which the policy asks no token."""
    for when in inbound.iter("when"):
        if when.find("validate-jwt") is not None:
            yield from _PUBLIC_OPERATION.findall(when.get("condition", ""))


def _read_headers(inbound: Element, values: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    """The headers that the policy sets; one whose value the state keeps sealed cannot be set here."""
    for header in inbound.findall("set-header"):
        text = header.findtext("value") or ""
        named = _NAMED_VALUE_REFERENCE.fullmatch(text)
        value = values.get(named[1]) if named else text
        if isinstance(value, str):
            yield header.get("name", ""), value


def _json_error(status: int, message: str, *headers: tuple[str, str]) -> HttpResponse:
    body = json.dumps({"statusCode": status, "message": message}).encode()
    own = (("content-type", "application/json"), ("content-length", str(len(body))))
    return HttpResponse(status, (*own, *headers), body)


DeployedResources = Sequence[DeployedResource]

_APP, _HUB = "azure-native:web:WebApp", "azure-native:webpubsub:WebPubSubHub"
_SECRET = "azure-native:keyvault:Secret"  # noqa: S105 - a type
_KEY_VAULT_REFERENCE = "@Microsoft.KeyVault("
_TIMEOUT_SETTING = "AzureFunctionsJobHost__functionTimeout"
_RUNTIMES = {"node": "nodejs{}.x", "python": "python{}"}
_SECRET_URI = "https://{vaultName}.vault.azure.net/secrets/{secretName}"  # noqa: S105
_NOT_RUNNING_BODY = b"Function host is not running."


def build_api_frontend(resources: DeployedResources, unpack: UnpackPackage) -> ApiFrontend | None:
    """The app of a stack, or None where the stack has none."""
    app = next(_resources_of_type(resources, _APP), None)
    if app is None:
        return None
    if any(_resources_of_type(resources, _HUB)):
        return make_web_socket_frontend(partial(read_function_spec, resources, app, unpack))
    gateway, host = read_api_management(resources), app.outputs["defaultHostName"]
    rules = gateway.cors if gateway else _read_cors_rules(app)
    timed_out = 502 if _read_timeout(app) >= azure_functions.LOAD_BALANCER_TIMEOUT_S else 500

    def admit(request: HttpRequest) -> AdmissionResult:
        refusal = gateway.refusal(request) if gateway else rules and rules.preflight(request)
        if refusal := refusal or _refuse_by_host(app, request):
            return AdmissionResult(refusal=refusal)
        if gateway is None:
            return AdmissionResult(event=azure_functions.build_functions_event(request, host))
        event = azure_functions.build_functions_event(gateway.forwarded(request), host, GATEWAY_ADDRESS)
        return AdmissionResult(event=event, note=gateway.note(request))

    def answer(request: HttpRequest, invocation: Invocation) -> HttpResponse:
        response = azure_functions.build_functions_response(invocation, timed_out)
        return rules.dressed(request, response) if rules else response

    return ApiFrontend(partial(read_function_spec, resources, app, unpack), admit, answer)


def _refuse_by_host(app: DeployedResource, request: HttpRequest) -> HttpResponse | None:
    """What the host answers without asking the function."""
    if not app.code:
        headers = (("content-type", "text/plain; charset=utf-8"), ("content-length", str(len(_NOT_RUNNING_BODY))))
        return HttpResponse(503, headers, _NOT_RUNNING_BODY)
    return (
        azure_functions.empty_response(413) if len(request.body) > azure_functions.MAX_FUNCTIONS_REQUEST_BYTES else None
    )


def _read_cors_rules(app: DeployedResource) -> CorsRules | None:
    """App Service allows every method and header to the origins that are named; without any the app decides."""
    cors = (app.inputs.get("siteConfig") or {}).get("cors") or {}
    origins = cors.get("allowedOrigins") or ()
    return CorsRules(origins, credentials=bool(cors.get("supportCredentials"))) if origins else None


def read_function_spec(resources: DeployedResources, app: DeployedResource, unpack: UnpackPackage) -> FunctionSpec:
    """What it takes to run a deployed app, with the secrets that its settings refer to."""
    config = app.inputs["functionAppConfig"]
    settings = _read_settings(app)
    return FunctionSpec(
        package=unpack(app.code),
        handler="",
        runtime=_RUNTIMES[config["runtime"]["name"]].format(config["runtime"]["version"]),
        environment=settings,
        memory_mb=int(config["scaleAndConcurrency"]["instanceMemoryMB"]),
        timeout_s=_read_timeout(app),
        secrets=dict(_read_secrets(resources, settings)),
        name=app.outputs["name"],
        region=str(app.outputs.get("location", "")),
        platform="functions",
        instances=int(config["scaleAndConcurrency"].get("maximumInstanceCount") or 0),
    )


def _read_settings(app: DeployedResource) -> Mapping[str, str]:
    """Settings as they were asked for; what the state keeps sealed cannot be read here."""
    pairs = (app.inputs.get("siteConfig") or {}).get("appSettings")
    if not isinstance(pairs, list):
        return {}
    return {pair["name"]: pair["value"] for pair in pairs if isinstance(pair.get("value"), str)}


def _read_timeout(app: DeployedResource) -> float:
    match = re.fullmatch(r"(\d+):(\d+):(\d+)", _read_settings(app).get(_TIMEOUT_SETTING, ""))
    if match is None:
        return azure_functions.LOAD_BALANCER_TIMEOUT_S
    hours, minutes, seconds = map(int, match.groups())
    return min(hours * 3600 + minutes * 60 + seconds, azure_functions.LOAD_BALANCER_TIMEOUT_S)


def _read_secrets(resources: DeployedResources, settings: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Each reference to Key Vault with its value; one that leads nowhere stays as it is, as on Azure."""
    values = {
        _SECRET_URI.format(**secret.inputs): secret.inputs["properties"]["value"]
        for secret in _resources_of_type(resources, _SECRET)
    }
    for reference in settings.values():
        uri = reference.removeprefix(f"{_KEY_VAULT_REFERENCE}SecretUri=").rstrip(")/")
        found = next((values[known] for known in values if f"{uri}/".startswith(f"{known}/")), None)
        if reference.startswith(_KEY_VAULT_REFERENCE) and found is not None:
            yield reference, found


def _resources_of_type(resources: DeployedResources, type_: str) -> Iterator[DeployedResource]:
    return (resource for resource in resources if resource.type == type_)
