"""The todo service of the examples: five functions behind one API, with local code only."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import Workspace
from tests.e2e.serving import run_gateway
from tests.pulumi_cli import require_pulumi_cli

_EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "todos"
_COMPONENT = ("--component", "rest-api")
_NAMES = {"create", "list", "todos-delete", "todos-get", "todos-update"}
_PULUMI = ("--engine", "pulumi", "--cloud", "sandbox")

pytestmark = pytest.mark.skipif(shutil.which("node") is None, reason="no node on this machine")


def _deploy(folder: Path, provider: str, *engine: str) -> tuple[Workspace, Any]:
    workspace = Workspace(shutil.copytree(_EXAMPLE, folder / provider))
    deployed = workspace.run("deploy", *_COMPONENT, "--provider", provider, *engine, "--json")
    if "@azure/functions" in str(deployed.json.get("error")):
        pytest.skip("npm reaches no registry, from which Node packages for Azure take @azure/functions")
    return workspace, deployed


@pytest.fixture(scope="module", params=["aws", "azure"])
def todos(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Workspace, Any]:
    return _deploy(tmp_path_factory.mktemp("todos"), request.param)


def _at(workspace: Workspace) -> tuple[str, str]:
    return "--provider", workspace.folder.name


def _call(workspace: Workspace, method: str, path: str, *options: str) -> tuple[int, Any]:
    answer = workspace.run("invoke", "rest-api", method, path, *_at(workspace), *options, "--json").json
    return answer["status"], json.loads(answer["body"] or "null")


class TestTodoService:
    def test_is_deployed_and_checked_by_a_route_without_parameters(self, todos: tuple[Workspace, Any]) -> None:
        _, deployed = todos

        assert (deployed.code, deployed.json["health"]["path"]) == (0, "/todos")
        functions = [it for it in deployed.events if it["type"] == "infrastructure.function.deployed"]
        assert len(functions) == len(_NAMES)

    def test_answers_each_route_with_its_function(self, todos: tuple[Workspace, Any]) -> None:
        workspace, _ = todos

        assert _call(workspace, "GET", "/todos/2") == (200, {"id": "2", "text": "test", "done": False})
        assert _call(workspace, "GET", "/todos/9") == (404, {"message": "no such todo"})
        assert _call(workspace, "POST", "/todos", "-d", '{"text": "rest"}') == (
            201,
            {"id": "3", "text": "rest", "done": False},
        )
        assert _call(workspace, "POST", "/todos", "-d", json.dumps({"text": "x" * 99}))[0] == 400
        assert _call(workspace, "PATCH", "/todos/2", "-d", '{"done": true}')[1]["done"] is True
        assert _call(workspace, "DELETE", "/todos/1") == (204, None)
        for nowhere in (("GET", "/nowhere"), ("POST", "/todos/2")):
            assert workspace.run("invoke", "rest-api", *nowhere, *_at(workspace), "--json").json["status"] == 404

    def test_shows_the_log_of_one_function(self, todos: tuple[Workspace, Any]) -> None:
        workspace, _ = todos
        _call(workspace, "POST", "/todos", "-d", '{"text": "a"}')

        shown = workspace.run("logs", "rest-api", "--function", "create", *_at(workspace), "--json")
        refused = workspace.run("logs", "rest-api", "--function", "creat", *_at(workspace))

        lines = [json.loads(line) for line in shown.out.splitlines()]
        assert {line["function"] for line in lines} == {"create"}
        assert any("hello from create" in line["text"] for line in lines)
        assert (refused.code, "todos-update" in refused.err) == (2, True)

    def test_has_outputs_of_each_function(self, todos: tuple[Workspace, Any]) -> None:
        workspace, _ = todos

        outputs = workspace.run("outputs", *_COMPONENT, "--json").json

        prefix = "function_name_"
        assert {name.removeprefix(prefix) for name in outputs if name.startswith(prefix)} == _NAMES
        assert "/functions/" not in outputs["api_id"]

    def test_is_served(self, todos: tuple[Workspace, Any]) -> None:
        workspace, deployed = todos

        with run_gateway(workspace, "serve", "--port", "0", "--json") as gateway:
            stack = f"/{deployed.json['stack']}"
            assert json.loads(gateway.get(f"{stack}/todos/1"))["text"] == "write"
            assert len(json.loads(gateway.get(f"{stack}/todos"))) == 2

    def test_is_unchanged_when_it_is_deployed_again(self, todos: tuple[Workspace, Any]) -> None:
        workspace, _ = todos

        assert workspace.run("preview", *_COMPONENT, *_at(workspace), "--json").json["changes"]["create"] == 0

    def test_names_every_missing_handler_beside_other_faults(self, tmp_path: Path) -> None:
        workspace = Workspace(shutil.copytree(_EXAMPLE, tmp_path / "todos"))
        for name in ("create", "get"):
            (workspace.folder / "todos" / f"{name}.js").unlink()

        settings = [
            word
            for it in ("memory=64", "functions.create.timeout=0")
            for word in ("--set", f"components.rest-api.{it}")
        ]

        validated = workspace.run("config", "validate", *settings, "--json")

        faults = validated.json["error"]["faults"]
        assert validated.code == 2
        assert {(it["path"], it.get("line", 0) > 0) for it in faults} == {
            ("components.rest-api.functions.create.handler", True),
            ("components.rest-api.routes[2].handler", True),
            ("components.rest-api.memory", False),
            ("components.rest-api.functions.create.timeout", False),
        }


@pytest.mark.parametrize("provider", ["aws", "azure"])
def test_the_pulumi_engine_deploys_and_destroys_the_same(tmp_path: Path, provider: str) -> None:
    require_pulumi_cli()
    workspace, deployed = _deploy(tmp_path, provider, *_PULUMI)

    assert (deployed.code, deployed.json["state"]) == (0, "completed")
    assert _call(workspace, "GET", "/todos/2")[0] == 200
    assert _call(workspace, "POST", "/todos", "-d", '{"text": "rest"}')[0] == 201
    assert len([it for it in deployed.events if it["type"] == "infrastructure.function.deployed"]) == len(_NAMES)
    destroyed = workspace.run("destroy", *_COMPONENT, *_at(workspace), "--yes", "--json")
    assert (destroyed.code, destroyed.json["state"]) == (0, "completed")
