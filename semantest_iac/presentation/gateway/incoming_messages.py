"""Passes what WebSocket clients send to aiohttp's parser, within the limits of their cloud and of the gateway.

aiohttp shows whole messages only and limits no frames; what it refuses breaks the connection before the client can read
why. So frames are counted before they reach it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any

from aiohttp import WSCloseCode

from semantest_iac.domain.networking.apis import ConnectionLimits
from semantest_iac.presentation.gateway.limits import GatewayLimits

# RFC 6455, 5.2
_EXTENDED_LENGTH_BYTES = {126: 2, 127: 8}  # these lengths say how many bytes hold the real one
_MASK_BIT, _LENGTH_BITS = 0x80, 0x7F
_FINAL_BIT, _OPCODE_BITS, _CONTROL_BIT, _CONTINUATION, _CLOSE = 0x80, 0x0F, 0x08, 0, 8


FRAMES_AT_ONCE = 256
"""After so many frames of a client, others have their turn."""


class MessageMemory:
    """What the messages of all clients take that are unfinished, or not yet delivered."""

    def __init__(self, largest: int) -> None:
        self._left = largest
        self._unfinished: dict[IncomingMessages, None] = {}  # in the order in which their messages began
        self._waiting: deque[IncomingMessages] = deque()

    def take(self, client: IncomingMessages, size: int) -> bool:
        """Take room for a frame; False if the client must wait, because all room is taken by complete messages.

        Where unfinished messages take it, the connection whose message began first is closed.
        """
        while size > self._left:
            oldest = next((it for it in self._unfinished if it is not client), None)
            if oldest is None:
                self._waiting.append(client)
                return False
            oldest.abort()
        self._left -= size
        self._unfinished.setdefault(client)
        return True

    def mark_finished(self, client: IncomingMessages) -> None:
        """Note that the message of a client is complete."""
        self._unfinished.pop(client, None)

    def give_back(self, size: int) -> None:
        """Give room back, and let those go on that wait for it."""
        self._left += size
        for _ in range(len(self._waiting)):
            self._waiting.popleft().resume()


class IncomingMessages:
    """The frames of one client on their way to aiohttp's parser, only so many messages at once.

    From a frame on that exceeds a limit everything is discarded but the client's close frame; `fault` says how the
    connection is to be closed.
    """

    def __init__(
        self, transport: asyncio.Transport, limits: ConnectionLimits, memory: MessageMemory, usual: GatewayLimits
    ) -> None:
        self.fault: tuple[int, str] | None = None
        self.on_fault: Callable[[], None] = lambda: None
        self._transport = transport
        self._limits = limits
        self._memory = memory
        self._usual = usual
        self._parser: Any = None
        self._held = b""
        self._head = bytearray()
        self._frame_left = 0
        self._frames_to_pass = FRAMES_AT_ONCE  # in this pass of the event loop
        self._is_passing = True  # the current frame
        self._is_control = False  # the current frame
        self._ends_message = False  # the current frame
        self._message_size = 0
        self._pending: deque[int] = deque()  # the sizes of complete messages that are not delivered
        self._discarded = 0
        self._is_ended = False

    def attach(self, parser: Any) -> None:
        """Pass everything on to this parser."""
        self._parser = parser

    def feed_data(self, data: bytes) -> tuple[bool, bytes]:
        self._held += data
        return self._pass_on()

    def feed_eof(self) -> None:
        self._parser.feed_eof()

    def finish_message(self) -> None:
        """Note that the oldest message was delivered, or was no message of the service."""
        if self._pending:
            self._memory.give_back(self._pending.popleft())
        self.resume()

    @property
    def has_pending(self) -> bool:
        """Whether a complete message waits."""
        return bool(self._pending)

    def discard(self) -> None:
        """Pass nothing more on but a close frame."""
        self.fault = self.fault or (WSCloseCode.GOING_AWAY, "")
        self.resume()

    def resume(self) -> None:
        """Go on with what was held, if there is room for it now."""
        if not self._is_ended:
            self._pass_on()

    def abort(self) -> None:
        """End the connection at once, and give back what its messages take."""
        self.end()
        self._transport.abort()

    def end(self) -> None:
        """Give back what the messages take; safe to call twice."""
        if not self._is_ended:
            self._is_ended, self._held = True, b""
            self._memory.mark_finished(self)
            size, self._message_size = self._message_size + sum(self._pending), 0
            self._pending.clear()
            self._memory.give_back(size)

    def _pass_on(self) -> tuple[bool, bytes]:
        data, index, passed = self._held, 0, list[bytes]()
        self._held, self._frames_to_pass = b"", FRAMES_AT_ONCE
        is_waiting = self._is_waiting_with_head(passed)
        while index < len(data) and self._frames_to_pass and not (is_waiting or self._is_full):
            if self._frame_left:
                step = min(self._frame_left, len(data) - index)
                self._count_payload(data[index : index + step], passed)
                index += step
                continue
            self._head.append(data[index])
            index += 1
            is_waiting = self._is_waiting_with_head(passed)
        self._held = data[index:]
        if self._held and not self._frames_to_pass:
            asyncio.get_running_loop().call_soon(self.resume)
        if is_waiting or self._held or self._is_full:
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()
        result: tuple[bool, bytes] = self._parser.feed_data(b"".join(passed)) if passed else (False, b"")
        return result

    @property
    def _is_full(self) -> bool:
        return self.fault is None and (
            len(self._pending) >= self._usual.pending_messages or sum(self._pending) >= self._usual.pending_bytes
        )

    def _is_head_complete(self) -> bool:
        head = self._head
        if len(head) < 2:
            return False
        extended = _EXTENDED_LENGTH_BYTES.get(head[1] & _LENGTH_BITS, 0)
        return len(head) == 2 + extended + (4 if head[1] & _MASK_BIT else 0)

    def _is_waiting_with_head(self, passed: list[bytes]) -> bool:
        """Begin the frame if its head is complete, and return whether it waits for room instead."""
        return self._is_head_complete() and not self._begin_frame(passed)

    def _begin_frame(self, passed: list[bytes]) -> bool:
        """Decide on the frame of a complete head; False if it must wait for room."""
        head = bytes(self._head)
        extended = _EXTENDED_LENGTH_BYTES.get(head[1] & _LENGTH_BITS, 0)
        size = int.from_bytes(head[2 : 2 + extended], "big") if extended else head[1] & _LENGTH_BITS
        is_control = bool(head[0] & _CONTROL_BIT)
        if not is_control and self.fault is None and not self._take_data_frame(head[0], size):
            return False
        self._head.clear()
        self._frames_to_pass -= 1
        self._is_passing = self.fault is None or head[0] & _OPCODE_BITS == _CLOSE
        self._ends_message = self._is_passing and (is_control or bool(head[0] & _FINAL_BIT))
        self._is_control = is_control
        self._frame_left = size
        if self._is_passing:
            passed.append(head)
        if size == 0:
            self._end_frame()
        return True

    def _take_data_frame(self, first_byte: int, size: int) -> bool:
        """Count a frame of a message; False if it must wait for room."""
        is_new = first_byte & _OPCODE_BITS != _CONTINUATION
        message_size = size + (0 if is_new else self._message_size)
        if size > self._limits.frame_bytes or message_size > self._limits.message_bytes:
            self._set_fault(WSCloseCode.MESSAGE_TOO_BIG, "Too large")
            return True
        if not self._memory.take(self, size):
            return False
        self._message_size = message_size
        return True

    def _count_payload(self, part: bytes, passed: list[bytes]) -> None:
        self._frame_left -= len(part)
        if self._is_passing:
            passed.append(part)
        else:
            self._discarded += len(part)
            if self._discarded > self._usual.discarded_bytes:
                self.abort()
        if self._frame_left == 0:
            self._end_frame()

    def _end_frame(self) -> None:
        if not self._ends_message:
            return
        if self._is_control:
            self._pending.append(0)
            return
        self._pending.append(self._message_size)
        self._message_size = 0
        self._memory.mark_finished(self)

    def _set_fault(self, code: int, reason: str) -> None:
        self.fault = (code, reason)
        self.on_fault()
