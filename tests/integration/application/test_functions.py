"""Several functions behind one API, on both simulated clouds and in both languages."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from semantest_iac.application.ports.ledger import DeploymentRow
from semantest_iac.application.use_cases import DeploymentUseCase
from semantest_iac.bootstrap.application import Application
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.networking.http_exchange import HttpRequest
from semantest_iac.infrastructure.clouds.built_in import CLOUD_ENTRIES
from tests.example_packages import use_example_wheels

PYTHON = """\
import os

def handler(event, context):
    print("from {name}")
    route = event.get("routeKey") or event["httpMethod"] + " " + event["resource"]
    seen = dict(function="{name}", route=route, parameters=event.get("pathParameters") or {{}})
    seen |= dict(format=event["version"], own=os.environ.get("OWN"))
    return {{"statusCode": {status}, "body": __import__("json").dumps(seen)}}
"""
NODE = """\
exports.handler = async (event) => {{
  console.log("from {name}")
  const route = event.routeKey ?? `${{event.httpMethod}} ${{event.resource}}`
  const seen = {{ function: "{name}", route, parameters: event.pathParameters ?? {{}}, format: event.version }}
  return {{ statusCode: {status}, body: JSON.stringify({{ ...seen, own: process.env.OWN ?? null }}) }}
}}
"""
APP = """\
def app(environ, start_response):
    start_response("200 OK", [("content-type", "text/plain")])
    return [environ["PATH_INFO"].encode()]
"""
FILES = {"python": (".py", PYTHON), "node": (".js", NODE)}
ROUTES = [
    {"path": "/", "methods": "GET", "handler": "todos/home.handler"},
    {"path": "/todos", "methods": "GET", "handler": "todos/list.handler"},
    {"path": "/todos", "methods": "POST", "function": "create"},
    {"path": "/todos/newest", "methods": "GET", "function": "create"},
    {"path": "/todos/{id}", "methods": "ANY", "handler": "todos/one.handler"},
    {"path": "/files/{path+}", "methods": "GET", "handler": "todos/files.handler"},
    {"path": "/todos/{id}", "methods": "DELETE", "handler": "todos/list.handler"},
]
FUNCTIONS = {"create": {"handler": "todos/create.handler", "environment": {"OWN": "yes"}}}
ASKED = {
    "GET /": ("home", "GET /", {}),
    "GET /todos": ("list", "GET /todos", {}),
    "POST /todos": ("create", "POST /todos", {}),
    "GET /todos/newest": ("create", "GET /todos/newest", {}),
    "GET /todos/42": ("one", "ANY /todos/{id}", {"id": "42"}),
    "PUT /todos/a%20b": ("one", "ANY /todos/{id}", {"id": "a b"}),
    "DELETE /todos/7": ("list", "DELETE /todos/{id}", {"id": "7"}),
    "GET /files/a/b.txt": ("files", "GET /files/{path+}", {"path": "a/b.txt"}),
    "GET /users/1": ("one", "GET /users/{id}", {"id": "1"}),
    "GET /users/2/posts": ("create", "GET /users/{user}/posts", {"user": "2"}),
}
MORE_ROUTES = [
    {"path": "/users/{id}", "methods": "GET", "handler": "todos/one.handler"},
    {"path": "/users/{user}/posts", "methods": "GET", "function": "create"},
]
NOWHERE = ("GET /nothing", "PUT /todos", "GET /files", "GET /todos/1/2")


class Service:
    """The deployed functions on one cloud, in one language."""

    def __init__(self, home: Path, folder: Path, provider: str, language: str) -> None:
        self.application = Application(home)
        self.stack = Stack("rest-api", provider, "development", CLOUD_ENTRIES[provider].regions[0])
        self.use_cases: DeploymentUseCase = self.application.deployments({})
        self._folder = folder
        self._ending, self._text = FILES[language]

    async def deploy(self, status: int = 200, **changes: Any) -> DeploymentRow:
        for name in ("home", "list", "create", "one", "files"):
            self.write(f"todos/{name}{self._ending}", self._text.format(name=name, status=status))
        section = {"source": str(self._folder), "functions": FUNCTIONS, "routes": ROUTES, **changes}
        row = await self.use_cases.deploy(self.stack, {"components": {"rest-api": section}})
        if "@azure/functions" in str(row.error):
            pytest.skip("npm reaches no registry, from which Node packages for Azure take @azure/functions")
        return row

    def write(self, path: str, text: str) -> None:
        (self._folder / path).parent.mkdir(parents=True, exist_ok=True)
        (self._folder / path).write_text(text, encoding="utf-8")

    async def call(self, request: str) -> tuple[int, bytes]:
        method, _, path = request.partition(" ")
        response = (await self.use_cases.call(self.stack, HttpRequest(method, path))).response
        return response.status, response.body

    async def ask(self, request: str) -> Mapping[str, Any]:
        status, body = await self.call(request)
        assert status == 200, body
        answer: Mapping[str, Any] = json.loads(body)
        return answer


@pytest.fixture(params=[(provider, language) for provider in CLOUD_ENTRIES for language in FILES], ids="-".join)
def service(request: pytest.FixtureRequest, home: Path, tmp_path: Path) -> Service:
    provider, language = request.param
    if language == "node" and shutil.which("node") is None:
        pytest.skip("no node on this machine")
    return Service(home, tmp_path / "source", provider, language)


class TestFunctions:
    async def test_answer_their_routes(self, service: Service) -> None:
        functions = {"create": {**FUNCTIONS["create"], "payload": "1.0"}}

        row = await service.deploy(functions=functions, routes=[*ROUTES, *MORE_ROUTES])

        assert row.state == "completed", row.error
        seen = {asked: await service.ask(asked) for asked in ASKED}
        assert {asked: (it["function"], it["route"], it["parameters"]) for asked, it in seen.items()} == ASKED
        assert {it["function"] for it in seen.values() if it["format"] == "1.0"} == {"create"}
        assert seen["POST /todos"]["own"] == "yes"
        shares_variables = service.stack.provider == "azure"  # one app for all functions
        assert seen["GET /todos"]["own"] == ("yes" if shares_variables else None)
        assert [(await service.call(asked))[0] for asked in NOWHERE] == [404] * len(NOWHERE)

    @pytest.mark.parametrize("service", [("aws", "node"), ("aws", "python"), ("azure", "python")], indirect=True)
    async def test_are_handlers_and_applications(self, service: Service) -> None:
        """Those in another language are in a package of their own."""
        service.write("pages.py", APP)
        functions = {**FUNCTIONS, "site": {"app": "pages:app"}}
        route = {"path": "/site/{rest+}", "methods": "ANY", "function": "site"}

        with use_example_wheels():
            row = await service.deploy(functions=functions, routes=[*ROUTES[:3], route])

        assert row.state == "completed", row.error
        assert await service.call("GET /site/a/b") == (200, b"/site/a/b")
        assert (await service.ask("GET /todos"))["function"] == "list"

    async def test_are_published_one_by_one_and_go_back_together(self, service: Service) -> None:
        row = await service.deploy()
        names = _check_events(service)
        outputs = service.application.ledger.stack(str(service.stack)).outputs
        await service.call("POST /todos")
        lines = next(service.application.function_logs.follow_batches(str(service.stack)))
        bad = await service.deploy(status=500)
        restored = await service.ask("POST /todos")
        fewer = await service.deploy(routes=[it for it in ROUTES if it.get("handler") != "todos/files.handler"])

        assert row.state == "completed", row.error
        assert {name for output, name in outputs.items() if output.startswith("function_name_")} == names
        printed = [(line.get("function"), line["text"]) for line in lines if "from " in line["text"]]
        assert {name for name, text in printed if "from create" in text} == {"create"}
        assert {name for name, text in printed if "from home" in text} == {"todos-home"}
        assert (bad.state, restored["own"]) == ("rolled_back", "yes")
        assert fewer.state == "completed", fewer.error
        assert (await service.call("GET /files/a"))[0] == 404
        assert (await service.ask("GET /todos"))["function"] == "list"

    @pytest.mark.parametrize("service", [("aws", "python"), ("azure", "node")], indirect=True)
    async def test_take_the_place_of_one_handler(self, service: Service) -> None:
        """On Azure the app stays, with its host name."""
        before = await service.deploy(functions={}, routes=None, handler="todos/one.handler")
        after = await service.deploy()

        assert (before.state, after.state) == ("completed", "completed"), after.error
        assert before.endpoint == after.endpoint
        assert (await service.ask("GET /todos"))["function"] == "list"


def _check_events(service: Service) -> set[str]:
    """Each of five functions has its event, and the health check its path; returns their names."""
    events = [it.event for it in service.application.ledger.log()]
    deployed = [it["data"]["function_name"] for it in events if it["type"] == "infrastructure.function.deployed"]
    [completed] = [it for it in events if it["type"] == "infrastructure.deployment.completed"]
    assert (len(deployed), len({*deployed}), completed["data"]["health"]["path"]) == (5, 5, "/")
    return {*deployed}
