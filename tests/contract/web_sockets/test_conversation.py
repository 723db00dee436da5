"""Semantest's protocol through the gateway, the cloud's services and the deployed function."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.contract.web_sockets.clients import IMAGE_REQUEST, Client, StackClients


async def exchange(client: Client, **message: Any) -> dict[str, Any]:
    await client.send(**message)
    return await client.receive()


class TestWelcome:
    async def test_comes_before_the_answer_to_the_first_message(self, clients: StackClients) -> None:
        client = await clients.connect()

        assert [(await exchange(client, type="heartbeat"))["type"], (await client.receive())["type"]] == [
            "welcome",
            "heartbeat_response",
        ]

    async def test_comes_once_for_many_concurrent_messages(self, clients: StackClients) -> None:
        client = await clients.connect()
        for _ in range(5):
            await client.send(type="ping")

        assert [(await client.receive())["type"] for _ in range(6)] == ["welcome", *["pong"] * 5]


class TestAuthentication:
    @pytest.mark.parametrize("kind", ["cli", "extension"])
    async def test_confirms_the_kind_and_may_be_repeated(self, clients: StackClients, kind: str) -> None:
        client = await clients.join(kind)

        assert await exchange(client, type="authenticate", clientType=kind) == {
            "type": "authentication_success",
            "clientId": client.id,
            "message": f"Authenticated as {kind}",
        }

    async def test_accepts_an_extension_by_its_id(self, clients: StackClients) -> None:
        client = await clients.connect()

        await exchange(client, type="authenticate", extensionId="ext-1", metadata={"version": "1"})
        assert (await client.receive())["extensionId"] == "ext-1"

    async def test_refuses_other_kinds(self, clients: StackClients) -> None:
        client = await clients.connect()

        await exchange(client, type="authenticate", clientType="admin")
        assert (await client.receive())["type"] == "error"
        assert await client.is_responsive()


class TestRequest:
    async def test_reaches_an_extension_whose_answers_come_back(self, clients: StackClients) -> None:
        cli, other, extension = await clients.join("cli"), await clients.join("cli"), await clients.join("extension")

        await cli.send(**IMAGE_REQUEST, requestId="r/1", metadata={"size": [1024, 768]})
        assert await extension.receive() == {
            **IMAGE_REQUEST,
            "type": "generate_image",
            "requestId": "r/1",
            "metadata": {"size": [1024, 768]},
        }
        for answer in ("image_generation_progress", "image_generated"):
            await extension.send(type=answer, requestId="r/1", value=answer)
            assert await cli.receive() == {"type": answer, "requestId": "r/1", "value": answer}
        assert await other.is_responsive()
        assert await extension.is_responsive()

    @pytest.mark.parametrize("ending", ["image_generated", "image_generation_failed"])
    async def test_is_answered_once(self, clients: StackClients, ending: str) -> None:
        cli, extension = await clients.join("cli"), await clients.join("extension")
        await cli.send(**IMAGE_REQUEST, requestId=ending)
        await extension.receive()

        await extension.send(type=ending, requestId=ending)
        assert (await cli.receive())["type"] == ending
        refusal = await exchange(extension, type=ending, requestId=ending)
        assert (refusal["type"], refusal["requestId"]) == ("error", ending)

    async def test_is_refused_without_an_extension(self, clients: StackClients) -> None:
        cli = await clients.join("cli")

        refusal = await exchange(cli, **IMAGE_REQUEST, requestId="nobody")
        assert refusal == {"type": "error", "requestId": "nobody", "message": "No extension available"}

    async def test_is_refused_under_the_id_of_another_client_s(self, clients: StackClients) -> None:
        first, second, extension = await clients.join("cli"), await clients.join("cli"), await clients.join("extension")
        await first.send(**IMAGE_REQUEST, requestId="same")
        await extension.receive()

        assert (await exchange(second, **IMAGE_REQUEST, requestId="same"))["type"] == "error"
        assert await extension.is_responsive()

    async def test_skips_extensions_that_are_gone(self, clients: StackClients) -> None:
        cli, gone, vanished = [await clients.join(kind) for kind in ("cli", "extension", "extension")]
        extension = await clients.join("extension")
        await gone.socket.close()
        vanish(vanished)

        for number in range(4):
            await cli.send(**IMAGE_REQUEST, requestId=f"past-{number}")
            assert (await extension.receive())["requestId"] == f"past-{number}"

    async def test_fails_if_its_extension_leaves(self, clients: StackClients) -> None:
        cli, extension = await clients.join("cli"), await clients.join("extension")
        await cli.send(**IMAGE_REQUEST, requestId="left")
        await extension.receive()

        vanish(extension)
        failure = await cli.receive()
        assert (failure["type"], failure["requestId"]) == ("error", "left")
        assert await cli.is_responsive()

    async def test_is_answered_among_many_concurrent_ones(self, clients: StackClients) -> None:
        cli, extension = await clients.join("cli"), await clients.join("extension")
        await asyncio.gather(*(cli.send(**IMAGE_REQUEST, requestId=f"m{number}") for number in range(20)))

        for _ in range(20):
            await extension.send(type="image_generated", requestId=(await extension.receive())["requestId"])
        request_ids = [(await cli.receive())["requestId"] for _ in range(20)]
        assert sorted(request_ids) == sorted(f"m{number}" for number in range(20))


class TestBroadcast:
    async def test_reaches_every_other_client(self, clients: StackClients) -> None:
        sender, cli, extension = await clients.join("cli"), await clients.join("cli"), await clients.join("extension")

        await sender.send(type="broadcast", payload={"text": "hello"})
        expected = {"type": "broadcast", "payload": {"text": "hello"}, "from": sender.id}
        assert [await cli.receive(), await extension.receive()] == [expected, expected]
        assert await sender.is_responsive()


class TestInvalidMessage:
    @pytest.mark.parametrize(
        "text",
        ["not json", "null", "[]", "{}", '{"type": 7}', '{"type": "nope"}', " ", '{"type": "__proto__"}', "[" * 5000],
        ids=["word", "null", "list", "no-type", "number", "unknown", "space", "odd", "deep"],
    )
    async def test_causes_an_error_and_keeps_the_connection(self, clients: StackClients, text: str) -> None:
        client = await clients.join("cli")

        await client.socket.send_str(text)
        assert (await client.receive())["type"] == "error"
        assert await client.is_responsive()


def vanish(client: Client) -> None:
    """Abort the connection without a close frame."""
    client.socket._response.connection.transport.abort()  # type: ignore[union-attr]  # its own method sends a close frame
