"""How a deployed HTTP API admits requests."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from semantest_iac.domain.networking.http_exchange import HttpRequest
from semantest_iac.domain.resource import DeployedResource
from semantest_iac.infrastructure.function_runtimes.function_spec import LogSettings
from semantest_iac.infrastructure.local_service.api_frontend import AdmissionResult, ApiFrontend
from semantest_iac.infrastructure.local_service.aws.api_frontend import build_api_frontend, read_jwt_rules
from semantest_iac.infrastructure.local_service.tokens.json_web_tokens import WrongTokenError

GATEWAY = "aws:apigatewayv2"
CLAIMS = {"iss": "https://login.example", "aud": ["service", "x"], "exp": 4_000_000_000, "admin": True}


ARN = "arn:aws:lambda:us-east-1:123456789012:function:f"


def deployed(integration_uri: str = "", **function: Any) -> ApiFrontend:
    outputs: dict[str, Any] = {
        "arn": ARN,
        "sourceCodeHash": "",
        "handler": "app.handler",
    }
    outputs |= {"runtime": "python3.13", "memorySize": 128, "timeout": 20, "version": "3", **function}
    jwt = {"jwtConfiguration": {"issuer": "https://login.example", "audiences": ["service"]}}
    resources: dict[str, list[dict[str, Any]]] = {
        f"{GATEWAY}/api:Api": [
            {
                "apiEndpoint": "https://abc.execute-api.us-east-1.amazonaws.com",
                "corsConfiguration": {"allowOrigins": ["https://*"]},
            }
        ],
        f"{GATEWAY}/route:Route": [
            {"routeKey": "GET /open", "authorizationType": "NONE"},
            {"routeKey": "ANY /locked", "authorizationType": "JWT"},
        ],
        f"{GATEWAY}/authorizer:Authorizer": [{**jwt, "identitySources": ["$request.header.Authorization"]}],
        f"{GATEWAY}/integration:Integration": [{"timeoutMilliseconds": 29_000, "integrationUri": integration_uri}],
        f"{GATEWAY}/stage:Stage": [{"defaultRouteSettings": {"throttlingRateLimit": 0.001, "throttlingBurstLimit": 2}}],
        "aws:lambda/function:Function": [outputs],
    }
    frontend = build_api_frontend(
        [DeployedResource(type_, "n", it) for type_, all_ in resources.items() for it in all_], Path
    )
    assert frontend is not None
    return frontend


def token(**changes: Any) -> str:
    parts = ({"alg": "RS256"}, {**CLAIMS, **changes}, "signature")
    return ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts)


def admit(api: ApiFrontend, path: str, *, bearer: str = "", client: str = "127.0.0.1") -> AdmissionResult:
    headers = (("Authorization", f"Bearer {bearer}"),) if bearer else ()
    return api.admit(HttpRequest("GET", path, headers=headers, client=client))


def status(admission: AdmissionResult) -> int | None:
    return admission.direct_response.status if admission.direct_response else None


class TestAdmission:
    def test_refuses_a_path_without_a_route(self) -> None:
        assert status(admit(deployed(), "/nowhere")) == 404

    def test_routes_before_it_answers_a_preflight(self) -> None:
        """Source: API Gateway's developer guide, http-api-cors, CORS with a route for all methods and an authorizer.

        Reported the same by users: anomalyco/sst, issue 5493.
        """
        headers = (("Origin", "https://app.example"), ("Access-Control-Request-Method", "GET"))

        admissions = [
            deployed().admit(HttpRequest("OPTIONS", path, headers=headers)) for path in ("/open", "/locked", "/nowhere")
        ]
        refused = [it.token_check.refusal.status if it.token_check else None for it in admissions]

        assert refused == [None, 401, None]
        assert [status(it) for it in admissions] == [204, 204, 204]

    @pytest.mark.parametrize(
        ("origin", "allowed"), [("https://any.example", ["https://any.example"]), ("http://any.example", [])]
    )
    def test_allows_every_origin_of_a_pattern(self, origin: str, allowed: list[str]) -> None:
        headers = (("Origin", origin), ("Access-Control-Request-Method", "GET"))

        answer = deployed().admit(HttpRequest("OPTIONS", "/open", headers=headers)).direct_response

        assert answer
        assert [value for name, value in answer.headers if name == "access-control-allow-origin"] == allowed

    def test_refuses_calls_beyond_the_burst_of_a_route(self) -> None:
        api = deployed()

        assert [status(admit(api, "/open")) for _ in range(3)] == [None, None, 429]
        assert status(admit(api, "/locked")) is None

    def test_checks_the_token_of_a_locked_route_alone(self) -> None:
        locked, opened = admit(deployed(), "/locked", bearer=token()), admit(deployed(), "/open")

        assert locked.token_check is not None
        assert locked.token_check.refusal.status == 401
        assert opened.token_check is None

    def test_passes_claims_on(self) -> None:
        admission = admit(deployed(), "/locked", bearer=token())

        claims = admission.event["requestContext"]["authorizer"]["jwt"]["claims"]
        assert claims == {"iss": "https://login.example", "aud": "[service x]", "exp": "4000000000", "admin": "true"}

    def test_passes_the_clients_address_on(self) -> None:
        admission = admit(deployed(), "/open", client="127.0.0.9")

        assert admission.event["requestContext"]["http"]["sourceIp"] == "127.0.0.9"


class TestFunction:
    @pytest.mark.parametrize(
        ("reserved", "instances"), [(-1, 0), (None, 0), (5, 5)], ids=["unlimited", "missing", "five"]
    )
    def test_has_the_reserved_number_of_instances(self, reserved: int | None, instances: int) -> None:
        assert deployed(reservedConcurrentExecutions=reserved).load_function().instances == instances

    def test_has_the_log_settings_of_the_function(self) -> None:
        settings = {"logFormat": "JSON", "applicationLogLevel": "DEBUG", "systemLogLevel": "WARN", "logGroup": "g"}

        assert deployed(loggingConfig=settings).load_function().log_settings == LogSettings(True, "g", "DEBUG", "WARN")
        assert deployed().load_function().log_settings == LogSettings()

    @pytest.mark.parametrize(("uri", "qualifier"), [(f"{ARN}:live/invocations", "live"), (f"{ARN}/invocations", "")])
    def test_is_called_by_the_alias_of_its_integration(self, uri: str, qualifier: str) -> None:
        """Source: LocalStack's recording of a call by a qualifier, whose context has the qualified ARN."""
        spec = deployed(integration_uri=uri).load_function()

        assert (spec.qualifier, spec.arn) == (qualifier, f"{ARN}:{qualifier}".rstrip(":"))

    def test_has_the_timeout_of_its_integration(self) -> None:
        assert deployed().timeout_s == 29


NOW = 1_800_000_000
GOOD = {"iss": "https://login.example", "aud": "service", "exp": NOW + 60, "sub": "ann"}
AUTHORIZER = {
    "identitySources": ["$request.header.X-Token"],
    "jwtConfiguration": {"issuer": "https://login.example", "audiences": ["service", "other"]},
}
RULES = read_jwt_rules(AUTHORIZER)


def part(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def jwt(claims: Any = GOOD, alg: str = "RS256") -> str:
    return f"{part({'alg': alg})}.{part(claims)}.{part('signature')}"


def claims_of(value: str) -> Any:
    try:
        return RULES.read_token(HttpRequest("GET", "/", headers=(("X-Token", value),)), lambda: NOW).claims
    except WrongTokenError:
        return None


class TestJwtRules:
    def test_are_read_from_the_authorizer(self) -> None:
        read = RULES.issuer, RULES.audiences, RULES.header

        assert read == ("https://login.example", ("service", "other"), "x-token")

    @pytest.mark.parametrize("scheme", ["", "Bearer ", "bearer "])
    def test_return_the_claims(self, scheme: str) -> None:
        assert claims_of(scheme + jwt()) == GOOD

    @pytest.mark.parametrize(
        "change",
        [{"aud": ["x", "other"]}, {"aud": "other"}, {"exp": NOW + 0.5}, {"nbf": NOW}],
        ids=["one of several audiences", "another audience", "a moment left", "from now"],
    )
    def test_accept_variants(self, change: dict[str, Any]) -> None:
        assert claims_of(jwt({**GOOD, **change})) is not None

    def test_accept_a_client_id_in_place_of_an_audience(self) -> None:
        claims = {name: value for name, value in GOOD.items() if name != "aud"} | {"client_id": "service"}

        assert claims_of(jwt(claims)) is not None

    @pytest.mark.parametrize(
        "change",
        [
            {"iss": "https://evil.example"},
            {"aud": "elsewhere"},
            {"aud": [{}]},
            {"aud": None},
            {"exp": NOW},
            {"exp": None},
            {"exp": "late"},
            {"nbf": NOW + 60},
            {"iat": NOW + 60},
        ],
        ids=str,
    )
    def test_refuse_other_claims(self, change: dict[str, Any]) -> None:
        assert claims_of(jwt({**GOOD, **change})) is None

    @pytest.mark.parametrize(
        "value",
        ["", "x", "a.b", "a.b.c", "..", "é.é.é", jwt(alg="none"), jwt(alg="HS256"), jwt([1])],
        ids=["nothing", "a word", "two parts", "no base64", "dots", "no ascii", "unsigned", "shared key", "no object"],
    )
    def test_refuse_other_text(self, value: str) -> None:
        assert claims_of(value) is None
