"""The terminal: redaction, control characters and closed pipes."""

from __future__ import annotations

import io
import json
import os

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

    def test_survives_a_closed_pipe(self) -> None:
        reading, writing = os.pipe()
        os.close(reading)

        with os.fdopen(writing, "w") as out:
            terminal = Terminal(out, io.StringIO())
            terminal.print_lines("nobody reads this")
            terminal.print_lines("nor this")

            assert not out.closed
