"""The value of a secret is in no output and no file."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

_CANARY = "canary-4f1e9a77c0"
_STACK = ("--component", "rest-api")
_KEY = ("--set", "components.rest-api.environment.DATABASE_URL=${secrets.database_url}")
_SERVICE = """\
import os

def handler(event, context):
    print("my secret is", os.environ["DATABASE_URL"])
    return {"statusCode": 200, "body": '{"connected":"' + os.environ["DATABASE_URL"] + '"}'}
"""


@pytest.fixture(scope="module")
def outcomes(shared_workspace: Any) -> Iterator[dict[str, Any]]:
    """The outcomes of commands about a service that prints and returns its secret."""
    (shared_workspace.folder / "service").mkdir()
    (shared_workspace.folder / "service" / "index.py").write_text(_SERVICE, encoding="utf-8")
    (shared_workspace.folder / ".env").write_text(f"SEMANTEST_SECRET_DATABASE_URL={_CANARY}\n", encoding="utf-8")
    source = ("--set", "components.rest-api.source=service", "--set", "components.rest-api.handler=index.handler")
    deploy = (*_STACK, *_KEY, *source)
    changed = (*deploy, "--set", "components.rest-api.memory=1024")
    yield {
        "preview": shared_workspace.run("preview", *deploy, "--json"),
        "deploy": shared_workspace.run("deploy", *deploy, "--json"),
        "again": shared_workspace.run("deploy", *deploy),
        "show": shared_workspace.run("config", "show", *deploy),
        "events": shared_workspace.run("events", "--journal", "--json"),
        "outputs": shared_workspace.run("outputs", "--json"),
        "changes": _preview_another_secret(shared_workspace, *changed),
        "changes in JSON": _preview_another_secret(shared_workspace, *changed, "--json"),
        "logs": shared_workspace.run("invoke", "rest-api", "GET", "/x", "--logs", "--json"),
    }


def _preview_another_secret(workspace: Any, *options: str) -> Any:
    variables = {**workspace.variables, "SEMANTEST_SECRET_DATABASE_URL": f"{_CANARY}-next"}
    return replace(workspace, variables=variables).run("preview", *options)


class TestSecrets:
    def test_reach_the_function(self, outcomes: dict[str, Any]) -> None:
        assert outcomes["deploy"].code == 0
        assert "my secret is" in outcomes["logs"].err

    def test_are_in_no_output(self, outcomes: dict[str, Any]) -> None:
        assert [name for name, outcome in outcomes.items() if _CANARY in outcome.out + outcome.err] == []

    def test_are_hidden_in_a_plan(self, outcomes: dict[str, Any]) -> None:
        assert "secretString: [secret] → [secret] (forces replacement)" in outcomes["changes"].out
        assert "memorySize: 512 → 1024" in outcomes["changes"].out

    def test_are_in_no_file_of_the_home(self, outcomes: dict[str, Any], shared_workspace: Any) -> None:
        forms = (_CANARY.encode(), base64.b64encode(_CANARY.encode()))
        inside = {
            path: content for path, content in shared_workspace.files().items() if shared_workspace.home in path.parents
        }

        assert len(inside) > 5
        assert [path for path, content in inside.items() if any(form in content for form in forms)] == []
