"""No value of a secret leaves the process but for the cloud, and there only sealed."""

from __future__ import annotations

import base64
from collections.abc import Iterator
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
def told(shared_desk: Any) -> Iterator[dict[str, Any]]:
    """A deployment whose service prints and answers its secret, and what every command says of it."""
    (shared_desk.folder / "service").mkdir()
    (shared_desk.folder / "service" / "index.py").write_text(_SERVICE, encoding="utf-8")
    (shared_desk.folder / ".env").write_text(f"SEMANTEST_SECRET_DATABASE_URL={_CANARY}\n", encoding="utf-8")
    source = ("--set", "components.rest-api.source=service", "--set", "components.rest-api.handler=index.handler")
    deploy = (*_STACK, *_KEY, *source)
    yield {
        "preview": shared_desk.run("preview", *deploy, "--json"),
        "deploy": shared_desk.run("deploy", *deploy, "--json"),
        "again": shared_desk.run("deploy", *deploy),
        "show": shared_desk.run("config", "show", *deploy),
        "events": shared_desk.run("events", "--journal", "--json"),
        "outputs": shared_desk.run("outputs", "--json"),
        "logs": shared_desk.run("invoke", "rest-api", "GET", "/x", "--logs", "--json"),
    }


class TestSecrets:
    def test_reach_the_function(self, told: dict[str, Any]) -> None:
        assert told["deploy"].code == 0
        assert "my secret is" in told["logs"].err

    def test_are_in_no_output(self, told: dict[str, Any]) -> None:
        assert [name for name, outcome in told.items() if _CANARY in outcome.out + outcome.err] == []

    def test_are_in_no_file_of_the_home(self, told: dict[str, Any], shared_desk: Any) -> None:
        forms = (_CANARY.encode(), base64.b64encode(_CANARY.encode()))
        inside = {path: content for path, content in shared_desk.files().items() if shared_desk.home in path.parents}

        assert len(inside) > 5
        assert [path for path, content in inside.items() if any(form in content for form in forms)] == []
