"""A function app behind its own endpoint or behind API Management, read from deployed resources."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from urllib.parse import urlsplit
from xml.etree.ElementTree import Element, fromstring

from semantest_iac.domain.networking.http_exchange import BodyLimit, HttpRequest, HttpResponse, Pairs
from semantest_iac.domain.resource import DeployedResource
from semantest_iac.infrastructure.function_runtimes import azure_functions
from semantest_iac.infrastructure.function_runtimes.api_gateway import RouteMatch, match_route
from semantest_iac.infrastructure.function_runtimes.function_spec import FunctionSpec, Invocation
from semantest_iac.infrastructure.local_service.api_frontend import (
    AdmissionResult,
    ApiFrontend,
    CorsRules,
    DeployedResources,
    SlidingWindow,
    TokenCheck,
    UnpackPackage,
    make_web_socket_frontend,
)
from semantest_iac.infrastructure.local_service.azure.served_apps import find_served_apps
from semantest_iac.infrastructure.local_service.tokens.json_web_tokens import JwtRules, KeyFetching

_HUB = "azure-native:webpubsub:WebPubSubHub"
_SECRET = "azure-native:keyvault:Secret"  # noqa: S105 - a type
_SECRET_URI = "https://{vaultName}.vault.azure.net/secrets/{secretName}"  # noqa: S105 - a pattern
_KEY_VAULT_REFERENCE = "@Microsoft.KeyVault("
_DEFAULT_FUNCTION_TIMEOUT_S = 1800.0  # on Flex Consumption; source: the host's reference, functionTimeout
_TIMEOUT_SETTING = "AzureFunctionsJobHost__functionTimeout"
_RUNTIMES = {"node": "nodejs{}.x", "python": "python{}"}
_SITE_ID = re.compile(r"/subscriptions/(?P<subscription>[^/]+)/resourceGroups/(?P<group>[^/]+)/")
_HOST_PATHS = ("admin", "runtime")  # they need the key of the host, which no client of ours has
_NOT_RUNNING_BODY = b"Function host is not running."

_API = "azure-native:apimanagement:Api"
_OPERATION = "azure-native:apimanagement:ApiOperation"
_POLICY = "azure-native:apimanagement:ApiPolicy"
_API_SERVICE = "azure-native:apimanagement:ApiManagementService"
_NAMED_VALUE = "azure-native:apimanagement:NamedValue"
_PUBLIC_OPERATION = re.compile(r'Operation\.Id\s*!=\s*"([^"]+)"')
_NAMED_VALUE_REFERENCE = re.compile(r"\{\{([\w-]+)\}\}")
_HOST_EXPRESSION = "@(context.Request.OriginalUrl.Host)"
_KEY_FETCHING = KeyFetching(lifetime_s=3600, pause_s=300, pause_after_failure_s=300)
"""Source: the reference of validate-jwt, openid-config."""

GATEWAY_ADDRESS = "192.0.2.80:443"
"""API Management's address as the app sees it: one of those that are reserved for documentation."""


def build_api_frontend(resources: DeployedResources, unpack: UnpackPackage) -> ApiFrontend | None:
    """Build the frontend of a stack's app; None if the stack has no app."""
    served = find_served_apps(resources)
    app = served.live
    if app is None:
        return None
    load_function = partial(read_function_spec, resources, app, unpack)
    if any(resources_of_type(resources, _HUB)):
        return make_web_socket_frontend(load_function)
    gateway = read_api_management(resources)
    cors = gateway.cors if gateway else _read_cors_rules(app)
    timeout_status = 502 if _read_timeout(app) >= azure_functions.LOAD_BALANCER_TIMEOUT_S else 500

    def admit(request: HttpRequest) -> AdmissionResult:
        refusal = gateway.answer_without_app(request) if gateway else cors and cors.answer_preflight(request)
        key, chosen = served.choose()
        chosen = chosen or app
        if refusal := refusal or _refuse_as_functions_host(chosen, request):
            return AdmissionResult(direct_response=refusal)
        host = chosen.outputs["defaultHostName"]
        if gateway is None:
            return AdmissionResult(event=azure_functions.build_functions_event(request, host))
        event = azure_functions.build_functions_event(gateway.rewrite_request(request), host, GATEWAY_ADDRESS)
        return AdmissionResult(event, key, token_check=gateway.find_token_check(request))

    def respond(request: HttpRequest, invocation: Invocation) -> HttpResponse:
        response = azure_functions.build_functions_response(invocation, timeout_status, request.method)
        return cors.replace_headers(request, response) if cors else response

    others = {served.canary_key: partial(read_function_spec, resources, served.canary, unpack)} if served.canary else {}
    limit, new_versions = _read_body_limit(app), frozenset(others)
    return ApiFrontend(
        load_function, admit, respond, body_limit=limit, other_functions=others, new_versions=new_versions
    )


def is_platform_answer(response: HttpResponse) -> bool:
    """Whether a response has the form of those that the Functions host, App Service or API Management give themselves.

    The host's have no body. Code that answers in this very form cannot be told apart. Sources: answers in whole in
    github.com/Azure/azure-functions-host/issues/1209 (503), and in Microsoft's own pages about services behind API
    Management (404 "Resource not found", 429 "Rate limit is exceeded").
    """
    if response.status < 400:
        return False
    body = response.body.strip()
    if body in (b"", _NOT_RUNNING_BODY, b"The service is unavailable."):
        return True
    if b"<title>" in body and (b"Microsoft Azure" in body or b"Web App" in body):
        return True
    try:
        answer = json.loads(body)
    except ValueError:
        return False
    return isinstance(answer, dict) and answer.keys() == {"statusCode", "message"}


def _refuse_as_functions_host(app: DeployedResource, request: HttpRequest) -> HttpResponse | None:
    """Refuse what the Functions host answers without invoking the function."""
    if not app.code:
        headers = (("content-type", "text/plain; charset=utf-8"), ("content-length", str(len(_NOT_RUNNING_BODY))))
        return HttpResponse(503, headers, _NOT_RUNNING_BODY)
    if request.head_bytes > azure_functions.MAX_FUNCTIONS_HEAD_BYTES:
        return azure_functions.empty_response(431)
    if request.path.split("/")[1].lower() in _HOST_PATHS:
        return azure_functions.empty_response(401)
    limit = _read_body_limit(app)
    return limit.refusal if request.body_size > limit.largest else None


def _read_body_limit(app: DeployedResource) -> BodyLimit:
    """Read the largest body that the host passes on, which an app may set."""
    setting = read_app_settings(app).get(azure_functions.BODY_LIMIT_SETTING, "")
    largest = int(setting) if setting.isdecimal() else azure_functions.MAX_FUNCTIONS_REQUEST_BYTES
    return BodyLimit(largest, azure_functions.empty_response(413))


def _read_cors_rules(app: DeployedResource) -> CorsRules | None:
    """Read App Service's rules, which allow every method and header to named origins; None leaves CORS to the app."""
    cors = (app.inputs.get("siteConfig") or {}).get("cors") or {}
    origins = cors.get("allowedOrigins") or ()
    return CorsRules(origins, allows_credentials=bool(cors.get("supportCredentials"))) if origins else None


@dataclass(frozen=True, slots=True)
class ApiManagement:
    """The operations of an API Management, by route key, and what its policy does with their calls."""

    operations: Mapping[str, str]
    cors: CorsRules | None = None
    token_rules: JwtRules | None = None
    public_operations: frozenset[str] = frozenset()
    headers: Pairs = field(default=(), repr=False)  # one of them is the key of the app
    rate_limit: SlidingWindow | None = field(default=None, compare=False)

    def answer_without_app(self, request: HttpRequest) -> HttpResponse | None:
        """Answer what the gateway answers itself, in the order of its policy; None if it forwards the request."""
        origin = request.header("origin")
        if self.cors and (preflight := self.cors.answer_preflight(request)):
            return preflight
        if self.cors and origin and not self.cors.allows_origin(origin) and request.method in ("GET", "HEAD"):
            return HttpResponse(200)  # Azure documents that such requests end with an empty 200
        match = self._find_operation(request)
        if match is None:
            return _json_error(404, "Resource not found")
        if self.rate_limit and (wait := math.ceil(self.rate_limit.acquire_or_wait_s())):
            return _json_error(429, f"Rate limit is exceeded. Try again in {wait} seconds.", ("retry-after", str(wait)))
        rules = self._find_token_rules(match)
        return _json_error(401, "JWT not present.") if rules and not request.header(rules.header) else None

    def rewrite_request(self, request: HttpRequest) -> HttpRequest:
        """Rewrite the request as the app receives it: with the gateway's headers and the client's address."""
        own = {name.lower() for name, _ in self.headers}
        others = tuple(pair for pair in request.headers if pair[0].lower() not in own)
        return replace(request, headers=(*others, *self.headers, ("x-forwarded-for", request.client)))

    def find_token_check(self, request: HttpRequest) -> TokenCheck | None:
        """Return how the token of an admitted request is checked; None if it needs none."""
        match = self._find_operation(request)
        rules = self._find_token_rules(match) if match else None
        return TokenCheck(rules, _json_error(401, "Invalid JWT.")) if rules else None

    def _find_operation(self, request: HttpRequest) -> RouteMatch | None:
        """Find the operation of a request; empty segments of its path do not count, other than on API Gateway."""
        path = "/" + "/".join(filter(None, request.path.split("/")))
        return match_route(self.operations, request.method, path)

    def _find_token_rules(self, match: RouteMatch) -> JwtRules | None:
        return None if self.operations[match.route_key] in self.public_operations else self.token_rules


def read_api_management(resources: DeployedResources) -> ApiManagement | None:
    """Read the gateway of a stack; None if clients call the app directly."""
    if not any(resources_of_type(resources, _API)):
        return None
    operations = {
        _route_key(it.inputs): str(it.inputs["operationId"]) for it in resources_of_type(resources, _OPERATION)
    }
    policy = next((str(it.inputs["value"]) for it in resources_of_type(resources, _POLICY)), "<policies/>")
    inbound = fromstring(policy).find("inbound")  # noqa: S314  # our own document
    if inbound is None:
        return ApiManagement(operations)
    named_values = {
        it.inputs["displayName"]: it.inputs.get("value") for it in resources_of_type(resources, _NAMED_VALUE)
    }
    urls = (str(it.outputs.get("gatewayUrl", "")) for it in resources_of_type(resources, _API_SERVICE))
    host = urlsplit(next(urls, "")).netloc
    return ApiManagement(
        operations,
        cors=read_cors_policy(inbound.find("cors")),
        token_rules=read_token_policy(next(inbound.iter("validate-jwt"), None)),
        public_operations=frozenset(_read_public_operations(inbound)),
        headers=tuple(_read_headers(inbound, named_values, host)),
        rate_limit=_read_rate_limit(inbound.find("rate-limit")),
    )


def _route_key(operation: Mapping[str, str]) -> str:
    """Turn `GET /a/*` into the route key `GET /a/{rest+}`."""
    return f"{operation['method']} {re.sub(r'[*]$', '{rest+}', operation['urlTemplate'])}"


def read_cors_policy(policy: Element | None) -> CorsRules | None:
    """Read the policy `cors`; None without one."""
    if policy is None:
        return None
    methods = policy.find("allowed-methods")
    return CorsRules(
        origins=_read_texts(policy, "origin"),
        methods=_read_texts(policy, "method"),
        headers=_read_texts(policy, "allowed-headers/header"),
        exposed_headers=_read_texts(policy, "expose-headers/header"),
        allows_credentials=policy.get("allow-credentials") == "true",
        max_age_s=int(methods.get("preflight-result-max-age", 0)) if methods is not None else 0,
        preflight_status=200,
    )


def read_token_policy(policy: Element | None) -> JwtRules | None:
    """Read the policy `validate-jwt`; None without one.

    Source: its reference, by which tokens that are signed with the keys of an issuer are signed with RS256.
    """
    if policy is None:
        return None
    return JwtRules(
        policy.findtext("issuers/issuer") or "",
        tuple(_read_texts(policy, "audiences/audience")),
        policy.get("header-name", "Authorization").lower(),
        fetching=_KEY_FETCHING,
        needs_scheme=policy.get("require-scheme", "").lower() == "bearer",
        leeway_s=float(policy.get("clock-skew", 0)),
    )


def _read_rate_limit(policy: Element | None) -> SlidingWindow | None:
    if policy is None:
        return None
    return SlidingWindow(int(policy.get("calls", 1)), float(policy.get("renewal-period", 1)))


def _read_texts(policy: Element, path: str) -> list[str]:
    return [element.text or "" for element in policy.findall(path if "/" in path else f".//{path}")]


def _read_public_operations(inbound: Element) -> Iterator[str]:
    """Read the operations for which the policy requires no token."""
    for when in inbound.iter("when"):
        if when.find("validate-jwt") is not None:
            yield from _PUBLIC_OPERATION.findall(when.get("condition", ""))


def _read_headers(inbound: Element, named_values: Mapping[str, object], host: str) -> Iterator[tuple[str, str]]:
    """Read the headers that the policy sets, except those whose value the state holds encrypted.

    The one expression that our policies hold is the host that clients use.
    """
    for header in inbound.findall("set-header"):
        text = (header.findtext("value") or "").replace(_HOST_EXPRESSION, host)
        reference = _NAMED_VALUE_REFERENCE.fullmatch(text)
        value = named_values.get(reference[1]) if reference else text
        if isinstance(value, str):
            yield header.get("name", ""), value


def _json_error(status: int, message: str, *headers: tuple[str, str]) -> HttpResponse:
    body = json.dumps({"statusCode": status, "message": message}).encode()
    own = (("content-type", "application/json"), ("content-length", str(len(body))))
    return HttpResponse(status, (*own, *headers), body)


def read_function_spec(resources: DeployedResources, app: DeployedResource, unpack: UnpackPackage) -> FunctionSpec:
    """Read what a deployed app needs to run, with the secrets that its settings refer to."""
    config = app.inputs["functionAppConfig"]
    settings = read_app_settings(app)
    return FunctionSpec(
        package=unpack(app.code),
        handler="",
        runtime=_RUNTIMES[config["runtime"]["name"]].format(config["runtime"]["version"]),
        environment={**_describe_site(app), **settings},
        memory_mb=int(config["scaleAndConcurrency"]["instanceMemoryMB"]),
        timeout_s=_read_timeout(app),
        secrets=dict(_read_secrets(resources, settings)),
        name=app.outputs["name"],
        region=str(app.outputs.get("location", "")),
        platform="functions",
        instances=int(config["scaleAndConcurrency"].get("maximumInstanceCount") or 0),
    )


def _describe_site(app: DeployedResource) -> Mapping[str, str]:
    """Return the variables by which an app finds its place; source: App Service's environment variables."""
    match = _SITE_ID.match(str(app.outputs.get("id", "")))
    if match is None:
        return {}
    region = str(app.outputs.get("location", "")).replace(" ", "")
    owner = f"{match['subscription']}+{match['group']}-{region}webspace"
    return {"WEBSITE_RESOURCE_GROUP": match["group"], "WEBSITE_OWNER_NAME": owner}


def read_app_settings(app: DeployedResource) -> Mapping[str, str]:
    """Read the app settings, except those that the state holds encrypted."""
    pairs = (app.inputs.get("siteConfig") or {}).get("appSettings")
    if not isinstance(pairs, list):
        return {}
    return {pair["name"]: pair["value"] for pair in pairs if isinstance(pair.get("value"), str)}


def _read_timeout(app: DeployedResource) -> float:
    return min(read_function_timeout(app), azure_functions.LOAD_BALANCER_TIMEOUT_S)


def read_function_timeout(app: DeployedResource) -> float:
    """Read for how many seconds the host lets a function run, whoever waits for it."""
    match = re.fullmatch(r"(\d+):(\d+):(\d+)", read_app_settings(app).get(_TIMEOUT_SETTING, ""))
    if match is None:
        return _DEFAULT_FUNCTION_TIMEOUT_S
    hours, minutes, seconds = map(int, match.groups())
    return float(hours * 3600 + minutes * 60 + seconds)


def _read_secrets(resources: DeployedResources, settings: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Read each reference to Key Vault with its value; a broken reference stays a text, as on Azure."""
    values = read_vault_values(resources)
    for reference in settings.values():
        value = find_vault_value(values, reference.removeprefix(f"{_KEY_VAULT_REFERENCE}SecretUri=").rstrip(")/"))
        if reference.startswith(_KEY_VAULT_REFERENCE) and value is not None:
            yield reference, value


def read_vault_values(resources: DeployedResources) -> dict[str, str]:
    """Return the values of the secrets in vaults of a stack, by their addresses without a version."""
    return {
        _SECRET_URI.format(**secret.inputs): secret.inputs["properties"]["value"]
        for secret in resources_of_type(resources, _SECRET)
    }


def find_vault_value(values: Mapping[str, str], address: str) -> str | None:
    """Return the value of the secret at an address, which may name a version of it; None if it is not known."""
    return next((value for known, value in values.items() if f"{address}/".startswith(f"{known}/")), None)


def resources_of_type(resources: DeployedResources, type_: str) -> Iterator[DeployedResource]:
    return (resource for resource in resources if resource.type == type_)
