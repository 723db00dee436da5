"""The terminal of one run: results go to stdout, remarks to stderr, and neither shows secrets or control characters."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TextIO

from semantest_iac.presentation.styles import StyledLine, join_styled, style_remark, supports_color

if TYPE_CHECKING:
    from semantest_iac.presentation.cli.application import ApplicationFactory
    from semantest_iac.presentation.cli.process.queued_output import QueuedOutput

_LAST_WORDS_S = 3.0
_USUAL_WIDTH, _USUAL_HEIGHT = 80, 24
_NOBODY_READS = "nobody reads it any more"
_CONTROL_ESCAPES = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160)) if chr(code) not in "\n\t"}


class Terminal:
    """Writes text to two streams; one that takes nothing more raises nothing, so that it cannot end a deployment.

    A reader that has closed its end of a pipe has read enough; what is lost for another reason is said once on stderr.
    """

    def __init__(self, out: TextIO, err: TextIO) -> None:
        self.out = out
        self._err = err
        self._redact: Callable[[str], str] | None = None
        self._write: Callable[[Any, str | bytes], str] = write_text
        self._queued: QueuedOutput | None = None
        self._patience_s: float | None = None
        self._print_elsewhere: Callable[[TextIO, str], None] | None = None
        self._is_answer_lost = False
        self._has_reader = True
        self._is_asking = False

    @classmethod
    def standard(cls) -> Terminal:
        """The terminal on the process's own streams; characters that they cannot encode are escaped."""
        _open_closed_descriptors()
        for stream in (sys.stdout, sys.stderr):
            if reconfigure := getattr(stream, "reconfigure", None):
                reconfigure(errors="backslashreplace")
        terminal = cls(*(_stream_or_null(stream) for stream in (sys.stdout, sys.stderr)))
        if sys.stdout is None:
            terminal._report_lost_answer("it is closed")
        return terminal

    @property
    def is_answer_lost(self) -> bool:
        """Whether a part of the answer could not be written to stdout."""
        return self._is_answer_lost

    @property
    def has_reader(self) -> bool:
        """Whether stdout was still read when it was last written to: a closed pipe is not."""
        return self._has_reader

    @property
    def is_interactive(self) -> bool:
        """Whether stdout is a terminal."""
        return self.out.isatty()

    @property
    def width(self) -> int | None:
        """The columns of the terminal, or what COLUMNS says; None off a terminal: programs read whole lines."""
        if not self.is_interactive:
            return None
        if (columns := os.environ.get("COLUMNS", "")).isdecimal() and int(columns):
            return int(columns)
        try:
            return os.get_terminal_size(self.out.fileno()).columns or None
        except OSError:  # a terminal of another kind
            return _USUAL_WIDTH

    @property
    def can_ask(self) -> bool:
        """Whether a person sees the output and can answer."""
        return self.is_interactive and sys.stdin is not None and sys.stdin.isatty()

    @contextmanager
    def print_through(self, print_text: Callable[[TextIO, str], None]) -> Iterator[None]:
        """Pass all lines of the block to `print_text` with their stream, such as to print them above a live display."""
        before, self._print_elsewhere = self._print_elsewhere, print_text
        try:
            yield
        finally:
            self._print_elsewhere = before

    @contextmanager
    def queue_output(self) -> Iterator[None]:
        """Wait for no reader within the block, and for all of them at its end, for `hurry` not for long.

        What is written after a reader was given up is dropped.
        """
        from semantest_iac.presentation.cli.process.queued_output import QueuedOutput

        before = self._write, self._queued
        self._queued = queued = QueuedOutput(write_text)
        self._write, self._patience_s = queued.write, None
        try:
            yield
        finally:
            self._write, self._queued = before
            if not queued.close(self._patience_s):
                self._write = _drop_text
            if reason := queued.find_reason(self.out):
                self._report_lost_answer(reason)

    def hurry(self) -> None:
        """Give up readers that do not read soon after the block: the command was cancelled."""
        self._patience_s = _LAST_WORDS_S

    @property
    def is_behind(self) -> bool:
        """Whether a reader has not read what was written before, so that more should be left out if it can be."""
        return self._queued is not None and self._queued.is_behind

    def write(self, stream: TextIO, text: str) -> None:
        """Write text to one of the streams as it is."""
        reason = self._write(stream, text)
        if reason and stream is self.out:
            self._report_lost_answer(reason)

    @contextmanager
    def print_in_background(self) -> Iterator[None]:
        """Let no output of the block wait for its reader; of what is not read in time, lines are left out and counted.

        What a stream still takes at the end is written before the block is left.
        """
        from semantest_iac.presentation.background_output import open_background_output

        def report_dropped(lines: int) -> None:
            self.print_remarks(f"{lines:,} lines of output were left out: nobody read them in time.")

        def ignore(_: object) -> None:
            pass

        out, err = self.out, self._err
        try:
            with (
                open_background_output(err, ignore, ignore) as self._err,
                open_background_output(out, report_dropped, self._report_lost_answer) as self.out,
            ):
                yield
        finally:
            self.out, self._err = out, err

    def redact_with(self, redact: Callable[[str], str]) -> None:
        """Pass all further text through `redact`."""
        self._redact = redact

    def redact_by_default(self, make_redactor: Callable[[], Callable[[str], str]]) -> None:
        """Pass text through what `make_redactor` returns when the first is printed, unless `redact_with` is called."""
        if self._redact is None:
            self._redact = lambda text: self._make_redact(make_redactor)(text)

    def _make_redact(self, make_redactor: Callable[[], Callable[[str], str]]) -> Callable[[str], str]:
        self._redact = redact = make_redactor()
        return redact

    def redact_text(self, text: str) -> str:
        """Return the text without secrets; it must be whole, so this comes before it is shortened."""
        return self._redact(text) if self._redact else text

    def print_lines(self, *lines: str) -> None:
        """Print lines of the result to stdout."""
        self._print_text(self.out, lines)

    def redraw(self, *lines: str) -> None:
        """Show lines of the result instead of everything that is on the screen, as many as fit there."""
        try:
            height = os.get_terminal_size(self.out.fileno()).lines or _USUAL_HEIGHT
        except (OSError, ValueError):  # a terminal of another kind
            height = _USUAL_HEIGHT
        self.write(self.out, "\x1b[H\x1b[J")
        self.print_lines(*lines[: max(1, height - 1)])

    def print_prose(self, *lines: str) -> None:
        """Print lines to stdout that may be broken between words where the terminal is narrower."""
        self.print_lines(*(wrap_line(line, self.width) for line in self.redact_lines(lines)))

    def print_remarks(self, *lines: str) -> None:
        """Print errors, warnings and notes to stderr, on a terminal broken between words."""
        width = (self.width or _USUAL_WIDTH) if self._err.isatty() else None
        if self._is_asking:  # the cursor stands behind the question
            self._is_asking = False
            self._write(self._err, "\n")
        self._print_text(self._err, [style_remark(wrap_line(line, width)) for line in self.redact_lines(lines)])

    def print_log_line(self, line: str) -> None:
        """Print a line of a log to stderr, whose secrets and control characters are replaced already."""
        self._write(self._err, f"{line}\n")

    def with_label(self, label: str) -> Terminal:
        """The same terminal with a label before every line; it redacts what this one redacts."""
        return _LabelledTerminal(self, label)

    def print_json(self, value: Any) -> None:
        """Print one JSON document on one line, in ASCII."""
        import json

        text = json.dumps(value, separators=(",", ":"), default=str)
        if self.redact_text(text) != text:
            from semantest_iac.domain.security.redaction import redact_texts

            redacted = redact_texts(json.loads(text), self.redact_text, is_shown=True)
            text = json.dumps(redacted, separators=(",", ":"))
        self._write_answer(self.out, text + "\n")

    def print_bytes(self, content: bytes) -> None:
        """Print the body of a service's response unchanged."""
        self._write_answer(self.out, "")
        self._write_answer(self.out.buffer, content)

    def flush(self) -> None:
        """Write what others have written to stdout, as `--help` is."""
        self._write_answer(self.out, "")

    def ask(self, question: str) -> str:
        """Ask on stderr and return the typed line; empty if stdin is no terminal."""
        if sys.stdin is None or not sys.stdin.isatty():
            return ""
        self._write(self._err, self._redact_and_escape(question))
        return sys.stdin.readline().strip()

    def ask_hidden(self, question: str) -> str:
        """Ask on stderr and return the line as it was typed, which the terminal does not show; stdin must be one."""
        import termios

        descriptor = sys.stdin.fileno()
        before = termios.tcgetattr(descriptor)
        hidden = [*before]
        hidden[3] &= ~termios.ECHO
        try:
            termios.tcsetattr(descriptor, termios.TCSADRAIN, hidden)  # first, so that fast typing is hidden too
            self._write(self._err, self._redact_and_escape(question))
            return sys.stdin.readline().removesuffix("\n")
        finally:
            termios.tcsetattr(descriptor, termios.TCSADRAIN, before)
            self._write(self._err, "\n")

    def open_browser(self, url: str) -> bool:
        """Open the address in the user's browser; False if there is none."""
        import webbrowser

        return webbrowser.open(url)

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
        self._is_asking = True
        try:
            self._write(self._err, self._redact_and_escape(question))
            return (await answer).strip()
        finally:
            self._is_asking = False
            loop.remove_reader(descriptor)

    def redact_lines(self, lines: Sequence[str]) -> Sequence[str]:
        """Redact lines together: a secret may extend over several of them. Those that held one have no colours."""
        text = "\n".join(lines)
        redacted = self.redact_text(text)
        return lines if redacted == text else redacted.split("\n")

    def _print_text(self, stream: TextIO, lines: Sequence[str]) -> None:
        is_colored = supports_color(stream)
        rendered = (self._render_line(line, is_colored=is_colored) for line in self.redact_lines(lines))
        if text := "".join(f"{line}\n" for line in rendered):
            (self._print_elsewhere or self.write)(stream, text)

    def _write_answer(self, stream: Any, content: str | bytes) -> None:
        if reason := self._write(stream, content):
            self._report_lost_answer(reason)

    def _report_lost_answer(self, reason: str) -> None:
        if reason == _NOBODY_READS:
            self._has_reader = False
        elif not self._is_answer_lost:
            self._is_answer_lost = True
            self.print_remarks(f"Cannot write to stdout: {reason}. The rest of the answer is lost.")

    def _render_line(self, line: str, *, is_colored: bool) -> str:
        """Return the text of a line that has no secrets."""
        return line.render(_escape_controls) if is_colored and isinstance(line, StyledLine) else _escape_controls(line)

    def _redact_and_escape(self, text: str) -> str:
        return _escape_controls(self.redact_text(text))


class _LabelledTerminal(Terminal):
    def __init__(self, inner: Terminal, label: str) -> None:
        super().__init__(inner.out, inner._err)
        self._inner = inner
        self._label = label

    @property
    def width(self) -> int | None:
        return self._inner.width and max(1, self._inner.width - len(self._label))

    def print_lines(self, *lines: str) -> None:
        for line in self.redact_lines(lines):
            self._inner.print_lines(*self._with_label(line))

    def print_remarks(self, *lines: str) -> None:
        for line in self.redact_lines(lines):
            self._inner.print_remarks(*self._with_label(style_remark(line)))

    def redact_text(self, text: str) -> str:
        return self._inner.redact_text(text)

    def _with_label(self, text: str) -> list[str]:
        """Return each line of the text with the label."""
        if "\n" not in text:
            return [join_styled(self._label, text)]
        return [f"{self._label}{line}" for line in text.split("\n")]


class CliContext(NamedTuple):
    """What the process gives to a command; no dataclass, because `--help` would pay for the import."""

    application_at: ApplicationFactory
    terminal: Terminal
    arguments: tuple[str, ...] = ()


def _escape_controls(text: str) -> str:
    return text.translate(_CONTROL_ESCAPES)


def wrap_line(line: str, width: int | None) -> str:
    """Break a line between words where it is wider, further lines indented by two; a longer word stays whole."""
    if width is None or len(line) <= width:
        return line
    from textwrap import wrap

    indent = " " * (len(line) - len(line.lstrip()) + 2)
    lines = wrap(line, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
    return "\n".join(_shift_left(each, len(each) - width) for each in lines)


def _shift_left(line: str, columns: int) -> str:
    """Take so many columns from the indentation, as far as it goes."""
    return line[max(0, min(columns, len(line) - len(line.lstrip()))) :]


def write_text(stream: Any, content: str | bytes) -> str:
    """Write text, or bytes to a binary stream, at once; returns why the stream takes nothing more, empty if it does.

    A pipe that its reader has closed discards the text.
    """
    try:
        stream.write(content)
        stream.flush()
    except BrokenPipeError:
        _discard_output(stream)
        return _NOBODY_READS
    except (OSError, ValueError) as error:
        _discard_output(stream)
        return (getattr(error, "strerror", None) or "it is closed").lower()
    return ""


def _drop_text(stream: Any, content: str | bytes) -> str:
    return ""


def _discard_output(stream: Any) -> None:
    """Point the stream to the null device: Python flushes it again at exit."""
    with suppress(OSError, ValueError):  # a stream without a descriptor, or a closed one
        descriptor = stream.fileno()
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, descriptor)
        os.close(null)


def _open_closed_descriptors() -> None:
    """Point closed standard descriptors to the null device: else the next opened file would have their numbers."""
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            opened = os.open(os.devnull, os.O_RDWR)  # takes the lowest free number, which is this one
            os.set_inheritable(opened, True)


def _stream_or_null(stream: TextIO | None) -> TextIO:
    """Return the stream; Python has none for a descriptor that was closed when it started."""
    return Path(os.devnull).open("w", encoding="utf-8") if stream is None else stream
