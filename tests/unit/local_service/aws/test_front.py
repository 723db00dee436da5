"""What API Gateway asks of a request before a function sees it, by what is deployed."""

from __future__ import annotations

import base64
import json
import time
from pathlib import Path
from typing import Any

import pytest

from semantest_iac.domain.networking.http_exchange import HttpRequest
from semantest_iac.domain.resource import DeployedResource
from semantest_iac.infrastructure.local_service.api_frontend import AdmissionResult, ApiFrontend
from semantest_iac.infrastructure.local_service.aws.api_frontend import build_api_frontend

GATEWAY = "aws:apigatewayv2"
CLAIMS = {"iss": "https://login.example", "aud": ["service", "x"], "exp": 4_000_000_000, "admin": True}


def deployed(**function: Any) -> ApiFrontend:
    told: dict[str, Any] = {
        "arn": "arn:aws:lambda:us-east-1:123456789012:function:f",
        "sourceCodeHash": "",
        "handler": "app.handler",
    }
    told |= {"runtime": "python3.13", "memorySize": 128, "timeout": 20, "version": "3", **function}
    jwt = {"jwtConfiguration": {"issuer": "https://login.example", "audiences": ["service"]}}
    resources: dict[str, list[dict[str, Any]]] = {
        f"{GATEWAY}/api:Api": [{"apiEndpoint": "https://abc.execute-api.us-east-1.amazonaws.com"}],
        f"{GATEWAY}/route:Route": [
            {"routeKey": "GET /open", "authorizationType": "NONE"},
            {"routeKey": "ANY /locked", "authorizationType": "JWT"},
        ],
        f"{GATEWAY}/authorizer:Authorizer": [{**jwt, "identitySources": ["$request.header.Authorization"]}],
        f"{GATEWAY}/integration:Integration": [{"timeoutMilliseconds": 29_000}],
        f"{GATEWAY}/stage:Stage": [{"defaultRouteSettings": {"throttlingRateLimit": 0.001, "throttlingBurstLimit": 2}}],
        "aws:lambda/function:Function": [told],
    }
    found = build_api_frontend(
        [DeployedResource(type_, "n", it) for type_, all_ in resources.items() for it in all_], Path
    )
    assert found is not None
    return found


def token(**changes: Any) -> str:
    parts = ({"alg": "RS256"}, {**CLAIMS, **changes}, "signature")
    return ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts)


def asked(api: ApiFrontend, path: str, *, bearer: str = "", client: str = "127.0.0.1") -> AdmissionResult:
    headers = (("Authorization", f"Bearer {bearer}"),) if bearer else ()
    return api.admit(HttpRequest("GET", path, headers=headers, client=client))


def status(arrival: AdmissionResult) -> int | None:
    return arrival.refusal.status if arrival.refusal else None


class TestAdmission:
    def test_refuses_what_no_route_takes(self) -> None:
        assert status(asked(deployed(), "/nowhere")) == 404

    def test_refuses_what_is_beyond_the_burst_of_a_route(self) -> None:
        api = deployed()

        assert [status(asked(api, "/open")) for _ in range(3)] == [None, None, 429]
        assert status(asked(api, "/locked")) == 401

    @pytest.mark.parametrize(
        "bearer",
        ["", "x.y.z", token(iss="https://evil.example"), token(aud="other"), token(exp=time.time() - 1)],
        ids=["none", "no token", "another issuer", "another audience", "expired"],
    )
    def test_refuses_tokens(self, bearer: str) -> None:
        assert status(asked(deployed(), "/locked", bearer=bearer)) == 401

    def test_hands_claims_on_and_says_what_it_did_not_check(self) -> None:
        arrival = asked(deployed(), "/locked", bearer=token())

        told = arrival.event["requestContext"]["authorizer"]["jwt"]["claims"]
        assert told == {"iss": "https://login.example", "aud": "[service x]", "exp": "4000000000", "admin": "true"}
        assert "signature was not checked" in arrival.note

    def test_tells_where_a_request_came_from(self) -> None:
        arrival = asked(deployed(), "/open", client="127.0.0.9")

        assert arrival.event["requestContext"]["http"]["sourceIp"] == "127.0.0.9"


class TestFunction:
    @pytest.mark.parametrize(("reserved", "instances"), [(-1, 0), (None, 0), (5, 5)], ids=["open", "unsaid", "five"])
    def test_runs_as_often_as_is_reserved(self, reserved: int | None, instances: int) -> None:
        assert deployed(reservedConcurrentExecutions=reserved).function().instances == instances

    def test_is_waited_for_as_long_as_its_integration(self) -> None:
        assert deployed().longest_s == 29
