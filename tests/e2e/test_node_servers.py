"""A Node server that binds its own port is deployed without changes."""

from __future__ import annotations

import shutil
from typing import Any

import pytest

pytestmark = pytest.mark.skipif(shutil.which("node") is None, reason="no node on this machine")

_SERVER = """\
const http = require('node:http');
const items = [];

http.createServer((request, response) => {
  let body = '';
  request.on('data', (part) => { body += part; });
  request.on('end', () => {
    const isNew = request.method === 'POST' && request.url === '/api/items';
    if (isNew) items.push(JSON.parse(body));
    response.writeHead(isNew ? 201 : 200, { 'content-type': 'application/json' });
    response.end(JSON.stringify(isNew ? { id: items.length, ...items.at(-1) } : { status: 'up', path: request.url }));
  });
}).listen(process.env.PORT || 3000);
"""


@pytest.fixture(scope="module", params=["aws", "azure"])
def outcomes(request: pytest.FixtureRequest, shared_workspace: Any) -> dict[str, Any]:
    """The outcomes of deploying the server to a cloud and calling it."""
    source = shared_workspace.folder / "server" / "dist"
    source.mkdir(parents=True, exist_ok=True)
    (source / "start-server.js").write_text(_SERVER, encoding="utf-8")
    cloud = ("--provider", request.param)
    options = ("--set", "components.rest-api.source=server", "--set", "components.rest-api.entry=dist/start-server.js")
    item = ("-H", "Content-Type: application/json", "-d", '{"name":"lamp"}')
    deployed = shared_workspace.run("deploy", "--component", "rest-api", *cloud, *options, "--json")
    if "@azure/functions" in deployed.json.get("error", {}).get("message", ""):
        pytest.skip("npm reaches no registry, from which Node packages for Azure take @azure/functions")
    return {
        "deployed": deployed,
        "health": shared_workspace.run("invoke", "rest-api", "GET", "/health", *cloud, "--json"),
        "created": shared_workspace.run("invoke", "rest-api", "POST", "/api/items", *item, *cloud, "--json"),
    }


class TestNodeServers:
    def test_are_deployed(self, outcomes: dict[str, Any]) -> None:
        assert (outcomes["deployed"].code, outcomes["deployed"].json["health"]["status"]) == (0, 200)

    def test_answer_with_their_own_json(self, outcomes: dict[str, Any]) -> None:
        assert (outcomes["health"].json["status"], outcomes["health"].json["body"]) == (
            200,
            '{"status":"up","path":"/health"}',
        )

    def test_read_what_they_are_sent(self, outcomes: dict[str, Any]) -> None:
        assert (outcomes["created"].json["status"], outcomes["created"].json["body"]) == (201, '{"id":1,"name":"lamp"}')
