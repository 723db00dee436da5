"""Large answers of Lambda functions: the body comes in a file, so that no megabytes are read as JSON, and nothing else
of the answer changes."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from semantest_iac.domain.networking.http_exchange import HttpResponse
from semantest_iac.infrastructure.function_runtimes.api_gateway import PAYLOAD_1, build_api_response
from semantest_iac.infrastructure.function_runtimes.function_process import FunctionProcess
from semantest_iac.infrastructure.function_runtimes.function_spec import FunctionSpec, Invocation
from semantest_iac.infrastructure.local_service.api_frontend import load_stored_body

Function = Callable[..., FunctionSpec]
SIZE = 1_000_000
LARGEST_BODY = 6_291_556 - len('{"result": ') - len('{"statusCode": 200, "body": ""}') - len("}")
BYTES = bytes(range(256)) * 400
BASE64 = base64.b64encode(BYTES).decode()
HEADERS = {"content-type": "text/html", "x-kind": "large"}
RESULTS: dict[str, tuple[Any, int, bytes]] = {
    "text": ({"statusCode": 201, "headers": HEADERS, "body": "ä" * SIZE}, 201, "ä".encode() * SIZE),
    "base64": ({"statusCode": 200, "isBase64Encoded": True, "body": BASE64}, 200, BYTES),
    "text alone": ("ä" * SIZE, 200, "ä".encode() * SIZE),
    "list": (["x" * 10] * 10_000, 200, json.dumps(["x" * 10] * 10_000).encode()),
    "cookies": ({"statusCode": 200, "cookies": ["a=b"], "body": "x" * SIZE}, 200, b"x" * SIZE),
}
ODD_RESULTS: dict[str, Any] = {
    "no base64": {"statusCode": 200, "isBase64Encoded": True, "body": "!" * SIZE},
    "no whole base64": {"statusCode": 200, "isBase64Encoded": True, "body": "A" * (SIZE + 1)},
    "no status": {"statusCode": [], "body": "x" * SIZE},
    "no text": {"statusCode": 200, "body": ["x" * SIZE]},
}


@pytest.fixture(params=["python", "node"])
def returning(
    request: pytest.FixtureRequest, python_function: Function, node_function: Function
) -> Callable[..., FunctionSpec]:
    """A function that returns its event, in each language."""

    def make(code: str = "") -> FunctionSpec:
        if request.param == "node":
            return node_function(code or "exports.handler = async (event) => event")
        return python_function(code or "def handler(event, context):\n    return event")

    return make


async def invoke(spec: FunctionSpec, event: Any) -> tuple[Invocation, HttpResponse]:
    """Return the invocation, and the response with its whole body."""
    async with FunctionProcess.start(spec) as function:
        invocation = await function.invoke(event)
        return invocation, load_stored_body(build_api_response(invocation))


async def is_removed(path: Path) -> bool:
    for _ in range(1000):
        if not await asyncio.to_thread(path.exists):
            return True
        await asyncio.sleep(0.01)
    return False


class TestLargeAnswer:
    @pytest.mark.parametrize(("result", "status", "body"), RESULTS.values(), ids=RESULTS)
    async def test_comes_in_a_file_and_arrives_as_it_was_meant(
        self, returning: Callable[..., FunctionSpec], result: Any, status: int, body: bytes
    ) -> None:
        invocation, response = await invoke(returning(), result)

        answered = response.body
        if isinstance(result, list):  # the languages put spaces elsewhere
            body, answered = (json.dumps(json.loads(text)).encode() for text in (body, answered))
        assert invocation.stored_body is not None
        assert (response.status, answered) == (status, body)
        assert dict(response.headers)["content-length"] == str(len(response.body))
        if isinstance(result, dict) and "headers" in result:
            assert HEADERS.items() <= dict(response.headers).items()

    @pytest.mark.parametrize("result", ODD_RESULTS.values(), ids=ODD_RESULTS)
    async def test_that_is_none_fails_as_a_small_one_does(
        self, returning: Callable[..., FunctionSpec], result: Any
    ) -> None:
        assert (await invoke(returning(), result))[1].status == 500

    async def test_has_the_limit_that_it_has_in_one_line(self, python_function: Function) -> None:
        code = "def handler(event, context):\n    return {'statusCode': 200, 'body': 'x' * event}"
        async with FunctionProcess.start(python_function(code)) as function:
            largest, larger = [await function.invoke(LARGEST_BODY + more) for more in (0, 1)]

        assert (largest.error, largest.stored_body is not None) == (None, True)
        assert larger.error is not None
        assert larger.error["errorType"] == "Function.ResponseSizeTooLarge"

    async def test_leaves_no_file(self, returning: Callable[..., FunctionSpec]) -> None:
        async with FunctionProcess.start(returning()) as function:
            invocation = await function.invoke(RESULTS["text"][0])
            assert invocation.stored_body is not None
            path = Path(invocation.stored_body.path)
            del invocation

            assert await is_removed(path)

    async def test_without_a_status_is_none_in_format_1(self, returning: Callable[..., FunctionSpec]) -> None:
        async with FunctionProcess.start(returning()) as function:
            invocation = await function.invoke("x" * SIZE)

            assert build_api_response(invocation, payload_format=PAYLOAD_1).status == 500

    async def test_is_not_claimed_by_a_small_one(self, returning: Callable[..., FunctionSpec]) -> None:
        result = {"statusCode": 200, "body": "small", "isStored": True, "stored": "/etc/hosts"}
        async with FunctionProcess.start(returning()) as function:
            invocation = await function.invoke(result)

        assert (invocation.result, invocation.stored_body) == (result, None)
        assert build_api_response(invocation).body == b"small"
