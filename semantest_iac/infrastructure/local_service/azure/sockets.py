"""Web PubSub on this machine: events go to the webhooks of its hub, answers come by way of its REST API.

Source: Azure's documentation of CloudEvents for Web PubSub's event handlers, and the emulator that its makers publish.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from itertools import count
from typing import Any, Self

from semantest_iac.domain.networking.http_exchange import HttpRequest, HttpResponse, Pairs
from semantest_iac.domain.networking.web_socket_endpoint import ConnectionLimits
from semantest_iac.infrastructure.function_runtimes.function_pool import FunctionPool
from semantest_iac.infrastructure.function_runtimes.loopback import loopback
from semantest_iac.infrastructure.local_service.azure.admission import admission
from semantest_iac.infrastructure.local_service.azure.directory import directory
from semantest_iac.infrastructure.local_service.azure.services import hub, tables
from semantest_iac.infrastructure.local_service.azure.socket_plan import HubPlan, Webhook, plan, reaching
from semantest_iac.infrastructure.local_service.azure.table_entities import TableEntities
from semantest_iac.infrastructure.local_service.azure.upstreams import Upstreams
from semantest_iac.infrastructure.local_service.socket_tokens import token_for
from semantest_iac.infrastructure.local_service.sockets import ADMITTED, Handshake, Resources, Surroundings

UNAUTHORIZED, FORBIDDEN, FAILED, NO_CONTENT = 401, 403, 500, 204
CONNECT, CONNECTED, DISCONNECTED, MESSAGE = "connect", "connected", "disconnected", "message"
_STATE, _NEGOTIATE = "ce-connectionstate", "/negotiate"
_JSON, _TEXT = "application/json; charset=utf-8", "text/plain; charset=utf-8"


@dataclass(slots=True)
class _Client:
    """What the service repeats with each event of a connection."""

    user: str = ""
    state: str = ""
    subprotocol: str = ""


class AzureSockets:
    """A SocketService; connections that it has not let in itself are unknown to it."""

    def __init__(self, plan: HubPlan, around: Surroundings) -> None:
        self.limits = ConnectionLimits()
        self.plan = plan
        self._around = around
        self._clients: dict[str, _Client] = {}
        self._upstreams = Upstreams(plan, around.told)
        self._exits = AsyncExitStack()
        self._events = count(1)
        self._admission = admission(plan.audience, around.stores)

    async def __aenter__(self) -> Self:
        around = self._around
        rows = {name: around.stores.setdefault(name, TableEntities()) for name in self.plan.tables}
        tables_url = await self._exits.enter_async_context(loopback(tables(rows)))
        hub_url = await self._exits.enter_async_context(loopback(hub(around.clients, self._admission, self._dismiss)))
        keys_url = await self._exits.enter_async_context(loopback(directory(self.plan.principal.tenant)))
        for webhook in self.plan.webhooks:
            if webhook.host not in self._upstreams.pools:
                pool = FunctionPool(reaching(webhook.app, tables_url, hub_url, keys_url), around.limits)
                self._exits.push_async_callback(pool.aclose)
                self._upstreams.pools[webhook.host] = pool
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._exits.aclose()

    def visitor(self) -> Handshake:
        """A handshake that is let in: what tokens are signed with is known on this machine."""
        guard = self._webhook(CONNECT)
        token = token_for(guard.app) if guard else ""
        return Handshake((("token", token),) if token else ())

    async def connect(self, id: str, handshake: Handshake) -> int:
        """Past whoever is asked; the client is in when it is told of."""
        claims = self._admission.shown(handshake)
        if claims is None or not (claims or self.plan.lets_strangers_in):
            return UNAUTHORIZED
        client = _Client(str(claims.get("sub", "")))
        answer = await self._told(CONNECT, id, client, _json(_described(handshake, claims)))
        if answer.status >= 300:
            return answer.status if answer.status < 500 else FAILED
        _learn(client, answer)
        self._clients[id] = client
        await self._told(CONNECTED, id, client, b"{}")
        return ADMITTED if id in self._clients else FORBIDDEN

    def subprotocol(self, id: str) -> str:
        """What the answer to the connect has named."""
        return self._clients[id].subprotocol

    async def answer(self, request: HttpRequest, here: str) -> HttpResponse | None:
        """What the app that lets clients in says to who negotiates, with the hub where it is on this machine."""
        webhook = self._webhook(CONNECT)
        if webhook is None or request.path != _NEGOTIATE:
            return None
        answer = await self._upstreams.ask(webhook, request)
        there = self.plan.clients_url
        return replace(answer, body=answer.body.replace(there.encode(), (here or there).encode()))

    async def receive(self, id: str, text: str) -> bool:
        """What the webhook answers is for the client; a client whose message nobody takes is sent away."""
        client = self._clients[id]
        answer = await self._told(MESSAGE, id, client, text.encode())
        if answer.status >= 300:
            await self._around.clients.close(id)
            return False
        _learn(client, answer)
        if answer.status != NO_CONTENT and answer.body:
            await self._around.clients.send(id, answer.body)
        return True

    async def disconnect(self, id: str, code: int, reason: str) -> None:
        """Once, and only for clients that were let in."""
        client = self._clients.pop(id, None)
        if client is not None:
            await self._told(DISCONNECTED, id, client, _json({"reason": reason}))

    async def _dismiss(self, id: str) -> None:
        """One who is still on the way in is refused; in the cloud it would be in for a moment."""
        if not await self._around.clients.close(id):
            self._clients.pop(id, None)

    async def _told(self, event: str, id: str, client: _Client, body: bytes) -> HttpResponse:
        """What the webhook for an event made of it; an event that nobody wants to hear of is a success."""
        webhook = self._webhook(event)
        if webhook is None:
            return HttpResponse(NO_CONTENT)
        path = webhook.path.replace("{event}", event)
        request = HttpRequest("POST", path, webhook.query, self._headers(event, id, client), body)
        return await self._upstreams.send(webhook, request)

    def _webhook(self, event: str) -> Webhook | None:
        found = (
            it for it in self.plan.webhooks if event in it.system_events or (event == MESSAGE and it.hears_messages)
        )
        return next(found, None)

    def _headers(self, event: str, id: str, client: _Client) -> Pairs:
        kind = "user" if event == MESSAGE else "sys"
        known = {"ce-userid": client.user, "ce-subprotocol": client.subprotocol, _STATE: client.state}
        return (
            ("content-type", _TEXT if event == MESSAGE else _JSON),
            ("webhook-request-origin", self.plan.host),
            ("ce-specversion", "1.0"),
            ("ce-awpsversion", "1.0"),
            ("ce-type", f"azure.webpubsub.{kind}.{event}"),
            ("ce-source", f"/hubs/{self.plan.name}/client/{id}"),
            ("ce-id", str(next(self._events))),
            ("ce-hub", self.plan.name),
            ("ce-connectionid", id),
            ("ce-eventname", event),
            *((name, value) for name, value in known.items() if value),
        )


def sockets(resources: Resources, around: Surroundings) -> AzureSockets | None:
    """The WebSocket API of a stack, or None where it has none."""
    found = plan(resources, around.unpack)
    return AzureSockets(found, around) if found else None


def _described(handshake: Handshake, claims: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "claims": {name: [str(value)] for name, value in claims.items()},
        "query": _listed(handshake.query),
        "headers": _listed(handshake.headers),
        "subprotocols": handshake.subprotocols,
        "clientCertificates": [],
    }


def _listed(pairs: Pairs) -> dict[str, list[str]]:
    listed: dict[str, list[str]] = {}
    for name, value in pairs:
        listed.setdefault(name, []).append(value)
    return listed


def _learn(client: _Client, answer: HttpResponse) -> None:
    """What a webhook wants to be told again with every event that follows."""
    state = next((value for name, value in answer.headers if name.lower() == _STATE), None)
    client.state = client.state if state is None else state
    told = _object(answer.body)
    client.user = client.user or str(told.get("userId", ""))
    client.subprotocol = client.subprotocol or str(told.get("subprotocol") or "")


def _object(body: bytes) -> Mapping[str, Any]:
    try:
        found = json.loads(body or b"{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _json(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value).encode()
