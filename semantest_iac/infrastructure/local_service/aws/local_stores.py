"""The tables and buckets of AWS on this machine: moto's server, which holds them in memory."""

from __future__ import annotations

import asyncio
import json
import sys
import urllib.error
import urllib.request
from collections.abc import Collection, Iterator, Mapping
from contextlib import AsyncExitStack
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from semantest_iac.domain.networking.http_exchange import HttpResponse
from semantest_iac.domain.storage.item_tables import TABLE_VARIABLE_PREFIX
from semantest_iac.infrastructure.function_runtimes.loopback import LoopbackHandler, LoopbackRequest
from semantest_iac.infrastructure.local_service.api_frontend import DeployedResources
from semantest_iac.infrastructure.local_service.aws.live_versions import LAMBDA_TYPE, ResourceOutputs
from semantest_iac.infrastructure.local_service.aws.local_variables import find_variables
from semantest_iac.infrastructure.local_service.stores.local_stores import (
    STORE_VARIABLE_PREFIXES,
    StoresUnavailableError,
    StoreVariables,
)
from semantest_iac.infrastructure.local_service.stores.server_process import START_TIMEOUT_S, create_store, start_server

DYNAMODB_ENDPOINT, S3_ENDPOINT = "AWS_ENDPOINT_URL_DYNAMODB", "AWS_ENDPOINT_URL_S3"
_TABLE_TYPE = "aws:dynamodb/table:Table"
_REGIONAL_TYPES = (LAMBDA_TYPE, "aws:ecs/taskDefinition:TaskDefinition")  # what has variables, and its region
_LIBRARIES = ("moto", "flask", "flask_cors")
_EXTRA_HINT = "run pip install 'semantest-iac[local-data]'"
_SERVE = """
import sys
from moto.server import ThreadedMotoServer
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
print(server.get_host_and_port()[1], flush=True)
sys.stdin.read()
"""
_CREATE_TABLE = "DynamoDB_20120810.CreateTable"
_CREATED_BEFORE = ("ResourceInUseException", "BucketAlreadyOwnedByYou", "BucketAlreadyExists")
_HOP_HEADERS = ("host", "content-length", "connection", "accept-encoding")
_JSON = (("content-type", "application/x-amz-json-1.0"),)
_TABLE_INPUTS = {"hashKey": "HASH", "rangeKey": "RANGE"}


class AwsStores:
    """Implements StoreServerPart."""

    def find_stores(self, resources: DeployedResources) -> StoreVariables:
        """Return the names of tables and buckets that the variables of functions hold."""
        return find_variables(resources, STORE_VARIABLE_PREFIXES)

    async def start(self, home: Path, exits: AsyncExitStack) -> MotoServer:
        """Start the server at a free port of this machine; raises StoresUnavailableError."""
        if missing := next((name for name in _LIBRARIES if find_spec(name) is None), None):
            raise StoresUnavailableError(f"no module named '{missing}'; {_EXTRA_HINT}")
        process = await start_server([sys.executable, "-c", _SERVE], {}, exits)
        (port,) = await process.read_lines(1)
        return MotoServer(f"http://127.0.0.1:{int(port)}")


class MotoServer:
    """A running server; implements StoreServer."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._created: set[tuple[str, str]] = set()

    async def provide(self, stores: StoreVariables, resources: DeployedResources) -> Mapping[str, str]:
        """Create the tables and buckets that functions use."""
        region, tables = _find_region(resources), find_table_names(stores)
        for table in (it.outputs for it in resources if it.type == _TABLE_TYPE):
            if table["name"] in tables:
                await self._create(region, "dynamodb", str(table["name"]), dict(_describe_table(table)))
        for bucket in {*stores.values()} - tables:
            await self._create(region, "s3", bucket, {})
        return {DYNAMODB_ENDPOINT: self.url, S3_ENDPOINT: self.url}

    async def _create(self, region: str, service: str, name: str, arguments: Mapping[str, Any]) -> None:
        if (service, name) in self._created:
            return
        # moto finds the service and the region of a request in what it is signed with, and checks no signature
        scope = f"AWS4-HMAC-SHA256 Credential=sandbox/20260101/{region}/{service}/aws4_request"
        headers, url, body = {"Authorization": scope}, f"{self.url}/{name}", None
        if service == "dynamodb":
            url, body = self.url, json.dumps(arguments).encode()
            headers |= {"X-Amz-Target": _CREATE_TABLE, "Content-Type": "application/x-amz-json-1.0"}
        request = urllib.request.Request(url, body, headers, method="POST" if body else "PUT")  # noqa: S310 - our own
        await asyncio.to_thread(create_store, request, "moto", name, _was_created_before)
        self._created.add((service, name))


def find_table_names(variables: Mapping[str, str]) -> set[str]:
    """Return the names of the tables that variables of a function hold."""
    return {value for name, value in variables.items() if name.startswith(TABLE_VARIABLE_PREFIX)}


def forward_other_tables(own: Collection[str], handler: LoopbackHandler, url: str) -> LoopbackHandler:
    """Return a handler that passes requests on to a server, unless they are for one of its own tables."""

    async def answer(request: LoopbackRequest) -> HttpResponse:
        if _find_table(request) in own:
            return await handler(request)
        return await asyncio.to_thread(_forward, request, url)

    return answer


def _find_table(request: LoopbackRequest) -> str:
    """Return the table that a request names; empty for one that names several, or none."""
    try:
        return str(json.loads(request.body)["TableName"]).rpartition("/")[2]
    except (ValueError, KeyError, TypeError):
        return ""


def _forward(request: LoopbackRequest, url: str) -> HttpResponse:
    headers = {name: value for name, value in request.headers.items() if name not in _HOP_HEADERS}
    passed = urllib.request.Request(url, request.body, headers, method=request.method)  # noqa: S310 - our own
    try:
        with urllib.request.urlopen(passed, timeout=START_TIMEOUT_S) as answer:  # noqa: S310 - our own
            return HttpResponse(answer.status, _JSON, answer.read())
    except urllib.error.HTTPError as error:
        return HttpResponse(error.code, _JSON, error.read())
    except OSError:
        return HttpResponse(503)


def _was_created_before(error: urllib.error.HTTPError) -> bool:
    text = error.read().decode(errors="replace")
    return any(code in text for code in _CREATED_BEFORE)


def _find_region(resources: DeployedResources) -> str:
    arns = (str(it.outputs["arn"]) for it in resources if it.type in _REGIONAL_TYPES)
    return next(arns).split(":")[3]


def _describe_table(table: ResourceOutputs) -> Iterator[tuple[str, Any]]:
    """Yield the arguments of CreateTable for a deployed table."""
    yield "TableName", table["name"]
    yield "BillingMode", "PAY_PER_REQUEST"
    yield "KeySchema", _describe_keys(table)
    yield (
        "AttributeDefinitions",
        [{"AttributeName": it["name"], "AttributeType": it["type"]} for it in table.get("attributes") or ()],
    )
    if indexes := table.get("globalSecondaryIndexes"):
        yield "GlobalSecondaryIndexes", [_describe_index(it) for it in indexes]
    if indexes := table.get("localSecondaryIndexes"):
        keys = {"hashKey": table["hashKey"]}
        yield "LocalSecondaryIndexes", [_describe_index({**it, **keys}) for it in indexes]


def _describe_index(index: Mapping[str, Any]) -> dict[str, Any]:
    projection: dict[str, Any] = {"ProjectionType": index.get("projectionType") or "ALL"}
    if included := index.get("nonKeyAttributes"):
        projection["NonKeyAttributes"] = [*included]
    return {"IndexName": index["name"], "KeySchema": _describe_keys(index), "Projection": projection}


def _describe_keys(owner: Mapping[str, Any]) -> list[dict[str, str]]:
    return [{"AttributeName": owner[key], "KeyType": kind} for key, kind in _TABLE_INPUTS.items() if owner.get(key)]


AWS_STORES = AwsStores()
