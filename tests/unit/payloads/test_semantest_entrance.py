"""How clients come in on Azure, straight to the hub or by way of a negotiation."""

from __future__ import annotations

import base64
import json
import time
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.contract.websocket_service.payload import shipped

ENDPOINT = "wss://x.webpubsub.azure.com/client/hubs/semantest"
CLAIMS = {"sub": "ann", "clientType": "cli"}


@pytest.fixture(autouse=True)
def told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEMANTEST_CLIENTS_ENDPOINT", ENDPOINT)
    monkeypatch.delenv("ALLOWED_ORIGINS", raising=False)


def entrance() -> Any:
    shipped("websocket_authorizer", "semantest_tokens")
    return shipped("websocket_azure", "semantest_entrance")


def refusal(reason: str) -> Exception:
    error: Exception = shipped("websocket_authorizer", "semantest_tokens").TokenError(reason)
    return error


class FakeHub:
    """Web PubSub, which gives a token out for whatever it is asked for."""

    def __init__(self, status: int = 200) -> None:
        self.asked: list[str] = []
        self._status = status

    def __call__(self, method: str, path: str, body: bytes = b"", headers: object = None) -> Any:
        """One request."""
        self.asked.append(path)
        return shipped("websocket_azure", "semantest_azure").Reply(self._status, {}, b'{"token": "access"}')

    def question(self) -> dict[str, list[str]]:
        """What the last request asks for."""
        return parse_qs(urlsplit(self.asked[-1]).query)


def negotiated(
    claims: Any = CLAIMS, hub: FakeHub | None = None, method: str = "GET", **headers: str
) -> tuple[dict[str, Any], list[str]]:
    """The answer, and the tokens that were judged."""
    judged: list[str] = []

    def judge(token: str) -> Any:
        judged.append(token)
        if isinstance(claims, Exception):
            raise claims
        return claims

    query = headers.pop("query", "")
    request = {"headers": headers, "requestContext": {"http": {"method": method}}, "rawPath": "/negotiate"}
    shown = {"queryStringParameters": {"token": query}} if query else {}
    asked = shipped("websocket_azure", "semantest_hub").Hub(hub or FakeHub())
    return entrance().negotiated(request | shown, judge, asked), judged


def event(user: str = "", **handshake: Any) -> Any:
    body = json.dumps(handshake).encode()
    return shipped("websocket_azure", "semantest_upstream").Event("connect", "c1", body, {}, user)


def state_of(answer: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(base64.b64decode(answer["headers"]["ce-connectionState"]))
    return found


class TestNegotiated:
    @pytest.mark.parametrize("method", ["GET", "POST"])
    def test_gives_an_address_with_an_access_token(self, method: str) -> None:
        answer, _ = negotiated(method=method)

        told = {"url": f"{ENDPOINT}?access_token=access", "baseUrl": ENDPOINT, "accessToken": "access"}
        assert (answer["statusCode"], json.loads(answer["body"])) == (200, told)
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
    def test_judges_the_token_that_is_shown(self, headers: dict[str, Any], token: str) -> None:
        assert negotiated(**headers)[1] == [token]

    def test_carries_what_the_token_says_in_the_name_of_the_user(self) -> None:
        hub = FakeHub()
        negotiated(hub=hub)

        assert entrance().claims_of(hub.question()["userId"][0]) == CLAIMS

    def test_names_nobody_where_nothing_is_known(self) -> None:
        hub = FakeHub()
        negotiated(None, hub)

        assert "userId" not in hub.question()

    @pytest.mark.parametrize(("left", "minutes"), [(3600, 5), (130, 3), (1, 1), (-20, 1)], ids=str)
    def test_gives_minutes_and_no_more_than_are_left(self, left: int, minutes: int) -> None:
        hub = FakeHub()
        negotiated({"exp": int(time.time()) + left}, hub)

        assert hub.question()["minutesToExpire"] == [str(minutes)]

    def test_refuses_a_token_that_does_not_count_and_says_why_in_the_log(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        answer, _ = negotiated(refusal("its time is over"), query="a-canary")

        printed = capsys.readouterr().out
        assert (answer["statusCode"], json.loads(printed)["refused"]) == (401, "its time is over")
        assert "a-canary" not in printed + json.dumps(answer)

    def test_refuses_a_token_that_says_more_than_can_be_carried(self) -> None:
        assert negotiated({"sub": "x" * 1024})[0]["statusCode"] == 401

    def test_fails_where_the_service_gives_none(self) -> None:
        with pytest.raises(Exception, match="Azure answered 403"):
            negotiated(hub=FakeHub(403))

    @pytest.mark.parametrize("method", ["PUT", "DELETE", "HEAD"])
    def test_is_asked_for_in_two_ways(self, method: str) -> None:
        answer, judged = negotiated(method=method)

        assert (answer["statusCode"], answer["headers"]["allow"], judged) == (405, "GET, POST", [])


class TestPages:
    PAGE = "chrome-extension://abc"

    @pytest.fixture(autouse=True)
    def listed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("ALLOWED_ORIGINS", f"https://a.example, {self.PAGE}")

    @pytest.mark.parametrize("claims", [CLAIMS, refusal("x")], ids=["let-in", "refused"])
    def test_on_the_list_may_read_the_answer(self, claims: Any) -> None:
        headers = negotiated(claims, origin=self.PAGE)[0]["headers"]

        assert (headers["access-control-allow-origin"], headers["vary"]) == (self.PAGE, "origin")

    def test_on_the_list_may_send_a_token(self) -> None:
        answer, judged = negotiated(method="OPTIONS", origin=self.PAGE)

        assert (answer["statusCode"], judged) == (204, [])
        assert "authorization" in answer["headers"]["access-control-allow-headers"]

    @pytest.mark.parametrize("method", ["OPTIONS", "GET"])
    @pytest.mark.parametrize("page", ["https://evil.example", "null"])
    def test_of_others_are_refused(self, method: str, page: str) -> None:
        answer, judged = negotiated(method=method, origin=page)

        assert (answer["statusCode"], judged) == (403, [])
        assert "access-control-allow-origin" not in answer["headers"]

    def test_are_not_told_of_where_nobody_asks_from_one(self) -> None:
        assert "access-control-allow-origin" not in negotiated()[0]["headers"]

    @pytest.mark.parametrize(
        ("origin", "allowed", "welcome"),
        [
            ("https://a.example", "", True),
            ("https://a.example", "https://a.example, https://b.example", True),
            ("https://evil.example", "*", True),
            ("", "https://a.example", True),
            ("https://evil.example", "https://a.example", False),
            ("null", "https://a.example", False),
        ],
        ids=["no-list", "listed", "star", "no-page", "another", "null"],
    )
    def test_are_welcome_when_listed(
        self, origin: str, allowed: str, welcome: bool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("ALLOWED_ORIGINS", allowed)

        found = entrance().origin_of(event(headers={"Origin": [origin]} if origin else {}))
        assert entrance().is_welcome(found) is welcome


class TestClaimsOf:
    @pytest.mark.parametrize("user", ["ann", "", "semantest", "semantest.!", "semantest.YQ"])
    def test_are_those_of_names_that_were_given_here(self, user: str) -> None:
        with pytest.raises(type(refusal(""))):
            entrance().claims_of(user)


class TestAdmitted:
    def test_gives_a_client_of_whom_nothing_is_known_a_name_all_the_same(self) -> None:
        answer = entrance().admitted(event())

        assert json.loads(answer["body"]) == {"userId": "c1"}
        assert state_of(answer).keys() == {"since"}

    def test_keeps_the_name_that_an_access_token_gave(self) -> None:
        answer = entrance().admitted(event("semantest.x"), CLAIMS)

        assert json.loads(answer["body"]) == {"userId": "semantest.x"}

    def test_remembers_what_the_client_asked_without_its_tokens(self) -> None:
        query = {"room": ["1"], "token": ["a-canary"], "access_token": ["a-canary"]}
        headers = {"Origin": ["https://a.example"], "Cookie": ["a-canary"], "User-Agent": ["x"]}

        state = state_of(entrance().admitted(event(query=query, headers=headers), CLAIMS))
        assert (state["claims"], state["query"]) == (CLAIMS, {"room": ["1"]})
        assert state["headers"] == {"Origin": ["https://a.example"], "User-Agent": ["x"]}

    def test_forgets_what_is_too_much_to_remember(self) -> None:
        state = state_of(entrance().admitted(event(query={"room": ["x" * 5000]}), CLAIMS))

        assert state.keys() == {"since", "claims"}
