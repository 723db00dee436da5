"""Reads from a deployed REST API of API Gateway what it does with requests.

What a REST API does is in the OpenAPI document that it was made of; limits and caches are settings of its methods, and
usage plans have what holds for keys. A plan turns the methods of other products off, of which its keys may call none in
a second, so that API Gateway says that there were too many requests.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import urlsplit

from semantest_iac.domain.networking.managed_gateways import HeaderRules
from semantest_iac.infrastructure.local_service.api_frontend import CorsRules, DeployedResources
from semantest_iac.infrastructure.local_service.aws.api_frontend import outputs_of_type, read_secret_values
from semantest_iac.infrastructure.local_service.aws.managed_gateway import BODY_LIMIT, REFUSALS
from semantest_iac.infrastructure.local_service.gateway.rules import (
    BackendKind,
    BasicLogin,
    CacheRule,
    CallQuota,
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
from semantest_iac.infrastructure.local_service.tokens.json_web_tokens import JwtRules, KeyFetching

_TYPES: Final[Mapping[RefusalReason, tuple[str, str]]] = {
    RefusalReason.NO_ROUTE: ("MISSING_AUTHENTICATION_TOKEN", "DEFAULT_4XX"),
    RefusalReason.ADDRESS: ("ACCESS_DENIED", "DEFAULT_4XX"),
    **dict.fromkeys((RefusalReason.NO_KEY, RefusalReason.WRONG_KEY), ("INVALID_API_KEY", "DEFAULT_4XX")),
    **dict.fromkeys(
        (RefusalReason.NO_LOGIN, RefusalReason.WRONG_LOGIN, RefusalReason.NO_TOKEN, RefusalReason.WRONG_TOKEN),
        ("UNAUTHORIZED", "DEFAULT_4XX"),
    ),
    RefusalReason.RATE: ("THROTTLED", "DEFAULT_4XX"),
    RefusalReason.QUOTA: ("QUOTA_EXCEEDED", "DEFAULT_4XX"),
    RefusalReason.UNREACHABLE: ("INTEGRATION_FAILURE", "DEFAULT_5XX"),
    RefusalReason.TIMED_OUT: ("INTEGRATION_TIMEOUT", "DEFAULT_5XX"),
}
"""The type of each refusal, and the one that stands for those without a response of their own."""

_CHECKS: Final = (
    GatewayCheck.ADDRESS,
    GatewayCheck.LOGIN,
    GatewayCheck.TOKEN,
    GatewayCheck.KEY,
    GatewayCheck.PRODUCT_RATE,
    GatewayCheck.PRODUCT_QUOTA,
    GatewayCheck.API_RATE,
)
"""The resource policy is looked at before the authorizer, which is asked before a key (developer guide)."""

_PERIODS_S: Final = {"DAY": 86_400.0, "WEEK": 604_800.0}
_PREFIX: Final = "aws:apigateway/"
_INTEGRATION: Final = "x-amazon-apigateway-integration"
_ANY: Final = "x-amazon-apigateway-any-method"
_METHODS: Final = ("get", "put", "post", "delete", "options", "head", "patch", "trace", _ANY)
_STATIC: Final = re.compile(r"'(.*)'")
_ORIGINS: Final = re.compile(r"#if\((\[.*\])\.contains")
_FUNCTION_ARN: Final = re.compile(r"functions/(arn:[^/]+?)/invocations")
_KEY_FETCHING: Final = KeyFetching(lifetime_s=86_400, pause_s=300, pause_after_failure_s=5)
_TOKEN_LEEWAY_S: Final = 30
_ALLOWED: Final = "method.response.header.Access-Control-"


@dataclass(frozen=True, slots=True)
class _Method:
    """A method of the document: its key as `GET /orders`, and what the document says of it."""

    verb: str
    path: str
    written: Mapping[str, Any]

    @property
    def key(self) -> str:
        return f"{self.verb} {self.path}"

    @property
    def integration(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.written[_INTEGRATION]
        return found


def read_gateway_rules(resources: DeployedResources) -> GatewayRules | None:
    """Return the rules of the REST API of a stack; None if it has none.

    Every method is an API of its own in them: each has its own limit.
    """
    [api, *_] = [*_list_outputs(resources, "restApi:RestApi"), None]
    [stage, *_] = [*_list_outputs(resources, "stage:Stage"), None]
    if api is None or stage is None:
        return None
    document = json.loads(api["body"])
    reader = _RulesReader(document, stage, resources)
    methods = [it for it in _list_methods(document) if it.integration["type"] != "mock"]
    origin, _, _ = str(stage["invokeUrl"]).rpartition("/")
    return GatewayRules(
        {it.key: _read_route(it) for it in methods},
        {it.key: reader.read_api(it) for it in methods},
        {reason: _word_refusal(document, reason) for reason in REFUSALS},
        products=dict(_list_products(resources, methods)),
        keys=tuple(_list_keys(resources)),
        checks=_CHECKS,
        foreign_key=RefusalReason.RATE,
        base_path=f"/{stage['stageName']}",
        origin=origin,
        body_limit=BODY_LIMIT,
        refuses_with_cors=False,
        answers_with_cors=False,
    )


def _list_outputs(resources: DeployedResources, kind: str) -> Iterator[Mapping[str, Any]]:
    return outputs_of_type(resources, f"{_PREFIX}{kind}")


def _list_methods(document: Mapping[str, Any]) -> Iterator[_Method]:
    for path, item in document["paths"].items():
        for name in _METHODS:
            if name in item:
                yield _Method("ANY" if name == _ANY else name.upper(), path, item[name])


def _read_route(method: _Method) -> EnforcedRoute:
    """Return where requests go: what the path at the gateway and that of the backend end with alike is passed on."""
    url = urlsplit(method.integration["uri"])
    own, other = _split_path(method.path), _split_path(url.path)
    same = 0
    while same < min(len(own), len(other)) and own[-1 - same].replace("+", "") == other[-1 - same]:
        same += 1
    dropped, prefix = own[: len(own) - same], other[: len(other) - same]
    is_service = method.integration.get("connectionType") == "VPC_LINK"
    backend = (
        GatewayBackend(BackendKind.SERVICE, str(url.hostname).partition(".")[0])
        if is_service
        else GatewayBackend(BackendKind.URL, f"{url.scheme}://{url.netloc}")
    )
    return EnforcedRoute(method.key, backend, "".join(f"/{it}" for it in dropped), "".join(f"/{it}" for it in prefix))


def _split_path(path: str) -> list[str]:
    return [segment for segment in path.split("/") if segment]


@dataclass(frozen=True, slots=True)
class _RulesReader:
    """What is read for each method, from the document and from the resources around it."""

    document: Mapping[str, Any]
    stage: Mapping[str, Any]
    resources: DeployedResources

    @property
    def host(self) -> str:
        """The name of the gateway in the cloud."""
        return str(urlsplit(self.stage["invokeUrl"]).hostname)

    def read_api(self, method: _Method) -> EnforcedApi:
        schemes = [self.document["components"]["securitySchemes"][name] for name in self._list_schemes(method)]
        authorizer = next((it for it in schemes if "x-amazon-apigateway-authorizer" in it), None)
        access = self._find_access(authorizer, method.path) if authorizer else {}
        settings = self._find_settings(method)
        jwt = access.get("jwt")
        return EnforcedApi(
            method.key,
            needs_key=any("x-amazon-apigateway-authtype" not in it for it in schemes),
            login=access.get("basic"),
            token=_read_token_rules(jwt) if jwt else None,
            rate=_read_rate(
                settings.get("throttlingRateLimit", -1), settings.get("throttlingBurstLimit", -1), CountedBy.ALL
            ),
            cache=_read_cache(method, settings),
            allowed_addresses=self._find_allowed_addresses(method),
            request_headers=HeaderRules(set=tuple(_list_set_headers(method, self.host))),
            cors=self._find_cors(method.path),
        )

    def _list_schemes(self, method: _Method) -> Iterator[str]:
        for requirement in method.written.get("security", ()):
            yield from requirement

    def _find_access(self, scheme: Mapping[str, Any], path: str) -> Mapping[str, Any]:
        """Return what the authorizer asks for at a path, with the login that it compares with."""
        match = _FUNCTION_ARN.search(scheme["x-amazon-apigateway-authorizer"]["authorizerUri"])
        function = next(
            (it for it in self.resources if match and it.outputs.get("arn") == match[1].partition(":live")[0]), None
        )
        variables = (function.outputs.get("environment") or {}).get("variables", {}) if function else {}
        apis = json.loads(variables.get("SEMANTEST_GATEWAY_APIS", "[]"))
        found = [it for it in apis if it["path"] == "/" or f"{path}/".startswith(f"{it['path']}/")]
        access: Mapping[str, Any] = max(found, key=lambda it: len(it["path"]), default={})
        if not access.get("login"):
            return dict(access)
        password = read_secret_values(self.resources)[variables["SEMANTEST_GATEWAY_PASSWORD"]]
        return {**access, "basic": BasicLogin(variables["SEMANTEST_GATEWAY_USER"], password)}

    def _find_settings(self, method: _Method) -> Mapping[str, Any]:
        place = f"{method.path.replace('/', '~1')}/{method.verb}"
        all_settings = _list_outputs(self.resources, "methodSettings:MethodSettings")
        return next((it["settings"] for it in all_settings if it["methodPath"] == place), {})

    def _find_allowed_addresses(self, method: _Method) -> tuple[str, ...]:
        policy = self.document.get("x-amazon-apigateway-policy", {})
        for statement in policy.get("Statement", ()):
            allowed = statement.get("Condition", {}).get("NotIpAddress", {}).get("aws:SourceIp")
            if allowed and any(_covers(it, self.stage["stageName"], method) for it in statement["Resource"]):
                return tuple(allowed)
        return ()

    def _find_cors(self, path: str) -> CorsRules | None:
        """Return the rules that the preflight of a path tells."""
        preflight = self.document["paths"][path].get("options", {}).get(_INTEGRATION, {})
        if preflight.get("type") != "mock":
            return None
        answer = preflight["responses"]["default"]
        told = {name: value.strip("'") for name, value in answer["responseParameters"].items()}
        several = _ORIGINS.search(answer.get("responseTemplates", {}).get("application/json", ""))
        origins = json.loads(several[1]) if several else [told[f"{_ALLOWED}Allow-Origin"]]
        return CorsRules(
            origins,
            told[f"{_ALLOWED}Allow-Methods"].split(","),
            told[f"{_ALLOWED}Allow-Headers"].split(","),
            allows_credentials=f"{_ALLOWED}Allow-Credentials" in told,
            max_age_s=int(told[f"{_ALLOWED}Max-Age"]),
        )


def _read_token_rules(jwt: Mapping[str, Any]) -> JwtRules:
    """Return what the bundled authorizer requires of tokens."""
    return JwtRules(
        jwt["issuer"], tuple(jwt["audience"]), jwt["header"].lower(), fetching=_KEY_FETCHING, leeway_s=_TOKEN_LEEWAY_S
    )


def _covers(resource: str, stage: str, method: _Method) -> bool:
    """Whether a resource of a policy such as `execute-api:/live/GET/orders/*` is the method, or what is above it."""
    verb, _, place = resource.removeprefix(f"execute-api:/{stage}/").partition("/")
    above = f"/{place.removesuffix('*')}"
    return method.verb in (verb, "ANY") and (
        method.path == above or (place.endswith("*") and method.path.startswith(above))
    )


def _read_rate(per_second: float, burst: int, counted_by: CountedBy) -> CallRate | None:
    """Return a bucket of so many calls; a negative number is no limit."""
    if per_second < 0 or burst < 0:
        return None
    return CallRate(burst, burst / per_second, counted_by, is_bucket=True)


def _read_cache(method: _Method, settings: Mapping[str, Any]) -> CacheRule | None:
    if not settings.get("cachingEnabled"):
        return None
    kept = [name.removeprefix("method.request.") for name in method.integration.get("cacheKeyParameters", ())]
    query, headers = (
        tuple(name.removeprefix(f"{place}.") for name in kept if name.startswith(f"{place}."))
        for place in ("querystring", "header")
    )
    return CacheRule(settings["cacheTtlInSeconds"], query, headers)


def _list_set_headers(method: _Method, host: str) -> Iterator[tuple[str, str]]:
    for name, value in method.integration.get("requestParameters", {}).items():
        static = host if value == "context.domainName" else (_STATIC.fullmatch(value) or ("", ""))[1]
        if name.startswith("integration.request.header.") and static:
            yield name.removeprefix("integration.request.header."), static


def _list_products(resources: DeployedResources, methods: list[_Method]) -> Iterator[tuple[str, EnforcedProduct]]:
    """Yield the usage plans by their ids."""
    for it in resources:
        if it.type == f"{_PREFIX}usagePlan:UsagePlan":
            throttles = [one for stage in it.outputs["apiStages"] for one in stage.get("throttles") or ()]
            closed = {one["path"] for one in throttles if not one["burstLimit"]}
            open_methods = frozenset(each.key for each in methods if f"{each.path}/{each.verb}" not in closed)
            limits, quota = it.outputs.get("throttleSettings"), it.outputs.get("quotaSettings")
            yield (
                it.id,
                EnforcedProduct(
                    it.name.rpartition(" ")[2],
                    open_methods,
                    rate=_read_rate(limits["rateLimit"], limits["burstLimit"], CountedBy.KEY) if limits else None,
                    quota=_read_quota(quota) if quota else None,
                ),
            )


def _read_quota(quota: Mapping[str, Any]) -> CallQuota:
    period = quota["period"]
    if period == "MONTH":
        return CallQuota(quota["limit"], is_month=True)
    return CallQuota(quota["limit"], _PERIODS_S[period])


def _list_keys(resources: DeployedResources) -> Iterator[IssuedKey]:
    values = {it.id: it for it in resources if it.type == f"{_PREFIX}apiKey:ApiKey"}
    for member in _list_outputs(resources, "usagePlanKey:UsagePlanKey"):
        key = values[member["keyId"]]
        yield IssuedKey(key.name.rpartition(" ")[2], key.outputs["value"], member["usagePlanId"])


def _word_refusal(document: Mapping[str, Any], reason: RefusalReason) -> GatewayRefusal:
    """Return the response that the document has for a refusal, in the place of what API Gateway says by default."""
    responses = document.get("x-amazon-apigateway-gateway-responses", {})
    refusal = REFUSALS[reason]
    written: Mapping[str, Any] = next((responses[it] for it in _TYPES[reason] if it in responses), {})
    parameters = written.get("responseParameters", {}).items()
    headers = tuple(
        (name.removeprefix("gatewayresponse.header.").lower(), value.strip("'")) for name, value in parameters
    )
    template = written.get("responseTemplates", {}).get("application/json", "")
    body = template if template and "$context" not in template else _as_message(refusal.body)
    return replace(
        refusal,
        status=written.get("statusCode", refusal.status),
        body=body if written else refusal.body,
        headers=(*refusal.headers, *headers),
    )


def _as_message(body: str) -> str:
    """Return a default text in the form of the template that names it."""
    return json.dumps({"message": next(iter(json.loads(body).values()))})
