"""Which tokens pass, without the issuer's keys."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from semantest_iac.domain.networking.http_exchange import HttpRequest
from semantest_iac.infrastructure.local_service.aws.api_frontend import JwtRules, read_jwt_rules

NOW = 1_800_000_000
GOOD = {"iss": "https://login.example", "aud": "service", "exp": NOW + 60, "sub": "ann"}
AUTHORIZER = {
    "identitySources": ["$request.header.X-Token"],
    "jwtConfiguration": {"issuer": "https://login.example", "audiences": ["service", "other"]},
}
RULES = JwtRules("https://login.example", ("service", "other"), "x-token")


def part(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def token(claims: Any = GOOD, alg: str = "RS256") -> str:
    return f"{part({'alg': alg})}.{part(claims)}.{part('signature')}"


def claims_of(value: str) -> Any:
    return RULES.claims(HttpRequest("GET", "/", headers=(("X-Token", value),)), lambda: NOW)


class TestTokenRules:
    def test_are_read_of_the_authorizer(self) -> None:
        assert read_jwt_rules(AUTHORIZER) == RULES

    @pytest.mark.parametrize("scheme", ["", "Bearer ", "bearer "])
    def test_give_the_claims(self, scheme: str) -> None:
        assert claims_of(scheme + token()) == GOOD

    @pytest.mark.parametrize(
        "change",
        [{"aud": ["x", "other"]}, {"aud": "other"}, {"exp": NOW + 0.5}, {"nbf": NOW}],
        ids=["one of several audiences", "another audience", "a moment left", "from now"],
    )
    def test_accept(self, change: dict[str, Any]) -> None:
        assert claims_of(token({**GOOD, **change})) is not None

    def test_accept_a_client_in_place_of_an_audience(self) -> None:
        claims = {name: value for name, value in GOOD.items() if name != "aud"} | {"client_id": "service"}

        assert claims_of(token(claims)) is not None

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
    def test_refuse(self, change: dict[str, Any]) -> None:
        assert claims_of(token({**GOOD, **change})) is None

    @pytest.mark.parametrize(
        "value",
        ["", "x", "a.b", "a.b.c", "..", "é.é.é", token(alg="none"), token(alg="HS256"), token([1])],
        ids=["nothing", "a word", "two parts", "no base64", "dots", "no ascii", "unsigned", "shared key", "no object"],
    )
    def test_refuse_what_is_no_token(self, value: str) -> None:
        assert claims_of(value) is None
