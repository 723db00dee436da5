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
    """Never raises because a reader went away: a deployment must not die of a closed pager."""

    def __init__(self, out: TextIO, err: TextIO) -> None:
        self.out = out
        self._err = err
        self._redact: Callable[[str], str] = str

    @classmethod
    def standard(cls) -> Terminal:
        """The process's own streams, able to write whatever text comes."""
        for stream in (sys.stdout, sys.stderr):
            if reconfigure := getattr(stream, "reconfigure", None):
                reconfigure(errors="backslashreplace")
        return cls(sys.stdout, sys.stderr)

    @property
    def is_watched(self) -> bool:
        """Whether a person sees stdout."""
        return self.out.isatty()

    def hide(self, redact: Callable[[str], str]) -> None:
        """Pass all further text through `redact`."""
        self._redact = redact

    def say(self, *lines: str) -> None:
        """Lines of the result."""
        _write(self.out, "".join(f"{self.fit(line)}\n" for line in lines))

    def remark(self, *lines: str) -> None:
        """Lines beside the result."""
        _write(self._err, "".join(f"{self.fit(line)}\n" for line in lines))

    def labelled(self, label: str) -> Terminal:
        """The same with a label before every line; what this one hides is hidden."""
        return _LabelledTerminal(self, label)

    def json(self, value: Any) -> None:
        """One JSON document on one line; ASCII, so that it passes through every pipe."""
        import json

        _write(self.out, self._redact(json.dumps(value, separators=(",", ":"), default=str)) + "\n")

    def raw(self, content: bytes) -> None:
        """Bytes of somebody else, as they are."""
        self.out.flush()
        _write(self.out.buffer, content)

    def ask(self, question: str) -> str:
        """What a person types; nothing where there is nobody."""
        if not sys.stdin.isatty():
            return ""
        _write(self._err, self.fit(question))
        return sys.stdin.readline().strip()

    def fit(self, text: str) -> str:
        """The text as a terminal may show it."""
        return self._redact(text).translate(_CONTROL_ESCAPES)


class _LabelledTerminal(Terminal):
    """Says nothing by itself."""

    def __init__(self, whole: Terminal, label: str) -> None:
        super().__init__(whole.out, whole._err)
        self._whole = whole
        self._label = label

    def say(self, *lines: str) -> None:
        self._whole.say(*(f"{self._label}{line}" for line in lines))

    def remark(self, *lines: str) -> None:
        self._whole.remark(*(f"{self._label}{line}" for line in lines))


def _write(stream: Any, content: Any) -> None:
    try:
        stream.write(content)
        stream.flush()
    except BrokenPipeError:
        _silence(stream)


def _silence(stream: Any) -> None:
    """Further writes, and Python's own flush at the end, go nowhere."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


class CliContext(NamedTuple):
    """The application, made when its home is known, and where text goes."""

    application_at: ApplicationFactory
    terminal: Terminal
