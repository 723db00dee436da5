"""The examples of docs/frameworks.md are deployed by the command line to both clouds, and answer."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.documented_examples import write_example
from tests.e2e.conftest import Outcome, Workspace
from tests.e2e.serving import run_gateway
from tests.example_packages import example_variables, npm_variables

_RUNTIME = "components.rest-api.runtime=python{}.{}".format(*sys.version_info[:2])
_JSON = ("-H", "Content-Type: application/json")
_CLOUDS = ["aws", "azure"]


def _deploy(workspace: Workspace, cloud: str, *options: str) -> Outcome:
    deployed = workspace.run("deploy", "--component", "rest-api", "--provider", cloud, *options, "--json")
    if "@azure/functions" in str(deployed.json.get("error", {}).get("message", "")):
        pytest.skip("npm reaches no registry, from which Node packages for Azure take @azure/functions")
    return deployed


def _with_configuration_of_init(workspace: Workspace) -> Workspace:
    """Replace the documented configuration by the one that `init` writes."""
    (workspace.folder / "semantest.yaml").unlink()
    written = workspace.run("init", "--yes")
    assert (written.code, written.err) == (0, ""), written.err
    return workspace


def _invoke(workspace: Workspace, cloud: str, *request: str) -> tuple[int, Any]:
    answer = workspace.run("invoke", "rest-api", *request, "--provider", cloud, "--json").json
    return answer["status"], json.loads(answer["body"])


@pytest.fixture(scope="module", params=_CLOUDS)
def shop(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Workspace, Outcome]:
    """The example of FastAPI, with a database of its own."""
    workspace = _workspace("FastAPI", tmp_path_factory.mktemp("shop"), example_variables())
    database = f"components.rest-api.environment.DATABASE_URL=sqlite:///{workspace.folder}/todos.db"
    return request.param, workspace, _deploy(workspace, request.param, "--set", _RUNTIME, "--set", database)


def _workspace(title: str, folder: Path, variables: Mapping[str, str]) -> Workspace:
    return Workspace(
        write_example(title, folder), variables, timeout_s=150
    )  # pip installs, and frameworks start slowly


class TestFastApi:
    def test_is_deployed_with_native_wheels(self, shop: tuple[str, Workspace, Outcome]) -> None:
        _, _, deployed = shop

        assert (deployed.code, deployed.json["state"]) == (0, "completed"), deployed.out

    def test_answers_and_keeps_its_rows(self, shop: tuple[str, Workspace, Outcome]) -> None:
        cloud, workspace, _ = shop

        added = _invoke(workspace, cloud, "POST", "/todos", *_JSON, "-d", '{"title": "tea"}')
        read = _invoke(workspace, cloud, "GET", "/todos/1")
        missing = _invoke(workspace, cloud, "GET", "/todos/99")

        assert (added, read, missing) == ((201, {"id": 1}), (200, {"title": "tea"}), (404, {"detail": "Not Found"}))

    def test_refuses_what_its_models_refuse(self, shop: tuple[str, Workspace, Outcome]) -> None:
        cloud, workspace, _ = shop

        status, body = _invoke(workspace, cloud, "POST", "/todos", *_JSON, "-d", '{"title": ""}')

        assert (status, body["detail"][0]["type"]) == (422, "string_too_short")

    def test_is_served_by_a_warm_process(self, shop: tuple[str, Workspace, Outcome]) -> None:
        _, workspace, deployed = shop

        with run_gateway(workspace, "serve", "--port", "0", "--json") as gateway:
            bodies = [gateway.get(f"/{deployed.json['stack']}/hello/Ada%20L", timeout_s=60) for _ in range(3)]

        assert [json.loads(body) for body in bodies] == [{"hello": "Ada L"}] * 3


@pytest.mark.parametrize("cloud", _CLOUDS)
class TestFlask:
    def test_answers(self, workspace: Workspace, cloud: str) -> None:
        flask = _with_configuration_of_init(_workspace("Flask", workspace.folder, example_variables()))

        deployed = _deploy(flask, cloud, "--set", _RUNTIME)

        assert deployed.code == 0, deployed.out
        assert _invoke(flask, cloud, "GET", "/hello/Ada%20L") == (200, {"hello": "Ada L", "client": "127.0.0.1"})
        assert _invoke(flask, cloud, "POST", "/todos", *_JSON, "-d", '{"title": "tea"}') == (201, {"title": "tea"})

    def test_tells_its_own_reason_when_it_cannot_start(self, workspace: Workspace, cloud: str) -> None:
        flask = _workspace("Flask", workspace.folder, example_variables())
        (flask.folder / "main.py").write_text("import flask\nimport flask_sqlalchemy\n")

        deployed = _deploy(flask, cloud, "--set", _RUNTIME)

        assert deployed.code == 1
        assert "No module named 'flask_sqlalchemy'" in json.dumps(deployed.json["error"])


@pytest.mark.skipif(shutil.which("node") is None, reason="no node on this machine")
@pytest.mark.parametrize("cloud", _CLOUDS)
class TestExpress:
    def test_answers(self, workspace: Workspace, cloud: str) -> None:
        express = _with_configuration_of_init(_workspace("Express", workspace.folder, npm_variables()))

        deployed = _deploy(express, cloud)

        assert deployed.code == 0, deployed.out
        assert _invoke(express, cloud, "GET", "/hello/Ada%20L") == (200, {"hello": "Ada L", "client": "127.0.0.1"})
        assert _invoke(express, cloud, "POST", "/todos", *_JSON, "-d", '{"title": "tea"}') == (201, {"title": "tea"})


_APPLICATION = """
async def app(scope, receive, send):
    assert scope["type"] == "http"
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b'"app"'})
"""
_MIXED = """
components:
  rest-api:
    source: .
    app: main:app
    routes:
      - {path: /a, methods: [GET], handler: a.handler}
      - {path: "/{rest+}"}
"""


@pytest.mark.parametrize("cloud", _CLOUDS)
class TestFunctionsOfRoutes:
    def test_answer_beside_an_application(self, workspace: Workspace, cloud: str) -> None:
        mixed = Workspace(workspace.folder, example_variables(), timeout_s=150)
        (mixed.folder / "main.py").write_text(_APPLICATION)
        (mixed.folder / "a.py").write_text('def handler(event, context):\n    return {"statusCode": 200, "body": "1"}')
        (mixed.folder / "semantest.yaml").write_text(_MIXED)

        deployed = _deploy(mixed, cloud, "--set", _RUNTIME)

        assert deployed.code == 0, deployed.out
        assert (_invoke(mixed, cloud, "GET", "/a"), _invoke(mixed, cloud, "GET", "/b")) == ((200, 1), (200, "app"))


class TestConfiguration:
    def test_is_checked_before_anything_is_made(self, workspace: Workspace) -> None:
        write_example("FastAPI", workspace.folder)
        (workspace.folder / "main.py").rename(workspace.folder / "mian.py")

        checked = workspace.run("config", "validate", "--component", "rest-api")

        assert checked.code == 2
        assert "components.rest-api.app: the source holds no main.py (nor main/__init__.py)" in checked.err

    def test_suggests_app_for_a_framework(self, workspace: Workspace) -> None:
        write_example("FastAPI", workspace.folder)
        (workspace.folder / "semantest.yaml").write_text("components: {rest-api: {source: .}}")

        checked = workspace.run("config", "validate", "--component", "rest-api")

        assert checked.code == 2
        assert "Name the application of FastAPI: app, such as main:app." in checked.err
