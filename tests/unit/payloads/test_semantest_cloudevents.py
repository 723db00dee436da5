"""Receiving Web PubSub's events: whose are accepted, and how they are read."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from tests.contract.websocket_service.payload import import_payload

SERVICE_TOKEN = "Bearer the service's"


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ALLOWED_ORIGINS", raising=False)


def request(
    kind: str = "user.message", body: str = "", authorization: str = SERVICE_TOKEN, **more: Any
) -> dict[str, Any]:
    own = {"ce-type": f"azure.webpubsub.{kind}", "ce-connectionid": "c1", "authorization": authorization}
    method = more.pop("method", "POST")
    headers = {**own, **more.pop("headers", {})}
    return {"headers": headers, "requestContext": {"http": {"method": method}}, "body": body, **more}


class FakeSender:
    """Accepts one token."""

    def check(self, authorization: str) -> None:
        if authorization != SERVICE_TOKEN:
            raise import_payload("websocket_authorizer", "semantest_tokens").TokenError("there is no identity token")


def cloudevents() -> Any:
    import_payload("websocket_authorizer", "semantest_tokens")
    return import_payload("websocket_azure", "semantest_cloudevents")


class FakeHandler:
    """Records events and answers each with 204."""

    def __init__(self) -> None:
        self.events: list[Any] = []

    def __call__(self, event: Any) -> dict[str, Any]:
        self.events.append(event)
        response: dict[str, Any] = cloudevents().build_response(204)
        return response


def receive(call: dict[str, Any]) -> tuple[dict[str, Any], list[Any]]:
    handler = FakeHandler()
    return cloudevents().receive_event(call, FakeSender(), handler), handler.events


class TestReceiveEvent:
    def test_refuses_another_sender(self, capsys: pytest.CaptureFixture[str]) -> None:
        answer, events = receive(request(authorization="Bearer a canary"))

        assert (answer["statusCode"], events) == (401, [])
        assert json.loads(capsys.readouterr().out)["refused"] == "there is no identity token"

    def test_gives_the_service_permission_to_send(self) -> None:
        answer, events = receive(
            request(method="OPTIONS", authorization="", headers={"webhook-request-origin": "x.webpubsub.azure.com"})
        )

        assert answer["headers"]["WebHook-Allowed-Origin"] == "x.webpubsub.azure.com"
        assert (answer["statusCode"], events) == (200, [])

    def test_refuses_other_requests(self) -> None:
        assert receive(request(headers={"ce-type": "other"}))[0]["statusCode"] == 400

    def test_reads_a_message_in_either_form(self) -> None:
        plain = receive(request(body="héllo"))[1]
        encoded = receive(request(body=base64.b64encode("héllo".encode()).decode(), isBase64Encoded=True))[1]

        assert [event.body for event in (*plain, *encoded)] == ["héllo".encode()] * 2

    @pytest.mark.parametrize(
        ("text", "state"),
        [(base64.b64encode(b'{"sub": "me"}').decode(), {"sub": "me"}), ("", {}), ("%", {}), ("bm8=", {}), ("W10=", {})],
        ids=["claims", "none", "no-base64", "no-json", "no-object"],
    )
    def test_reads_the_state_of_the_connection(self, text: str, state: dict[str, str]) -> None:
        [event] = receive(request(headers={"ce-connectionstate": text}))[1]

        assert event.state == state

    def test_logs_a_line_without_the_message(self, capsys: pytest.CaptureFixture[str]) -> None:
        receive(request(body="a canary"))

        line = json.loads(capsys.readouterr().out)
        assert line == {"event": "azure.webpubsub.user.message", "connection": "c1", "status": 204}


class TestAcceptConnect:
    def test_stores_the_state_that_comes_back_with_each_event(self) -> None:
        answer = cloudevents().accept_connect("me", {"claims": {"sub": "me"}})

        [event] = receive(request(headers={"ce-connectionstate": answer["headers"]["ce-connectionState"]}))[1]
        assert (json.loads(answer["body"]), event.state) == ({"userId": "me"}, {"claims": {"sub": "me"}})
