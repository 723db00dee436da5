from __future__ import annotations

import json
import re
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from semantest_iac.domain.errors import ArtifactError
from semantest_iac.domain.networking.http_exchange import HttpRequest, HttpResponse, Pairs
from semantest_iac.domain.ports.artifact_builder import FunctionSource
from semantest_iac.infrastructure.artifacts.package_builder import PackageBuilder
from semantest_iac.infrastructure.function_runtimes.azure_functions import (
    build_functions_event,
    build_functions_response,
)
from semantest_iac.infrastructure.function_runtimes.function_process import FunctionProcess
from semantest_iac.infrastructure.function_runtimes.function_spec import FunctionSpec
from semantest_iac.infrastructure.function_runtimes.package_cache import PackageCache
from semantest_iac.infrastructure.local_service.api_frontend import load_stored_body

PYTHON_APP = """
import os
import azure.functions as func

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)
more = func.Blueprint()

@app.route(route="items/{id:int}", methods=["GET"])
def item(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse(req.route_params["id"] + req.params.get("q", ""), status_code=201)

@app.route()
async def words(req):
    return "plain words"

@app.route(methods=[func.HttpMethod.POST])
def silent(req):
    print("received", req.get_json()["name"])

@app.function_name("named")
@app.route(route="who")
def other(req, context):
    return context.function_name + (" has an id" if context.invocation_id else "")

@more.route(route="locked", auth_level="function")
def locked(req):
    return "open"

@app.route()
def environment(req):
    import json
    return json.dumps(dict(os.environ))

@app.route()
def fails(req):
    raise RuntimeError("no " + os.environ["TOKEN"])

app.register_functions(more)
"""
LOGGING_APP = """
import logging
import azure.functions as func

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)
logging.getLogger().setLevel(logging.DEBUG)

@app.route()
def item(req):
    logging.debug("in detail")
    logging.info("plain")
    return "done"
"""
LEVEL_SETTING = "AzureFunctionsJobHost__logging__logLevel__Function"
PORTABLE = """
def handler(event, context):
    call = event["requestContext"]["http"]
    return {"statusCode": 201, "headers": {"x-seen": f"{call['method']} {call['path']} {event['rawQueryString']}"},
            "cookies": ["a=x%20y; Path=/b; HttpOnly"], "body": event["body"], "isBase64Encoded": True}
"""
NODE_APP = """
const { app } = require('@azure/functions')
app.http('item', { route: 'items/{id:int}', methods: ['GET'], handler: async (request, context) => {
  context.log('requested', request.params.id)
  context.debug('in detail')
  return { status: 201, body: request.params.id + (request.query.get('q') ?? '') }
} })
app.post('silent', async (request) => { console.log('received', (await request.json()).name) })
app.get('words', { handler: () => ({ jsonBody: { words: 1 },
  cookies: [{ name: 'a', value: 'b c', sameSite: 'Lax', secure: true, expires: new Date(1e12) }] }) })
app.http('locked', { authLevel: 'function', handler: () => ({ body: 'open' }) })
app.http('fails', { handler: () => { throw new Error('no ' + process.env.TOKEN) } })
app.timer('tick', { schedule: '0 * * * * *', handler: () => {} })
"""
REFERENCE = "@Microsoft.KeyVault(SecretUri=https://v.vault.azure.net/secrets/token)"
SETTINGS = {"TOKEN": REFERENCE, "PLAIN": "1"}
PYTHON, NODE = "python3.11", "nodejs20.x"


@pytest.fixture(scope="session")
def node_library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the real `@azure/functions`, as packages contain it."""
    if shutil.which("node") is None:
        pytest.skip("node is not on the PATH")
    home = tmp_path_factory.mktemp("library")
    (home / "index.js").write_text("exports.handler = () => 1")
    source = FunctionSource(home, handler="index.handler", runtime=NODE, provider="azure")
    try:
        artifact = PackageBuilder(home).build(source)
    except ArtifactError:
        pytest.skip("npm reaches no registry, from which Node packages for Azure take @azure/functions")
    return PackageCache(home).unpack(artifact.path) / "node_modules"


@pytest.fixture(scope="session")
def python_library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the real `azure.functions`, which a package may contain."""
    home = tmp_path_factory.mktemp("library")
    (home / "app.py").write_text("handler = print")
    (home / "requirements.txt").write_text("azure-functions==1.24.0")
    source = FunctionSource(home, handler="app.handler", runtime=PYTHON, provider="azure")
    try:
        artifact = PackageBuilder(home).build(source)
    except ArtifactError:
        pytest.skip("pip reaches no index, from which azure-functions comes")
    return PackageCache(home).unpack(artifact.path) / ".python_packages"


def python_app(folder: Path, text: str = PYTHON_APP) -> FunctionSpec:
    return spec_of(folder, {"function_app.py": text}, PYTHON)


def node_app(folder: Path, library: Path, text: str = NODE_APP, main: str = "src/index.js") -> FunctionSpec:
    shutil.copytree(library, folder / "node_modules")
    return spec_of(folder, {"src/index.js": text, "package.json": json.dumps({"main": main})}, NODE)


def spec_of(folder: Path, files: Mapping[str, str], runtime: str) -> FunctionSpec:
    for name, text in {"host.json": '{"version": "2.0"}', **files}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return FunctionSpec(
        folder, "", runtime, SETTINGS, 512, 20, {REFERENCE: "s3cr3t"}, name="func-app", platform="functions"
    )


@pytest.fixture(params=["python", "python with the real library", "node"])
def spec(request: pytest.FixtureRequest, tmp_path: Path) -> FunctionSpec:
    """The same app in each language; in Python with our replacement of `azure.functions` and with the real one."""
    if request.param == "node":
        return node_app(tmp_path, request.getfixturevalue("node_library"))
    if request.param != "python":
        shutil.copytree(request.getfixturevalue("python_library"), tmp_path / ".python_packages")
    return python_app(tmp_path)


async def call(
    app: FunctionProcess, method: str, path: str, query: Pairs = (), headers: Pairs = (), body: bytes = b""
) -> HttpResponse:
    """Return the answer with its whole body: a large one comes in a file."""
    event = build_functions_event(HttpRequest(method, path, query, headers, body), "app.example")
    return load_stored_body(build_functions_response(await app.invoke(event)))


class TestFunctionApp:
    async def test_answers_by_its_routes(self, spec: FunctionSpec) -> None:
        async with FunctionProcess.start(spec) as app:
            item = await call(app, "GET", "/api/items/7", query=(("q", "!"),))
            missing = await call(app, "GET", "/api/items/seven")
            wrong = await call(app, "DELETE", "/api/items/7")

        assert (item.status, item.body) == (201, b"7!")
        assert (missing.status, wrong.status) == (404, 404)

    async def test_without_an_answer_has_no_content(self, spec: FunctionSpec) -> None:
        request = HttpRequest("POST", "/api/silent", (), (("content-type", "application/json"),), b'{"name": "Ann"}')

        async with FunctionProcess.start(spec) as app:
            invocation = await app.invoke(build_functions_event(request, "app.example"))

        assert (build_functions_response(invocation).status, invocation.output) == (204, "received Ann\n")

    async def test_requires_a_key_if_a_function_does(self, spec: FunctionSpec) -> None:
        async with FunctionProcess.start(spec) as app:
            without = await call(app, "GET", "/api/locked")
            header = await call(app, "GET", "/api/locked", headers=(("X-Functions-Key", "k"),))
            query = await call(app, "GET", "/api/locked", query=(("code", "k"),))

        assert (without.status, header.body, query.body) == (401, b"open", b"open")

    async def test_hides_failures_from_the_client(self, spec: FunctionSpec) -> None:
        async with FunctionProcess.start(spec) as app:
            invocation = await app.invoke(build_functions_event(HttpRequest("GET", "/api/fails"), "app.example"))

        assert invocation.error is not None
        assert invocation.error["errorMessage"] == "no ***"
        executing, executed, exception = invocation.log_events
        assert re.fullmatch(r"Executing 'Functions\.fails' \(Reason='[^']+', Id=[0-9a-f-]{36}\)", executing)
        assert re.fullmatch(r"Executed 'Functions\.fails' \(Failed, Id=[0-9a-f-]{36}, Duration=\d+ms\)", executed)
        assert re.match(
            r"Exception while executing function: Functions\.fails\nResult: Failure\n"
            r"Exception: (RuntimeError|Error): no \*\*\*\nStack: ",
            exception,
        )
        assert (build_functions_response(invocation).status, build_functions_response(invocation).body) == (500, b"")


class TestPythonApp:
    async def test_may_answer_with_text_and_be_asynchronous(self, tmp_path: Path) -> None:
        async with FunctionProcess.start(python_app(tmp_path)) as app:
            words, named = await call(app, "GET", "/api/words"), await call(app, "GET", "/api/who")

        assert (words.body, dict(words.headers)["content-type"]) == (b"plain words", "text/plain; charset=utf-8")
        assert named.body == b"named has an id"

    async def test_uses_the_library_in_its_package(self, tmp_path: Path, python_library: Path) -> None:
        shutil.copytree(python_library, tmp_path / ".python_packages")
        text = "import azure.functions as f\na = f.FunctionApp('ANONYMOUS')\n@a.route()\ndef at(req): return f.__file__"

        async with FunctionProcess.start(python_app(tmp_path, text)) as app:
            library_path = (await call(app, "GET", "/api/at")).body.decode()

        assert library_path.startswith(str(tmp_path))

    async def test_with_our_trigger_runs_on_the_real_library(self, tmp_path: Path, python_library: Path) -> None:
        (tmp_path / "app.py").write_text(PORTABLE)
        source = FunctionSource(tmp_path, handler="app.handler", runtime=PYTHON, provider="azure")
        artifact = PackageBuilder(tmp_path / "home").build(source)
        folder = PackageCache(tmp_path / "home").unpack(artifact.path)
        shutil.copytree(python_library, folder / ".python_packages")

        async with FunctionProcess.start(FunctionSpec(folder, "", PYTHON, platform="functions", timeout_s=20)) as app:
            answer = await call(app, "PUT", "/a%20b", query=(("q", "1"),), body=b"\xff")

        assert (answer.status, answer.body, dict(answer.headers)["set-cookie"]) == (
            201, b"\xff", "a=x%20y; domain=; path=/b; httponly"
        )  # fmt: skip
        assert dict(answer.headers)["x-seen"] == "PUT /a b q=1"

    async def test_has_azure_s_environment_with_the_values_of_secrets(self, tmp_path: Path) -> None:
        spec = python_app(tmp_path)
        spec = replace(spec, environment={**spec.environment, "PATH": "/own:/usr/bin:/bin"})
        async with FunctionProcess.start(spec) as app:
            environment = json.loads((await call(app, "GET", "/api/environment")).body)

        assert (environment["TOKEN"], environment["PLAIN"]) == ("s3cr3t", "1")
        assert environment["PATH"] == "/own:/usr/bin:/bin"
        assert environment["WEBSITE_SITE_NAME"] == "func-app"
        assert (environment["FUNCTIONS_WORKER_RUNTIME"], environment["FUNCTIONS_WORKER_RUNTIME_VERSION"]) == (
            "python", "3.11"
        )  # fmt: skip
        assert [name for name in environment if name.startswith("AWS_")] == []

    @pytest.mark.parametrize(
        ("host", "detail"), [("{}", ""), ('{"logging": {"logLevel": {"default": "Trace"}}}', "[DEBUG] in detail\n")]
    )
    async def test_logs_from_the_level_of_its_host(self, tmp_path: Path, host: str, detail: str) -> None:
        spec = python_app(tmp_path, LOGGING_APP)
        (tmp_path / "host.json").write_text(host)
        async with FunctionProcess.start(spec) as app:
            invocation = await app.invoke(build_functions_event(HttpRequest("GET", "/api/item"), "app.example"))

        assert invocation.output == f"{detail}[INFO] plain\n"

    @pytest.mark.parametrize(
        ("text", "reason"),
        [
            ("import nothing_there", "nothing_there"),
            ("x = 1", "function_app.py holds no FunctionApp"),
            (
                "import azure.functions as f\napp = f.FunctionApp()\n@app.route(route='a/{b:number}')\ndef t(req): ...",
                "'number' is not a constraint that ASP.NET knows",
            ),
            (
                "import azure.functions as f\napp = f.FunctionApp()\n@app.blob_trigger()\ndef t(x): ...",
                "is not simulated",
            ),
            ("from azure.functions import QueueMessage", "cannot import name"),
        ],
        ids=["import", "no-app", "route", "other-trigger", "other-type"],
    )
    async def test_that_cannot_be_loaded_gives_the_reason(self, tmp_path: Path, text: str, reason: str) -> None:
        async with FunctionProcess.start(python_app(tmp_path, text)) as app:
            invocation = await app.invoke(build_functions_event(HttpRequest("GET", "/"), "app.example"))

        assert reason in invocation.failure
        assert build_functions_response(invocation).status == 500


class TestNodeApp:
    async def test_returns_json_and_cookies(self, tmp_path: Path, node_library: Path) -> None:
        async with FunctionProcess.start(node_app(tmp_path, node_library)) as app:
            words = await call(app, "GET", "/api/words")

        cookie = "a=b%20c; expires=Sun, 09 Sep 2001 01:46:40 GMT; path=/; secure; samesite=lax"
        assert (words.body, dict(words.headers)["set-cookie"]) == (b'{"words":1}', cookie)

    @pytest.mark.parametrize(("level", "detail"), [("", ""), ("Debug", "in detail\n")])
    async def test_logs_by_its_context(self, tmp_path: Path, node_library: Path, level: str, detail: str) -> None:
        spec = node_app(tmp_path, node_library)
        spec = replace(spec, environment={**spec.environment, LEVEL_SETTING: level})
        async with FunctionProcess.start(spec) as app:
            invocation = await app.invoke(build_functions_event(HttpRequest("GET", "/api/items/7"), "app.example"))

        assert invocation.output == f"requested 7\n{detail}"

    @pytest.mark.parametrize("main", ["src/*.js", "./src/{index,other}.js", "**/index.js"])
    async def test_may_name_its_files_by_a_pattern(self, tmp_path: Path, node_library: Path, main: str) -> None:
        async with FunctionProcess.start(node_app(tmp_path, node_library, main=main)) as app:
            assert (await call(app, "GET", "/api/items/7")).status == 201

    @pytest.mark.parametrize(
        ("text", "main", "reason"),
        [
            ("", "dist/index.js", "there is no such file"),
            ("", "", "names no main file"),
            ("throw new Error('no database')", "src/index.js", "no database"),
        ],
        ids=["absent", "unnamed", "throws"],
    )
    async def test_that_cannot_be_loaded_gives_the_reason(
        self, tmp_path: Path, node_library: Path, text: str, main: str, reason: str
    ) -> None:
        async with FunctionProcess.start(node_app(tmp_path, node_library, text, main)) as app:
            invocation = await app.invoke(build_functions_event(HttpRequest("GET", "/"), "app.example"))

        assert reason in invocation.failure


STREAMING_APP = """
const { app } = require('@azure/functions')
const { Readable } = require('node:stream')
app.setup({ enableHttpStream: true })
app.http('echo', { route: 'echo/{id}', methods: ['POST'], handler: async (request, context) => {
  const parts = []
  for await (const part of request.body) parts.push(part)
  context.log('received', parts.length > 0)
  const text = `${request.params.id} ${request.url} ${request.headers.get('x-city')} `
  const body = Readable.from([text, Buffer.concat(parts)])
  return { status: 201, headers: { 'X-A': '1' }, cookies: [{ name: 'a', value: 'b c', path: '/p' }], body }
} })
app.get('plain', { handler: () => ({ jsonBody: { plain: 1 } }) })
app.get('fails', { handler: () => { throw new Error('no ' + process.env.TOKEN) } })
"""


class TestStreamingNodeApp:
    """Source: @azure/functions itself, which opens the server; cookies are those that it writes."""

    async def test_receives_and_answers_in_parts(self, tmp_path: Path, node_library: Path) -> None:
        async with FunctionProcess.start(node_app(tmp_path, node_library, STREAMING_APP)) as app:
            answer = await call(
                app, "POST", "/api/echo/7", (("q", "1"),), (("X-City", "Oslo"),), body=bytes(range(256)) * 1000
            )
            plain = await call(app, "GET", "/api/plain")

        assert answer.body == b"7 https://app.example/api/echo/7?q=1 Oslo " + bytes(range(256)) * 1000
        assert (answer.status, dict(answer.headers)["x-a"]) == (201, "1")
        assert dict(answer.headers)["set-cookie"] == "a=b%20c; Path=/p"
        assert plain.body == b'{"plain":1}'
        assert not {"transfer-encoding", "x-ms-invocation-id"} & {*dict(answer.headers)}

    async def test_reports_failures(self, tmp_path: Path, node_library: Path) -> None:
        async with FunctionProcess.start(node_app(tmp_path, node_library, STREAMING_APP)) as app:
            invocation = await app.invoke(build_functions_event(HttpRequest("GET", "/api/fails"), "app.example"))
            after = await call(app, "GET", "/api/plain")

        assert invocation.error is not None
        assert (invocation.error["errorMessage"], after.status) == ("no ***", 200)


NODE_FUNCTION = json.dumps(
    {
        "bindings": [
            {
                "type": "httpTrigger",
                "direction": "in",
                "name": "req",
                "route": "items/{id:int}",
                "authLevel": "anonymous",
            },
            {"type": "http", "direction": "out", "name": "res"},
        ]
    }
)
PYTHON_FUNCTION = NODE_FUNCTION.replace('"res"', '"$return"')
DESCRIBE = "const describe = (req) => ({ id: req.params.id, q: req.query.q, said: req.body?.said })\n"
NODE_FUNCTIONS = {
    "async": DESCRIBE
    + """module.exports = async function (context, req) {
      context.log('requested', context.bindingData.id)
      context.res = { status: 201, headers: { 'X-A': 1 }, body: describe(req) }
    }""",
    "returned": DESCRIBE
    + """module.exports = async (context, req) => ({
      res: { status: 201, headers: { 'X-A': 1 }, body: describe(req) }
    })""",
    "done": DESCRIBE
    + """exports.run = (context, req) => {
      console.log('requested', req.params.id)
      context.res = { status: 201, headers: { 'X-A': 1 }, body: describe(req) }
      context.done()
    }""",
    "sent": """module.exports = (context, { params, query, body }) => {
      context.res.status(201).set('X-A', 1).json({ id: params.id, q: query.q, said: body?.said })
    }""",
}
PYTHON_SCRIPT = """
import json
import azure.functions as func
from . import words
from ..shared import status

def main(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    print("requested", req.route_params["id"])
    body = {"id": req.route_params["id"], "q": req.params.get("q"), words.KEY: (req.get_json() or {}).get("said")}
    return func.HttpResponse(json.dumps(body, separators=(",", ":")), status_code=status.CREATED, headers={"X-A": "1"},
                             mimetype="application/json")
"""


class TestOlderModels:
    """Source: Azure's developer guides for Node.js (model v3) and Python (model v1)."""

    @pytest.mark.parametrize("form", NODE_FUNCTIONS)
    async def test_of_node_answer(self, tmp_path: Path, form: str) -> None:
        if shutil.which("node") is None:
            pytest.skip("node is not on the PATH")
        files = {"Item/function.json": NODE_FUNCTION, "Item/index.js": NODE_FUNCTIONS[form], "package.json": "{}"}

        async with FunctionProcess.start(spec_of(tmp_path, files, NODE)) as app:
            answer = await call(
                app, "POST", "/api/items/7", (("q", "!"),), (("Content-Type", "application/json"),), b'{"said":"hi"}'
            )
            missing = await call(app, "GET", "/api/items/seven")

        assert (answer.status, json.loads(answer.body)) == (201, {"id": "7", "q": "!", "said": "hi"})
        assert dict(answer.headers)["x-a"] == "1"
        assert answer.body.startswith(b'{\n  "id": "7",\n')
        kind = "application/json" if form == "sent" else "text/plain"
        assert dict(answer.headers)["content-type"] == f"{kind}; charset=utf-8"
        assert missing.status == 404

    @pytest.mark.parametrize("library", ["ours", "real"])
    async def test_of_python_answer(self, tmp_path: Path, request: pytest.FixtureRequest, library: str) -> None:
        if library == "real":
            shutil.copytree(request.getfixturevalue("python_library"), tmp_path / ".python_packages")
        files = {
            "Item/function.json": PYTHON_FUNCTION,
            "Item/__init__.py": PYTHON_SCRIPT,
            "Item/words.py": "KEY = 'said'",
            "shared/status.py": "CREATED = 201",
        }

        async with FunctionProcess.start(spec_of(tmp_path, files, PYTHON)) as app:
            answer = await call(app, "POST", "/api/items/7", (("q", "!"),), (), b'{"said":"hi"}')

        assert (answer.status, json.loads(answer.body)) == (201, {"id": "7", "q": "!", "said": "hi"})
        assert dict(answer.headers)["x-a"] == "1"

    async def test_of_python_may_set_an_output(self, tmp_path: Path) -> None:
        script = (
            "import asyncio\nimport azure.functions as f\nloops = set()\n"
            "async def main(req, res: f.Out[f.HttpResponse]):\n"
            "    loops.add(asyncio.get_running_loop())\n"
            "    res.set(f.HttpResponse(f'set on {len(loops)} loop'))"
        )
        files = {"Item/function.json": NODE_FUNCTION, "Item/__init__.py": script}

        async with FunctionProcess.start(spec_of(tmp_path, files, PYTHON)) as app:
            await call(app, "GET", "/api/items/7")
            assert (await call(app, "GET", "/api/items/7")).body == b"set on 1 loop"

    @pytest.mark.parametrize(
        ("runtime", "reason"), [(PYTHON, "neither a function_app.py nor a folder"), (NODE, "names no main file")]
    )
    async def test_an_app_without_functions_gives_the_reason(self, tmp_path: Path, runtime: str, reason: str) -> None:
        if runtime == NODE and shutil.which("node") is None:
            pytest.skip("node is not on the PATH")

        async with FunctionProcess.start(spec_of(tmp_path, {"package.json": "{}"}, runtime)) as app:
            invocation = await app.invoke(build_functions_event(HttpRequest("GET", "/"), "app.example"))

        assert reason in invocation.failure
