"""Web PubSub's events in the words of API Gateway."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from tests.contract.websocket_service.payload import shipped

JUDGED: dict[str, Any] = {
    "since": 1_800_000_000.0,
    "claims": {"sub": "ann"},
    "headers": {"Origin": ["https://a.example"]},
}


def door() -> Any:
    shipped("websocket_authorizer", "semantest_tokens")
    shipped("python_entry", "semantest_handler")
    return shipped("websocket_azure", "semantest_door")


def event(kind: str = "azure.webpubsub.user.message", body: bytes = b"", **state: Any) -> Any:
    door()
    made = shipped("websocket_azure", "semantest_upstream").Event
    return made(kind, "c1", body, state, "", "7", "x.webpubsub.azure.com")


def connect(**handshake: Any) -> Any:
    return event("connect", json.dumps(handshake).encode())


class Handler:
    """Keeps what it hears and answers with the same thing."""

    def __init__(self, result: Any = None) -> None:
        self.heard: list[Any] = []
        self._result = result

    def __call__(self, event: Any, context: Any) -> Any:
        """One event."""
        self.heard.append(event)
        return self._result


def told(happened: Any, result: Any = None) -> tuple[int, list[Any]]:
    """The status, and what the handler heard."""
    handler = Handler(result)
    answer = door().told(handler, None, happened)
    return answer["statusCode"], handler.heard


class TestEventOf:
    def test_is_a_connect_with_the_client_s_request(self) -> None:
        heard = door().event_of(connect(query={"room": ["1", "2"]}, headers={"Origin": ["https://a.example"]}))

        assert (heard["requestContext"]["eventType"], heard["requestContext"]["routeKey"]) == ("CONNECT", "$connect")
        assert (heard["queryStringParameters"], heard["multiValueQueryStringParameters"]) == (
            {"room": "2"},
            {"room": ["1", "2"]},
        )
        assert heard["headers"] == {"Origin": "https://a.example"}

    def test_is_a_message_with_its_text(self) -> None:
        heard = door().event_of(event(body="héllo".encode(), **JUDGED))

        context = heard["requestContext"]
        assert (heard["body"], heard["isBase64Encoded"]) == ("héllo", False)
        assert (context["eventType"], context["routeKey"], context["messageId"]) == ("MESSAGE", "$default", "7")
        assert (context["connectionId"], context["connectedAt"]) == ("c1", 1_800_000_000_000)

    def test_tells_every_time_what_the_authorizer_found(self) -> None:
        authorizers = [
            door().event_of(event(kind, **JUDGED))["requestContext"]["authorizer"]
            for kind in ("connected", "azure.webpubsub.user.message", "disconnected")
        ]

        assert authorizers == [{"principalId": "ann", "claims": '{"sub": "ann"}'}] * 3
        assert "authorizer" not in door().event_of(event())["requestContext"]

    def test_carries_what_is_no_text_in_base64(self) -> None:
        heard = door().event_of(event(body=b"\xff\x00"))

        assert (base64.b64decode(heard["body"]), heard["isBase64Encoded"]) == (b"\xff\x00", True)

    def test_is_a_disconnect_with_its_reason(self) -> None:
        heard = door().event_of(event("disconnected", b'{"reason": "gone"}'))

        assert heard["requestContext"]["eventType"] == "DISCONNECT"
        assert heard["requestContext"]["disconnectReason"] == "gone"


class TestTold:
    @pytest.mark.parametrize(
        ("result", "status"),
        [({"statusCode": 200}, 200), ({"statusCode": 403}, 403), (None, 502), ({"statusCode": "200"}, 502), ("", 502)],
        ids=["let-in", "refused", "nothing", "text", "no-answer"],
    )
    def test_lets_the_handler_say_who_comes_in(self, result: Any, status: int) -> None:
        assert told(connect(), result)[0] == status

    @pytest.mark.parametrize("result", [None, {"statusCode": 500}], ids=["nothing", "a-status"])
    def test_takes_every_answer_to_a_message(self, result: Any) -> None:
        status, heard = told(event(body=b"x"), result)

        assert (status, len(heard)) == (204, 1)

    def test_says_of_an_open_connection_once_that_it_began(self) -> None:
        assert told(event("connected", since=1.0), {"statusCode": 200}) == (204, [])

    def test_says_of_a_judged_connection_that_it_began_when_the_client_is_in(self) -> None:
        status, [heard] = told(event("connected", **JUDGED), {"statusCode": 200})

        assert (status, heard["requestContext"]["eventType"]) == (204, "CONNECT")
        assert heard["headers"] == {"Origin": "https://a.example"}

    def test_hands_on_the_subprotocol_that_the_handler_names(self) -> None:
        result = {"statusCode": 200, "headers": {"Sec-WebSocket-Protocol": "v2"}}
        answer = door().told(Handler(result), None, connect(subprotocols=["v2", "v1"]))

        assert json.loads(answer["body"])["subprotocol"] == "v2"

    def test_lets_a_failure_be_seen(self) -> None:
        def fail(event: Any, context: Any) -> Any:
            raise RuntimeError("told to")

        with pytest.raises(RuntimeError, match="told to"):
            door().told(fail, None, event(body=b"x"))
