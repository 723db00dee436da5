"""The terminal of one run: results go to stdout, remarks to stderr, and neither shows secrets or control characters."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple, TextIO

if TYPE_CHECKING:
    from semantest_iac.presentation.cli.application import ApplicationFactory

_CONTROL_ESCAPES = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160)) if chr(code) not in "\n\t"}


class Terminal:
    """Writes text to two streams; a closed pipe raises nothing, so that it cannot end a deployment."""

    def __init__(self, out: TextIO, err: TextIO) -> None:
        self.out = out
        self._err = err
        self._redact: Callable[[str], str] = str

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

    def redact_with(self, redact: Callable[[str], str]) -> None:
        """Pass all further text through `redact`."""
        self._redact = redact

    def print_lines(self, *lines: str) -> None:
        """Print lines of the result to stdout."""
        _write(self.out, "".join(f"{self._redact_and_escape(line)}\n" for line in lines))

    def print_remarks(self, *lines: str) -> None:
        """Print errors, warnings and notes to stderr."""
        _write(self._err, "".join(f"{self._redact_and_escape(line)}\n" for line in lines))

    def with_label(self, label: str) -> Terminal:
        """The same terminal with a label before every line; it redacts what this one redacts."""
        return _LabelledTerminal(self, label)

    def print_json(self, value: Any) -> None:
        """Print one JSON document on one line, in ASCII."""
        import json

        _write(self.out, self._redact(json.dumps(value, separators=(",", ":"), default=str)) + "\n")

    def print_bytes(self, content: bytes) -> None:
        """Print the body of a service's response unchanged."""
        self.out.flush()
        _write(self.out.buffer, content)

    def ask(self, question: str) -> str:
        """Ask on stderr and return the typed line; empty if stdin is no terminal."""
        if not sys.stdin.isatty():
            return ""
        _write(self._err, self._redact_and_escape(question))
        return sys.stdin.readline().strip()

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


def _write(stream: Any, content: Any) -> None:
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
