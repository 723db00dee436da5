"""The sizes of WebSocket frames and messages on their way in, seen before aiohttp's own parser does.

aiohttp shows whole messages, and clouds bound frames as well. A message that is too large for aiohttp ends the
connection while its client still sends: such a client would see a broken connection, and never the reason.
"""

from __future__ import annotations

from collections import deque
from typing import Any

from aiohttp import web

from semantest_iac.domain.networking.web_socket_endpoint import ConnectionLimits

_EXTENDED = {126: 2, 127: 8}  # a length of more than seven bits, in so many bytes
_MASKED, _LENGTH = 0x80, 0x7F
_FINAL, _OPCODE, _CONTROL, _CONTINUATION = 0x80, 0x0F, 0x08, 0


class FrameSizes:
    """Which messages were larger than the limits, in themselves or in one of their frames."""

    def __init__(self, parser: Any, limits: ConnectionLimits) -> None:
        self._parser = parser
        self._limits = limits
        self._head = bytearray()
        self._left = 0
        self._message, self._is_larger = 0, False
        self._larger: deque[bool] = deque()

    @classmethod
    def of(cls, request: web.BaseRequest, limits: ConnectionLimits) -> FrameSizes:
        """Put between a prepared WebSocket and its parser; aiohttp has no public way to do that."""
        sizes = cls(request.protocol._payload_parser, limits)
        request.protocol._payload_parser = sizes
        return sizes

    def was_exceeded(self) -> bool:
        """By the next message that is shown; asked once for each."""
        return self._larger.popleft()

    def feed_data(self, data: bytes) -> tuple[bool, bytes]:
        """Look, and hand on."""
        self._look(data)
        answer: tuple[bool, bytes] = self._parser.feed_data(data)
        return answer

    def feed_eof(self) -> None:
        """Hand on."""
        self._parser.feed_eof()

    def _look(self, data: bytes) -> None:
        at = 0
        while at < len(data):
            if self._left:
                step = min(self._left, len(data) - at)
                self._left, at = self._left - step, at + step
                continue
            self._head.append(data[at])
            at += 1
            self._look_at_head()

    def _look_at_head(self) -> None:
        head = self._head
        if len(head) < 2:
            return
        extended = _EXTENDED.get(head[1] & _LENGTH, 0)
        if len(head) == 2 + extended + (4 if head[1] & _MASKED else 0):
            self._left = int.from_bytes(head[2 : 2 + extended], "big") if extended else head[1] & _LENGTH
            self._look_at_frame(head[0], self._left)
            head.clear()

    def _look_at_frame(self, kind: int, size: int) -> None:
        if kind & _CONTROL:
            return
        if kind & _OPCODE != _CONTINUATION:
            self._message, self._is_larger = 0, False
        self._message += size
        self._is_larger |= size > self._limits.frame_bytes or self._message > self._limits.message_bytes
        if kind & _FINAL:
            self._larger.append(self._is_larger)
