"""The sizes of WebSocket frames on their way in: aiohttp shows whole messages, and clouds bound frames as well."""

from __future__ import annotations

from typing import Any

from aiohttp import web

_EXTENDED = {126: 2, 127: 8}  # a length of more than seven bits, in so many bytes
_MASKED, _LENGTH = 0x80, 0x7F


class FrameSizes:
    """Sees the bytes before aiohttp's own parser does."""

    def __init__(self, parser: Any, largest: int) -> None:
        self._parser = parser
        self._largest = largest
        self._head = bytearray()
        self._left = 0
        self.is_exceeded = False

    @classmethod
    def of(cls, request: web.BaseRequest, largest: int) -> FrameSizes:
        """Put between a prepared WebSocket and its parser; aiohttp has no public way to do that."""
        sizes = cls(request.protocol._payload_parser, largest)
        request.protocol._payload_parser = sizes
        return sizes

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
            self.is_exceeded = self.is_exceeded or self._left > self._largest
            head.clear()
