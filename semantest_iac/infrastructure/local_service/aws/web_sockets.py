"""Runs a WebSocket API of API Gateway on this machine, with the DynamoDB and connection endpoints that its functions
call.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any, Self
from urllib.parse import unquote

from semantest_iac.domain.errors import RuntimeFailedError
from semantest_iac.domain.networking.apis import ConnectionLimits
from semantest_iac.domain.networking.http_exchange import HttpRequest, HttpResponse
from semantest_iac.infrastructure.function_runtimes.function_process import FunctionPool
from semantest_iac.infrastructure.function_runtimes.function_spec import FunctionSpec, Invocation
from semantest_iac.infrastructure.function_runtimes.loopback import LoopbackHandler, LoopbackRequest, serve_loopback
from semantest_iac.infrastructure.local_service.api_frontend import TokenBuckets
from semantest_iac.infrastructure.local_service.aws import web_socket_plan as events
from semantest_iac.infrastructure.local_service.aws.tables import DynamoDbError, DynamoDbTable
from semantest_iac.infrastructure.local_service.aws.web_socket_plan import (
    ConnectedClient,
    WebSocketPlan,
    read_web_socket_plan,
    redirect_to_local_endpoints,
)
from semantest_iac.infrastructure.local_service.json_web_tokens import sign_probe_token
from semantest_iac.infrastructure.local_service.web_socket_service import (
    SUBPROTOCOL_HEADER,
    SWITCHING_PROTOCOLS,
    DeployedResources,
    Handshake,
    WebSocketClients,
    WebSocketContext,
)

_DYNAMODB_TARGET = "DynamoDB_20120810."
_DYNAMODB_ERRORS = "com.amazonaws.dynamodb.v20120810#"
_CONNECTIONS_PATH = "/@connections/"


def serve_tables(data: Mapping[str, DynamoDbTable]) -> LoopbackHandler:
    """DynamoDB's JSON protocol over tables by name."""

    async def answer(call: LoopbackRequest) -> HttpResponse:
        try:
            return _json_response(200, _call_table(call, data))
        except DynamoDbError as error:
            return _json_response(
                400, {"__type": _DYNAMODB_ERRORS + error.code, "message": str(error), **error.details}
            )

    return answer


def _call_table(call: LoopbackRequest, data: Mapping[str, DynamoDbTable]) -> Mapping[str, Any]:
    target = call.headers.get("x-amz-target", "")
    try:
        arguments = json.loads(call.body)
        name = str(arguments["TableName"]).rpartition("/")[2]  # its ARN is as good as its name
    except (ValueError, KeyError, TypeError) as error:
        raise DynamoDbError("SerializationException", "The request names no table") from error
    if not target.startswith(_DYNAMODB_TARGET):
        raise DynamoDbError("UnknownOperationException", "The request names no operation")
    if name not in data:
        raise DynamoDbError("ResourceNotFoundException", "Requested resource not found")
    return data[name].call(target.removeprefix(_DYNAMODB_TARGET), arguments)


def serve_connections(clients: WebSocketClients, largest_message: int) -> LoopbackHandler:
    """API Gateway's management of connections."""

    async def answer(call: LoopbackRequest) -> HttpResponse:
        if not call.path.startswith(_CONNECTIONS_PATH):
            return _error_response(403, "ForbiddenException")
        return await _managed(call, unquote(call.path.removeprefix(_CONNECTIONS_PATH)))

    async def _managed(call: LoopbackRequest, id: str) -> HttpResponse:
        if call.method == "POST" and len(call.body) > largest_message:
            return _error_response(413, "PayloadTooLargeException")
        if call.method == "POST":
            return HttpResponse(200) if await clients.send(id, call.body) else _GONE
        if call.method == "DELETE":
            return HttpResponse(204) if await clients.close(id) else _GONE
        facts = clients.facts(id) if call.method == "GET" else None
        return _json_response(200, facts) if facts else _GONE

    return answer


def _json_response(status: int, value: Mapping[str, Any]) -> HttpResponse:
    return HttpResponse(status, (("content-type", "application/x-amz-json-1.0"),), json.dumps(value).encode())


def _error_response(status: int, code: str) -> HttpResponse:
    return HttpResponse(status, (("x-amzn-errortype", code), ("content-type", "application/json")), b"{}")


_GONE = _error_response(410, "GoneException")

UNAUTHORIZED, FORBIDDEN, TOO_MANY, FAILED, BAD_GATEWAY = 401, 403, 429, 500, 502
_TIMED_OUT_INVOCATION = Invocation(
    None, {"errorType": "Late", "errorMessage": "API Gateway did not wait for the function."}, "", 0
)


class AwsWebSocketService:
    """A SocketService; connections that it has not let in itself are unknown to it."""

    def __init__(self, plan: WebSocketPlan, around: WebSocketContext) -> None:
        self.limits = ConnectionLimits()
        self.plan = plan
        self._around = around
        self._clients: dict[str, ConnectedClient] = {}
        self._throttles = TokenBuckets(plan.limits)
        self._exits = AsyncExitStack()
        self._under_way: set[asyncio.Task[Invocation]] = set()
        self._function: FunctionPool | None = None
        self._guard: FunctionPool | None = None

    async def __aenter__(self) -> Self:
        around, known = self._around, self.plan.tables
        data = {name: around.stores.setdefault(name, DynamoDbTable(known[name], time.time)) for name in known}
        tables_url = await self._exits.enter_async_context(serve_loopback(serve_tables(data)))
        largest = self.limits.message_bytes
        connections_url = await self._exits.enter_async_context(
            serve_loopback(serve_connections(around.clients, largest))
        )
        self._function = self._pool(redirect_to_local_endpoints(self.plan.function, tables_url, connections_url))
        if self.plan.guard:
            self._guard = self._pool(self.plan.guard.function)
        return self

    async def __aexit__(self, *_: object) -> None:
        for work in self._under_way:
            work.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)
        await self._exits.aclose()

    def visitor(self) -> Handshake:
        """A handshake that the authorizer lets in: what tokens are signed with is known on this machine."""
        guard = self.plan.guard
        return Handshake(tuple((name, sign_probe_token(guard.function)) for name in guard.parameters) if guard else ())

    async def connect(self, id: str, handshake: Handshake) -> int:
        """Past the authorizer and past the function's own judgement."""
        if not self._throttles.admits("$connect"):
            return TOO_MANY
        client = ConnectedClient(id, handshake)
        if self._guard:
            status, said = await self._authorized(self._guard, client)
            if status != SWITCHING_PROTOCOLS:
                return status
            client = ConnectedClient(id, handshake, said, client.since)
        invocation = await self._invoked(self._function, events.build_connect_event(self.plan.api, client))
        status = _connect_status(invocation)
        if status == SWITCHING_PROTOCOLS:
            self._clients[id] = replace(client, subprotocol=_find_subprotocol(invocation.result))
        return status

    def subprotocol(self, id: str) -> str:
        """What the function's answer to the connect has named in a header."""
        return self._clients[id].subprotocol

    async def answer(self, request: HttpRequest, here: str) -> HttpResponse | None:
        """Nothing: such an API speaks WebSocket alone."""
        return None

    async def receive(self, id: str, text: str) -> bool:
        """By the route that the message names; what fails is told to the client in API Gateway's words."""
        client, route = self._clients[id], self.plan.route_of(_parse_json(text))
        if route is None or not self._throttles.admits(route):
            await self._complain(id, "Forbidden" if route is None else "Too Many Requests")
            return False
        event = events.build_message_event(self.plan.api, client, route, text)
        invocation = await self._invoked(self._function, event)
        if invocation.error is not None:
            await self._complain(id, "Internal server error")
        return invocation.error is None

    async def disconnect(self, id: str, code: int, reason: str) -> None:
        """Once, and only for clients that were let in."""
        client = self._clients.pop(id, None)
        if client is not None:
            await self._invoked(self._function, events.build_disconnect_event(self.plan.api, client, code, reason))

    async def _authorized(self, guard: FunctionPool, client: ConnectedClient) -> tuple[int, Mapping[str, Any]]:
        query = dict(client.handshake.query)
        needed = self.plan.guard.parameters if self.plan.guard else ()
        if not all(query.get(name) for name in needed):
            return UNAUTHORIZED, {}
        invocation = await self._invoked(guard, events.build_authorizer_event(self.plan.api, client))
        if invocation.error is not None:
            is_refusal = invocation.error.get("errorMessage") == "Unauthorized"
            return (UNAUTHORIZED if is_refusal else FAILED), {}
        answer = invocation.result if isinstance(invocation.result, dict) else {}
        return (SWITCHING_PROTOCOLS if _policy_allows(answer) else FORBIDDEN), _authorizer_context(answer)

    def _pool(self, function: FunctionSpec) -> FunctionPool:
        pool = FunctionPool(function, self._around.limits)
        self._exits.push_async_callback(pool.aclose)
        return pool

    async def _invoked(self, pool: FunctionPool | None, event: Mapping[str, Any]) -> Invocation:
        """What the function made of it; a function that takes too long goes on, and nobody waits for it."""
        work = asyncio.create_task(self._run(pool, event))
        self._under_way.add(work)
        work.add_done_callback(self._under_way.discard)
        done, _ = await asyncio.wait({work}, timeout=self.plan.longest_s)
        return work.result() if done else _TIMED_OUT_INVOCATION

    async def _run(self, pool: FunctionPool | None, event: Mapping[str, Any]) -> Invocation:
        assert pool is not None, "used outside of its block"  # noqa: S101 - a mistake of ours
        try:
            invocation = await pool.invoke(event)
        except RuntimeFailedError as error:
            reason = " ".join(filter(None, (error.message, error.hint)))
            invocation = Invocation(None, {"errorType": "Runtime.InitError", "errorMessage": reason}, "", 0)
        self._around.told(invocation)
        return invocation

    async def _complain(self, id: str, message: str) -> None:
        told = {"message": message, "connectionId": id, "requestId": events.new_request_id()}
        await self._around.clients.send(id, json.dumps(told).encode())


def build_web_socket_service(resources: DeployedResources, around: WebSocketContext) -> AwsWebSocketService | None:
    """The WebSocket API of a stack, or None where it has none."""
    found = read_web_socket_plan(resources, around.unpack)
    return AwsWebSocketService(found, around) if found else None


def _connect_status(invocation: Invocation) -> int:
    if invocation.error is not None:
        return FAILED
    answer = invocation.result
    status = answer.get("statusCode") if isinstance(answer, dict) else None
    if not isinstance(status, int):
        return BAD_GATEWAY
    return SWITCHING_PROTOCOLS if 200 <= status < 300 else status


def _find_subprotocol(answer: Mapping[str, Any]) -> str:
    headers: Mapping[str, Any] = answer.get("headers") or {}
    return next((str(value) for name, value in headers.items() if name.lower() == SUBPROTOCOL_HEADER), "")


def _policy_allows(answer: Mapping[str, Any]) -> bool:
    statements = (answer.get("policyDocument") or {}).get("Statement") or ()
    effects = {statement.get("Effect") for statement in statements}
    return effects == {"Allow"}


def _authorizer_context(answer: Mapping[str, Any]) -> Mapping[str, Any]:
    return {**(answer.get("context") or {}), "principalId": answer.get("principalId", "")}


def _parse_json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
