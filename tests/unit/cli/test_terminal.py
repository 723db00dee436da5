"""Where text goes."""

from __future__ import annotations

import io
import json
import os

from semantest_iac.presentation.cli.terminal import Terminal


def _terminal() -> tuple[Terminal, io.StringIO]:
    out = io.StringIO()
    return Terminal(out, io.StringIO()), out


class TestTerminal:
    def test_shows_control_characters_instead_of_obeying_them(self) -> None:
        terminal, out = _terminal()

        terminal.print_lines("a\x1b[2Jb\x9b\tc")

        assert out.getvalue() == "a\\x1b[2Jb\\x9b\tc\n"

    def test_hides_secrets_in_text_and_json(self) -> None:
        terminal, out = _terminal()
        terminal.redact_with(lambda text: text.replace("canary", "***"))

        terminal.print_lines("a canary")
        terminal.print_json({"a": "canary"})

        assert out.getvalue() == 'a ***\n{"a":"***"}\n'

    def test_writes_json_that_every_stream_can_carry(self) -> None:
        terminal, out = _terminal()

        terminal.print_json({"a": "é\udc80\x9b"})

        assert out.getvalue().isascii()
        assert json.loads(out.getvalue()) == {"a": "é\udc80\x9b"}

    def test_outlives_its_reader(self) -> None:
        reading, writing = os.pipe()
        os.close(reading)

        with os.fdopen(writing, "w") as out:
            terminal = Terminal(out, io.StringIO())
            terminal.print_lines("nobody reads this")
            terminal.print_lines("nor this")

            assert not out.closed
