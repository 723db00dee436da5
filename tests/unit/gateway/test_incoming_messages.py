"""What WebSocket clients send, on its way to the parser."""

from __future__ import annotations

import asyncio
import random
import struct
from dataclasses import dataclass, field
from typing import Any

import pytest

from semantest_iac.domain.networking.apis import ConnectionLimits
from semantest_iac.presentation.gateway.incoming_messages import FRAMES_AT_ONCE, IncomingMessages, MessageMemory
from semantest_iac.presentation.gateway.limits import GatewayLimits

TEXT, CONTINUATION, CLOSE, PING = 1, 0, 8, 9


def frame(opcode: int, size: int, *, is_final: bool = True) -> bytes:
    length = (
        bytes([0x80 | size])
        if size < 126
        else struct.pack("!BH", 0xFE, size)
        if size < 65536
        else struct.pack("!BQ", 0xFF, size)
    )
    return bytes([(0x80 if is_final else 0) | opcode]) + length + b"mask" + b"x" * size


@dataclass
class FakeTransport:
    is_reading: bool = True
    is_aborted: bool = False

    def pause_reading(self) -> None:
        self.is_reading = False

    def resume_reading(self) -> None:
        self.is_reading = True

    def abort(self) -> None:
        self.is_aborted = True


@dataclass
class FakeParser:
    received: bytes = b""

    def feed_data(self, data: bytes) -> tuple[bool, bytes]:
        self.received += data
        return False, b""


@dataclass
class OneClient:
    """A client with small limits."""

    memory: MessageMemory = field(default_factory=lambda: MessageMemory(100_000))
    transport: Any = field(default_factory=FakeTransport)
    parser: FakeParser = field(default_factory=FakeParser)

    def __post_init__(self) -> None:
        limits = ConnectionLimits(message_bytes=3000, frame_bytes=1000)
        usual = GatewayLimits(pending_messages=3, pending_bytes=4000, discarded_bytes=50_000)
        self.incoming = IncomingMessages(self.transport, limits, self.memory, usual)
        self.incoming.attach(self.parser)

    def send(self, *frames: bytes) -> None:
        self.incoming.feed_data(b"".join(frames))


class TestMessages:
    @pytest.mark.parametrize("seed", range(5))
    def test_arrive_unchanged_however_they_are_cut(self, seed: int) -> None:
        drawn, client = random.Random(seed), OneClient()
        frames = [
            frame(TEXT, 0),
            frame(TEXT, 125, is_final=False),
            frame(PING, 5),
            frame(CONTINUATION, 1000),
            frame(TEXT, 126),
            frame(TEXT, 1000, is_final=False),
            frame(CONTINUATION, 1000, is_final=False),
            frame(CONTINUATION, 1000),
            frame(CLOSE, 2),
        ]
        sent = b"".join(frames)
        while sent:
            size = drawn.randint(1, 700)
            client.send(sent[:size])
            sent = sent[size:]
            client.incoming.finish_message()

        assert client.parser.received == b"".join(frames)

    @pytest.mark.parametrize(
        "frames",
        [
            [frame(TEXT, 1001)],
            [frame(TEXT, 70_000)],
            [frame(TEXT, 1000, is_final=False)] + [frame(CONTINUATION, 1000, is_final=False)] * 3,
        ],
        ids=["frame", "large frame", "unfinished message"],
    )
    def test_beyond_a_limit_are_discarded_while_they_are_read(self, frames: list[bytes]) -> None:
        client = OneClient()
        client.send(frame(TEXT, 1), *frames[:-1])
        before = client.parser.received
        client.send(frames[-1][:14])  # the head suffices

        assert client.incoming.fault == (1009, "Too large")
        client.send(frames[-1][14:], frame(TEXT, 5), frame(PING, 1), frame(CLOSE, 2))
        assert client.parser.received in (before + frame(CLOSE, 2), before)
        assert not client.transport.is_aborted or len(frames[-1]) > 50_000

    def test_wait_while_others_are_not_delivered(self) -> None:
        client = OneClient()
        client.send(*[frame(TEXT, 10)] * 5)

        assert (client.parser.received, client.transport.is_reading) == (frame(TEXT, 10) * 3, False)
        for _ in range(2):
            client.incoming.finish_message()
        assert (client.parser.received, client.transport.is_reading) == (frame(TEXT, 10) * 5, False)
        client.incoming.finish_message()
        assert client.transport.is_reading

    async def test_in_very_many_frames_leave_turns_to_others(self) -> None:
        client, part = OneClient(), frame(CONTINUATION, 0, is_final=False)
        frames = frame(TEXT, 0, is_final=False) + part * 3 * FRAMES_AT_ONCE
        client.send(frames)

        for passes in range(1, 4):
            assert len(client.parser.received) == passes * FRAMES_AT_ONCE * len(part)
            assert not client.transport.is_reading
            await asyncio.sleep(0)
        assert client.parser.received == frames
        assert client.transport.is_reading


class TestMemory:
    def test_is_taken_from_the_message_that_began_first(self) -> None:
        memory = MessageMemory(2500)
        first, second, third = (OneClient(memory) for _ in range(3))
        for client in (first, second, third):
            client.send(frame(TEXT, 1000, is_final=False))

        assert [client.transport.is_aborted for client in (first, second, third)] == [True, False, False]
        third.send(frame(CONTINUATION, 1000))
        assert second.transport.is_aborted
        assert third.incoming.has_pending

    def test_is_waited_for_while_complete_messages_take_it(self) -> None:
        memory = MessageMemory(1500)
        first, second = OneClient(memory), OneClient(memory)
        first.send(frame(TEXT, 1000))
        second.send(frame(TEXT, 1000))

        assert (second.parser.received, second.transport.is_reading) == (b"", False)
        first.incoming.finish_message()
        assert (second.parser.received, second.transport.is_reading) == (frame(TEXT, 1000), True)

    def test_is_given_back_at_the_end(self) -> None:
        memory = MessageMemory(1500)
        first, second = OneClient(memory), OneClient(memory)
        first.send(frame(TEXT, 1000))
        second.send(frame(TEXT, 1000))
        first.incoming.end()

        assert second.parser.received == frame(TEXT, 1000)
