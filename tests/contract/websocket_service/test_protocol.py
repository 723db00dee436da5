"""Semantest's WebSocket protocol, the same over every store."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.websocket_service.world import World, error


class TestWelcome:
    def test_comes_before_the_answer_to_the_first_message(self, world: World) -> None:
        world.connect("a")

        world.send("a", type="heartbeat")
        assert [message["type"] for message in world.receive("a")] == ["welcome", "heartbeat_response"]

    def test_comes_once(self, world: World) -> None:
        world.connect("a")
        world.send("a", type="ping")
        world.receive("a")

        world.send("a", type="ping")
        assert world.receive("a") == [{"type": "pong"}]

    def test_comes_even_if_the_first_message_is_invalid(self, world: World) -> None:
        world.connect("a")

        world.send("a", "not json")
        assert [message["type"] for message in world.receive("a")] == ["welcome", "error"]


class TestAuthenticate:
    @pytest.mark.parametrize("kind", ["cli", "extension"])
    def test_confirms_the_kind_of_a_client(self, world: World, kind: str) -> None:
        world.connect("a")

        world.send("a", type="authenticate", clientType=kind)
        _, answer = world.receive("a")
        assert answer == {
            "type": "authentication_success",
            "clientId": "client_a",
            "message": f"Authenticated as {kind}",
        }

    def test_accepts_an_extension_by_its_id(self, world: World) -> None:
        world.connect("a")

        world.send("a", type="authenticate", extensionId="ext-1", metadata={"version": "1"})
        _, answer = world.receive("a")
        assert (answer["extensionId"], answer["message"]) == ("ext-1", "Authenticated as extension")

    @pytest.mark.parametrize("kind", ["", "admin", None, 7, []], ids=repr)
    def test_refuses_other_kinds(self, world: World, kind: Any) -> None:
        world.connect("a")

        world.send("a", type="authenticate", clientType=kind)
        assert world.receive("a")[1:] == [error("clientType must be cli or extension")]

    def test_refuses_a_kind_that_differs_from_the_token(self, world: World) -> None:
        world.connect("a", claims={"clientType": "cli"})

        world.send("a", type="authenticate", clientType="extension")
        assert world.receive("a")[1:] == [error("The token is not one of a client of type extension")]


class TestBroadcast:
    def test_reaches_every_other_client(self, world: World) -> None:
        world.join("cli", "c", "d")
        world.join("extension", "e")

        world.send("c", type="broadcast", payload="hello")
        expected = [{"type": "broadcast", "payload": "hello", "from": "client_c"}]
        assert (world.receive("c"), world.receive("d"), world.receive("e")) == ([], expected, expected)

    def test_reaches_the_clients_of_one_kind(self, world: World) -> None:
        world.join("cli", "c", "d")
        world.join("extension", "e")

        world.send("c", type="broadcast", clientType="extension")
        assert (world.receive("d"), len(world.receive("e"))) == ([], 1)

    def test_is_refused_without_another_client(self, world: World) -> None:
        world.join("cli", "c")

        world.send("c", type="broadcast")
        assert world.receive("c") == [error("No client available")]

    @pytest.mark.parametrize(
        ("fields", "reason"),
        [({}, "Authenticate first"), ({"clientType": "all"}, "Authenticate first")],
        ids=["all", "kind"],
    )
    def test_needs_authentication(self, world: World, fields: dict[str, Any], reason: str) -> None:
        world.connect("a")

        world.send("a", type="broadcast", **fields)
        assert world.receive("a")[1:] == [error(reason)]


class TestInvalidMessage:
    @pytest.mark.parametrize(
        "text",
        ["", "x", "null", "[]", "7", '{"type": 7}', "{}", "[" * 5000, '{"type": "ping", "x": NaN}', '{"x": 1e999}'],
        ids=["empty", "word", "null", "list", "number", "type-of-another-type", "no-type", "deep", "nan", "infinite"],
    )
    def test_causes_an_error(self, world: World, text: str) -> None:
        world.join("cli", "c")

        world.send("c", text or " ")
        assert world.receive("c") == [error("A message is a JSON object with a type")]

    def test_of_an_unknown_type_is_named_in_the_error(self, world: World) -> None:
        world.join("cli", "c")

        world.send("c", type="z" * 1000, requestId="r")
        assert world.receive("c") == [error(f"Unknown message type {'z' * 64!r}", requestId="r")]


class TestUnknownClient:
    def test_whose_connect_was_missed_is_stored_at_its_first_message(self, world: World) -> None:
        world.connect("c")
        world.forget("c")

        world.send("c", type="authenticate", clientType="cli")
        assert [message["type"] for message in world.receive("c")] == ["welcome", "authentication_success"]
