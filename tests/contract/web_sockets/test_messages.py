"""Size, frames and characters of messages."""

from __future__ import annotations

import json
import struct
from itertools import pairwise
from typing import Any

import pytest

from tests.contract.web_sockets.clients import IMAGE_REQUEST, Client, StackClients
from tests.contract.web_sockets.variants import SANDBOX_VARIANTS, StackVariant

pytestmark = pytest.mark.parametrize("variant", SANDBOX_VARIANTS, ids=str, indirect=True)

KB = 1024
LARGEST = {"aws": 128 * KB, "azure": 1024 * KB}
LARGEST_FRAMES = {"aws": 32 * KB, "azure": 1024 * KB}
TOO_BIG, NOT_TEXT = 1009, 1003
TEXTS = {
    "umlauts": "äöü ß é",
    "Chinese": "一只狐狸",
    "emoji": "🦊👩‍👩‍👧",
    "right-to-left": "ثعلب",
    "controls": "\x00\x1b\u2028\r\n\t",
    "markup": "<script>'\"\\</script>",
    "half a pair": "\ud83e",
}


def ping(size: int) -> str:
    """A message of a size in bytes, whose answer is short."""
    empty = json.dumps({"type": "ping", "filling": ""})
    return json.dumps({"type": "ping", "filling": "x" * (size - len(empty))})


def send_in_frames(client: Client, text: str, largest: int = LARGEST_FRAMES["aws"]) -> None:
    """Send a long message in several frames, as browsers do; aiohttp always sends one frame."""
    data = text.encode()
    offsets = [*range(0, len(data), largest), len(data)]
    transport: Any = client.socket.get_extra_info("transport") or client.socket._response.connection.transport  # type: ignore[union-attr]
    for start, end in pairwise(offsets):
        begin = (0x80 if end == len(data) else 0) | (1 if start == 0 else 0)
        transport.write(struct.pack("!BBHI", begin, 0x80 | 126, end - start, 0) + data[start:end])


class TestSize:
    @pytest.mark.parametrize("share", [0.3, 1], ids=["a third", "the largest"])
    async def test_may_be_up_to_the_limit_in_frames(
        self, clients: StackClients, variant: StackVariant, share: float
    ) -> None:
        client = await clients.join("cli")

        send_in_frames(client, ping(int(LARGEST[variant.provider] * share)))
        assert await client.receive() == {"type": "pong"}
        assert await client.is_responsive()

    @pytest.mark.parametrize("more", [1, 72 * KB], ids=["a byte more", "72 KB more"])
    async def test_beyond_that_closes_only_this_connection(
        self, clients: StackClients, variant: StackVariant, more: int
    ) -> None:
        client, other = await clients.join("cli"), await clients.join("cli")

        send_in_frames(client, ping(LARGEST[variant.provider] + more))
        assert await client.close_code() == TOO_BIG
        assert await other.is_responsive()

    @pytest.mark.parametrize("more", [1, 8 * KB, 168 * KB], ids=["a byte more", "8 KB more", "168 KB more"])
    async def test_of_a_frame_beyond_its_limit_closes_the_connection(
        self, clients: StackClients, variant: StackVariant, more: int
    ) -> None:
        client = await clients.join("cli")

        await client.socket.send_str(ping(LARGEST_FRAMES[variant.provider] + more))
        assert await client.close_code() == TOO_BIG

    async def test_that_is_too_large_does_not_affect_earlier_messages(
        self, clients: StackClients, variant: StackVariant
    ) -> None:
        client = await clients.join("cli")

        for size in (50, 50, LARGEST[variant.provider] + 1):
            await client.socket.send_str(ping(size))
        assert [await client.receive() for _ in range(2)] == [{"type": "pong"}] * 2
        assert await client.close_code() == TOO_BIG

    async def test_of_a_frame_may_be_at_its_limit(self, clients: StackClients, variant: StackVariant) -> None:
        client = await clients.join("cli")

        await client.socket.send_str(ping(LARGEST_FRAMES[variant.provider]))
        assert await client.receive() == {"type": "pong"}

    async def test_has_a_limit_of_128_kb_or_more_when_it_is_forwarded(self, clients: StackClients) -> None:
        cli, extension = await clients.join("cli"), await clients.join("extension")
        request, largest = json.dumps({**IMAGE_REQUEST, "requestId": "large"}), LARGEST["aws"]

        send_in_frames(cli, request.replace("a fox", "x" * (largest - len(request))))
        assert len((await extension.receive())["prompt"]) == largest - len(request)


class TestText:
    @pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
    async def test_arrives_as_it_was_sent(self, clients: StackClients, text: str) -> None:
        cli, extension = await clients.join("cli"), await clients.join("extension")

        await cli.send(**{**IMAGE_REQUEST, "prompt": text}, requestId="text")
        assert (await extension.receive())["prompt"] == text
        await extension.send(type="image_generated", requestId="text", image=text)
        assert await cli.receive() == {"type": "image_generated", "requestId": "text", "image": text}

    @pytest.mark.parametrize("letter", ["é", "狐", "🦊"])
    async def test_counts_in_bytes_when_it_is_forwarded(self, clients: StackClients, letter: str) -> None:
        cli, extension = await clients.join("cli"), await clients.join("extension")
        text = letter * (120 * KB // len(letter.encode()))

        send_in_frames(cli, json.dumps({**IMAGE_REQUEST, "prompt": text, "requestId": letter}, ensure_ascii=False))
        prompt = (await extension.receive())["prompt"]
        assert (len(prompt), set(prompt)) == (len(text), {letter})

    @pytest.mark.parametrize("data", [b"\xff\xfe", b'{"type": "ping"}'], ids=["bytes", "text"])
    async def test_must_not_be_binary(self, clients: StackClients, data: bytes) -> None:
        client, other = await clients.join("cli"), await clients.join("cli")

        await client.socket.send_bytes(data)
        assert await client.close_code() == NOT_TEXT
        assert await other.is_responsive()
