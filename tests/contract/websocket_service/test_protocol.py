"""Semantest's WebSocket protocol, one row of it at a time: the same over whatever holds the connections."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.websocket_service.world import World, error


class TestWelcome:
    def test_comes_before_the_answer_to_the_first_message(self, world: World) -> None:
        world.connect("a")

        world.say("a", type="heartbeat")
        assert [message["type"] for message in world.hear("a")] == ["welcome", "heartbeat_response"]

    def test_comes_once(self, world: World) -> None:
        world.connect("a")
        world.say("a", type="ping")
        world.hear("a")

        world.say("a", type="ping")
        assert world.hear("a") == [{"type": "pong"}]

    def test_comes_even_where_the_first_message_means_nothing(self, world: World) -> None:
        world.connect("a")

        world.say("a", "not json")
        assert [message["type"] for message in world.hear("a")] == ["welcome", "error"]


class TestAuthenticate:
    @pytest.mark.parametrize("kind", ["cli", "extension"])
    def test_says_what_a_client_is_now(self, world: World, kind: str) -> None:
        world.connect("a")

        world.say("a", type="authenticate", clientType=kind)
        _, answer = world.hear("a")
        assert answer == {
            "type": "authentication_success",
            "clientId": "client_a",
            "message": f"Authenticated as {kind}",
        }

    def test_takes_an_extension_by_its_id(self, world: World) -> None:
        world.connect("a")

        world.say("a", type="authenticate", extensionId="ext-1", metadata={"version": "1"})
        _, answer = world.hear("a")
        assert (answer["extensionId"], answer["message"]) == ("ext-1", "Authenticated as extension")

    @pytest.mark.parametrize("kind", ["", "admin", None, 7, []], ids=repr)
    def test_refuses_every_other_kind(self, world: World, kind: Any) -> None:
        world.connect("a")

        world.say("a", type="authenticate", clientType=kind)
        assert world.hear("a")[1:] == [error("clientType must be cli or extension")]

    def test_refuses_what_the_token_says_otherwise(self, world: World) -> None:
        world.connect("a", claims={"clientType": "cli"})

        world.say("a", type="authenticate", clientType="extension")
        assert world.hear("a")[1:] == [error("The token is not one of a client of type extension")]


class TestBroadcast:
    def test_reaches_everybody_else(self, world: World) -> None:
        world.join("cli", "c", "d")
        world.join("extension", "e")

        world.say("c", type="broadcast", payload="hello")
        expected = [{"type": "broadcast", "payload": "hello", "from": "client_c"}]
        assert (world.hear("c"), world.hear("d"), world.hear("e")) == ([], expected, expected)

    def test_reaches_those_of_one_kind(self, world: World) -> None:
        world.join("cli", "c", "d")
        world.join("extension", "e")

        world.say("c", type="broadcast", clientType="extension")
        assert (world.hear("d"), len(world.hear("e"))) == ([], 1)

    def test_is_refused_where_nobody_is_there(self, world: World) -> None:
        world.join("cli", "c")

        world.say("c", type="broadcast")
        assert world.hear("c") == [error("No client available")]

    @pytest.mark.parametrize(
        ("fields", "reason"),
        [({}, "Authenticate first"), ({"clientType": "all"}, "Authenticate first")],
        ids=["all", "kind"],
    )
    def test_is_for_those_who_have_said_what_they_are(self, world: World, fields: dict[str, Any], reason: str) -> None:
        world.connect("a")

        world.say("a", type="broadcast", **fields)
        assert world.hear("a")[1:] == [error(reason)]


class TestNonsense:
    @pytest.mark.parametrize(
        "text",
        ["", "x", "null", "[]", "7", '{"type": 7}', "{}", "[" * 5000, '{"type": "ping", "x": NaN}', '{"x": 1e999}'],
        ids=["empty", "word", "null", "list", "number", "type-of-another-type", "no-type", "deep", "nan", "infinite"],
    )
    def test_is_answered_and_harms_nothing(self, world: World, text: str) -> None:
        world.join("cli", "c")

        world.say("c", text or " ")
        assert world.hear("c") == [error("A message is a JSON object with a type")]

    def test_of_an_unknown_type_is_named_in_part(self, world: World) -> None:
        world.join("cli", "c")

        world.say("c", type="z" * 1000, requestId="r")
        assert world.hear("c") == [error(f"Unknown message type {'z' * 64!r}", requestId="r")]


class TestStranger:
    def test_whose_connecting_was_missed_is_known_from_the_first_message_on(self, world: World) -> None:
        world.connect("c")
        world.lose("c")

        world.say("c", type="authenticate", clientType="cli")
        assert [message["type"] for message in world.hear("c")] == ["welcome", "authentication_success"]
