"""Who may call: keys, basic authentication, tokens and addresses; what the clouds answer to others is in `EXPECTED`."""

from __future__ import annotations

import json
from typing import Any

import pytest

from semantest_iac.domain.networking.http_exchange import HttpRequest, parse_query
from semantest_iac.infrastructure.local_service.api_frontend import CorsRules
from semantest_iac.infrastructure.local_service.gateway.rules import BasicLogin, EnforcedRoute, RefusalReason
from semantest_iac.infrastructure.local_service.tokens.json_web_tokens import JwtRules, KeyFetching
from tests.contract.managed_gateway.gateways import (
    CLOUDS,
    NOW,
    ROUTES,
    SERVICE,
    key_of,
    login_of,
    make_gateway,
)
from tests.issuers import Issuer

LOGIN = BasicLogin("semantest", "correct horse")
CORS = CorsRules(["https://app.example"], headers=["authorization", "x-api-key"])
ORIGIN = {"origin": "https://app.example"}
ISSUER = Issuer()
TOKEN_RULES = JwtRules(ISSUER.url, ("orders",), fetching=KeyFetching(3600, 300, 300))
EXPECTED = {
    "aws": {
        RefusalReason.NO_ROUTE: 403,
        RefusalReason.NO_KEY: 403,
        RefusalReason.WRONG_KEY: 403,
        RefusalReason.UNREACHABLE: 504,
    },
    "azure": {
        RefusalReason.NO_ROUTE: 404,
        RefusalReason.NO_KEY: 401,
        RefusalReason.WRONG_KEY: 401,
        RefusalReason.UNREACHABLE: 500,
    },
}


def token(**changes: Any) -> dict[str, str]:
    text = ISSUER.sign(**{"aud": "orders", "exp": NOW + 60, **changes})
    return {"authorization": f"Bearer {text}"}


class TestRefusals:
    def test_are_worded_for_every_reason(self, cloud: str) -> None:
        assert CLOUDS[cloud].keys() == set(RefusalReason)
        assert all(json.loads(refusal.body) for refusal in CLOUDS[cloud].values())


class TestKeys:
    async def test_let_requests_pass(self, cloud: str) -> None:
        gateway = make_gateway(cloud, needs_key=True)

        assert (await gateway.call(headers=key_of("web"))).status == 200

    @pytest.mark.parametrize(
        ("headers", "reason"),
        [({}, RefusalReason.NO_KEY), (key_of("nobody"), RefusalReason.WRONG_KEY)],
        ids=["no key", "wrong key"],
    )
    async def test_are_required(self, cloud: str, headers: dict[str, str], reason: RefusalReason) -> None:
        gateway = make_gateway(cloud, needs_key=True)
        answer = await gateway.call(headers=headers)

        assert answer.status == EXPECTED[cloud][reason]
        assert gateway.backend.received == []

    async def test_open_only_the_apis_of_their_product(self, cloud: str) -> None:
        gateway = make_gateway(cloud, more={"routes": {**ROUTES, "GET /users": EnforcedRoute("users", SERVICE)}})
        answer = await gateway.call("/users", headers=key_of("web"))

        assert answer.status == EXPECTED[cloud][RefusalReason.WRONG_KEY]

    async def test_may_come_as_a_parameter_where_it_is_named(self, cloud: str) -> None:
        gateway = make_gateway(cloud, needs_key=True, more={"key_parameter": "subscription-key"})

        assert (await gateway.call(query={"subscription-key": "key-of-web"})).status == 200
        assert (await gateway.call(query={"key": "key-of-web"})).status == EXPECTED[cloud][RefusalReason.NO_KEY]

    async def test_as_parameters_are_kept_from_the_backend(self, cloud: str) -> None:
        gateway = make_gateway(
            cloud, needs_key=True, removed_parameters=("x-api-key",), more={"key_parameter": "x-api-key"}
        )
        raw = "a=1&x-api%2Dkey=key-of-web&b=%20"
        await gateway.played.answer(HttpRequest("GET", "/orders", parse_query(raw), raw_query=raw))
        [received] = gateway.backend.received

        assert (received.query, received.query_string) == ((("a", "1"), ("b", " ")), "a=1&b=%20")

    async def test_appear_in_no_text_of_the_rules(self, cloud: str) -> None:
        gateway = make_gateway(cloud, login=LOGIN)

        assert "key-of-web" not in repr(gateway.rules)
        assert LOGIN.password not in repr(gateway.rules)


class TestLogin:
    async def test_lets_requests_pass(self, cloud: str) -> None:
        gateway = make_gateway(cloud, needs_key=True, login=LOGIN)
        headers = {**key_of("web"), **login_of("semantest", "correct horse")}

        assert (await gateway.call(headers=headers)).status == 200

    @pytest.mark.parametrize(
        "headers",
        [{}, login_of("semantest", "wrong"), login_of("other", "correct horse"), {"authorization": "Basic %%%"}],
        ids=["none", "password", "user", "no base64"],
    )
    async def test_is_required(self, cloud: str, headers: dict[str, str]) -> None:
        gateway = make_gateway(cloud, needs_key=True, login=LOGIN)

        assert (await gateway.call(headers={**key_of("web"), **headers})).status == 401
        assert gateway.backend.received == []

    @pytest.mark.parametrize("first", ["semantest", "somebody"])
    async def test_is_refused_beside_another_one(self, cloud: str, first: str) -> None:
        """A service could look at another one of them than the gateway does."""
        gateway = make_gateway(cloud, login=LOGIN)
        users = (first, {"semantest": "somebody"}.get(first, "semantest"))
        headers = tuple(pair for user in users for pair in login_of(user, "correct horse").items())

        assert (await gateway.played.answer(HttpRequest("GET", "/orders", headers=headers))).response.status == 401


class TestTokens:
    async def test_let_requests_pass(self, cloud: str) -> None:
        gateway = make_gateway(cloud, token=TOKEN_RULES)

        assert (await gateway.call(headers=token())).status == 200

    @pytest.mark.parametrize(
        "headers",
        [
            {},
            token(iss="https://other.example"),
            token(aud="users"),
            token(exp=NOW - 1),
            token(signer="2"),
            token(header={"kid": "2"}),
            token(header={"alg": "none"}),
            token(header={"alg": "HS256"}),
            token(header={"crit": ["exp"]}),
            {"authorization": "Bearer x"},
            {"authorization": token()["authorization"].removeprefix("Bearer ")},
        ],
        ids=[
            "none",
            "issuer",
            "audience",
            "expired",
            "forged",
            "unknown key",
            "unsigned",
            "shared key",
            "critical",
            "no token",
            "no scheme",
        ],
    )
    async def test_are_required(self, cloud: str, headers: dict[str, str]) -> None:
        gateway = make_gateway(cloud, token=TOKEN_RULES)

        assert (await gateway.call(headers=headers)).status == 401
        assert gateway.backend.received == []

    async def test_are_refused_while_their_issuer_is_gone_and_the_log_says_so(self, cloud: str) -> None:
        gateway = make_gateway(cloud, token=TOKEN_RULES)
        gateway.issuer.fault = OSError("no route")
        answer = await gateway.played.answer(HttpRequest("GET", "/orders", headers=tuple(token().items())))

        assert answer.response.status == 401
        assert answer.notes == (f"The token was refused: the keys of {ISSUER.url} are not available (no route).",)

    async def test_are_refused_beside_another_one(self, cloud: str) -> None:
        gateway = make_gateway(cloud, token=TOKEN_RULES)
        headers = (*token().items(), *token(sub="admin").items())

        assert (await gateway.played.answer(HttpRequest("GET", "/orders", headers=headers))).response.status == 401


class TestAddresses:
    @pytest.mark.parametrize(
        ("client", "status"),
        [("203.0.113.7", 200), ("198.51.100.9", 200), ("198.51.101.9", 403), ("::1", 403), ("", 403)],
    )
    async def test_are_filtered(self, cloud: str, client: str, status: int) -> None:
        gateway = make_gateway(cloud, allowed_addresses=("203.0.113.7", "198.51.100.0/24"))

        assert (await gateway.call(client=client)).status == status


class TestRoutes:
    @pytest.mark.parametrize(("method", "path"), [("DELETE", "/orders"), ("GET", "/other"), ("GET", "/orders/1/2")])
    async def test_that_are_missing_are_refused(self, cloud: str, method: str, path: str) -> None:
        answer = await make_gateway(cloud).call(path, method)

        assert answer.status == EXPECTED[cloud][RefusalReason.NO_ROUTE]

    @pytest.mark.parametrize(
        ("dropped", "prefix", "received"),
        [("", "", "/orders/a%20b"), ("/orders", "", "/a%20b"), ("/orders", "/v2/items", "/v2/items/a%20b")],
    )
    async def test_rewrite_the_path(self, cloud: str, dropped: str, prefix: str, received: str) -> None:
        route = EnforcedRoute("orders", SERVICE, dropped, prefix)
        gateway = make_gateway(cloud, more={"routes": {"GET /orders/{id}": route}})
        await gateway.call("/orders/a%20b")

        assert [request.path for request in gateway.backend.received] == [received]

    async def test_are_below_the_base_path(self, cloud: str) -> None:
        gateway = make_gateway(cloud, more={"base_path": "/live"})
        answers = [(await gateway.call(path)).status for path in ("/live/orders", "/orders", "/livelier/orders")]

        missing = EXPECTED[cloud][RefusalReason.NO_ROUTE]
        assert answers == [200, missing, missing]


class TestBackends:
    async def test_that_are_gone_are_reported(self, cloud: str) -> None:
        gateway = make_gateway(cloud)
        gateway.backend.is_gone = True
        answer = await gateway.played.answer(HttpRequest("GET", "/orders"))

        assert answer.response.status == EXPECTED[cloud][RefusalReason.UNREACHABLE]
        assert answer.notes == ("'orders-api' does not run.",)

    async def test_that_are_slow_are_not_waited_for(self, cloud: str) -> None:
        gateway = make_gateway(cloud, more={"timeout_s": 0.01})
        gateway.backend.delay_s = 60

        assert (await gateway.call()).status == EXPECTED[cloud][RefusalReason.UNREACHABLE]

    async def test_learn_the_address_of_the_client(self, cloud: str) -> None:
        gateway = make_gateway(cloud)
        await gateway.call(client="203.0.113.7", headers={"X-Forwarded-For": "198.51.100.1"})

        assert gateway.backend.received[0].header("x-forwarded-for") == "198.51.100.1, 203.0.113.7"


class TestCors:
    async def test_preflights_need_neither_key_nor_login(self, cloud: str) -> None:
        gateway = make_gateway(cloud, needs_key=True, login=LOGIN, cors=CORS)
        answer = await gateway.call(method="OPTIONS", headers={**ORIGIN, "access-control-request-method": "POST"})

        assert answer.status == 204
        assert dict(answer.headers)["access-control-allow-origin"] == "https://app.example"
        assert gateway.backend.received == []

    async def test_lets_a_page_read_answers_and_refusals(self, cloud: str) -> None:
        gateway = make_gateway(cloud, needs_key=True, cors=CORS)
        answers = [await gateway.call(headers={**ORIGIN, **more}) for more in ({}, key_of("web"))]

        allowed = [dict(answer.headers)["access-control-allow-origin"] for answer in answers]
        assert allowed == ["https://app.example"] * 2
