"""Keeps the end of what a function writes, however much that is."""

from __future__ import annotations

import asyncio

KEPT_BYTES = 64 * 1024
CHUNK = 256 * 1024


class LogTail:
    """The last KEPT_BYTES of the current call's output."""

    def __init__(self) -> None:
        self._kept = bytearray()
        self._is_cut = False

    async def collect(self, stream: asyncio.StreamReader) -> None:
        """Read the stream to its end, so that a function that writes much is never blocked by us."""
        while chunk := await stream.read(CHUNK):
            self._kept += chunk
            if len(self._kept) > KEPT_BYTES:
                del self._kept[:-KEPT_BYTES]
                self._is_cut = True

    def clear(self) -> None:
        """Begin anew, for the next call."""
        self._kept.clear()
        self._is_cut = False

    def text(self) -> str:
        """What was kept, as text; starts with an ellipsis when the beginning is gone."""
        return ("…" if self._is_cut else "") + self._kept.decode(errors="replace")
