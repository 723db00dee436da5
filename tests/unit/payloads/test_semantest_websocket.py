"""Events of API Gateway at the bundled WebSocket service."""

from __future__ import annotations

import json
from typing import Any

import pytest

from semantest_iac.infrastructure.local_service.aws import deployed_web_socket_api as events
from semantest_iac.infrastructure.local_service.aws.deployed_web_socket_api import ConnectedClient, WebSocketApiIdentity
from semantest_iac.infrastructure.local_service.web_socket_service import Handshake
from tests.contract.websocket_service.payload import import_payload

API = WebSocketApiIdentity("api", "api.example.org", "live", "arn:aws:execute-api:us-east-1:123456789012:api")
OURS = "https://app.semantest.com"


class FakeProtocol:
    """Records its calls."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []

    def __getattr__(self, name: str) -> Any:
        return lambda *arguments: self.calls.append((name, *arguments))


def handle(event: dict[str, Any]) -> tuple[int, list[tuple[Any, ...]]]:
    protocol = FakeProtocol()
    return import_payload("websocket_service", "semantest_websocket").handle_event(protocol, event), protocol.calls


def client(origin: str = "", **authorizer: str) -> ConnectedClient:
    headers = (("Origin", origin),) if origin else ()
    return ConnectedClient("c1", Handshake(headers=headers), authorizer)


class TestHandleEvent:
    def test_passes_on_the_claims_of_the_authorizer(self) -> None:
        claims = {"sub": "me"}

        status, calls = handle(events.build_connect_event(API, client(claims=json.dumps(claims), principalId="me")))
        assert (status, calls) == (200, [("handle_connect", "c1", claims)])

    def test_accepts_a_client_without_an_authorizer(self) -> None:
        assert handle(events.build_connect_event(API, client())) == (200, [("handle_connect", "c1", {})])

    def test_passes_messages_on(self) -> None:
        assert handle(events.build_message_event(API, client(), "$default", "text")) == (
            200,
            [("handle_message", "c1", "text", {})],
        )

    def test_passes_disconnects_on(self) -> None:
        assert handle(events.build_disconnect_event(API, client(), 1001, "")) == (200, [("handle_disconnect", "c1")])

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
        ids=["no-list", "listed", "star", "no-origin", "another", "longer", "null"],
    )
    def test_refuses_origins_that_are_not_allowed(
        self, origin: str, allowed: str, status: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("ALLOWED_ORIGINS", allowed)

        assert handle(events.build_connect_event(API, client(origin)))[0] == status
