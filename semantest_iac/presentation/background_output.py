"""Writes to a stream from a thread of its own, so that no reader of it can stop what is going on.

A pipe that nobody reads takes 64 KiB and then blocks whoever writes to it.
"""

from __future__ import annotations

import os
import select
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final, TextIO, cast

LONGEST_QUEUE: Final = 256 * 1024
"""How many characters wait at most; what does not fit is left out and counted."""

_BYTES_PER_WRITE: Final = select.PIPE_BUF if hasattr(select, "PIPE_BUF") else 512
"""What a pipe that is ready takes without blocking."""

_POLL_MS: Final = 100
_LAST_POLLS: Final = 5
"""How often in a row a reader may take nothing at the end; a busy machine that is merely slow is waited for."""

_END_TIMEOUT_S: Final = 5.0

ReportDropped = Callable[[int], None]
ReportFailure = Callable[[str], None]


@contextmanager
def open_background_output(
    stream: TextIO, report_dropped: ReportDropped, report_failure: ReportFailure, longest_queue: int = LONGEST_QUEUE
) -> Iterator[TextIO]:
    """Yield a stream whose writing never blocks; one without a descriptor is written to at once.

    `report_dropped` receives the number of lines that were left out, as soon as others are taken again or at the end;
    `report_failure` why the stream takes nothing more, which is said once.
    """
    try:
        descriptor = stream.fileno()
    except (OSError, ValueError, AttributeError):
        yield stream
        return
    stream.flush()
    output = BackgroundOutput(stream, descriptor, longest_queue, report_dropped, report_failure)
    try:
        yield cast(TextIO, output)
    finally:
        output.end()


class BackgroundOutput:
    """Takes the text of a stream into a bounded queue, and hands everything else to the stream."""

    def __init__(
        self,
        stream: TextIO,
        descriptor: int,
        longest_queue: int,
        report_dropped: ReportDropped,
        report_failure: ReportFailure,
    ) -> None:
        self._stream = stream
        self._descriptor = descriptor
        self._longest_queue = longest_queue
        self._report_dropped = report_dropped
        self._report_failure = report_failure
        self._changed = threading.Condition()
        self._texts: deque[str] = deque()
        self._waiting = 0  # characters, with those that are being written
        self._dropped_lines = 0
        self._is_ending = self._has_failed = False
        self._thread = threading.Thread(target=self._write_texts, name="output", daemon=True)
        self._thread.start()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Queue text for the stream, or leave it out if too much waits already."""
        with self._changed:
            if self._has_failed or not text:
                return len(text)
            if self._waiting + len(text) > self._longest_queue:
                self._dropped_lines += text.count("\n")
            else:
                self._texts.append(text)
                self._waiting += len(text)
                self._changed.notify()
        return len(text)

    def flush(self) -> None:
        """Do nothing: what was written is on its way."""

    def end(self) -> None:
        """Write what the stream takes within a moment, and report what was left out."""
        with self._changed:
            self._is_ending = True
            self._changed.notify()
        self._thread.join(_END_TIMEOUT_S)
        with self._changed:
            self._has_failed = True  # a thread that is still writing stops
            dropped = self._dropped_lines + sum(text.count("\n") for text in self._texts)
        if dropped:
            self._report_dropped(dropped)

    def _write_texts(self) -> None:
        while texts := self._take_texts():
            content = texts.encode(self._stream.encoding or "utf-8", "backslashreplace")
            try:
                is_written = self._write_bytes(content)
            except BrokenPipeError:
                self._fail("")
                return
            except OSError as error:
                self._fail((error.strerror or "it is closed").lower())
                return
            if not is_written:
                return
            with self._changed:
                self._waiting -= len(texts)
                dropped, self._dropped_lines = self._dropped_lines, 0
            if dropped:
                self._report_dropped(dropped)

    def _take_texts(self) -> str:
        """Return what waits; empty at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._texts or self._is_ending)
            texts = "".join(self._texts)
            self._texts.clear()
            return texts

    def _write_bytes(self, content: bytes) -> bool:
        """Write all bytes; False if the stream takes them too late."""
        last_polls = 0
        while content:
            if self._has_failed or last_polls == _LAST_POLLS:
                with self._changed:
                    self._dropped_lines += content.count(b"\n")
                return False
            if self._is_ready():
                content = content[os.write(self._descriptor, content[:_BYTES_PER_WRITE]) :]
                last_polls = 0
            elif self._is_ending:
                last_polls += 1
        return True

    def _is_ready(self) -> bool:
        """Whether the stream takes some bytes now, or reports an error; waits a moment for it."""
        if not hasattr(select, "poll"):
            return True
        poll = select.poll()
        poll.register(self._descriptor, select.POLLOUT)
        return bool(poll.poll(_POLL_MS))

    def _fail(self, reason: str) -> None:
        """Discard everything from now on; without a reason, the reader has read enough."""
        with self._changed:
            self._has_failed = True
            self._texts.clear()
            self._dropped_lines = 0
        with suppress(OSError):  # Python itself flushes the stream at exit
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, self._descriptor)
            os.close(null)
        if reason:
            self._report_failure(reason)
