"""Translates the events `http` and `httpApi` of Serverless Framework functions into routes.

A route that is protected in a way that a REST API here does not have is left out: it would be open to everybody.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from semantest_iac.infrastructure.configuration.conversion.notes import ConversionNotes
from semantest_iac.infrastructure.configuration.conversion.serverless.variables import find_unresolved
from semantest_iac.infrastructure.configuration.layers import KeyPath

REST_PAYLOAD, HTTP_PAYLOAD = "1.0", "2.0"
_ANY_METHOD = ("any", "*")
_GATEWAY_HEADERS = [
    "Content-Type",
    "X-Amz-Date",
    "Authorization",
    "X-Api-Key",
    "X-Amz-Security-Token",
    "X-Amz-User-Agent",
    "X-Amzn-Trace-Id",
]
_OPEN_ROUTE = "is left out, as everybody could call it: "
_PROTECTED_HINT = "Check the token in the code, or write the route with an `authorizer` of JSON web tokens."
_UNSUPPORTED_KEYS = {
    "request": ("validation and templates of requests are not done", "Check the body in the function."),
    "response": ("templates of responses are not done", "Answer as it should be from the function."),
    "timeoutInMillis": ("a route has the timeout of its function", "Set `timeout` of the function."),
    "timeout": ("a route has the timeout of its function", "Set `timeout` of the function."),
    "connectionType": ("routes lead to functions only", ""),
}
_API_KEYS = {"cors", "payload", "authorizers"}
_ROUTE_KEYS = {"path", "method", "cors", "private", "authorizer", "async", "integration", "operationId"}


@dataclass(slots=True)
class ConvertedRoutes:
    """Routes with the function and the form of events of each; `cors` and `authorizer` hold for all of them."""

    routes: list[dict[str, Any]] = field(default_factory=list)
    payloads: list[str] = field(default_factory=list)
    cors: dict[str, Any] | None = None
    authorizer: dict[str, Any] | None = None


class RouteConverter:
    """Collects the routes of one service, whose `provider` has the settings of its APIs."""

    def __init__(self, notes: ConversionNotes, provider: Mapping[str, Any]) -> None:
        api = provider.get("httpApi")
        self._notes = notes
        self._is_restricted = _restricts_callers(provider)
        self._api: Mapping[str, Any] = api if isinstance(api, dict) else {}
        self._authorizer_name: str | None = None
        self._without_cors: list[KeyPath] = []
        self.converted = ConvertedRoutes()
        for key in self._api.keys() - _API_KEYS:
            notes.leave_out(("provider", "httpApi", key), "an API here has no such setting")
        self._http_payload = REST_PAYLOAD if str(self._api.get("payload")) == REST_PAYLOAD else HTTP_PAYLOAD

    def add(self, function: str, kind: str, event: Any, path: KeyPath) -> None:
        """Add the route of an event of the kind `http` or `httpApi`."""
        settings = event if isinstance(event, dict) else _split_short_form(event)
        if unknown := next(find_unresolved([settings.get("path"), settings.get("method")]), None):
            self._notes.leave_out(path, f"{unknown.expression} {unknown.reason}", "Write the path and method.")
            return
        if not isinstance(settings.get("path"), str):
            self._notes.leave_out(path, "has no path", "Write the path and method.")
            return
        if reason := self._find_protection(kind, settings):
            self._notes.leave_out(path, _OPEN_ROUTE + reason, _PROTECTED_HINT)
            return
        if settings.get("async") or str(settings.get("integration", "lambda-proxy")).lower() not in (
            "lambda-proxy",
            "lambda_proxy",
            "aws_proxy",
        ):
            reason = "its integration changes the event and the answer; functions here get the event of API Gateway"
            self._notes.leave_out(path, reason, "Let the function answer with statusCode and body, and add the route.")
            return
        for key in settings.keys() - _ROUTE_KEYS:
            reason, hint = _UNSUPPORTED_KEYS.get(key, ("routes have no such setting", ""))
            self._notes.leave_out((*path, key), reason, hint)
        route = _write_route(settings)
        if self._needs_token(settings):
            route["needs_token"] = True
        route["function"] = function
        self.converted.routes.append(route)
        self.converted.payloads.append(REST_PAYLOAD if kind == "http" else self._http_payload)
        if kind == "http":
            self._add_cors(settings.get("cors"), path)

    def finish(self) -> ConvertedRoutes:
        """Return the routes, once all were added."""
        converted = self.converted
        for route in converted.routes:
            needs_token = route.pop("needs_token", False)
            if converted.authorizer and not needs_token:
                route["public"] = True
        api_cors = self._api.get("cors")
        if api_cors and REST_PAYLOAD in converted.payloads and converted.cors:
            self._notes.differ(("provider", "httpApi", "cors"), "holds for the `http` routes as well")
        if api_cors:
            converted.cors = self._translate_cors(api_cors, ("provider", "httpApi", "cors"))
        elif converted.cors:
            for path in self._without_cors:
                self._notes.differ(path, "has no cors, and gets that of the other routes")
        return converted

    def _find_protection(self, kind: str, settings: Mapping[str, Any]) -> str:
        """Return why the route cannot be protected as it was; empty where it can, or is open."""
        authorizer = settings.get("authorizer")
        if kind == "http" and self._is_restricted:
            return "its API is private, or has a policy about who may call it"
        if settings.get("private"):
            return "it needs the key of an API, which only a `gateway` has here"
        if not authorizer:
            return ""
        return "its authorizer is a function, IAM or Cognito" if kind == "http" else self._check_authorizer(authorizer)

    def _check_authorizer(self, authorizer: Any) -> str:
        """Return why the authorizer of an HTTP API is none of JSON web tokens, or not the same as before."""
        name = authorizer.get("name") if isinstance(authorizer, dict) else authorizer
        if isinstance(authorizer, dict) and authorizer.get("scopes"):
            return "its authorizer asks for scopes"
        if self._authorizer_name not in (None, name):
            return f"an API has one authorizer here, and others use '{self._authorizer_name}'"
        written = self._api.get("authorizers")
        settings = written.get(str(name)) if isinstance(written, dict) else None
        if not isinstance(settings, dict) or settings.get("type", "jwt") != "jwt":
            return "its authorizer is not one of JSON web tokens in `provider.httpApi.authorizers`"
        if next(find_unresolved(settings), None) or not isinstance(settings.get("issuerUrl"), str):
            return "the issuer or audience of its authorizer is known to the cloud alone"
        return ""

    def _needs_token(self, settings: Mapping[str, Any]) -> bool:
        authorizer = settings.get("authorizer")
        if not authorizer:
            return False
        name = str(authorizer.get("name") if isinstance(authorizer, dict) else authorizer)
        written = self._api["authorizers"][name]
        audience = written.get("audience") or []
        source = written.get("identitySource", "")
        source = source[0] if isinstance(source, list) and source else source
        header = str(source).removeprefix("$request.header.")
        self._authorizer_name = name
        self.converted.authorizer = {
            "issuer": written["issuerUrl"],
            "audience": [audience] if isinstance(audience, str) else audience,
            **({"header": header} if header not in ("", "Authorization") else {}),
        }
        return True

    def _add_cors(self, cors: Any, path: KeyPath) -> None:
        if not cors:
            self._without_cors.append(path)
            return
        translated = self._translate_cors(cors, (*path, "cors"))
        if self.converted.cors is None:
            self.converted.cors = translated
        elif self.converted.cors != translated:
            self._notes.leave_out((*path, "cors"), "differs from that of other routes; an API has one for all")

    def _translate_cors(self, cors: Any, path: KeyPath) -> dict[str, Any]:
        if not isinstance(cors, dict):
            return {"origins": ["*"], "headers": list(_GATEWAY_HEADERS)}
        if next(find_unresolved(cors), None):
            self._notes.leave_out(path, "has values that only the cloud knows", "Write `cors` of the component.")
            return {"origins": []}
        origins = cors.get("origins") or cors.get("allowedOrigins") or cors.get("origin") or ["*"]
        headers = cors.get("headers") or cors.get("allowedHeaders") or list(_GATEWAY_HEADERS)
        translated: dict[str, Any] = {"origins": _as_list(origins), "headers": _as_list(headers)}
        if methods := cors.get("methods") or cors.get("allowedMethods"):
            translated["methods"] = [str(method).upper() for method in _as_list(methods)]
        if cors.get("allowCredentials"):
            translated["credentials"] = True
        if isinstance(cors.get("maxAge"), int):
            translated["max_age"] = cors["maxAge"]
        for key in cors.keys() & {"exposedResponseHeaders", "cacheControl"}:
            self._notes.leave_out((*path, key), "cors has no such setting", "Send the header from the function.")
        return translated


def _restricts_callers(provider: Mapping[str, Any]) -> bool:
    """Whether the REST API of a service is not for everybody, or nobody here knows: a network, a policy of its own."""
    gateway, place = provider.get("apiGateway") or {}, provider.get("endpointType", "")
    has_policy = not isinstance(gateway, dict) or gateway.get("resourcePolicy") or provider.get("resourcePolicy")
    return bool(has_policy) or not isinstance(place, str) or place.upper() == "PRIVATE"


def _split_short_form(event: Any) -> dict[str, Any]:
    """Read `GET /orders`, or `*`, which is every path."""
    words = str(event).split() if isinstance(event, str) else []
    if words == ["*"]:
        return {"path": "*", "method": "*"}
    return {"method": words[0], "path": words[1]} if len(words) == 2 else {"path": event, "method": "*"}


def _write_route(settings: Mapping[str, Any]) -> dict[str, Any]:
    path = str(settings.get("path", "*"))
    written = "*" if path == "*" else f"/{path.strip('/')}"
    method = str(settings.get("method", "*")).lower()
    return {"path": written, **({} if method in _ANY_METHOD else {"methods": method.upper()})}


def _as_list(value: Any) -> list[str]:
    parts = value.split(",") if isinstance(value, str) else value if isinstance(value, list) else [value]
    return [str(part).strip() for part in parts]
