"""The terminal: redaction, control characters and closed pipes."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path

import pytest

from semantest_iac.domain.security.redaction import Redactor
from semantest_iac.presentation.cli.terminal import Terminal
from semantest_iac.presentation.styles import join_styled, style_text
from tests.fakes.screen import Screen
from tests.secret_scanner import FORMS, SecretScanner, make_secrets

SECRETS = make_secrets(seed=5)


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

    @pytest.mark.parametrize("form", ["repr", "json-in-json", "repr-in-json", "base64-of-json"])
    @pytest.mark.parametrize("name", SECRETS)
    def test_redacts_every_form_of_a_secret_in_text_and_json(self, name: str, form: str) -> None:
        terminal, out = _terminal()
        terminal.redact_with(Redactor(SECRETS.values()).redact)
        text = FORMS[form](SECRETS[name])

        terminal.print_lines(*text.split("\n"))
        terminal.print_prose(text)
        terminal.print_json({"reason": text, "list": [text], f"key {text}": 1})

        assert SecretScanner(SECRETS).scan(out.getvalue()) == []
        assert json.loads(out.getvalue().splitlines()[-1])["list"]

    def test_redacts_a_secret_that_would_be_wrapped(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("COLUMNS", "20")
        screen = Screen(watched=True)
        terminal = Terminal(screen, screen)
        terminal.redact_with(Redactor(["correct horse battery staple"]).redact)

        terminal.print_prose("it said correct horse battery staple today")

        assert screen.text.split() == ["it", "said", "***", "today"]

    def test_redacts_by_default_until_it_is_told_what(self) -> None:
        terminal, out = _terminal()
        terminal.redact_by_default(lambda: Redactor(["hunter2"]).redact)

        terminal.print_lines("a hunter2")
        terminal.redact_with(Redactor(["hunter3"]).redact)
        terminal.redact_by_default(lambda: str)
        terminal.print_lines("a hunter3")

        assert out.getvalue() == "a ***\na ***\n"

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


class TestColours:
    """An operation of a plan, with a control character in the name beside it."""

    LINE = join_styled("  ", style_text("- delete", "delete"), " a\x1b[2Jb canary")

    @pytest.mark.parametrize(
        ("watched", "variables", "text"),
        [
            (True, {}, "  \x1b[1;31m- delete\x1b[0m a\\x1b[2Jb canary\n"),
            (False, {}, "  - delete a\\x1b[2Jb canary\n"),
            (True, {"NO_COLOR": "1"}, "  - delete a\\x1b[2Jb canary\n"),
            (True, {"TERM": "dumb"}, "  - delete a\\x1b[2Jb canary\n"),
        ],
        ids=["terminal", "pipe", "NO_COLOR", "dumb"],
    )
    def test_are_for_people_on_a_terminal(
        self, monkeypatch: pytest.MonkeyPatch, watched: bool, variables: dict[str, str], text: str
    ) -> None:
        for name in ("NO_COLOR", "TERM"):
            monkeypatch.delenv(name, raising=False)
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        screen = Screen(watched=watched)

        Terminal(screen, Screen()).print_lines(self.LINE)

        assert screen.text == text

    def test_are_left_out_where_a_secret_is_masked(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("NO_COLOR", raising=False)
        screen = Screen(watched=True)
        terminal = Terminal(screen, Screen())
        terminal.redact_with(lambda text: text.replace("canary", "***"))

        terminal.print_lines(self.LINE)
        terminal.print_json({"line": self.LINE})

        assert screen.text.splitlines()[0] == "  - delete a\\x1b[2Jb ***"
        assert "1;31m" not in screen.text

    def test_mark_errors_warnings_and_labels(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("NO_COLOR", raising=False)
        monkeypatch.setenv("TERM", "xterm")
        screen = Screen(watched=True)

        Terminal(Screen(), screen).with_label("a  ").print_remarks("Error: no", "Hint: do", "plain")

        assert screen.text == "a  \x1b[1;31mError:\x1b[0m no\na  \x1b[38;5;31mHint:\x1b[0m do\na  plain\n"
