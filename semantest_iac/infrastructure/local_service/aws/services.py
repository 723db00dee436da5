"""What functions call of AWS while they serve WebSockets: rows of tables, and messages to those who are connected."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from semantest_iac.domain.networking.http_exchange import HttpResponse
from semantest_iac.infrastructure.function_runtimes.loopback import Answering, Call
from semantest_iac.infrastructure.local_service.aws.table_data import DataError, TableData
from semantest_iac.infrastructure.local_service.sockets import Clients

_TARGET = "DynamoDB_20120810."
_ERRORS = "com.amazonaws.dynamodb.v20120810#"
_CONNECTIONS = "/@connections/"


def tables(data: Mapping[str, TableData]) -> Answering:
    """DynamoDB's JSON protocol over tables by name."""

    async def answer(call: Call) -> HttpResponse:
        try:
            return _json(200, _of_table(call, data))
        except DataError as error:
            return _json(400, {"__type": _ERRORS + error.code, "message": str(error), **error.details})

    return answer


def _of_table(call: Call, data: Mapping[str, TableData]) -> Mapping[str, Any]:
    target = call.headers.get("x-amz-target", "")
    try:
        arguments = json.loads(call.body)
        name = str(arguments["TableName"]).rpartition("/")[2]  # its ARN is as good as its name
    except (ValueError, KeyError, TypeError) as error:
        raise DataError("SerializationException", "The request names no table") from error
    if not target.startswith(_TARGET):
        raise DataError("UnknownOperationException", "The request names no operation")
    if name not in data:
        raise DataError("ResourceNotFoundException", "Requested resource not found")
    return data[name].call(target.removeprefix(_TARGET), arguments)


def management(clients: Clients, largest_message: int) -> Answering:
    """API Gateway's management of connections."""

    async def answer(call: Call) -> HttpResponse:
        if not call.path.startswith(_CONNECTIONS):
            return _refused(403, "ForbiddenException")
        return await _managed(call, unquote(call.path.removeprefix(_CONNECTIONS)))

    async def _managed(call: Call, id: str) -> HttpResponse:
        if call.method == "POST" and len(call.body) > largest_message:
            return _refused(413, "PayloadTooLargeException")
        if call.method == "POST":
            return HttpResponse(200) if await clients.send(id, call.body) else _GONE
        if call.method == "DELETE":
            return HttpResponse(204) if await clients.close(id) else _GONE
        facts = clients.facts(id) if call.method == "GET" else None
        return _json(200, facts) if facts else _GONE

    return answer


def _json(status: int, value: Mapping[str, Any]) -> HttpResponse:
    return HttpResponse(status, (("content-type", "application/x-amz-json-1.0"),), json.dumps(value).encode())


def _refused(status: int, code: str) -> HttpResponse:
    return HttpResponse(status, (("x-amzn-errortype", code), ("content-type", "application/json")), b"{}")


_GONE = _refused(410, "GoneException")
