"""How clients are admitted on Azure: with their own token, or with a negotiated client token."""

from __future__ import annotations

import base64
import json
import time
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.contract.websocket_service.payload import import_payload

ENDPOINT = "wss://x.webpubsub.azure.com/client/hubs/semantest"
CLAIMS = {"sub": "ann", "clientType": "cli"}


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEMANTEST_CLIENTS_ENDPOINT", ENDPOINT)
    monkeypatch.delenv("ALLOWED_ORIGINS", raising=False)


def admission() -> Any:
    import_payload("websocket_authorizer", "semantest_tokens")
    return import_payload("websocket_azure", "semantest_admission")


def refusal(reason: str) -> Exception:
    error: Exception = import_payload("websocket_authorizer", "semantest_tokens").TokenError(reason)
    return error


class FakeHub:
    """Web PubSub, which issues a token for every request."""

    def __init__(self, status: int = 200) -> None:
        self.paths: list[str] = []
        self._status = status

    def __call__(self, method: str, path: str, body: bytes = b"", headers: object = None) -> Any:
        self.paths.append(path)
        return import_payload("websocket_azure", "semantest_azure").Reply(self._status, {}, b'{"token": "access"}')

    def last_query(self) -> dict[str, list[str]]:
        return parse_qs(urlsplit(self.paths[-1]).query)


def negotiate(
    claims: Any = CLAIMS, hub: FakeHub | None = None, method: str = "GET", **headers: str
) -> tuple[dict[str, Any], list[str]]:
    """The response, and the tokens that were verified."""
    verified: list[str] = []

    def verify(token: str) -> Any:
        verified.append(token)
        if isinstance(claims, Exception):
            raise claims
        return claims

    query = headers.pop("query", "")
    request = {"headers": headers, "requestContext": {"http": {"method": method}}, "rawPath": "/negotiate"}
    parameters = {"queryStringParameters": {"token": query}} if query else {}
    client = import_payload("websocket_azure", "semantest_azure").Hub(hub or FakeHub())
    return admission().negotiate(request | parameters, verify, client), verified


def event(user: str = "", **handshake: Any) -> Any:
    body = json.dumps(handshake).encode()
    return import_payload("websocket_azure", "semantest_cloudevents").Event("connect", "c1", body, {}, user)


def state_of(answer: dict[str, Any]) -> dict[str, Any]:
    state: dict[str, Any] = json.loads(base64.b64decode(answer["headers"]["ce-connectionState"]))
    return state


class TestNegotiate:
    @pytest.mark.parametrize("method", ["GET", "POST"])
    def test_returns_a_url_with_an_access_token(self, method: str) -> None:
        answer, _ = negotiate(method=method)

        body = {"url": f"{ENDPOINT}?access_token=access", "baseUrl": ENDPOINT, "accessToken": "access"}
        assert (answer["statusCode"], json.loads(answer["body"])) == (200, body)
        assert answer["headers"]["cache-control"] == "no-store"

    @pytest.mark.parametrize(
        ("headers", "token"),
        [
            ({"authorization": "Bearer t"}, "t"),
            ({"authorization": "bearer t", "query": "other"}, "t"),
            ({"query": "t"}, "t"),
            ({"authorization": "Basic t"}, ""),
            ({}, ""),
        ],
        ids=["header", "header-first", "query", "other-kind", "none"],
    )
    def test_verifies_the_token_of_the_request(self, headers: dict[str, Any], token: str) -> None:
        assert negotiate(**headers)[1] == [token]

    def test_stores_the_claims_in_the_user_name(self) -> None:
        hub = FakeHub()
        negotiate(hub=hub)

        assert admission().claims_of_user(hub.last_query()["userId"][0]) == CLAIMS

    def test_names_no_user_if_tokens_are_not_required(self) -> None:
        hub = FakeHub()
        negotiate(None, hub)

        assert "userId" not in hub.last_query()

    @pytest.mark.parametrize(("left", "minutes"), [(3600, 5), (130, 3), (1, 1), (-20, 1)], ids=str)
    def test_limits_the_lifetime_to_that_of_the_token(self, left: int, minutes: int) -> None:
        hub = FakeHub()
        negotiate({"exp": int(time.time()) + left}, hub)

        assert hub.last_query()["minutesToExpire"] == [str(minutes)]

    def test_refuses_an_invalid_token_and_logs_the_reason(self, capsys: pytest.CaptureFixture[str]) -> None:
        answer, _ = negotiate(refusal("it has expired"), query="a-canary")

        printed = capsys.readouterr().out
        assert (answer["statusCode"], json.loads(printed)["refused"]) == (401, "it has expired")
        assert "a-canary" not in printed + json.dumps(answer)

    def test_refuses_a_token_with_too_large_claims(self) -> None:
        assert negotiate({"sub": "x" * 1024})[0]["statusCode"] == 401

    def test_fails_if_the_service_issues_none(self) -> None:
        with pytest.raises(Exception, match="Azure answered 403"):
            negotiate(hub=FakeHub(403))

    @pytest.mark.parametrize("method", ["PUT", "DELETE", "HEAD"])
    def test_accepts_only_two_methods(self, method: str) -> None:
        answer, verified = negotiate(method=method)

        assert (answer["statusCode"], answer["headers"]["allow"], verified) == (405, "GET, POST", [])


class TestOrigins:
    ORIGIN = "chrome-extension://abc"

    @pytest.fixture(autouse=True)
    def allow_origins(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("ALLOWED_ORIGINS", f"https://a.example, {self.ORIGIN}")

    @pytest.mark.parametrize("claims", [CLAIMS, refusal("x")], ids=["admitted", "refused"])
    def test_that_are_allowed_may_read_the_answer(self, claims: Any) -> None:
        headers = negotiate(claims, origin=self.ORIGIN)[0]["headers"]

        assert (headers["access-control-allow-origin"], headers["vary"]) == (self.ORIGIN, "origin")

    def test_that_are_allowed_may_send_a_token(self) -> None:
        answer, verified = negotiate(method="OPTIONS", origin=self.ORIGIN)

        assert (answer["statusCode"], verified) == (204, [])
        assert "authorization" in answer["headers"]["access-control-allow-headers"]

    @pytest.mark.parametrize("method", ["OPTIONS", "GET"])
    @pytest.mark.parametrize("origin", ["https://evil.example", "null"])
    def test_that_are_not_allowed_are_refused(self, method: str, origin: str) -> None:
        answer, verified = negotiate(method=method, origin=origin)

        assert (answer["statusCode"], verified) == (403, [])
        assert "access-control-allow-origin" not in answer["headers"]

    def test_get_no_cors_headers_without_an_origin(self) -> None:
        assert "access-control-allow-origin" not in negotiate()[0]["headers"]

    @pytest.mark.parametrize(
        ("origin", "listed", "is_allowed"),
        [
            ("https://a.example", "", True),
            ("https://a.example", "https://a.example, https://b.example", True),
            ("https://evil.example", "*", True),
            ("", "https://a.example", True),
            ("https://evil.example", "https://a.example", False),
            ("null", "https://a.example", False),
        ],
        ids=["no-list", "listed", "star", "no-origin", "another", "null"],
    )
    def test_are_allowed_if_listed(
        self, origin: str, listed: str, is_allowed: bool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("ALLOWED_ORIGINS", listed)

        origin_of_event = admission().origin_of(event(headers={"Origin": [origin]} if origin else {}))
        assert admission().is_allowed_origin(origin_of_event) is is_allowed


class TestClaimsOfUser:
    @pytest.mark.parametrize("user", ["ann", "", "semantest", "semantest.!", "semantest.YQ"])
    def test_refuses_other_user_names(self, user: str) -> None:
        with pytest.raises(type(refusal(""))):
            admission().claims_of_user(user)


class TestAdmit:
    def test_names_an_anonymous_client_by_its_connection(self) -> None:
        answer = admission().admit(event())

        assert json.loads(answer["body"]) == {"userId": "c1"}
        assert state_of(answer).keys() == {"since"}

    def test_keeps_the_user_of_an_access_token(self) -> None:
        answer = admission().admit(event("semantest.x"), CLAIMS)

        assert json.loads(answer["body"]) == {"userId": "semantest.x"}

    def test_stores_the_handshake_without_tokens(self) -> None:
        query = {"room": ["1"], "token": ["a-canary"], "access_token": ["a-canary"]}
        headers = {"Origin": ["https://a.example"], "Cookie": ["a-canary"], "User-Agent": ["x"]}

        state = state_of(admission().admit(event(query=query, headers=headers), CLAIMS))
        assert (state["claims"], state["query"]) == (CLAIMS, {"room": ["1"]})
        assert state["headers"] == {"Origin": ["https://a.example"], "User-Agent": ["x"]}

    def test_stores_no_handshake_that_is_too_large(self) -> None:
        state = state_of(admission().admit(event(query={"room": ["x" * 5000]}), CLAIMS))

        assert state.keys() == {"since", "claims"}
