"""The terminal: redaction, control characters and closed pipes."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path

from semantest_iac.presentation.cli.terminal import Terminal


def _terminal() -> tuple[Terminal, io.StringIO]:
    out = io.StringIO()
    return Terminal(out, io.StringIO()), out


class TestTerminal:
    def test_escapes_control_characters(self) -> None:
        terminal, out = _terminal()

        terminal.print_lines("a\x1b[2Jb\x9b\tc")

        assert out.getvalue() == "a\\x1b[2Jb\\x9b\tc\n"

    def test_redacts_secrets_in_text_and_json(self) -> None:
        terminal, out = _terminal()
        terminal.redact_with(lambda text: text.replace("canary", "***"))

        terminal.print_lines("a canary")
        terminal.print_json({"a": "canary"})

        assert out.getvalue() == 'a ***\n{"a":"***"}\n'

    def test_prints_json_in_ascii(self) -> None:
        terminal, out = _terminal()

        terminal.print_json({"a": "é\udc80\x9b"})

        assert out.getvalue().isascii()
        assert json.loads(out.getvalue()) == {"a": "é\udc80\x9b"}

    def test_reports_once_that_stdout_takes_nothing_more(self) -> None:
        err = io.StringIO()
        with Path("/dev/full").open("w") as out:
            terminal = Terminal(out, err)
            terminal.print_lines("one")
            terminal.print_json({"two": 2})
            terminal.print_bytes(b"three")

        assert terminal.is_answer_lost
        assert err.getvalue() == "Cannot write to stdout: no space left on device. The rest of the answer is lost.\n"

    def test_ignores_a_stderr_that_takes_nothing(self) -> None:
        out = io.StringIO()
        with Path("/dev/full").open("w") as err:
            terminal = Terminal(out, err)
            terminal.print_remarks("lost")
            terminal.print_lines("kept")

        assert (out.getvalue(), terminal.is_answer_lost) == ("kept\n", False)

    def test_survives_a_closed_pipe(self) -> None:
        reading, writing = os.pipe()
        os.close(reading)

        with os.fdopen(writing, "w") as out:
            terminal = Terminal(out, io.StringIO())
            terminal.print_lines("nobody reads this")
            terminal.print_lines("nor this")

            assert not out.closed
            assert not terminal.is_answer_lost
