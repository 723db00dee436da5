"""Functions of a rest-api write and read its tables and buckets while it is served, on both clouds.

On Azure the function sends what Azure's libraries send, and needs no package: a token of its identity, by HTTPS with a
certificate that it has learnt to trust.
"""

from __future__ import annotations

import asyncio
import json
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from semantest_iac.bootstrap.application import Application
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.presentation.request_log import RequestLogEntry
from tests.object_stores import require_azurite

_AWS = """
import json, os, boto3

def handler(event, context):
    table = boto3.resource("dynamodb").Table(os.environ["SEMANTEST_TABLE_ORDERS"])
    bucket = boto3.resource("s3").Bucket(os.environ["SEMANTEST_BUCKET_UPLOADS"])
    if event["requestContext"]["http"]["method"] == "POST":
        body = json.loads(event["body"])
        table.put_item(Item={"PartitionKey": "a", "RowKey": body["id"], "total": body["total"]})
        bucket.put_object(Key=body["id"], Body=event["body"].encode())
        return {"statusCode": 201}
    items = {it["RowKey"]: int(it["total"]) for it in table.scan()["Items"]}
    files = {it.key: it.get()["Body"].read().decode() for it in bucket.objects.all()}
    return {"statusCode": 200, "body": json.dumps({"items": items, "files": files})}
"""
_AZURE = """
import json, os, re, urllib.request
from urllib.parse import urlencode

VERSION = {"x-ms-version": "2021-12-02"}
JSON = {"content-type": "application/json", "accept": "application/json;odata=nometadata"}

def send(method, url, body=None, **headers):
    request = urllib.request.Request(url, body, headers, method=method)
    with urllib.request.urlopen(request, timeout=20) as answer:
        return answer.read().decode()

def login():
    query = {"api-version": "2019-08-01", "resource": "https://storage.azure.com"}
    query["client_id"] = os.environ["AZURE_CLIENT_ID"]
    url = f"{os.environ['IDENTITY_ENDPOINT']}?{urlencode(query)}"
    token = json.loads(send("GET", url, **{"X-IDENTITY-HEADER": os.environ["IDENTITY_HEADER"]}))
    return {"authorization": f"Bearer {token['access_token']}", **VERSION}

def handler(event, context):
    headers, table, files = login(), os.environ["SEMANTEST_TABLE_ORDERS"], os.environ["SEMANTEST_BUCKET_UPLOADS"]
    if event["requestContext"]["http"]["method"] == "POST":
        body = json.loads(event["body"])
        entity = json.dumps({"PartitionKey": "a", "RowKey": body["id"], "total": body["total"]}).encode()
        send("POST", table, entity, **headers, **JSON)
        send("PUT", f"{files}/{body['id']}", event["body"].encode(), **headers, **{"x-ms-blob-type": "BlockBlob"})
        return {"statusCode": 201}
    items = {it["RowKey"]: it["total"] for it in json.loads(send("GET", f"{table}()", **headers, **JSON))["value"]}
    names = re.findall("<Name>([^<]*)</Name>", send("GET", f"{files}?restype=container&comp=list", **headers))
    found = {name: send("GET", f"{files}/{name}", **headers) for name in names}
    return {"statusCode": 200, "body": json.dumps({"items": items, "files": found})}
"""
_SOURCES = {"aws": _AWS, "azure": _AZURE}
_REGIONS = {"aws": "us-east-1", "azure": "eastus"}
_ORDER = json.dumps({"id": "o1", "total": 5})


class _Stack:
    """Deploys a service with a table and a bucket, and serves it."""

    def __init__(self, folder: Path, provider: str, component: str = "rest-api") -> None:
        self.stack = Stack(component, provider, "development", _REGIONS[provider])
        self.log: list[RequestLogEntry] = []
        self._application = Application(folder / "home")
        self._source = folder / "source"
        self._url = ""

    async def deploy(self, resources: Mapping[str, Any]) -> None:
        self._source.mkdir(exist_ok=True)
        (self._source / "app.py").write_text(_SOURCES[self.stack.provider])
        section = {
            "source": str(self._source),
            "handler": "app.handler",
            "runtime": "python3.11",
            "timeout": 25,
            "health": "none",
            "resources": resources,
        }
        row = await self._application.deployments({}).deploy(self.stack, {"components": {"rest-api": section}})
        assert (row.state, row.error) == ("completed", None)

    def serve(self) -> AbstractAsyncContextManager[None]:
        @asynccontextmanager
        async def run() -> AsyncIterator[None]:
            async with self._application.gateway({}, ("127.0.0.1", 0), self.log.append) as self._url:
                yield

        return run()

    async def call(self, method: str, body: str | None = None) -> Any:
        """Send a request, and return the decoded answer."""

        def send() -> Any:
            request = urllib.request.Request(f"{self._url}/{self.stack}/", body.encode() if body else None)
            request.method = method
            request.add_header("content-type", "application/json")
            with urllib.request.urlopen(request) as answer:
                return json.loads(answer.read() or "null")

        return await asyncio.to_thread(send)

    def reasons(self) -> list[str]:
        """Why tables and buckets were not there, whenever functions wanted some."""
        return [entry.note for entry in self.log if entry.method == "STORES"]


@pytest.fixture(params=["aws", "azure"])
def served(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> _Stack:
    if request.param == "azure":
        require_azurite(monkeypatch)
    return _Stack(tmp_path, request.param)


async def test_functions_write_and_read_their_tables_and_buckets(served: _Stack) -> None:
    await served.deploy({"tables": ["orders"], "buckets": ["uploads"]})

    async with served.serve():
        before = await served.call("GET")
        await served.call("POST", _ORDER)
        after = await served.call("GET")

    assert before == {"items": {}, "files": {}}
    assert after == {"items": {"o1": 5}, "files": {"o1": _ORDER}}
    assert served.reasons() == [""]


async def test_what_a_new_deployment_adds_is_there_and_the_rest_stays(served: _Stack) -> None:
    await served.deploy({"tables": ["orders"], "buckets": ["uploads"]})

    async with served.serve():
        await served.call("POST", _ORDER)
        await served.deploy({"tables": ["orders", "more-orders"], "buckets": ["uploads"]})
        after = await served.call("GET")

    assert after == {"items": {"o1": 5}, "files": {"o1": _ORDER}}
    assert served.reasons() == ["", ""]


async def test_data_of_azure_stays_when_serve_ends_and_that_of_aws_goes(served: _Stack) -> None:
    await served.deploy({"tables": ["orders"], "buckets": ["uploads"]})

    async with served.serve():
        await served.call("POST", _ORDER)
    async with served.serve():
        after = await served.call("GET")

    stays = served.stack.provider == "azure"
    assert after == ({"items": {"o1": 5}, "files": {"o1": _ORDER}} if stays else {"items": {}, "files": {}})


async def test_a_second_serve_says_that_the_first_has_the_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    require_azurite(monkeypatch)
    first, second = _Stack(tmp_path, "azure"), _Stack(tmp_path, "azure")
    await first.deploy({"tables": ["orders"], "buckets": ["uploads"]})

    async with first.serve():
        await first.call("POST", _ORDER)
        async with second.serve():
            with pytest.raises(urllib.error.HTTPError):
                await second.call("GET")

    assert second.reasons() == ["another `serve` of this home has them"]


async def test_without_azurite_the_reason_is_logged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    served = _Stack(tmp_path, "azure")
    await served.deploy({"tables": ["orders"], "buckets": ["uploads"]})

    async with served.serve():
        for _ in range(2):
            with pytest.raises(urllib.error.HTTPError):
                await served.call("GET")

    assert served.reasons() == ["Azurite is not installed: run npm install -g azurite"]
