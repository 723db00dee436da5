"""What a program prints, as text of bounded size, whatever it prints."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

LONGEST_LINE = 64 * 1024
HEAD, TAIL = 64 * 1024, 256 * 1024
_CUT = "[… cut …]"


class Transcript:
    """Takes bytes as they come; keeps the first and the last of it, and hands whole lines to a listener.

    A listener that raises is not called again: its exception waits in `fault`, because reading must go on or the
    program would block on a full pipe for ever.
    """

    def __init__(self, listener: Callable[[str], object] | None = None) -> None:
        self.fault: Exception | None = None
        self._listener = listener
        self._pending = b""
        self._skipping = False  # the rest of a line that was too long
        self._head: list[str] = []
        self._tail: deque[str] = deque()
        self._room, self._used = HEAD, 0
        self._is_cut = False

    def feed(self, data: bytes) -> None:
        """The next bytes; bytes that are no UTF-8 become replacement characters."""
        *lines, rest = data.split(b"\n")
        for line in lines:
            self._extend(line)
            self._end_line()
        self._extend(rest)

    def close(self) -> None:
        """No more will come: a last line without an end counts too."""
        if self._pending:
            self._end_line()

    @property
    def text(self) -> str:
        """The lines that were kept, and a mark where some were left out."""
        return "\n".join([*self._head, *([_CUT] if self._is_cut else []), *self._tail])

    def _extend(self, part: bytes) -> None:
        if not self._skipping:
            self._pending += part[: LONGEST_LINE - len(self._pending)]
            self._skipping = len(self._pending) >= LONGEST_LINE

    def _end_line(self) -> None:
        line = self._pending.decode("utf-8", "replace").rstrip()
        self._pending, self._skipping = b"", False
        self._keep(line)
        if self._listener and self.fault is None:
            try:
                self._listener(line)
            except Exception as error:  # kept, and raised when all has ended
                self.fault = error

    def _keep(self, line: str) -> None:
        if self._room >= len(line) and not self._tail:
            self._head.append(line)
            self._room -= len(line) + 1
            return
        self._tail.append(line)
        self._used += len(line) + 1
        while self._used > TAIL and len(self._tail) > 1:
            self._used -= len(self._tail.popleft()) + 1
            self._is_cut = True
