"""A home that cannot be read or written is said in one line, whatever the command; looking needs none."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from semantest_iac.bootstrap.application import Application
from semantest_iac.presentation.cli.program import run_cli
from semantest_iac.presentation.cli.terminal import Terminal
from tests.fakes.screen import Screen

Run = Callable[..., tuple[int, Any]]

_NOWHERE = Path("/proc/semantest/home")  # no folder can be made there, not even by root
_STACK = ("--component", "rest-api")
_COMMANDS = {
    "deploy": ("deploy", *_STACK),
    "preview": ("preview", *_STACK),
    "destroy": ("destroy", *_STACK, "--yes"),
    "status": ("status",),
    "history": ("history",),
    "outputs": ("outputs",),
    "events": ("events",),
    "ledger": ("ledger", "verify"),
    "invoke": ("invoke", "rest-api", "GET", "/health"),
    "logs": ("logs", "rest-api"),
}


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str, home: Path) -> tuple[int, Any]:
        out = Screen()
        code = run_cli([*arguments, "--home", str(home), "--json"], Application, Terminal(out, Screen()))
        return code, json.loads(out.text.splitlines()[-1])

    return call


class TestHomeThatIsAFile:
    @pytest.mark.parametrize("arguments", _COMMANDS.values(), ids=_COMMANDS)
    @pytest.mark.parametrize("below", ["", "home"], ids=["itself", "below"])
    def test_is_refused(self, tmp_path: Path, run: Run, arguments: tuple[str, ...], below: str) -> None:
        (tmp_path / "file").write_text("")

        code, answer = run(*arguments, home=tmp_path / "file" / below)

        assert (code, answer["error"]["code"], answer["error"]["faults"]) == (2, "HOME_UNUSABLE", [])
        assert answer["error"]["message"].startswith(f"Cannot read home '{tmp_path}/file")


class TestHomeThatCannotBeMade:
    def test_is_refused_before_a_deployment(self, run: Run) -> None:
        code, answer = run("deploy", *_STACK, home=_NOWHERE)

        message = f"Cannot write to home '{_NOWHERE}': no such file or directory."
        assert (code, answer["error"]["code"], answer["error"]["message"]) == (2, "HOME_UNUSABLE", message)

    def test_needs_none_for_a_preview(self, run: Run) -> None:
        code, answer = run("preview", *_STACK, home=_NOWHERE)

        assert (code, answer["changes"]["create"] > 10, answer["simulated"]) == (0, True, True)

    def test_is_named_where_nothing_is_deployed(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        out = Screen()

        code = run_cli(["status", "--home", str(_NOWHERE)], Application, Terminal(out, Screen()))

        assert (code, out.text) == (0, f"Nothing has been deployed yet: no '{_NOWHERE}'.\n")
