"""Web PubSub's events translated into those of API Gateway."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from tests.contract.websocket_service.payload import import_payload

AUTHORIZED: dict[str, Any] = {
    "since": 1_800_000_000.0,
    "claims": {"sub": "ann"},
    "headers": {"Origin": ["https://a.example"]},
}


def gateway_events() -> Any:
    import_payload("websocket_authorizer", "semantest_tokens")
    import_payload("python_entry", "semantest_handler")
    return import_payload("websocket_azure", "semantest_gateway_events")


def event(kind: str = "azure.webpubsub.user.message", body: bytes = b"", **state: Any) -> Any:
    gateway_events()
    event_type = import_payload("websocket_azure", "semantest_cloudevents").Event
    return event_type(kind, "c1", body, state, "", "7", "x.webpubsub.azure.com")


def connect(**handshake: Any) -> Any:
    return event("connect", json.dumps(handshake).encode())


class FakeHandler:
    """Records events and returns the same result for each."""

    def __init__(self, result: Any = None) -> None:
        self.events: list[Any] = []
        self._result = result

    def __call__(self, event: Any, context: Any) -> Any:
        self.events.append(event)
        return self._result


def call_handler(happened: Any, result: Any = None) -> tuple[int, list[Any]]:
    """The status, and the events that the handler received."""
    handler = FakeHandler(result)
    response = gateway_events().call_handler(handler, None, happened)
    return response["statusCode"], handler.events


class TestTranslateEvent:
    def test_makes_a_connect_with_the_client_s_request(self) -> None:
        translated = gateway_events().translate_event(
            connect(query={"room": ["1", "2"]}, headers={"Origin": ["https://a.example"]})
        )

        assert (translated["requestContext"]["eventType"], translated["requestContext"]["routeKey"]) == (
            "CONNECT",
            "$connect",
        )
        assert (translated["queryStringParameters"], translated["multiValueQueryStringParameters"]) == (
            {"room": "2"},
            {"room": ["1", "2"]},
        )
        assert translated["headers"] == {"Origin": "https://a.example"}

    def test_makes_a_message_with_its_text(self) -> None:
        translated = gateway_events().translate_event(event(body="héllo".encode(), **AUTHORIZED))

        context = translated["requestContext"]
        assert (translated["body"], translated["isBase64Encoded"]) == ("héllo", False)
        assert (context["eventType"], context["routeKey"], context["messageId"]) == ("MESSAGE", "$default", "7")
        assert (context["connectionId"], context["connectedAt"]) == ("c1", 1_800_000_000_000)

    def test_repeats_the_authorizer_context_in_every_event(self) -> None:
        authorizers = [
            gateway_events().translate_event(event(kind, **AUTHORIZED))["requestContext"]["authorizer"]
            for kind in ("connected", "azure.webpubsub.user.message", "disconnected")
        ]

        assert authorizers == [{"principalId": "ann", "claims": '{"sub": "ann"}'}] * 3
        assert "authorizer" not in gateway_events().translate_event(event())["requestContext"]

    def test_encodes_binary_messages_in_base64(self) -> None:
        translated = gateway_events().translate_event(event(body=b"\xff\x00"))

        assert (base64.b64decode(translated["body"]), translated["isBase64Encoded"]) == (b"\xff\x00", True)

    def test_makes_a_disconnect_with_its_reason(self) -> None:
        translated = gateway_events().translate_event(event("disconnected", b'{"reason": "gone"}'))

        assert translated["requestContext"]["eventType"] == "DISCONNECT"
        assert translated["requestContext"]["disconnectReason"] == "gone"


class TestCallHandler:
    @pytest.mark.parametrize(
        ("result", "status"),
        [({"statusCode": 200}, 200), ({"statusCode": 403}, 403), (None, 502), ({"statusCode": "200"}, 502), ("", 502)],
        ids=["admitted", "refused", "nothing", "text", "no-answer"],
    )
    def test_lets_the_handler_admit_or_refuse(self, result: Any, status: int) -> None:
        assert call_handler(connect(), result)[0] == status

    @pytest.mark.parametrize("result", [None, {"statusCode": 500}], ids=["nothing", "a-status"])
    def test_ignores_the_answer_to_a_message(self, result: Any) -> None:
        status, received = call_handler(event(body=b"x"), result)

        assert (status, len(received)) == (204, 1)

    def test_sends_one_connect_for_a_connection_without_authorizer(self) -> None:
        assert call_handler(event("connected", since=1.0), {"statusCode": 200}) == (204, [])

    def test_sends_the_connect_of_an_authorized_connection_once_it_is_connected(self) -> None:
        status, [translated] = call_handler(event("connected", **AUTHORIZED), {"statusCode": 200})

        assert (status, translated["requestContext"]["eventType"]) == (204, "CONNECT")
        assert translated["headers"] == {"Origin": "https://a.example"}

    def test_passes_on_the_subprotocol_of_the_handler(self) -> None:
        result = {"statusCode": 200, "headers": {"Sec-WebSocket-Protocol": "v2"}}
        response = gateway_events().call_handler(FakeHandler(result), None, connect(subprotocols=["v2", "v1"]))

        assert json.loads(response["body"])["subprotocol"] == "v2"

    def test_raises_the_handlers_error(self) -> None:
        def fail(event: Any, context: Any) -> Any:
            raise RuntimeError("asked to fail")

        with pytest.raises(RuntimeError, match="asked to fail"):
            gateway_events().call_handler(fail, None, event(body=b"x"))
