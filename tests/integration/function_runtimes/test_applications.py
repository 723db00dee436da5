"""ASGI and WSGI applications as the functions of both clouds: how they are found, started and called."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from semantest_iac.domain.errors import RuntimeFailedError
from semantest_iac.domain.networking.http_exchange import HttpRequest, HttpResponse, parse_query
from semantest_iac.domain.ports.artifact_builder import FunctionSource
from semantest_iac.infrastructure.artifacts.package_builder import PackageBuilder
from semantest_iac.infrastructure.function_runtimes.api_gateway import (
    ApiIdentity,
    RequestMetadata,
    RouteMatch,
    build_api_event,
    build_api_response,
)
from semantest_iac.infrastructure.function_runtimes.azure_functions import (
    build_functions_event,
    build_functions_response,
)
from semantest_iac.infrastructure.function_runtimes.function_process import FunctionProcess
from semantest_iac.infrastructure.function_runtimes.function_spec import FunctionSpec, Invocation
from semantest_iac.infrastructure.function_runtimes.package_cache import PackageCache
from tests.example_packages import use_example_wheels

PYTHON = "python{}.{}".format(*sys.version_info[:2])
HOST = "app.example"
PLATFORMS = {"aws": "lambda", "azure": "functions"}
ASGI = """
async def app(scope, receive, send):
    if scope["type"] != "http":
        raise ValueError(scope["type"])
    await send({"type": "http.response.start", "status": 200, "headers": [(b"x-at", scope["path"].encode())]})
    await send({"type": "http.response.body", "body": b"asgi"})
"""
WSGI = """
def app(environ, start_response):
    start_response("200 OK", [("x-at", environ["PATH_INFO"])])
    return [b"wsgi"]
"""
SILENT = """
async def app(scope, receive, send):
    assert scope["type"] == "http"
    await send({"type": "http.response.start", "status": 200, "headers": []})
"""
WITH_LIFESPAN = """
import asyncio, json
events = []

async def lifespan(scope, receive, send):
    while (message := await receive())["type"] == "lifespan.startup":
        events.append(message["type"])
        scope["state"]["pool"] = asyncio.get_running_loop()
        await send({"type": "lifespan.startup.complete"})

async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        return await lifespan(scope, receive, send)
    is_same = scope["state"]["pool"] is asyncio.get_running_loop()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": json.dumps([events, is_same]).encode()})
"""
FAILING_LIFESPAN = """
import traceback

async def app(scope, receive, send):
    await receive()
    try:
        raise ConnectionError("no database at db.example")
    except ConnectionError:
        await send({"type": "lifespan.startup.failed", "message": traceback.format_exc()})
        raise
"""


class Started:
    """Starts applications as functions of one cloud, from a package that was built once."""

    def __init__(self, provider: str, package: Path, folder: Path) -> None:
        self.provider = provider
        self._package = package
        self._folder = folder

    @asynccontextmanager
    async def __call__(self, text: str, app: str = "main:app") -> AsyncIterator[CalledFunction]:
        """Start the function of an application and stop it at the end."""
        shutil.copytree(self._package, self._folder / "package")
        settings = next((self._folder / "package").rglob("semantest_entry.json"))
        settings.write_text(json.dumps({"app": app}))
        next((self._folder / "package").rglob("main.py")).write_text(text)
        spec = FunctionSpec(
            self._folder / "package",
            "semantest_entry.handler",
            PYTHON,
            timeout_s=20,
            memory_mb=512,
            platform=PLATFORMS[self.provider],
        )
        async with FunctionProcess.start(spec) as process:
            yield CalledFunction(self.provider, process)


@pytest.fixture(scope="module", params=["aws", "azure"])
def package(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """A cloud with the unpacked package of an application for it."""
    home = tmp_path_factory.mktemp("application")
    (home / "source").mkdir()
    (home / "source" / "main.py").touch()
    named = FunctionSource(home / "source", app="main:app", runtime=PYTHON, provider=request.param)
    with use_example_wheels():
        artifact = PackageBuilder(home).build(named)
    return request.param, PackageCache(home).unpack(artifact.path)


@dataclass(frozen=True)
class CalledFunction:
    provider: str
    process: FunctionProcess

    async def invoke(self, method: str, target: str, *, stage: str = "$default") -> Invocation:
        path, _, query = target.partition("?")
        request = HttpRequest(method, path, parse_query(query), (), b"", raw_query=query)
        if self.provider == "azure":
            return await self.process.invoke(build_functions_event(request, HOST))
        api, metadata = ApiIdentity("api", HOST, stage=stage), RequestMetadata("1", datetime.now(UTC))
        return await self.process.invoke(build_api_event(request, RouteMatch("$default"), api, metadata))

    def respond(self, invocation: Invocation) -> HttpResponse:
        return build_functions_response(invocation) if self.provider == "azure" else build_api_response(invocation)

    async def call(self, method: str, target: str, *, stage: str = "$default") -> HttpResponse:
        invocation = await self.invoke(method, target, stage=stage)
        assert invocation.error is None, invocation.error
        return self.respond(invocation)


@pytest.fixture
def start(package: tuple[str, Path], tmp_path: Path) -> Started:
    return Started(*package, tmp_path)


async def find_failure(start: Started, text: str, app: str = "main:app") -> str:
    """Return the words of a start or a first request that failed."""
    try:
        async with start(text, app) as function:
            invocation = await function.invoke("GET", "/")
    except RuntimeFailedError as error:
        return error.message
    assert invocation.error is not None
    return str(invocation.error["errorMessage"])


class TestApplications:
    @pytest.mark.parametrize(
        ("text", "app", "body"),
        [
            (ASGI, "main:app", b"asgi"),
            (WSGI, "main:app", b"wsgi"),
            (f"{ASGI}\ndef create_app():\n    return app", "main:create_app()", b"asgi"),
            (f"{WSGI}\nclass Holder:\n    inner = staticmethod(app)", "main:Holder.inner", b"wsgi"),
            (f"{ASGI}\ndef outer(scope, receive, send):\n    return app(scope, receive, send)", "main:outer", b"asgi"),
            (f"{WSGI}\nclass Flask:\n    def __call__(self, e, s): return app(e, s)\nit = Flask()", "main:it", b"wsgi"),
            (f"import functools\n{ASGI}\nit = functools.partial(app)", "main:it", b"asgi"),
            (f"import asyncio, signal\nasyncio.run(asyncio.sleep(0))\n{WSGI}", "main:app", b"wsgi"),
        ],
        ids=["asgi", "wsgi", "factory", "nested", "plain function", "object", "partial", "own loop at import"],
    )
    async def test_are_told_apart_by_their_objects(self, start: Started, text: str, app: str, body: bytes) -> None:
        async with start(text, app) as function:
            response = await function.call("GET", "/a%20b")

        assert (response.status, response.body, dict(response.headers)["x-at"]) == (200, body, "/a b")

    @pytest.mark.parametrize(
        ("text", "app", "words"),
        [
            ("import nothing_there", "main:app", "No module named 'nothing_there'"),
            ("x = 1 / 0", "main:app", "division by zero"),
            (ASGI, "main:ap", "module 'main' has no attribute 'ap'"),
            ("app = {}", "main:app", "app 'main:app' is dict, and no ASGI or WSGI application"),
            ("def make():\n    return 1", "main:make", "write main:make() if it makes the application"),
            ("def app(*parts): ...", "main:app", "is neither ASGI nor WSGI by its arguments"),
            ("def app(one): ...", "main:app", "is neither ASGI nor WSGI by its arguments"),
            (FAILING_LIFESPAN, "main:app", "no database at db.example"),
        ],
        ids=["import", "code", "attribute", "type", "factory", "any arguments", "one argument", "lifespan"],
    )
    async def test_that_cannot_start_give_their_own_reason(
        self, start: Started, text: str, app: str, words: str
    ) -> None:
        assert words in await find_failure(start, text, app)

    async def test_that_end_python_fail_like_others(self, start: Started) -> None:
        words = await find_failure(start, "import sys\nsys.exit(3)")

        assert ("called sys.exit(3)" if start.provider == "azure" else "exit status 3") in words

    async def test_run_their_lifespan_once_on_the_loop_of_their_requests(self, start: Started) -> None:
        async with start(WITH_LIFESPAN) as function:
            answers = [json.loads((await function.call("GET", "/")).body) for _ in range(3)]

        assert answers == [[["lifespan.startup"], True]] * 3

    async def test_may_stream_and_work_after_their_response(self, start: Started) -> None:
        text = """
import asyncio
done = []

async def app(scope, receive, send):
    assert scope["type"] == "http"
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
    for part in (b"a", b"b"):
        await send({"type": "http.response.body", "body": part, "more_body": True})
    await send({"type": "http.response.body", "body": str(len(done)).encode()})
    await asyncio.sleep(0)
    done.append(1)
"""
        async with start(text) as function:
            bodies = [(await function.call("GET", "/")).body for _ in range(2)]

        assert bodies == [b"ab0", b"ab1"]

    @pytest.mark.parametrize("text", [SILENT, WSGI.replace("return", "raise KeyError")], ids=["asgi", "wsgi"])
    async def test_that_fail_answer_500_and_go_on(self, start: Started, text: str) -> None:
        async with start(text) as function:
            responses = [function.respond(await function.invoke("GET", "/")).status for _ in range(2)]

        assert responses == [500, 500]

    async def test_see_the_address_that_the_client_used(self, start: Started) -> None:
        text = """
async def app(scope, receive, send):
    assert scope["type"] == "http"
    server, client = scope["server"], scope["client"]
    body = "|".join([scope["scheme"], server[0], str(server[1]), scope["root_path"], scope["raw_path"].decode(),
                     scope["query_string"].decode()])
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": body.encode()})
"""
        async with start(text) as function:
            response = await function.call("GET", "/%C3%BC?a=%E9&b=ü")

        assert response.body.decode() == f"https|{HOST}|443||/%C3%BC|a=%E9&b=%C3%BC"

    async def test_close_what_they_return(self, start: Started) -> None:
        text = """
closed = []

class Answer(list):
    def close(self):
        closed.append(1)

def app(environ, start_response):
    start_response("503 Busy", [])
    return Answer([str(len(closed)).encode()])
"""
        async with start(text) as function:
            answers = [await function.call("GET", "/") for _ in range(2)]

        assert [(answer.status, answer.body) for answer in answers] == [(503, b"0"), (503, b"1")]


class TestStages:
    @pytest.mark.parametrize("path", ["/items", "/"])
    async def test_are_the_root_of_the_application(self, start: Started, path: str) -> None:
        if start.provider != "aws":
            pytest.skip("only API Gateway has stages")
        text = """
async def app(scope, receive, send):
    assert scope["type"] == "http"
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": f"{scope['root_path']} {scope['path']}".encode()})
"""
        async with start(text) as function:
            response = await function.call("GET", path, stage="prod")

        assert response.body.decode() == f"/prod /prod{path}"
