"""Writes text in a thread of its own, so that nobody waits for a reader who does not read.

Nothing is left out, as every line of a deployment counts; `presentation.background_output` is for logs without an end.
"""

from __future__ import annotations

from collections.abc import Callable
from queue import SimpleQueue
from threading import Event, Thread
from typing import Any

from semantest_iac.presentation.cli.process.signals import leave_behind

WriteText = Callable[[Any, str | bytes], str]
"""Writes to a stream and returns why it takes nothing more, empty if it does."""

_BEHIND = 3  # texts that wait: one or two do so with any reader


class QueuedOutput:
    """Takes text for any stream at once and writes it in the same order; its methods are called from any thread."""

    def __init__(self, write: WriteText) -> None:
        self._write = write
        self._waiting: SimpleQueue[tuple[Any, str | bytes] | None] = SimpleQueue()
        self._reasons: dict[int, str] = {}
        self._is_done = Event()
        self._thread = Thread(target=self._write_waiting, name="output", daemon=True)
        self._thread.start()

    @property
    def is_behind(self) -> bool:
        """Whether a reader has not read what was written before."""
        return self._waiting.qsize() >= _BEHIND

    def write(self, stream: Any, content: str | bytes) -> str:
        """Have the content written, and return why the stream took nothing more before."""
        self._waiting.put((stream, content))
        return self._reasons.get(id(stream), "")

    def find_reason(self, stream: Any) -> str:
        """Return why the stream takes nothing more, as far as that is known."""
        return self._reasons.get(id(stream), "")

    def close(self, timeout_s: float | None = None) -> bool:
        """Wait until everything is written, at most so long or until Ctrl-C; return whether it is."""
        self._waiting.put(None)
        try:
            is_written = self._is_done.wait(timeout_s)
        except KeyboardInterrupt:
            is_written = False
        if is_written:
            self._thread.join()
        else:
            leave_behind(self)
        return is_written

    def _write_waiting(self) -> None:
        while (item := self._waiting.get()) is not None:
            if reason := self._write(*item):
                self._reasons[id(item[0])] = reason
        self._is_done.set()
