"""API Gateway's WebSocket APIs on this machine: events in, answers by way of the management of connections."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any, Self

from semantest_iac.domain.errors import RuntimeFailedError
from semantest_iac.domain.networking.http_exchange import HttpRequest, HttpResponse
from semantest_iac.domain.networking.web_socket_endpoint import ConnectionLimits
from semantest_iac.infrastructure.function_runtimes.function_pool import FunctionPool
from semantest_iac.infrastructure.function_runtimes.function_spec import FunctionSpec, Invocation
from semantest_iac.infrastructure.function_runtimes.loopback import loopback
from semantest_iac.infrastructure.local_service.aws import socket_events as events
from semantest_iac.infrastructure.local_service.aws.services import management, tables
from semantest_iac.infrastructure.local_service.aws.socket_events import Client
from semantest_iac.infrastructure.local_service.aws.socket_plan import SocketPlan, plan, reaching
from semantest_iac.infrastructure.local_service.aws.table_data import TableData
from semantest_iac.infrastructure.local_service.socket_tokens import token_for
from semantest_iac.infrastructure.local_service.sockets import ADMITTED, SUBPROTOCOL, Handshake, Resources, Surroundings
from semantest_iac.infrastructure.local_service.throttling import Throttles

UNAUTHORIZED, FORBIDDEN, TOO_MANY, FAILED, BAD_GATEWAY = 401, 403, 429, 500, 502
_LATE = Invocation(None, {"errorType": "Late", "errorMessage": "API Gateway did not wait for the function."}, "", 0)


class AwsSockets:
    """A SocketService; connections that it has not let in itself are unknown to it."""

    def __init__(self, plan: SocketPlan, around: Surroundings) -> None:
        self.limits = ConnectionLimits()
        self.plan = plan
        self._around = around
        self._clients: dict[str, Client] = {}
        self._throttles = Throttles(plan.limits)
        self._exits = AsyncExitStack()
        self._under_way: set[asyncio.Task[Invocation]] = set()
        self._function: FunctionPool | None = None
        self._guard: FunctionPool | None = None

    async def __aenter__(self) -> Self:
        around, known = self._around, self.plan.tables
        data = {name: around.stores.setdefault(name, TableData(known[name], time.time)) for name in known}
        tables_url = await self._exits.enter_async_context(loopback(tables(data)))
        largest = self.limits.message_bytes
        connections_url = await self._exits.enter_async_context(loopback(management(around.clients, largest)))
        self._function = self._pool(reaching(self.plan.function, tables_url, connections_url))
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
        return Handshake(tuple((name, token_for(guard.function)) for name in guard.parameters) if guard else ())

    async def connect(self, id: str, handshake: Handshake) -> int:
        """Past the authorizer and past the function's own judgement."""
        if not self._throttles.admits("$connect"):
            return TOO_MANY
        client = Client(id, handshake)
        if self._guard:
            status, said = await self._authorized(self._guard, client)
            if status != ADMITTED:
                return status
            client = Client(id, handshake, said, client.since)
        invocation = await self._invoked(self._function, events.connect_event(self.plan.api, client))
        status = _status(invocation)
        if status == ADMITTED:
            self._clients[id] = replace(client, subprotocol=_subprotocol(invocation.result))
        return status

    def subprotocol(self, id: str) -> str:
        """What the function's answer to the connect has named in a header."""
        return self._clients[id].subprotocol

    async def answer(self, request: HttpRequest, here: str) -> HttpResponse | None:
        """Nothing: such an API speaks WebSocket alone."""
        return None

    async def receive(self, id: str, text: str) -> bool:
        """By the route that the message names; what fails is told to the client in API Gateway's words."""
        client, route = self._clients[id], self.plan.route_of(_parsed(text))
        if route is None or not self._throttles.admits(route):
            await self._complain(id, "Forbidden" if route is None else "Too Many Requests")
            return False
        event = events.message_event(self.plan.api, client, route, text)
        invocation = await self._invoked(self._function, event)
        if invocation.error is not None:
            await self._complain(id, "Internal server error")
        return invocation.error is None

    async def disconnect(self, id: str, code: int, reason: str) -> None:
        """Once, and only for clients that were let in."""
        client = self._clients.pop(id, None)
        if client is not None:
            await self._invoked(self._function, events.disconnect_event(self.plan.api, client, code, reason))

    async def _authorized(self, guard: FunctionPool, client: Client) -> tuple[int, Mapping[str, Any]]:
        query = dict(client.handshake.query)
        needed = self.plan.guard.parameters if self.plan.guard else ()
        if not all(query.get(name) for name in needed):
            return UNAUTHORIZED, {}
        invocation = await self._invoked(guard, events.authorizer_event(self.plan.api, client))
        if invocation.error is not None:
            is_refusal = invocation.error.get("errorMessage") == "Unauthorized"
            return (UNAUTHORIZED if is_refusal else FAILED), {}
        answer = invocation.result if isinstance(invocation.result, dict) else {}
        return (ADMITTED if _allows(answer) else FORBIDDEN), _said(answer)

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
        return work.result() if done else _LATE

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
        told = {"message": message, "connectionId": id, "requestId": events.request_id()}
        await self._around.clients.send(id, json.dumps(told).encode())


def sockets(resources: Resources, around: Surroundings) -> AwsSockets | None:
    """The WebSocket API of a stack, or None where it has none."""
    found = plan(resources, around.unpack)
    return AwsSockets(found, around) if found else None


def _status(invocation: Invocation) -> int:
    if invocation.error is not None:
        return FAILED
    answer = invocation.result
    status = answer.get("statusCode") if isinstance(answer, dict) else None
    if not isinstance(status, int):
        return BAD_GATEWAY
    return ADMITTED if 200 <= status < 300 else status


def _subprotocol(answer: Mapping[str, Any]) -> str:
    headers: Mapping[str, Any] = answer.get("headers") or {}
    return next((str(value) for name, value in headers.items() if name.lower() == SUBPROTOCOL), "")


def _allows(answer: Mapping[str, Any]) -> bool:
    statements = (answer.get("policyDocument") or {}).get("Statement") or ()
    effects = {statement.get("Effect") for statement in statements}
    return effects == {"Allow"}


def _said(answer: Mapping[str, Any]) -> Mapping[str, Any]:
    return {**(answer.get("context") or {}), "principalId": answer.get("principalId", "")}


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
