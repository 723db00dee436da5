"""What a message may be: its size, its frames, its characters."""

from __future__ import annotations

import json
import struct
from itertools import pairwise
from typing import Any

import pytest

from tests.contract.web_sockets.clients import ASKED, Client, Room

KB = 1024
LARGEST, LARGEST_FRAME = 128 * KB, 32 * KB
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
    """A message of so many bytes, whose answer is short."""
    empty = json.dumps({"type": "ping", "filling": ""})
    return json.dumps({"type": "ping", "filling": "x" * (size - len(empty))})


def send_in_frames(client: Client, text: str, largest: int = LARGEST_FRAME) -> None:
    """As browsers do with what is long; aiohttp itself sends one frame whatever the size."""
    data = text.encode()
    places = [*range(0, len(data), largest), len(data)]
    transport: Any = client.socket.get_extra_info("transport") or client.socket._response.connection.transport  # type: ignore[union-attr]
    for start, end in pairwise(places):
        begin = (0x80 if end == len(data) else 0) | (1 if start == 0 else 0)
        transport.write(struct.pack("!BBHI", begin, 0x80 | 126, end - start, 0) + data[start:end])


class TestSize:
    @pytest.mark.parametrize("size", [40 * KB, LARGEST], ids=["40 KB", "128 KB"])
    async def test_may_be_up_to_128_kb_in_frames_of_32(self, room: Room, size: int) -> None:
        client = await room.join("cli")

        send_in_frames(client, ping(size))
        assert await client.hear() == {"type": "pong"}
        assert await client.is_answered()

    @pytest.mark.parametrize("size", [LARGEST + 1, 200 * KB], ids=["a byte more", "200 KB"])
    async def test_beyond_that_ends_this_connection_alone(self, room: Room, size: int) -> None:
        client, other = await room.join("cli"), await room.join("cli")

        send_in_frames(client, ping(size))
        assert await client.ending() == TOO_BIG
        assert await other.is_answered()

    @pytest.mark.parametrize("size", [LARGEST_FRAME + 1, 40 * KB, 200 * KB], ids=["a byte more", "40 KB", "200 KB"])
    async def test_of_a_frame_ends_the_connection_beyond_32_kb(self, room: Room, size: int) -> None:
        client = await room.join("cli")

        await client.socket.send_str(ping(size))
        assert await client.ending() == TOO_BIG

    async def test_that_is_too_large_takes_nothing_from_those_before(self, room: Room) -> None:
        client = await room.join("cli")

        for size in (50, 50, 200 * KB):
            await client.socket.send_str(ping(size))
        assert [await client.hear() for _ in range(2)] == [{"type": "pong"}] * 2
        assert await client.ending() == TOO_BIG

    async def test_of_a_frame_may_be_32_kb(self, room: Room) -> None:
        client = await room.join("cli")

        await client.socket.send_str(ping(LARGEST_FRAME))
        assert await client.hear() == {"type": "pong"}

    async def test_is_the_same_for_what_is_handed_on(self, room: Room) -> None:
        asker, extension = await room.join("cli"), await room.join("extension")
        asking = json.dumps({**ASKED, "requestId": "large"})

        send_in_frames(asker, asking.replace("a fox", "x" * (LARGEST - len(asking))))
        assert len((await extension.hear())["prompt"]) == LARGEST - len(asking)


class TestText:
    @pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
    async def test_arrives_as_it_was_sent(self, room: Room, text: str) -> None:
        asker, extension = await room.join("cli"), await room.join("extension")

        await asker.say(**{**ASKED, "prompt": text}, requestId="text")
        assert (await extension.hear())["prompt"] == text
        await extension.say(type="image_generated", requestId="text", image=text)
        assert await asker.hear() == {"type": "image_generated", "requestId": "text", "image": text}

    @pytest.mark.parametrize("letter", ["é", "狐", "🦊"])
    async def test_counts_by_its_bytes_on_its_way_on(self, room: Room, letter: str) -> None:
        asker, extension = await room.join("cli"), await room.join("extension")
        text = letter * (120 * KB // len(letter.encode()))

        send_in_frames(asker, json.dumps({**ASKED, "prompt": text, "requestId": letter}, ensure_ascii=False))
        heard = (await extension.hear())["prompt"]
        assert (len(heard), set(heard)) == (len(text), {letter})

    @pytest.mark.parametrize("data", [b"\xff\xfe", b'{"type": "ping"}'], ids=["bytes", "text"])
    async def test_alone_is_taken(self, room: Room, data: bytes) -> None:
        client, other = await room.join("cli"), await room.join("cli")

        await client.socket.send_bytes(data)
        assert await client.ending() == NOT_TEXT
        assert await other.is_answered()
