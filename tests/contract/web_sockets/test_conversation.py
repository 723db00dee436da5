"""Semantest's protocol as its clients live it: through the gateway, the cloud's parts and the deployed function."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.contract.web_sockets.clients import ASKED, Client, Room


async def spoken(client: Client, **message: Any) -> dict[str, Any]:
    await client.say(**message)
    return await client.hear()


class TestWelcome:
    async def test_is_heard_before_the_answer_to_the_first_message(self, room: Room) -> None:
        client = await room.connect()

        assert [(await spoken(client, type="heartbeat"))["type"], (await client.hear())["type"]] == [
            "welcome",
            "heartbeat_response",
        ]

    async def test_is_heard_once_by_a_client_that_says_much_at_once(self, room: Room) -> None:
        client = await room.connect()
        for _ in range(5):
            await client.say(type="ping")

        assert [(await client.hear())["type"] for _ in range(6)] == ["welcome", *["pong"] * 5]


class TestAuthentication:
    @pytest.mark.parametrize("kind", ["cli", "extension"])
    async def test_says_what_a_client_is_and_may_be_said_again(self, room: Room, kind: str) -> None:
        client = await room.join(kind)

        assert await spoken(client, type="authenticate", clientType=kind) == {
            "type": "authentication_success",
            "clientId": client.id,
            "message": f"Authenticated as {kind}",
        }

    async def test_takes_an_extension_by_its_id(self, room: Room) -> None:
        client = await room.connect()

        await spoken(client, type="authenticate", extensionId="ext-1", metadata={"version": "1"})
        assert (await client.hear())["extensionId"] == "ext-1"

    async def test_refuses_other_kinds(self, room: Room) -> None:
        client = await room.connect()

        await spoken(client, type="authenticate", clientType="admin")
        assert (await client.hear())["type"] == "error"
        assert await client.is_answered()


class TestRequest:
    async def test_reaches_an_extension_and_its_answers_return_to_who_asked(self, room: Room) -> None:
        asker, other, extension = await room.join("cli"), await room.join("cli"), await room.join("extension")

        await asker.say(**ASKED, requestId="r/1", metadata={"size": [1024, 768]})
        assert await extension.hear() == {
            **ASKED,
            "type": "generate_image",
            "requestId": "r/1",
            "metadata": {"size": [1024, 768]},
        }
        for answer in ("image_generation_progress", "image_generated"):
            await extension.say(type=answer, requestId="r/1", value=answer)
            assert await asker.hear() == {"type": answer, "requestId": "r/1", "value": answer}
        assert await other.is_answered()
        assert await extension.is_answered()

    @pytest.mark.parametrize("ending", ["image_generated", "image_generation_failed"])
    async def test_is_answered_once(self, room: Room, ending: str) -> None:
        asker, extension = await room.join("cli"), await room.join("extension")
        await asker.say(**ASKED, requestId=ending)
        await extension.hear()

        await extension.say(type=ending, requestId=ending)
        assert (await asker.hear())["type"] == ending
        refusal = await spoken(extension, type=ending, requestId=ending)
        assert (refusal["type"], refusal["requestId"]) == ("error", ending)

    async def test_is_refused_where_no_extension_is_there(self, room: Room) -> None:
        asker = await room.join("cli")

        refusal = await spoken(asker, **ASKED, requestId="nobody")
        assert refusal == {"type": "error", "requestId": "nobody", "message": "No extension available"}

    async def test_is_refused_under_the_id_of_another_client_s(self, room: Room) -> None:
        first, second, extension = await room.join("cli"), await room.join("cli"), await room.join("extension")
        await first.say(**ASKED, requestId="same")
        await extension.hear()

        assert (await spoken(second, **ASKED, requestId="same"))["type"] == "error"
        assert await extension.is_answered()

    async def test_passes_by_extensions_that_left_with_or_without_a_word(self, room: Room) -> None:
        asker, gone, vanished = [await room.join(kind) for kind in ("cli", "extension", "extension")]
        extension = await room.join("extension")
        await gone.socket.close()
        vanish(vanished)

        for number in range(4):
            await asker.say(**ASKED, requestId=f"past-{number}")
            assert (await extension.hear())["requestId"] == f"past-{number}"

    async def test_fails_with_the_extension_that_was_to_answer(self, room: Room) -> None:
        asker, extension = await room.join("cli"), await room.join("extension")
        await asker.say(**ASKED, requestId="left")
        await extension.hear()

        vanish(extension)
        failure = await asker.hear()
        assert (failure["type"], failure["requestId"]) == ("error", "left")
        assert await asker.is_answered()

    async def test_of_many_at_once_is_each_answered(self, room: Room) -> None:
        asker, extension = await room.join("cli"), await room.join("extension")
        await asyncio.gather(*(asker.say(**ASKED, requestId=f"m{number}") for number in range(20)))

        for _ in range(20):
            await extension.say(type="image_generated", requestId=(await extension.hear())["requestId"])
        heard = [(await asker.hear())["requestId"] for _ in range(20)]
        assert sorted(heard) == sorted(f"m{number}" for number in range(20))


class TestBroadcast:
    async def test_reaches_everybody_else(self, room: Room) -> None:
        speaker, cli, extension = await room.join("cli"), await room.join("cli"), await room.join("extension")

        await speaker.say(type="broadcast", payload={"text": "hello"})
        expected = {"type": "broadcast", "payload": {"text": "hello"}, "from": speaker.id}
        assert [await cli.hear(), await extension.hear()] == [expected, expected]
        assert await speaker.is_answered()


class TestNonsense:
    @pytest.mark.parametrize(
        "text",
        ["not json", "null", "[]", "{}", '{"type": 7}', '{"type": "nope"}', " ", '{"type": "__proto__"}', "[" * 5000],
        ids=["word", "null", "list", "no-type", "number", "unknown", "space", "odd", "deep"],
    )
    async def test_is_answered_with_an_error_and_the_connection_stays(self, room: Room, text: str) -> None:
        client = await room.join("cli")

        await client.socket.send_str(text)
        assert (await client.hear())["type"] == "error"
        assert await client.is_answered()


def vanish(client: Client) -> None:
    """As when a machine falls asleep, but told by its kernel."""
    client.socket._response.connection.transport.abort()  # type: ignore[union-attr]  # its own way is to say goodbye
