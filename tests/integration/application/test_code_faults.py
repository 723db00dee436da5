"""What is wrong with a source is found before anything is made, by `config validate` as by `deploy`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from semantest_iac.bootstrap.application import Application
from semantest_iac.presentation.cli.program import run_cli
from semantest_iac.presentation.cli.terminal import Terminal
from tests.fakes.screen import Screen

# Keys of the component -> the key with the fault, and a part of its message.
_FAULTS = {
    "no source": ("source: nowhere, entry: server.js", "source", "does not exist"),
    "a source that is a file": ("source: server.js, entry: server.js", "source", "neither a folder nor a .zip"),
    "nothing to start": ("source: .", "source", "has neither entry, handler nor app"),
    "no entry": ("source: ., entry: srever.js", "entry", "the source holds no srever.js"),
    "an entry out of the source": ("source: ., entry: ../server.js", "entry", ""),
    "a Python file as entry": ("source: ., entry: app.py", "entry", "this is a Python file"),
    "a JSON file as entry": ("source: ., entry: package.json", "entry", "this is a JSON file"),
    "no handler": ("source: ., handler: handlers.main", "handler", "the source holds no handlers.js"),
    "a handler without a function": ("source: ., handler: app", "handler", "is not a handler"),
    "no app": ("source: ., app: 'mian:app'", "app", "the source holds no mian.py"),
    "a handler of the other language": (
        "source: ., handler: app.main, runtime: nodejs24.x",
        "handler",
        "holds no app.js",
    ),
    "a handler of one function": (
        "source: ., functions: {a: {handler: gone.main}}, routes: [{path: /a, function: a}]",
        "functions.a.handler",
        "the source holds no gone.js",
    ),
}


@pytest.mark.parametrize("command", [("config", "validate"), ("deploy",)], ids=lambda words: words[-1])
@pytest.mark.parametrize(("keys", "key", "message"), _FAULTS.values(), ids=_FAULTS)
def test_faults_are_found(  # two fixtures and a row
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...], keys: str, key: str, message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("server.js", "package.json", "app.py"):
        (tmp_path / name).write_text("{}")
    (tmp_path / "semantest.yaml").write_text(f"components:\n  rest-api: {{{keys}}}\n")
    out = Screen()

    code = run_cli([*command, "--component", "rest-api", "--json"], Application, Terminal(out, Screen()))

    faults = json.loads(out.text)["error"]["faults"]
    assert (code, [fault["path"] for fault in faults]) == (2, [f"components.rest-api.{key}"])
    assert (message in faults[0]["message"], faults[0]["file"], faults[0]["line"]) == (True, "semantest.yaml", 2)
    assert not (tmp_path / ".semantest").exists()
