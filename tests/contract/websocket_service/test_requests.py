"""Requests of clients and their answers, the same over every store."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.websocket_service.world import LARGEST, World, error

REQUEST = {"type": "ImageGenerationRequestedEvent", "requestId": "r1", "prompt": "a fox"}

LEFT = "The extension left before it answered: ask again"


class TestRequest:
    def test_reaches_an_extension_whose_answers_come_back(self, world: World) -> None:
        world.join("cli", "c")
        world.join("extension", "e")

        world.send("c", **REQUEST)
        assert world.receive("e") == [{**REQUEST, "type": "generate_image"}]
        for answer in ("image_generation_progress", "image_generated"):
            world.send("e", type=answer, requestId="r1", value=1)
        received = [message["type"] for message in world.receive("c")]
        assert received == ["image_generation_progress", "image_generated"]
        assert world.receive("e") == []

    def test_reaches_one_of_several_extensions(self, world: World) -> None:
        world.join("cli", "c")
        world.join("extension", "e", "f", "g")

        world.send("c", **REQUEST)
        assert sum(len(world.receive(each)) for each in "efg") == 1

    def test_is_answered_only_to_its_asker(self, world: World) -> None:
        world.join("cli", "c", "d")
        world.join("extension", "e")

        world.send("d", **REQUEST)
        world.send("e", type="image_generation_failed", requestId="r1", reason="no")
        assert (world.receive("c"), len(world.receive("d"))) == ([], 1)

    def test_is_refused_without_an_extension(self, world: World) -> None:
        world.join("cli", "c")

        world.send("c", **REQUEST)
        assert world.receive("c") == [error("No extension available", requestId="r1")]

    @pytest.mark.parametrize("gone", ["leave", "vanish"])
    def test_skips_extensions_that_are_gone(self, world: World, gone: str) -> None:
        world.join("cli", "c")
        world.join("extension", "e", "f")
        getattr(world, gone)("e")

        world.send("c", **REQUEST)
        assert [message["type"] for message in world.receive("f")] == ["generate_image"]

    def test_is_distributed_over_many_extensions(self, world: World) -> None:
        extensions = [f"{number:x}-extension" for number in range(40)]
        world.join("cli", "c")
        world.join("extension", *extensions)

        for number in range(400):
            world.send("c", **{**REQUEST, "requestId": str(number)})
        assert all(0 < len(world.receive(each)) < 100 for each in extensions)

    def test_finds_the_one_remaining_extension_of_many(self, world: World) -> None:
        extensions = [f"{number:x}-extension" for number in range(40)]
        world.join("cli", "c")
        world.join("extension", *extensions)
        for each in extensions[:-1]:
            world.vanish(each)

        world.send("c", **REQUEST)
        assert (len(world.receive(extensions[-1])), world.receive("c")) == (1, [])

    def test_may_be_repeated_by_its_asker(self, world: World) -> None:
        world.join("cli", "c")
        world.send("c", **REQUEST)
        world.join("extension", "e")
        world.receive("c")

        world.send("c", **REQUEST)
        world.send("c", **REQUEST)
        assert (len(world.receive("e")), world.receive("c")) == (2, [])

    def test_is_refused_under_the_id_of_another_client_s_request(self, world: World) -> None:
        world.join("cli", "c", "d")
        world.join("extension", "e")
        world.send("c", **REQUEST)
        world.receive("e")

        world.send("d", **REQUEST)
        assert world.receive("d") == [error("The requestId is taken by another client", requestId="r1")]
        assert world.receive("e") == []

    def test_may_reuse_the_id_of_a_client_that_is_gone(self, world: World) -> None:
        world.join("cli", "c", "d")
        world.join("extension", "e")
        world.send("c", **REQUEST)
        world.leave("c")

        world.send("d", **REQUEST)
        world.send("e", type="image_generated", requestId="r1")
        assert [message["type"] for message in world.receive("d")] == ["image_generated"]

    @pytest.mark.parametrize(
        "request_id", ["", "x" * 257, None, 7, "\ud800"], ids=["empty", "long", "none", "number", "half"]
    )
    def test_needs_a_valid_id(self, world: World, request_id: Any) -> None:
        world.join("cli", "c")

        world.send("c", type="ImageGenerationRequestedEvent", requestId=request_id)
        [refusal] = world.receive("c")
        assert refusal["message"] == "requestId must be a text of 1 to 256 characters"

    def test_needs_a_client_of_kind_cli(self, world: World) -> None:
        world.join("extension", "e")
        world.connect("a")

        for id in ("e", "a"):
            world.send(id, **REQUEST)
            assert world.receive(id)[-1] == error("Authenticate as cli first", requestId="r1")


class TestAnswer:
    def test_is_sent_once(self, world: World) -> None:
        world.join("cli", "c")
        world.join("extension", "e")
        world.send("c", **REQUEST)
        world.receive("e")

        for _ in range(2):
            world.send("e", type="image_generated", requestId="r1")
        assert (len(world.receive("c")), world.receive("e")) == (
            1,
            [error("Nobody waits for this request", requestId="r1")],
        )

    def test_fails_if_the_extension_leaves(self, world: World) -> None:
        world.join("cli", "c", "d")
        world.join("extension", "e")
        for asker, request in (("c", "r1"), ("d", "r2"), ("c", "r3")):
            world.send(asker, **{**REQUEST, "requestId": request})
        world.send("e", type="image_generated", requestId="r3")
        world.receive("c")

        world.leave("e")
        assert world.receive("c") == [error(LEFT, requestId="r1")]
        assert world.receive("d") == [error(LEFT, requestId="r2")]

    def test_fails_once_the_extension_is_found_to_be_gone(self, world: World) -> None:
        world.join("cli", "c")
        world.join("extension", "e")
        world.send("c", **REQUEST)
        world.vanish("e")

        world.send("c", **{**REQUEST, "requestId": "r2"})
        assert world.receive("c") == [error(LEFT, requestId="r1"), error("No extension available", requestId="r2")]

    def test_comes_from_another_extension_after_the_first_left(self, world: World) -> None:
        world.join("cli", "c")
        world.join("extension", "e")
        world.send("c", **REQUEST)
        world.join("extension", "f")
        world.leave("e")
        world.receive("c")

        world.send("c", **REQUEST)
        world.send("f", type="image_generated", requestId="r1")
        assert [message["type"] for message in world.receive("c")] == ["image_generated"]

    def test_is_expected_from_the_last_extension(self, world: World) -> None:
        world.join("cli", "c")
        world.join("extension", "e")
        world.send("c", **REQUEST)
        world.vanish("e")
        world.join("extension", "f")
        world.send("c", **REQUEST)

        world.forget("e")
        assert (world.receive("c"), len(world.receive("f"))) == ([], 1)

    @pytest.mark.parametrize("text", ["é" * 40_000, "\ud83d", "\U0001f98a"], ids=["long", "half", "whole"])
    def test_is_passed_on_unchanged(self, world: World, text: str) -> None:
        world.join("cli", "c")
        world.join("extension", "e")
        world.send("c", **REQUEST)

        world.send("e", type="image_generated", requestId="r1", text=text)
        assert world.receive("c")[0].get("text") == text

    def test_is_refused_if_the_asker_is_gone(self, world: World) -> None:
        world.join("cli", "c")
        world.join("extension", "e")
        world.send("c", **REQUEST)
        world.receive("e")
        world.leave("c")

        world.send("e", type="image_generated", requestId="r1")
        assert world.receive("e") == [error("Nobody waits for this request", requestId="r1")]

    def test_needs_a_client_of_kind_extension(self, world: World) -> None:
        world.join("cli", "c")

        world.send("c", type="image_generated", requestId="r1")
        assert world.receive("c") == [error("Authenticate as extension first", requestId="r1")]

    def test_that_is_too_large_causes_an_error_for_its_sender(self, world: World) -> None:
        world.join("cli", "c")
        world.join("extension", "e")
        world.send("c", **REQUEST)
        world.receive("e")

        world.send("e", type="image_generated", requestId="r1", image="x" * LARGEST)
        assert (world.receive("c"), world.receive("e")) == ([], [error("The message is too large", requestId="r1")])
