"""Who may send events to a webhook, and what is made of them."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from tests.contract.websocket_service.payload import shipped

SHOWN = "Bearer the service's"


@pytest.fixture(autouse=True)
def told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ALLOWED_ORIGINS", raising=False)


def request(kind: str = "user.message", body: str = "", shown: str = SHOWN, **more: Any) -> dict[str, Any]:
    own = {"ce-type": f"azure.webpubsub.{kind}", "ce-connectionid": "c1", "authorization": shown}
    method = more.pop("method", "POST")
    headers = {**own, **more.pop("headers", {})}
    return {"headers": headers, "requestContext": {"http": {"method": method}}, "body": body, **more}


class Doorkeeper:
    """Knows one identity."""

    def check(self, authorization: str) -> None:
        """Raises TokenError for every other."""
        if authorization != SHOWN:
            raise shipped("websocket_authorizer", "semantest_tokens").TokenError("no identity is shown")


def upstream() -> Any:
    shipped("websocket_authorizer", "semantest_tokens")
    return shipped("websocket_azure", "semantest_upstream")


class Seen:
    """Keeps the events and answers each with nothing."""

    def __init__(self) -> None:
        self.events: list[Any] = []

    def __call__(self, event: Any) -> dict[str, Any]:
        self.events.append(event)
        answer: dict[str, Any] = upstream().answered(204)
        return answer


def served(call: dict[str, Any]) -> tuple[dict[str, Any], list[Any]]:
    seen = Seen()
    return upstream().served(call, Doorkeeper(), seen), seen.events


class TestServed:
    def test_refuses_who_does_not_show_the_service_s_identity(self, capsys: pytest.CaptureFixture[str]) -> None:
        answer, events = served(request(shown="Bearer a canary"))

        assert (answer["statusCode"], events) == (401, [])
        assert json.loads(capsys.readouterr().out)["refused"] == "no identity is shown"

    def test_tells_the_service_that_it_may_send(self) -> None:
        answer, events = served(
            request(method="OPTIONS", shown="", headers={"webhook-request-origin": "x.webpubsub.azure.com"})
        )

        assert answer["headers"]["WebHook-Allowed-Origin"] == "x.webpubsub.azure.com"
        assert (answer["statusCode"], events) == (200, [])

    def test_refuses_what_is_no_event(self) -> None:
        assert served(request(headers={"ce-type": "other"}))[0]["statusCode"] == 400

    def test_reads_a_message_in_either_form(self) -> None:
        plain = served(request(body="héllo"))[1]
        encoded = served(request(body=base64.b64encode("héllo".encode()).decode(), isBase64Encoded=True))[1]

        assert [event.body for event in (*plain, *encoded)] == ["héllo".encode()] * 2

    @pytest.mark.parametrize(
        ("text", "state"),
        [(base64.b64encode(b'{"sub": "me"}').decode(), {"sub": "me"}), ("", {}), ("%", {}), ("bm8=", {}), ("W10=", {})],
        ids=["claims", "none", "no-base64", "no-json", "no-object"],
    )
    def test_reads_what_the_client_was_let_in_with(self, text: str, state: dict[str, str]) -> None:
        [event] = served(request(headers={"ce-connectionstate": text}))[1]

        assert event.state == state

    def test_leaves_a_line_without_the_message(self, capsys: pytest.CaptureFixture[str]) -> None:
        served(request(body="a canary"))

        line = json.loads(capsys.readouterr().out)
        assert line == {"event": "azure.webpubsub.user.message", "connection": "c1", "status": 204}


class TestLetIn:
    def test_gives_the_service_what_comes_back_with_each_event(self) -> None:
        answer = upstream().let_in("me", {"claims": {"sub": "me"}})

        [event] = served(request(headers={"ce-connectionstate": answer["headers"]["ce-connectionState"]}))[1]
        assert (json.loads(answer["body"]), event.state) == ({"userId": "me"}, {"claims": {"sub": "me"}})
