"""Runs a WebSocket API of API Gateway on this machine, with the endpoints that its functions call."""

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
from semantest_iac.infrastructure.function_runtimes.api_gateway import MAX_API_HEAD_BYTES
from semantest_iac.infrastructure.function_runtimes.function_process import FunctionPool
from semantest_iac.infrastructure.function_runtimes.function_spec import FunctionSpec, Invocation
from semantest_iac.infrastructure.function_runtimes.loopback import LoopbackHandler, LoopbackRequest, serve_loopback
from semantest_iac.infrastructure.local_service.api_frontend import DeployedResources, TokenBuckets
from semantest_iac.infrastructure.local_service.aws import deployed_web_socket_api as events
from semantest_iac.infrastructure.local_service.aws.deployed_web_socket_api import (
    ConnectedClient,
    DeployedWebSocketApi,
    read_deployed_web_socket_api,
    redirect_to_local_endpoints,
)
from semantest_iac.infrastructure.local_service.aws.local_stores import (
    DYNAMODB_ENDPOINT,
    find_table_names,
    forward_other_tables,
)
from semantest_iac.infrastructure.local_service.aws.tables import DynamoDbTable, create_tables_handler
from semantest_iac.infrastructure.local_service.tokens.json_web_tokens import sign_probe_token
from semantest_iac.infrastructure.local_service.warm_service import failed_invocation
from semantest_iac.infrastructure.local_service.web_socket_service import (
    HEAD_TOO_LARGE,
    SUBPROTOCOL_HEADER,
    SWITCHING_PROTOCOLS,
    Handshake,
    WebSocketClients,
    WebSocketContext,
)

UNAUTHORIZED, FORBIDDEN, TOO_MANY_REQUESTS, INTERNAL_SERVER_ERROR, BAD_GATEWAY = 401, 403, 429, 500, 502
_CONNECTIONS_PATH = "/@connections/"
_TIMED_OUT_INVOCATION = Invocation(
    None, {"errorType": "Late", "errorMessage": "API Gateway did not wait for the function."}, "", 0
)


def build_web_socket_service(resources: DeployedResources, context: WebSocketContext) -> AwsWebSocketService | None:
    """Build the WebSocket API of a stack; None if the stack has none."""
    deployed_api = read_deployed_web_socket_api(resources, context.unpack)
    return AwsWebSocketService(deployed_api, context) if deployed_api else None


class AwsWebSocketService:
    """A WebSocketService that knows only the connections that it admitted itself."""

    def __init__(self, deployed_api: DeployedWebSocketApi, context: WebSocketContext) -> None:
        self.limits = ConnectionLimits()
        self.deployed_api = deployed_api
        self._context = context
        self._clients: dict[str, ConnectedClient] = {}
        self._token_buckets = TokenBuckets(deployed_api.stage_limits)
        self._exits = AsyncExitStack()
        self._running_calls: set[asyncio.Task[Invocation]] = set()
        self._function: FunctionPool | None = None
        self._authorizer: FunctionPool | None = None

    async def __aenter__(self) -> Self:
        clients, stores = self._context.clients, self._context.stores
        tables = {
            name: stores.setdefault(name, DynamoDbTable(schema, time.time))
            for name, schema in self.deployed_api.tables.items()
        }
        tables_url = await self._exits.enter_async_context(serve_loopback(self._create_tables_handler(tables)))
        connections = create_connections_handler(clients, self.limits.message_bytes)
        connections_url = await self._exits.enter_async_context(serve_loopback(connections))
        self._function = self._start_pool(
            redirect_to_local_endpoints(self.deployed_api.function, tables_url, connections_url)
        )
        if self.deployed_api.authorizer:
            self._authorizer = self._start_pool(self.deployed_api.authorizer.function)
        return self

    def _create_tables_handler(self, tables: Mapping[str, DynamoDbTable]) -> LoopbackHandler:
        """Answer for the table of connections, and pass requests for others on where a server has them."""
        variables = self.deployed_api.function.environment
        if not (server := variables.get(DYNAMODB_ENDPOINT)):
            return create_tables_handler(tables)
        own = {name: table for name, table in tables.items() if name not in find_table_names(variables)}
        return forward_other_tables(own, create_tables_handler(own), server)

    async def __aexit__(self, *_: object) -> None:
        for call in self._running_calls:
            call.cancel()
        await asyncio.gather(*self._running_calls, return_exceptions=True)
        await self._exits.aclose()

    def probe_handshake(self) -> Handshake:
        """A handshake that the authorizer accepts, signed with the secret that this machine knows."""
        authorizer = self.deployed_api.authorizer
        if authorizer is None:
            return Handshake()
        token = sign_probe_token(authorizer.function)
        return Handshake(tuple((name, token) for name in authorizer.required_parameters))

    async def connect(self, id: str, handshake: Handshake) -> int:
        """Ask the authorizer, then the function, and admit the client if both accept it."""
        if handshake.head_bytes > MAX_API_HEAD_BYTES:
            return HEAD_TOO_LARGE
        if not self._token_buckets.try_acquire("$connect"):
            return TOO_MANY_REQUESTS
        client = ConnectedClient(id, handshake)
        if self._authorizer:
            status, authorizer_context = await self._authorize(self._authorizer, client)
            if status != SWITCHING_PROTOCOLS:
                return status
            client = replace(client, authorizer_context=authorizer_context)
        invocation = await self._invoke(self._function, events.build_connect_event(self.deployed_api.identity, client))
        status = _connect_status(invocation)
        if status == SWITCHING_PROTOCOLS:
            self._clients[id] = replace(client, subprotocol=_find_subprotocol(invocation.result))
        return status

    def subprotocol_of(self, id: str) -> str:
        """The subprotocol that the function's answer to the connect named in a header."""
        return self._clients[id].subprotocol

    async def answer_plain_http(self, request: HttpRequest, client_url: str) -> HttpResponse | None:
        """Return None: such an API speaks only WebSocket."""
        return None

    async def deliver(self, id: str, text: str) -> bool:
        """Invoke the function by the route that the message names; the client receives API Gateway's error texts."""
        client, route = self._clients[id], self.deployed_api.find_route(_parse_json(text))
        if route is None or not self._token_buckets.try_acquire(route):
            await self._send_error(id, "Forbidden" if route is None else "Too Many Requests")
            return False
        event = events.build_message_event(self.deployed_api.identity, client, route, text)
        invocation = await self._invoke(self._function, event)
        if invocation.error is not None:
            await self._send_error(id, "Internal server error")
        return invocation.error is None

    async def disconnect(self, id: str, code: int, reason: str) -> None:
        """Invoke the function once, if the client was admitted."""
        client = self._clients.pop(id, None)
        if client is not None:
            await self._invoke(
                self._function, events.build_disconnect_event(self.deployed_api.identity, client, code, reason)
            )

    async def _authorize(self, pool: FunctionPool, client: ConnectedClient) -> tuple[int, Mapping[str, Any]]:
        query = dict(client.handshake.query)
        required = self.deployed_api.authorizer.required_parameters if self.deployed_api.authorizer else ()
        if not all(query.get(name) for name in required):
            return UNAUTHORIZED, {}
        invocation = await self._invoke(pool, events.build_authorizer_event(self.deployed_api.identity, client))
        if invocation.error is not None:
            is_refusal = invocation.error.get("errorMessage") == "Unauthorized"
            return (UNAUTHORIZED if is_refusal else INTERNAL_SERVER_ERROR), {}
        policy = invocation.result if isinstance(invocation.result, dict) else {}
        return (SWITCHING_PROTOCOLS if _policy_allows(policy) else FORBIDDEN), _authorizer_context(policy)

    def _start_pool(self, function: FunctionSpec) -> FunctionPool:
        pool = FunctionPool(function, self._context.pool_limits)
        self._exits.push_async_callback(pool.aclose)
        return pool

    async def _invoke(self, pool: FunctionPool | None, event: Mapping[str, Any]) -> Invocation:
        """Invoke a function and wait at most the integration's timeout; a late call goes on."""
        call = asyncio.create_task(self._invoke_and_log(pool, event))
        self._running_calls.add(call)
        call.add_done_callback(self._running_calls.discard)
        done, _ = await asyncio.wait({call}, timeout=self.deployed_api.timeout_s)
        return call.result() if done else _TIMED_OUT_INVOCATION

    async def _invoke_and_log(self, pool: FunctionPool | None, event: Mapping[str, Any]) -> Invocation:
        assert pool is not None, "used outside of its block"  # noqa: S101 - a mistake of ours
        try:
            invocation = await pool.invoke(event)
        except RuntimeFailedError as error:
            invocation = failed_invocation(error)
        self._context.on_invocation(invocation)
        return invocation

    async def _send_error(self, id: str, message: str) -> None:
        body = {"message": message, "connectionId": id, "requestId": events.new_request_id()}
        await self._context.clients.send(id, json.dumps(body).encode())


def _connect_status(invocation: Invocation) -> int:
    if invocation.error is not None:
        return INTERNAL_SERVER_ERROR
    answer = invocation.result
    status = answer.get("statusCode") if isinstance(answer, dict) else None
    if not isinstance(status, int):
        return BAD_GATEWAY
    return SWITCHING_PROTOCOLS if 200 <= status < 300 else status


def _find_subprotocol(answer: Mapping[str, Any]) -> str:
    headers: Mapping[str, Any] = answer.get("headers") or {}
    return next((str(value) for name, value in headers.items() if name.lower() == SUBPROTOCOL_HEADER), "")


def _policy_allows(policy: Mapping[str, Any]) -> bool:
    statements = (policy.get("policyDocument") or {}).get("Statement") or ()
    effects = {statement.get("Effect") for statement in statements}
    return effects == {"Allow"}


def _authorizer_context(policy: Mapping[str, Any]) -> Mapping[str, Any]:
    return {**(policy.get("context") or {}), "principalId": policy.get("principalId", "")}


def _parse_json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def create_connections_handler(clients: WebSocketClients, max_message_bytes: int) -> LoopbackHandler:
    """Return a handler that answers as API Gateway's management API of connections."""

    async def answer(request: LoopbackRequest) -> HttpResponse:
        if not request.path.startswith(_CONNECTIONS_PATH):
            return _error_response(403, "ForbiddenException")
        return await manage(request, unquote(request.path.removeprefix(_CONNECTIONS_PATH)))

    async def manage(request: LoopbackRequest, id: str) -> HttpResponse:
        if request.method == "POST" and len(request.body) > max_message_bytes:
            return _error_response(413, "PayloadTooLargeException")
        if request.method == "POST":
            return HttpResponse(200) if await clients.send(id, request.body) else _GONE
        if request.method == "DELETE":
            return HttpResponse(204) if await clients.close(id) else _GONE
        description = clients.describe(id) if request.method == "GET" else None
        if not description:
            return _GONE
        return HttpResponse(200, (("content-type", "application/x-amz-json-1.0"),), json.dumps(description).encode())

    return answer


def _error_response(status: int, code: str) -> HttpResponse:
    return HttpResponse(status, (("x-amzn-errortype", code), ("content-type", "application/json")), b"{}")


_GONE = _error_response(410, "GoneException")
