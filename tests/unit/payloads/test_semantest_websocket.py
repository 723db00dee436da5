"""API Gateway's events at the WebSocket service's door."""

from __future__ import annotations

import json
from typing import Any

import pytest

from semantest_iac.infrastructure.local_service.aws import web_socket_plan as events
from semantest_iac.infrastructure.local_service.aws.web_socket_plan import ConnectedClient, WebSocketApi
from semantest_iac.infrastructure.local_service.web_socket_service import Handshake
from tests.contract.websocket_service.payload import shipped

API = WebSocketApi("api", "api.example.org", "live", "arn:aws:execute-api:us-east-1:123456789012:api")
OURS = "https://app.semantest.com"


class Heard:
    """A conversation that keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[tuple[Any, ...]] = []

    def __getattr__(self, name: str) -> Any:
        return lambda *arguments: self.told.append((name, *arguments))


def answered(event: dict[str, Any]) -> tuple[int, list[tuple[Any, ...]]]:
    heard = Heard()
    return shipped("websocket_service", "semantest_websocket").answer(heard, event), heard.told


def client(origin: str = "", **authorizer: str) -> ConnectedClient:
    headers = (("Origin", origin),) if origin else ()
    return ConnectedClient("c1", Handshake(headers=headers), authorizer)


class TestAnswer:
    def test_keeps_what_the_authorizer_said_of_a_client(self) -> None:
        claims = {"sub": "me"}

        status, told = answered(events.build_connect_event(API, client(claims=json.dumps(claims), principalId="me")))
        assert (status, told) == (200, [("connected", "c1", claims)])

    def test_takes_a_client_of_whom_nothing_was_said(self) -> None:
        assert answered(events.build_connect_event(API, client())) == (200, [("connected", "c1", {})])

    def test_hands_messages_on(self) -> None:
        assert answered(events.build_message_event(API, client(), "$default", "text")) == (
            200,
            [("said", "c1", "text", {})],
        )

    def test_hears_of_those_who_are_gone(self) -> None:
        assert answered(events.build_disconnect_event(API, client(), 1001, "")) == (200, [("disconnected", "c1")])

    @pytest.mark.parametrize(
        ("origin", "allowed", "status"),
        [
            (OURS, "", 200),
            (OURS, f"https://a.example.org, {OURS}", 200),
            (OURS, "*", 200),
            ("", OURS, 200),
            ("https://evil.example.org", OURS, 403),
            (f"{OURS}.evil.example.org", OURS, 403),
            ("null", OURS, 403),
        ],
        ids=["no-list", "listed", "star", "no-page", "another", "longer", "null"],
    )
    def test_turns_pages_away_that_are_not_on_the_list(
        self, origin: str, allowed: str, status: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("ALLOWED_ORIGINS", allowed)

        assert answered(events.build_connect_event(API, client(origin)))[0] == status
