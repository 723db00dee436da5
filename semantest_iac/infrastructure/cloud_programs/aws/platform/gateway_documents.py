"""The OpenAPI document of a gateway, from which API Gateway makes a REST API.

Sources: API Gateway's developer guide on OpenAPI extensions, on gateway responses, on mapping of parameters, on keys of
a cache, on resource policies, and on CORS.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from semantest_iac.domain.environments.settings import Cors
from semantest_iac.domain.networking.managed_gateways import (
    KEY_HEADER,
    LOGIN_HEADER,
    LOGIN_REALM,
    GatewayApi,
    GatewayOperation,
    ManagedGateway,
    RequestRate,
)
from semantest_iac.domain.resource import Ref

GATEWAY_STAGE = "live"
ANY_METHOD = "x-amazon-apigateway-any-method"
ALL_METHODS = ("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT")
"""Those that stand behind `ANY_METHOD`."""
INTEGRATION = "x-amazon-apigateway-integration"
AUTHORIZER = "x-amazon-apigateway-authorizer"
RESPONSES = "x-amazon-apigateway-gateway-responses"
RESOURCE_POLICY = "x-amazon-apigateway-policy"
TIMEOUT_MS = 29_000
LOGIN_LIFETIME_S = 60
"""How long API Gateway takes the same login again without asking; a token is looked at each time, as it expires."""

HIDDEN_VALUE = "-"
"""What a service sees in place of a key or a login: a proxy integration can set headers, and remove none."""

FORWARDED_HOST_HEADER, FORWARDED_HOST = "X-Forwarded-Host", "context.domainName"
"""Source: API Gateway's developer guide, parameter mapping source reference and variables of the context."""

_KEY_SCHEME = "key"
_VARIABLE = re.compile(r"\{(\w+)\+?\}")


@dataclass(frozen=True, slots=True)
class GatewayTargets:
    """What a document says of other resources: the call of the authorizer, the link, and the host of each service."""

    authorizer_uri: str = ""
    link: str = ""
    hosts: Mapping[Ref, str] | None = None

    def find_backend_address(self, api: GatewayApi) -> str:
        """Return the address of what answers, without a slash at its end."""
        return f"http://{(self.hosts or {})[api.service]}" if api.service else api.url.rstrip("/")


@dataclass(frozen=True, slots=True)
class GatewayMethod:
    """A method of a path of the gateway, and the rest of the path below its API, with variables of the same names."""

    api: GatewayApi
    method: str
    path: str
    rest: str

    @property
    def settings_path(self) -> str:
        """The name of the method where its settings are written, with its slashes as in JSON Pointers.

        Sources: AWS's reference of the command `update-stage`, and hashicorp/terraform-provider-aws issue 9738.
        """
        return f"{self.path.replace('/', '~1')}/{self.method}"


def list_methods(gateway: ManagedGateway) -> tuple[GatewayMethod, ...]:
    """Return the methods of all APIs.

    With a cache, a GET stands beside each method that takes all: only its answers are kept. Variables at the same place
    have one name, which is all that API Gateway takes.
    """
    names: dict[str, str] = {}
    return tuple(
        GatewayMethod(api, method, *_name_variables(api.whole_path, operation.path, names))
        for api in gateway.apis
        for method, operation in _list_operations(api)
    )


def _list_operations(api: GatewayApi) -> Iterator[tuple[str, GatewayOperation]]:
    taken = {(operation.method, operation.path) for operation in api.operations}
    for operation in api.operations:
        yield operation.method, operation
        if api.cache and operation.method == "ANY" and ("GET", operation.path) not in taken:
            yield "GET", operation


def _name_variables(base: str, path: str, names: dict[str, str]) -> tuple[str, str]:
    """Return the whole path and the rest below its base, with the name that a variable at each place had first."""
    place, own = "", [segment for segment in join_paths(base, path).split("/") if segment]
    for number, segment in enumerate(own):
        if _VARIABLE.fullmatch(segment):
            own[number] = names.setdefault(f"{place}/{'+' in segment}", _name_apart(segment, own[:number]))
        place += f"/{own[number]}"
    below = len([segment for segment in base.split("/") if segment])
    return f"/{'/'.join(own)}", "/".join(own[below:])


def _name_apart(segment: str, before: Collection[str]) -> str:
    """Return a variable that is none of those before it in the path."""
    taken, name = {_VARIABLE.sub(r"\1", it) for it in before}, _VARIABLE.sub(r"\1", segment)
    names = (name, *(f"{name}{number}" for number in range(2, len(taken) + 3)))
    return segment.replace(name, next(it for it in names if it not in taken))


def join_paths(base: str, path: str) -> str:
    """Return the path of an operation below that of its API."""
    return f"{base.rstrip('/')}/{path.lstrip('/')}".rstrip("/") or "/"


def build_document(gateway: ManagedGateway, title: str, places: GatewayTargets) -> dict[str, Any]:
    """Return the document with all APIs of the gateway."""
    paths: dict[str, dict[str, Any]] = {}
    for each in list_methods(gateway):
        name = ANY_METHOD if each.method == "ANY" else each.method.lower()
        paths.setdefault(each.path, {})[name] = _build_method(each, places)
        if each.api.cors:
            paths[each.path].setdefault("options", _build_preflight(each.api.cors, each.path))
    policy = _build_policy(gateway.apis)
    return {
        "openapi": "3.0.1",
        "info": {"title": title, "version": "1"},
        "x-amazon-apigateway-api-key-source": "HEADER",
        "x-amazon-apigateway-binary-media-types": ["*/*"],  # what services send and receive stays as it is
        RESPONSES: _build_refusals(gateway),
        **({RESOURCE_POLICY: policy} if policy else {}),
        "components": {"securitySchemes": dict(_list_schemes(gateway, places))},
        "paths": paths,
    }


def find_access_scheme(api: GatewayApi) -> str:
    """Return the name of the scheme by which an API asks for a login or a token; empty where it asks for none."""
    return f"access-{api.name}" if api.needs_login or api.authorizer else ""


def find_identity_headers(api: GatewayApi) -> tuple[str, ...]:
    """Return the headers with what an API asks for besides a key; without them API Gateway refuses a request itself."""
    headers = (LOGIN_HEADER if api.needs_login else "", api.authorizer.header if api.authorizer else "")
    return tuple(dict.fromkeys(filter(None, headers)))


def _list_schemes(gateway: ManagedGateway, places: GatewayTargets) -> Iterator[tuple[str, dict[str, Any]]]:
    yield _KEY_SCHEME, {"type": "apiKey", "name": KEY_HEADER, "in": "header"}
    for api in gateway.apis:
        if name := find_access_scheme(api):
            headers = find_identity_headers(api)
            authorizer = {
                "type": "request",
                "authorizerUri": places.authorizer_uri,
                "authorizerResultTtlInSeconds": 0 if api.authorizer else LOGIN_LIFETIME_S,
                "identitySource": ", ".join(f"method.request.header.{header}" for header in headers),
            }
            scheme = {"type": "apiKey", "name": headers[0], "in": "header", "x-amazon-apigateway-authtype": "custom"}
            yield name, {**scheme, AUTHORIZER: authorizer}


def _build_method(each: GatewayMethod, places: GatewayTargets) -> dict[str, Any]:
    api = each.api
    kept = [*_list_cache_keys(api, each.path)] if api.cache and each.method == "GET" else []
    parameters = {f"path.{name}": f"method.request.path.{name}" for name in _VARIABLE.findall(each.path)}
    parameters |= {name.removeprefix("method.request."): name for name in kept}
    mapped = {f"integration.request.{name}": value for name, value in parameters.items()}
    changed = {name: f"'{value}'" for name, value in api.request_headers.set}
    own = {name.lower() for name in changed}
    changed |= {name: value for name, value in _list_own_headers(api) if name.lower() not in own}
    set_headers = {f"integration.request.header.{name}": value for name, value in changed.items()}
    rest = _VARIABLE.sub(r"{\1}", each.rest)
    integration = {
        "type": "http_proxy",
        "httpMethod": each.method,
        "uri": f"{places.find_backend_address(api)}/{rest}",
        "passthroughBehavior": "when_no_match",
        "timeoutInMillis": TIMEOUT_MS,
        "requestParameters": {**mapped, **set_headers},
        "responses": {"default": {"statusCode": "200"}},
        **({"connectionType": "VPC_LINK", "connectionId": places.link} if api.service else {}),
        **({"cacheKeyParameters": kept} if kept else {}),
    }
    schemes = [scheme for scheme in (find_access_scheme(api), _KEY_SCHEME if api.needs_key else "") if scheme]
    return {
        "parameters": [_build_parameter(name) for name in parameters],
        "responses": {"200": {"description": "The answer of the service"}},
        **({"security": [{scheme: []} for scheme in schemes]} if schemes else {}),
        INTEGRATION: integration,
    }


def _list_own_headers(api: GatewayApi) -> Iterator[tuple[str, str]]:
    """Yield the headers that the gateway sets by itself, with their expressions.

    The key and the login are for the gateway alone; a service gets the token. A service that builds addresses of its
    own, or keeps answers, would otherwise take the host from whatever a client says.
    """
    if api.needs_key:
        yield KEY_HEADER, f"'{HIDDEN_VALUE}'"
    if api.needs_login:
        yield LOGIN_HEADER, f"'{HIDDEN_VALUE}'"
    yield FORWARDED_HOST_HEADER, FORWARDED_HOST


def _list_cache_keys(api: GatewayApi, path: str) -> Iterator[str]:
    """Yield what tells answers apart: the rest of the path above all, which no cache looks at by itself."""
    if api.cache:
        yield from (f"method.request.path.{name}" for name in _VARIABLE.findall(path))
        yield from (f"method.request.querystring.{name}" for name in api.cache.query)
        yield from (f"method.request.header.{name}" for name in api.cache_headers)


def _build_parameter(name: str) -> dict[str, Any]:
    place, _, own = name.partition(".")
    kind = {"querystring": "query"}.get(place, place)
    return {"name": own, "in": kind, "required": kind == "path", "schema": {"type": "string"}}


def _build_preflight(cors: Cors, path: str) -> dict[str, Any]:
    """Answer what browsers ask before they call: API Gateway itself, without a key, a login or a token."""
    headers = {
        "Access-Control-Allow-Methods": ",".join(cors.methods),
        "Access-Control-Allow-Headers": ",".join(cors.headers),
        "Access-Control-Max-Age": str(cors.max_age),
        **({"Access-Control-Allow-Credentials": "true"} if cors.credentials else {}),
    }
    is_one = len(cors.origins) == 1
    every = {"Access-Control-Allow-Origin": cors.origins[0] if is_one else "", **headers}
    mapped = {f"method.response.header.{name}": f"'{value}'" for name, value in every.items() if value}
    template = "" if is_one else _choose_origin(cors.origins)
    return {
        "parameters": [_build_parameter(f"path.{name}") for name in _VARIABLE.findall(path)],
        "responses": {
            "204": {
                "description": "What is allowed",
                "headers": {name: {"schema": {"type": "string"}} for name in every},
            }
        },
        INTEGRATION: {
            "type": "mock",
            "contentHandling": "CONVERT_TO_TEXT",  # it reads the template, which is no binary payload
            "passthroughBehavior": "when_no_match",
            "requestTemplates": {"application/json": '{"statusCode": 204}'},
            "responses": {
                "default": {
                    "statusCode": "204",
                    "responseParameters": mapped,
                    **({"responseTemplates": {"application/json": template}} if template else {}),
                }
            },
        },
    }


def _choose_origin(origins: Iterable[str]) -> str:
    """Return a template that allows the origin of the request if it is one of several."""
    return "\n".join(
        (
            '#set($origin = $input.params().header.get("Origin"))',
            '#if(!$origin)#set($origin = $input.params().header.get("origin"))#end',
            f"#if({json.dumps([*origins])}.contains($origin))",
            "#set($context.responseOverride.header.Access-Control-Allow-Origin = $origin)",
            "#end",
        )
    )


def _build_policy(apis: Iterable[GatewayApi]) -> dict[str, Any] | None:
    """Return the policy that lets clients with other addresses than the allowed ones call nothing of an API.

    It names each method: `*` stands for slashes, too, so that `*/orders` would be `GET/users/7/orders` of another API.
    """
    resources: dict[tuple[str, ...], list[str]] = {}
    for api in apis:
        if api.allowed_ips:
            resources.setdefault(api.allowed_ips, []).extend(
                f"execute-api:/{GATEWAY_STAGE}/{method}{path}"
                for method in _list_verbs(api)
                for path in (api.whole_path, join_paths(api.whole_path, "*"))
            )
    denied = [
        {
            "Effect": "Deny",
            "Principal": "*",
            "Action": "execute-api:Invoke",
            "Resource": names,
            "Condition": {"NotIpAddress": {"aws:SourceIp": list(allowed)}},
        }
        for allowed, names in resources.items()
    ]
    allowed = {"Effect": "Allow", "Principal": "*", "Action": "execute-api:Invoke", "Resource": ["execute-api:/*"]}
    return {"Version": "2012-10-17", "Statement": [allowed, *denied]} if denied else None


def _list_verbs(api: GatewayApi) -> tuple[str, ...]:
    """Return the methods that an API has, with the one that browsers ask before they call."""
    written = {operation.method for operation in api.operations} | ({"OPTIONS"} if api.cors else set())
    return ALL_METHODS if "ANY" in written else tuple(sorted(written))


def _build_refusals(gateway: ManagedGateway) -> dict[str, Any]:
    """Return what API Gateway says itself, with the same numbers as other clouds where its own are others."""
    cors = _common_cors(gateway.apis)
    logins = [f'Basic realm="{LOGIN_REALM}"'] if any(api.needs_login for api in gateway.apis) else []
    tokens = ["Bearer"] if any(api.authorizer for api in gateway.apis) else []
    challenge = ", ".join((*logins, *tokens))
    wait = _find_wait(gateway)
    return {
        "DEFAULT_4XX": _refusal(cors),
        "DEFAULT_5XX": _refusal(cors),
        "INVALID_API_KEY": _refusal(cors, 401),
        "MISSING_AUTHENTICATION_TOKEN": _refusal(cors, 404, message="Not Found"),  # so it calls a path that it lacks
        "THROTTLED": _refusal({**cors, "Retry-After": str(wait)} if wait else cors, 429),
        "QUOTA_EXCEEDED": _refusal(cors, 429),
        "UNAUTHORIZED": _refusal({**cors, "WWW-Authenticate": challenge} if challenge else cors, 401),
    }


def _refusal(headers: Mapping[str, str], status: int = 0, message: str = "") -> dict[str, Any]:
    body = json.dumps({"message": message}) if message else '{"message":$context.error.messageString}'
    return {
        **({"statusCode": status} if status else {}),
        "responseParameters": {f"gatewayresponse.header.{name}": f"'{value}'" for name, value in headers.items()},
        "responseTemplates": {"application/json": body},
    }


def _common_cors(apis: Collection[GatewayApi]) -> dict[str, str]:
    """Return the headers of refusals: they are the same for all APIs, so only where all allow the same one origin."""
    rules = [api.cors for api in apis if api.cors]
    origins = {origin for cors in rules for origin in cors.origins}
    if len(origins) != 1 or len(rules) != len([*apis]):
        return {}
    credentials = all(cors.credentials for cors in rules)
    return {
        "Access-Control-Allow-Origin": origins.pop(),
        **({"Access-Control-Allow-Credentials": "true"} if credentials else {}),
    }


def _find_wait(gateway: ManagedGateway) -> int:
    """Return the seconds after which every limit lets one more request pass; 0 without limits."""
    rates: list[RequestRate | None] = [api.rate for api in gateway.apis]
    rates += [product.rate for product in gateway.products]
    return max((math.ceil(rate.seconds / rate.calls) for rate in rates if rate), default=0)
