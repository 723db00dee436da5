from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from semantest_iac.domain.networking.http_exchange import HttpRequest, HttpResponse, Pairs
from semantest_iac.infrastructure.function_runtimes.api_gateway import (
    ApiIdentity,
    RequestMetadata,
    RouteMatch,
    build_api_event,
    build_api_response,
)
from semantest_iac.infrastructure.function_runtimes.function_process import FunctionProcess
from semantest_iac.infrastructure.function_runtimes.function_spec import FunctionSpec
from semantest_iac.infrastructure.local_service.api_frontend import load_stored_body

pytestmark = pytest.mark.skipif(shutil.which("node") is None, reason="node is not on the PATH")

Packaged = Callable[..., FunctionSpec]
NODE = "nodejs22.x"
JSON = (("content-type", "application/json"),)
SERVER = r"""
const http = require('http')
let calls = 0
let connections = 0
const server = http.createServer((request, response) => {
  const parts = []
  request.on('data', (part) => parts.push(part)).on('end', () => {
    const { pathname, searchParams } = new URL(request.url, 'http://x')
    const send = (status, type, body) => response.writeHead(status, { 'content-type': type }).end(body)
    if (pathname === '/binary') return send(200, 'image/png', Buffer.from([0x89, 0x50, 0xff, 0]))
    if (pathname === '/empty') return response.writeHead(204).end()
    if (pathname === '/cookies') {
      return response.writeHead(200, { 'set-cookie': ['a=1', 'b=2'], 'x-many': ['1', '2'] }).end()
    }
    if (pathname === '/huge') return send(200, 'text/plain', 'x'.repeat(7e6))
    if (pathname === '/abort') return request.socket.destroy()
    if (pathname === '/crash') setTimeout(() => { throw new Error('late') })
    else send(200, 'application/json', JSON.stringify({
      calls: ++calls, method: request.method, url: request.url, query: Object.fromEntries(searchParams),
      headers: request.headers, client: request.socket.remoteAddress, body: Buffer.concat(parts).toString('base64'),
      connections, environment: process.env.NODE_ENV, logs: process.env.LOG_DIRECTORY, port: server.address().port,
    }))
  })
})
server.on('connection', () => ++connections)
server.listen(process.env.PORT || 3003, '0.0.0.0', () => console.log('listening'))
"""


async def call(
    function: FunctionProcess, method: str, path: str, *, stage: str = "$default", query: Pairs = (),
    headers: Pairs = (), body: bytes = b"",
) -> HttpResponse:  # fmt: skip
    request = HttpRequest(method, path, query, headers, body)
    api = ApiIdentity("abc", "abc.execute-api.us-east-1.amazonaws.com", stage=stage)
    metadata = RequestMetadata("req", datetime(2026, 1, 1, tzinfo=UTC), "203.0.113.7")
    event = build_api_event(request, RouteMatch("$default"), api, metadata)
    return load_stored_body(build_api_response(await function.invoke(event)))


@pytest.fixture
def spec(packaged: Packaged) -> FunctionSpec:
    return packaged({"dist/server.js": SERVER}, entry="dist/server.js", runtime=NODE, timeout_s=20)


class TestUnmodifiedServer:
    async def test_sees_the_request_as_it_was_sent(self, spec: FunctionSpec) -> None:
        headers = (*JSON, ("Cookie", "s=1; t=2"), ("Connection", "keep-alive"), ("X-A", "1"))

        async with FunctionProcess.start(spec) as function:
            response = await call(
                function, "POST", "/a%20b", query=(("q", "x&y"),), headers=headers, body='{"é":1}'.encode()
            )

        seen = json.loads(response.body)
        assert (seen["method"], seen["url"], seen["query"]) == ("POST", "/a%20b?q=x%26y", {"q": "x&y"})
        assert (seen["headers"]["cookie"], seen["headers"]["x-a"]) == ("s=1; t=2", "1")
        assert (seen["headers"]["content-length"], seen["body"]) == ("8", "eyLDqSI6MX0=")

    async def test_sees_the_client_and_not_the_loopback(self, spec: FunctionSpec) -> None:
        async with FunctionProcess.start(spec) as function:
            seen = json.loads((await call(function, "GET", "/")).body)

        assert seen["client"] == "203.0.113.7"
        assert "x-forwarded-for" not in seen["headers"]
        assert not [name for name in seen["headers"] if name.startswith("x-semantest")]

    async def test_receives_complete_binary_bodies(self, spec: FunctionSpec) -> None:
        async with FunctionProcess.start(spec) as function:
            seen = json.loads((await call(function, "PUT", "/", body=bytes(range(256)))).body)

        assert seen["body"].startswith("AAECAwQF")
        assert seen["headers"]["content-length"] == "256"

    async def test_answers_in_binary(self, spec: FunctionSpec) -> None:
        async with FunctionProcess.start(spec) as function:
            response = await call(function, "GET", "/binary")

        assert (response.body, dict(response.headers)["content-type"]) == (b"\x89P\xff\0", "image/png")

    async def test_answers_with_cookies_and_repeated_headers(self, spec: FunctionSpec) -> None:
        async with FunctionProcess.start(spec) as function:
            response = await call(function, "GET", "/cookies")

        assert [value for name, value in response.headers if name == "set-cookie"] == ["a=1", "b=2"]
        assert dict(response.headers)["x-many"] == "1, 2"

    @pytest.mark.parametrize(
        ("method", "path", "status"), [("HEAD", "/", 200), ("GET", "/empty", 204)], ids=["head", "no-content"]
    )
    async def test_answers_without_a_body(self, spec: FunctionSpec, method: str, path: str, status: int) -> None:
        async with FunctionProcess.start(spec) as function:
            response = await call(function, method, path)

        assert (response.status, response.body) == (status, b"")

    async def test_does_not_see_the_stage(self, spec: FunctionSpec) -> None:
        async with FunctionProcess.start(spec) as function:
            seen = json.loads((await call(function, "GET", "/items", stage="live")).body)

        assert seen["url"] == "/items"

    async def test_is_reached_over_one_connection(self, spec: FunctionSpec) -> None:
        async with FunctionProcess.start(spec) as function:
            seen = [json.loads((await call(function, "POST", "/", body=b"x" * size)).body) for size in (0, 9, 70_000)]

        assert [each["connections"] for each in seen] == [1, 1, 1]

    async def test_keeps_its_state_over_many_calls(self, spec: FunctionSpec) -> None:
        async with FunctionProcess.start(spec) as function:
            counts = [json.loads((await call(function, "GET", "/")).body)["calls"] for _ in range(20)]

        assert counts == [*range(1, 21)]

    async def test_has_the_settings_that_servers_expect(self, spec: FunctionSpec) -> None:
        async with FunctionProcess.start(spec) as function:
            seen = json.loads((await call(function, "GET", "/")).body)

        assert seen["environment"] == "production"
        assert seen["logs"].endswith("/logs")

    async def test_is_an_error_if_its_answer_is_too_large(self, spec: FunctionSpec) -> None:
        async with FunctionProcess.start(spec) as function:
            response = await call(function, "GET", "/huge")

        assert response.status == 502
        assert b"6 MB" in response.body

    async def test_may_abort_a_connection(self, spec: FunctionSpec) -> None:
        async with FunctionProcess.start(spec) as function:
            broken = await call(function, "GET", "/abort")
            after = await call(function, "GET", "/")

        assert (broken.status, after.status) == (502, 200)

    async def test_may_crash_and_is_restarted(self, spec: FunctionSpec) -> None:
        async with FunctionProcess.start(spec) as function:
            broken = await call(function, "GET", "/crash")
            after = await call(function, "GET", "/")

        assert (broken.status, after.status) == (500, 200)


LISTEN = "createServer((q, s) => s.end('hello')).listen(8080"
SHAPES = {
    "main-guard": {"server.js": f"if (require.main === module) require('http').{LISTEN})"},
    "late": {"server.js": f"setTimeout(() => require('http').{LISTEN}), 50)"},
    "esm": {"server.js": f"import {{ createServer }} from 'http'\n{LISTEN})", "package.json": '{"type":"module"}'},
    "two-ports": {
        "server.js": f"""const http = require('http')
        http.{LISTEN}, () => http.createServer().listen({{ port: 8081 }}, () => console.log('both')))"""
    },
    "express-like": {
        "server.js": """const http = require('http')
        const app = Object.assign((q, s) => s.end('hello'), {
          listen(...args) { return http.createServer(this).listen(...args) },
        })
        app.listen(8080, () => console.log('up'))"""
    },
}
BROKEN = {
    "throws": ("throw new Error('no database')", "no database"),
    "rejects": ("Promise.reject(new Error('no database'))", "no database"),
    "exits": ("process.exit(1)", "process.exit(1)"),
    "exits-in-a-promise": ("Promise.reject(1).catch(() => process.exit(2))", "process.exit(2)"),
}


class TestShapes:
    @pytest.mark.parametrize("files", SHAPES.values(), ids=SHAPES.keys())
    async def test_of_servers_all_work(self, packaged: Packaged, files: dict[str, str]) -> None:
        spec = packaged(files, entry="server.js", runtime=NODE, timeout_s=20)

        async with FunctionProcess.start(spec) as function:
            response = await call(function, "GET", "/")

        assert (response.status, response.body) == (200, b"hello")

    @pytest.mark.parametrize(("code", "reason"), BROKEN.values(), ids=BROKEN.keys())
    async def test_that_never_listen_fail_with_the_reason(self, packaged: Packaged, code: str, reason: str) -> None:
        spec = packaged({"server.js": code}, entry="server.js", runtime=NODE, timeout_s=20)

        async with FunctionProcess.start(spec) as function:
            invocation = await function.invoke({"requestContext": {}})

        assert invocation.error is not None
        assert reason in invocation.error["errorMessage"]


HANDLERS = {
    "commonjs": {"index.js": "exports.handler = async (event) => event.a + 1"},
    "callback": {"index.js": "exports.handler = (event, context, done) => done(null, event.a + 1)"},
    "esm": {"index.mjs": "export const handler = async (event) => event.a + 1"},
    "promise beside a callback": {"index.js": "exports.handler = async (event, context, done) => event.a + 1"},
    "callback of an async function": {
        "index.js": "exports.handler = async (event, context, done) => { await null; done(null, event.a + 1) }"
    },
    "callback without its parameter": {"index.js": "exports.handler = (...all) => all[2](null, all[0].a + 1)"},
}
"""Lambda's runtime client passes a callback to every handler, and reads the promise of every one that returns one."""


class TestNodeHandler:
    @pytest.mark.parametrize("files", HANDLERS.values(), ids=HANDLERS.keys())
    async def test_is_called_in_every_form(self, packaged: Packaged, files: dict[str, str]) -> None:
        spec = packaged(files, handler="index.handler", runtime=NODE)

        async with FunctionProcess.start(spec) as function:
            invocation = await function.invoke({"a": 1})

        assert invocation.result == 2

    async def test_without_its_shim_fails_where_lambda_would(self, tmp_path: Path) -> None:
        (tmp_path / "index.js").write_text("exports.other = 1")

        async with FunctionProcess.start(FunctionSpec(tmp_path, "index.handler", NODE)) as function:
            invocation = await function.invoke({})

        assert invocation.failure == "Runtime.HandlerNotFound: index.handler is undefined or not exported"

    async def test_that_loops_is_ended(self, packaged: Packaged) -> None:
        files = {"index.js": "exports.handler = () => { while (true); }"}
        spec = packaged(files, handler="index.handler", runtime=NODE, timeout_s=1)

        async with FunctionProcess.start(spec) as function:
            invocation = await function.invoke({})

        assert invocation.is_timed_out
