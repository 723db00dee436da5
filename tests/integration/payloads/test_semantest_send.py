"""How users' handlers send messages: the same on both clouds, in both languages."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator
from typing import Any

import pytest

from semantest_iac.domain.networking.http_exchange import HttpResponse
from semantest_iac.infrastructure.artifacts.layouts import find_layout
from semantest_iac.infrastructure.function_runtimes.loopback import LoopbackRequest, serve_loopback
from tests.integration.payloads.conftest import run_script, write_package

LARGEST = 128 * 1024
_PYTHON = """
import json, sys, semantest_send
try:
    print(json.dumps(semantest_send.post(*json.load(sys.stdin))))
except ValueError as error:
    print(json.dumps(str(error)))
"""
_NODE = """
const { post } = require("semantest-send");
post(...JSON.parse(require("node:fs").readFileSync(0))).catch((error) => error.message)
  .then((answer) => console.log(JSON.stringify(answer)));
"""
_SCRIPTS = {"python": _PYTHON, "nodejs": _NODE}


class FakeCloud:
    """The endpoints of both clouds that send to clients."""

    def __init__(self) -> None:
        self.received: dict[str, bytes] = {}

    async def __call__(self, call: LoopbackRequest) -> HttpResponse:
        """Only `c/1` is connected."""
        path = call.path.partition("?")[0].removesuffix("/:send")
        if path.rpartition("/")[2] != "c%2F1":
            return HttpResponse(
                404 if path.startswith("/connections/") else 410, (("x-amzn-errortype", "GoneException"),)
            )
        if call.method == "POST":
            self.received["c/1"] = call.body
        return HttpResponse(202 if call.path.startswith("/connections/") and call.method == "POST" else 200)


@pytest.fixture
def cloud() -> FakeCloud:
    return FakeCloud()


@pytest.fixture
async def url(cloud: FakeCloud) -> AsyncIterator[str]:
    async with serve_loopback(cloud) as url:
        yield url


@pytest.fixture(params=["aws", "azure"])
def post(request: pytest.FixtureRequest, language: str, url: str, tmp_path: Any) -> Any:
    """Sends from a folder with the files of a package of the cloud."""
    write_package(find_layout(request.param, language, for_sockets=True), tmp_path)
    variables = {
        "aws": {"SEMANTEST_CONNECTIONS_ENDPOINT": url, "AWS_ENDPOINT_URL_DYNAMODB": url},
        "azure": {"SEMANTEST_HUB_ENDPOINT": url},
    }

    def send(*arguments: Any) -> Any:
        environment = {"PATH": os.environ["PATH"], **variables[request.param]}
        return json.loads(run_script(language, _SCRIPTS[language], tmp_path, environment, arguments))

    return lambda *arguments: asyncio.to_thread(send, *arguments)


class TestPost:
    @pytest.mark.parametrize(
        ("data", "received"), [("héllo", "héllo"), ({"a": "é"}, {"a": "é"})], ids=["text", "mapping"]
    )
    async def test_reaches_a_client(self, post: Any, cloud: FakeCloud, data: Any, received: Any) -> None:
        assert await post("c/1", data) is True

        sent = cloud.received["c/1"].decode()
        assert (sent if isinstance(data, str) else json.loads(sent)) == received

    async def test_reports_that_a_client_is_gone(self, post: Any) -> None:
        assert await post("c/2", "x") is False

    async def test_refuses_messages_that_are_too_large(self, post: Any, cloud: FakeCloud) -> None:
        assert await post("c/1", "x" * LARGEST) is True

        assert "131073 bytes" in await post("c/1", "x" * (LARGEST + 1))
