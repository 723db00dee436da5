"""The terminal of one run: results go to stdout, remarks to stderr, and neither shows secrets or control characters."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple, TextIO

if TYPE_CHECKING:
    from semantest_iac.presentation.cli.application import ApplicationFactory

_USUAL_WIDTH = 80
_CONTROL_ESCAPES = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160)) if chr(code) not in "\n\t"}


class Terminal:
    """Writes text to two streams; a closed pipe raises nothing, so that it cannot end a deployment."""

    def __init__(self, out: TextIO, err: TextIO) -> None:
        self.out = out
        self._err = err
        self._redact: Callable[[str], str] = str
        self._print: Callable[[TextIO, str], None] = write_text

    @classmethod
    def standard(cls) -> Terminal:
        """The terminal on the process's own streams; characters that they cannot encode are escaped."""
        for stream in (sys.stdout, sys.stderr):
            if reconfigure := getattr(stream, "reconfigure", None):
                reconfigure(errors="backslashreplace")
        return cls(sys.stdout, sys.stderr)

    @property
    def is_interactive(self) -> bool:
        """Whether stdout is a terminal."""
        return self.out.isatty()

    @property
    def width(self) -> int | None:
        """The columns of the terminal; None if stdout is none, and COLUMNS does not say otherwise."""
        if (columns := os.environ.get("COLUMNS", "")).isdecimal() and int(columns):
            return int(columns)
        if not self.is_interactive:
            return None
        try:
            return os.get_terminal_size(self.out.fileno()).columns or None
        except OSError:  # a terminal of another kind
            return _USUAL_WIDTH

    @property
    def can_ask(self) -> bool:
        """Whether a person sees the output and can answer."""
        return self.is_interactive and sys.stdin.isatty()

    @contextmanager
    def print_through(self, print_text: Callable[[TextIO, str], None]) -> Iterator[None]:
        """Pass all text of the block to `print_text` with its stream, such as to print it above a live display."""
        before, self._print = self._print, print_text
        try:
            yield
        finally:
            self._print = before

    def redact_with(self, redact: Callable[[str], str]) -> None:
        """Pass all further text through `redact`."""
        self._redact = redact

    def print_lines(self, *lines: str) -> None:
        """Print lines of the result to stdout."""
        self._print_text(self.out, lines)

    def print_remarks(self, *lines: str) -> None:
        """Print errors, warnings and notes to stderr."""
        self._print_text(self._err, lines)

    def with_label(self, label: str) -> Terminal:
        """The same terminal with a label before every line; it redacts what this one redacts."""
        return _LabelledTerminal(self, label)

    def print_json(self, value: Any) -> None:
        """Print one JSON document on one line, in ASCII."""
        import json

        write_text(self.out, self._redact(json.dumps(value, separators=(",", ":"), default=str)) + "\n")

    def print_bytes(self, content: bytes) -> None:
        """Print the body of a service's response unchanged."""
        self.out.flush()
        write_text(self.out.buffer, content)

    def ask(self, question: str) -> str:
        """Ask on stderr and return the typed line; empty if stdin is no terminal."""
        if not sys.stdin.isatty():
            return ""
        write_text(self._err, self._redact_and_escape(question))
        return sys.stdin.readline().strip()

    async def ask_while_running(self, question: str) -> str:
        """Ask as `ask` does without blocking the event loop, so that Ctrl-C can cancel."""
        import asyncio

        if not self.can_ask:
            return ""
        loop, descriptor = asyncio.get_running_loop(), sys.stdin.fileno()
        answer: asyncio.Future[str] = loop.create_future()

        def read_answer() -> None:
            if not answer.done():
                answer.set_result(sys.stdin.readline())

        loop.add_reader(descriptor, read_answer)
        try:
            write_text(self._err, self._redact_and_escape(question))
            return (await answer).strip()
        finally:
            loop.remove_reader(descriptor)

    def _print_text(self, stream: TextIO, lines: Sequence[str]) -> None:
        if text := "".join(f"{self._redact_and_escape(line)}\n" for line in lines):
            self._print(stream, text)

    def _redact_and_escape(self, text: str) -> str:
        return self._redact(text).translate(_CONTROL_ESCAPES)


class _LabelledTerminal(Terminal):
    def __init__(self, inner: Terminal, label: str) -> None:
        super().__init__(inner.out, inner._err)
        self._inner = inner
        self._label = label

    def print_lines(self, *lines: str) -> None:
        self._inner.print_lines(*(f"{self._label}{line}" for line in lines))

    def print_remarks(self, *lines: str) -> None:
        self._inner.print_remarks(*(f"{self._label}{line}" for line in lines))


class CliContext(NamedTuple):
    """What the process gives to a command; no dataclass, because `--help` would pay for the import."""

    application_at: ApplicationFactory
    terminal: Terminal


def write_text(stream: Any, content: Any) -> None:
    """Write text, or bytes to a binary stream, at once; a closed pipe discards it."""
    try:
        stream.write(content)
        stream.flush()
    except BrokenPipeError:
        _discard_output(stream)


def _discard_output(stream: Any) -> None:
    """Point the stream to the null device: Python flushes it again at exit."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, stream.fileno())
    os.close(null)
