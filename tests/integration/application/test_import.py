"""`import` writes a configuration of another tool's files that can be deployed and called, and overwrites nothing."""

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

_SERVICE = """\
service: notes
provider:
  name: aws
  runtime: nodejs22.x
  environment:
    GREETING: hello
    API_KEY: written-in-the-file
functions:
  hello:
    handler: src/hello.run
    events:
      - httpApi: GET /hello/{name}
      - http: {path: 'old/hello/{name}', method: get, cors: true}
  store:
    handler: src/store.run
    environment: {GREETING: stored}
    events:
      - httpApi: {path: /notes, method: post}
      - s3: uploads
"""
_HELLO = """\
exports.run = async (event) => ({
  statusCode: 200,
  body: JSON.stringify([event.version || '1.0', process.env.GREETING, event.pathParameters.name])
})
"""
_STORE = "exports.run = async (event) => ({ statusCode: 201, body: process.env.GREETING + event.body })\n"


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command with `--json` in the folder of the service, and return the last line of its answer."""
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "hello.js").write_text(_HELLO)
    (tmp_path / "src" / "store.js").write_text(_STORE)
    (tmp_path / "serverless.yml").write_text(_SERVICE)
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str) -> tuple[int, Any]:
        out = Screen()
        code = run_cli([*arguments, "--json"], Application, Terminal(out, Screen()))
        return code, json.loads(out.text.splitlines()[-1])

    return call


class TestServerless:
    def test_service_is_imported_deployed_and_called(
        self, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        code, answer = run("import", "serverless")

        assert (code, answer["faults"]) == (0, [])
        assert [note["line"] for note in answer["left_out"]] == [19]
        assert list(answer["variables"]) == ["SEMANTEST_SECRET_API_KEY"]
        assert "written-in-the-file" not in (tmp_path / "semantest.yaml").read_text() + json.dumps(answer)

        monkeypatch.setenv("SEMANTEST_SECRET_API_KEY", "k")
        code, deployed = run("deploy", "rest-api")
        assert (code, deployed["state"]) == (0, "completed")
        bodies = [
            run("invoke", "rest-api", "GET", "/hello/ada")[1]["body"],
            run("invoke", "rest-api", "GET", "/old/hello/ada")[1]["body"],
            run("invoke", "rest-api", "POST", "/notes", "-d", "{}")[1]["body"],
        ]
        assert bodies == ['["2.0","hello","ada"]', '["1.0","hello","ada"]', "stored{}"]

    def test_existing_configuration_is_kept(self, run: Run, tmp_path: Path) -> None:
        (tmp_path / "semantest.yaml").write_text("provider: azure\n")

        assert run("import", "serverless")[1]["error"]["code"] == "FILE_EXISTS"
        code, answer = run("import", "serverless", "--dry-run")
        assert (code, answer["file"], list(answer["configuration"]["components"])) == (0, None, ["rest-api"])
        assert (tmp_path / "semantest.yaml").read_text() == "provider: azure\n"

    @pytest.mark.parametrize(
        ("text", "error"),
        [("service: [", "CONFIGURATION_ERROR"), ("service: x\nprovider: aws\n", "NOTHING_IMPORTED")],
    )
    def test_input_that_is_no_service_changes_nothing(self, run: Run, tmp_path: Path, text: str, error: str) -> None:
        (tmp_path / "serverless.yml").write_text(text)

        code, answer = run("import", "serverless")

        assert (code, answer["error"]["code"]) == (2, error)
        assert not (tmp_path / "semantest.yaml").exists()
