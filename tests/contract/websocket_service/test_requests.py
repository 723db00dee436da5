"""Requests of clients and what becomes of them: the same over whatever holds the connections."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.websocket_service.world import LARGEST, World, error

ASKED = {"type": "ImageGenerationRequestedEvent", "requestId": "r1", "prompt": "a fox"}

LEFT = "The extension left before it answered: ask again"


class TestAsking:
    def test_reaches_an_extension_whose_answers_return(self, world: World) -> None:
        world.join("cli", "c")
        world.join("extension", "e")

        world.say("c", **ASKED)
        assert world.hear("e") == [{**ASKED, "type": "generate_image"}]
        for answer in ("image_generation_progress", "image_generated"):
            world.say("e", type=answer, requestId="r1", value=1)
        heard = [message["type"] for message in world.hear("c")]
        assert heard == ["image_generation_progress", "image_generated"]
        assert world.hear("e") == []

    def test_reaches_one_of_several_extensions(self, world: World) -> None:
        world.join("cli", "c")
        world.join("extension", "e", "f", "g")

        world.say("c", **ASKED)
        assert sum(len(world.hear(each)) for each in "efg") == 1

    def test_is_answered_to_who_asked_alone(self, world: World) -> None:
        world.join("cli", "c", "d")
        world.join("extension", "e")

        world.say("d", **ASKED)
        world.say("e", type="image_generation_failed", requestId="r1", reason="no")
        assert (world.hear("c"), len(world.hear("d"))) == ([], 1)

    def test_is_refused_where_nobody_is_there(self, world: World) -> None:
        world.join("cli", "c")

        world.say("c", **ASKED)
        assert world.hear("c") == [error("No extension available", requestId="r1")]

    @pytest.mark.parametrize("gone", ["leave", "vanish"])
    def test_passes_by_extensions_that_are_gone(self, world: World, gone: str) -> None:
        world.join("cli", "c")
        world.join("extension", "e", "f")
        getattr(world, gone)("e")

        world.say("c", **ASKED)
        assert [message["type"] for message in world.hear("f")] == ["generate_image"]

    def test_spreads_over_many_extensions(self, world: World) -> None:
        extensions = [f"{number:x}-extension" for number in range(40)]
        world.join("cli", "c")
        world.join("extension", *extensions)

        for number in range(400):
            world.say("c", **{**ASKED, "requestId": str(number)})
        assert all(0 < len(world.hear(each)) < 100 for each in extensions)

    def test_finds_the_one_that_is_left_of_many(self, world: World) -> None:
        extensions = [f"{number:x}-extension" for number in range(40)]
        world.join("cli", "c")
        world.join("extension", *extensions)
        for each in extensions[:-1]:
            world.vanish(each)

        world.say("c", **ASKED)
        assert (len(world.hear(extensions[-1])), world.hear("c")) == (1, [])

    def test_may_be_said_again_by_who_asked(self, world: World) -> None:
        world.join("cli", "c")
        world.say("c", **ASKED)
        world.join("extension", "e")
        world.hear("c")

        world.say("c", **ASKED)
        world.say("c", **ASKED)
        assert (len(world.hear("e")), world.hear("c")) == (2, [])

    def test_is_refused_under_the_id_of_another_client_s_request(self, world: World) -> None:
        world.join("cli", "c", "d")
        world.join("extension", "e")
        world.say("c", **ASKED)
        world.hear("e")

        world.say("d", **ASKED)
        assert world.hear("d") == [error("The requestId is taken by another client", requestId="r1")]
        assert world.hear("e") == []

    def test_may_take_the_id_of_a_client_that_is_gone(self, world: World) -> None:
        world.join("cli", "c", "d")
        world.join("extension", "e")
        world.say("c", **ASKED)
        world.leave("c")

        world.say("d", **ASKED)
        world.say("e", type="image_generated", requestId="r1")
        assert [message["type"] for message in world.hear("d")] == ["image_generated"]

    @pytest.mark.parametrize(
        "request_id", ["", "x" * 257, None, 7, "\ud800"], ids=["empty", "long", "none", "number", "half"]
    )
    def test_needs_an_id(self, world: World, request_id: Any) -> None:
        world.join("cli", "c")

        world.say("c", type="ImageGenerationRequestedEvent", requestId=request_id)
        [refusal] = world.hear("c")
        assert refusal["message"] == "requestId must be a text of 1 to 256 characters"

    def test_is_for_those_who_have_said_that_they_are_a_cli(self, world: World) -> None:
        world.join("extension", "e")
        world.connect("a")

        for id in ("e", "a"):
            world.say(id, **ASKED)
            assert world.hear(id)[-1] == error("Authenticate as cli first", requestId="r1")


class TestAnswering:
    def test_is_heard_once(self, world: World) -> None:
        world.join("cli", "c")
        world.join("extension", "e")
        world.say("c", **ASKED)
        world.hear("e")

        for _ in range(2):
            world.say("e", type="image_generated", requestId="r1")
        assert (len(world.hear("c")), world.hear("e")) == (1, [error("Nobody waits for this request", requestId="r1")])

    def test_fails_with_the_extension_that_leaves(self, world: World) -> None:
        world.join("cli", "c", "d")
        world.join("extension", "e")
        for asker, request in (("c", "r1"), ("d", "r2"), ("c", "r3")):
            world.say(asker, **{**ASKED, "requestId": request})
        world.say("e", type="image_generated", requestId="r3")
        world.hear("c")

        world.leave("e")
        assert world.hear("c") == [error(LEFT, requestId="r1")]
        assert world.hear("d") == [error(LEFT, requestId="r2")]

    def test_fails_once_it_is_seen_that_the_extension_has_left(self, world: World) -> None:
        world.join("cli", "c")
        world.join("extension", "e")
        world.say("c", **ASKED)
        world.vanish("e")

        world.say("c", **{**ASKED, "requestId": "r2"})
        assert world.hear("c") == [error(LEFT, requestId="r1"), error("No extension available", requestId="r2")]

    def test_comes_from_another_extension_where_the_first_had_left(self, world: World) -> None:
        world.join("cli", "c")
        world.join("extension", "e")
        world.say("c", **ASKED)
        world.join("extension", "f")
        world.leave("e")
        world.hear("c")

        world.say("c", **ASKED)
        world.say("f", type="image_generated", requestId="r1")
        assert [message["type"] for message in world.hear("c")] == ["image_generated"]

    def test_is_awaited_from_the_extension_that_was_asked_last(self, world: World) -> None:
        world.join("cli", "c")
        world.join("extension", "e")
        world.say("c", **ASKED)
        world.vanish("e")
        world.join("extension", "f")
        world.say("c", **ASKED)

        world.lose("e")
        assert (world.hear("c"), len(world.hear("f"))) == ([], 1)

    @pytest.mark.parametrize("text", ["é" * 40_000, "\ud83d", "\U0001f98a"], ids=["long", "half", "whole"])
    def test_is_handed_on_letter_for_letter(self, world: World, text: str) -> None:
        world.join("cli", "c")
        world.join("extension", "e")
        world.say("c", **ASKED)

        world.say("e", type="image_generated", requestId="r1", text=text)
        assert world.hear("c")[0].get("text") == text

    def test_is_refused_where_who_asked_is_gone(self, world: World) -> None:
        world.join("cli", "c")
        world.join("extension", "e")
        world.say("c", **ASKED)
        world.hear("e")
        world.leave("c")

        world.say("e", type="image_generated", requestId="r1")
        assert world.hear("e") == [error("Nobody waits for this request", requestId="r1")]

    def test_is_for_extensions(self, world: World) -> None:
        world.join("cli", "c")

        world.say("c", type="image_generated", requestId="r1")
        assert world.hear("c") == [error("Authenticate as extension first", requestId="r1")]

    def test_that_is_too_large_is_told_to_who_sent_it(self, world: World) -> None:
        world.join("cli", "c")
        world.join("extension", "e")
        world.say("c", **ASKED)
        world.hear("e")

        world.say("e", type="image_generated", requestId="r1", image="x" * LARGEST)
        assert (world.hear("c"), world.hear("e")) == ([], [error("The message is too large", requestId="r1")])
