"""Runs a hub of Web PubSub on this machine, with the table and hub endpoints that its apps call.

Source: Azure's documentation of CloudEvents for Web PubSub's event handlers, of their abuse protection and of managed
identities, and the emulator that the makers of Web PubSub publish.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from itertools import count
from typing import Any, Self
from urllib.parse import parse_qsl, unquote, urlsplit

from semantest_iac.domain.errors import RuntimeFailedError
from semantest_iac.domain.networking.apis import ConnectionLimits
from semantest_iac.domain.networking.http_exchange import HttpRequest, HttpResponse, Pairs
from semantest_iac.infrastructure.function_runtimes import azure_functions
from semantest_iac.infrastructure.function_runtimes.function_process import FunctionPool
from semantest_iac.infrastructure.function_runtimes.function_spec import Invocation
from semantest_iac.infrastructure.function_runtimes.loopback import LoopbackHandler, LoopbackRequest, serve_loopback
from semantest_iac.infrastructure.local_service.azure.tables import StorageTable
from semantest_iac.infrastructure.local_service.azure.tokens import (
    IDENTITY_TOKEN_LIFETIME_S,
    HubTokens,
    issue_identity_token,
    load_hub_tokens,
    serve_directory,
)
from semantest_iac.infrastructure.local_service.azure.web_socket_plan import (
    Webhook,
    WebSocketPlan,
    read_web_socket_plan,
    redirect_to_local_endpoints,
)
from semantest_iac.infrastructure.local_service.json_web_tokens import sign_probe_token
from semantest_iac.infrastructure.local_service.warm_service import InvocationListener
from semantest_iac.infrastructure.local_service.web_socket_service import (
    SWITCHING_PROTOCOLS,
    DeployedResources,
    Handshake,
    WebSocketClients,
    WebSocketContext,
)

_ALLOWED_ORIGIN_HEADER = "webhook-allowed-origin"
_REFUSED_INVOCATION = Invocation(
    None, {"errorType": "Upstream", "errorMessage": "The app allows no events (OPTIONS)."}, "", 0
)


class Upstreams:
    """One for the life of a hub's version."""

    def __init__(self, plan: WebSocketPlan, told: InvocationListener) -> None:
        self.pools: dict[str, FunctionPool] = {}
        self._plan = plan
        self._told = told
        self._willing: set[str] = set()
        self._turn = asyncio.Lock()
        self._tokens: dict[str, tuple[str, float]] = {}

    async def send(self, webhook: Webhook, request: HttpRequest) -> HttpResponse:
        """What an app made of an event; one that wants none fails."""
        if not await self._is_willing(webhook, request.path):
            self._told(_REFUSED_INVOCATION)
            return azure_functions.build_functions_response(_REFUSED_INVOCATION)
        headers = (*request.headers, *await self._shown(webhook.audience))
        return await self.ask(webhook, replace(request, headers=headers))

    async def ask(self, webhook: Webhook, request: HttpRequest) -> HttpResponse:
        """The answer of the app to a request of anybody's."""
        try:
            invocation = await self.pools[webhook.host].invoke(
                azure_functions.build_functions_event(request, webhook.host)
            )
        except RuntimeFailedError as error:
            reason = " ".join(filter(None, (error.message, error.hint)))
            invocation = Invocation(None, {"errorType": "Runtime.InitError", "errorMessage": reason}, "", 0)
        self._told(invocation)
        return azure_functions.build_functions_response(invocation)

    async def _is_willing(self, webhook: Webhook, path: str) -> bool:
        """Asked until it says yes, by one event at a time; the service asks again every minute, which is not played."""
        if webhook.host in self._willing:
            return True
        async with self._turn:
            if webhook.host not in self._willing and await self._allows(webhook, path):
                self._willing.add(webhook.host)
        return webhook.host in self._willing

    async def _allows(self, webhook: Webhook, path: str) -> bool:
        asking = (("webhook-request-origin", self._plan.host), ("ce-awpsversion", "1.0"))
        answer = await self.ask(webhook, HttpRequest("OPTIONS", path, webhook.query, asking))
        said: Mapping[str, str] = {name.lower(): value for name, value in answer.headers}
        return answer.status < 300 and said.get(_ALLOWED_ORIGIN_HEADER, "").lower() in ("*", self._plan.host.lower())

    async def _shown(self, audience: str) -> Pairs:
        """The header with which the service shows who it is, renewed when half of its time is over."""
        principal = self._plan.principal
        if not (audience and principal.id):
            return ()
        token, ends = self._tokens.get(audience, ("", 0.0))
        if time.time() >= ends:
            token = await asyncio.to_thread(issue_identity_token, principal.tenant, principal.id, audience)
            self._tokens[audience] = token, time.time() + IDENTITY_TOKEN_LIFETIME_S / 2
        return (("authorization", f"Bearer {token}"),)


_CONNECTIONS_PATH, _SEND_PATH, _GENERATE_TOKEN_PATH = "/connections/", "/:send", "/:generateToken"
_NOT_FOUND = HttpResponse(404)


def serve_tables(known: Mapping[str, StorageTable]) -> LoopbackHandler:
    """The Table service of an account."""

    async def answer(call: LoopbackRequest) -> HttpResponse:
        name, mark, rest = call.path.removeprefix("/").partition("(")
        table = known.get(name.partition("?")[0])
        return table.answer(call, mark + rest) if table else _NOT_FOUND

    return answer


def serve_connections(
    clients: WebSocketClients, admission: HubTokens, dismiss: Callable[[str], Awaitable[None]]
) -> LoopbackHandler:
    """The REST API of one hub, as far as it is about single connections and about tokens to come in with.

    Like the service itself it takes what is sent to those who are gone.
    """

    async def answer(call: LoopbackRequest) -> HttpResponse:
        path = urlsplit(call.path).path
        if (call.method, path) == ("POST", _GENERATE_TOKEN_PATH):
            asked = dict(parse_qsl(urlsplit(call.path).query))
            token = admission.given(asked.get("userId", ""), int(asked.get("minutesToExpire", "60")))
            return HttpResponse(200, (("content-type", "application/json"),), json.dumps({"token": token}).encode())
        if not path.startswith(_CONNECTIONS_PATH):
            return _NOT_FOUND
        id = unquote(path.removeprefix(_CONNECTIONS_PATH).removesuffix(_SEND_PATH))
        if call.method == "POST" and path.endswith(_SEND_PATH):
            await clients.send(id, call.body)
            return HttpResponse(202)
        if call.method == "DELETE":
            await dismiss(id)
            return HttpResponse(204)
        return HttpResponse(200) if call.method == "HEAD" and clients.facts(id) is not None else _NOT_FOUND

    return answer


UNAUTHORIZED, FORBIDDEN, FAILED, NO_CONTENT = 401, 403, 500, 204
_CONNECT, _CONNECTED, _DISCONNECTED, _MESSAGE = "connect", "connected", "disconnected", "message"
_STATE_HEADER, _NEGOTIATE_PATH = "ce-connectionstate", "/negotiate"
_JSON_TYPE, _TEXT_TYPE = "application/json; charset=utf-8", "text/plain; charset=utf-8"


@dataclass(slots=True)
class _ConnectedClient:
    """What the service repeats with each event of a connection."""

    user: str = ""
    state: str = ""
    subprotocol: str = ""


class AzureWebSocketService:
    """A SocketService; connections that it has not let in itself are unknown to it."""

    def __init__(self, plan: WebSocketPlan, around: WebSocketContext) -> None:
        self.limits = ConnectionLimits()
        self.plan = plan
        self._around = around
        self._clients: dict[str, _ConnectedClient] = {}
        self._upstreams = Upstreams(plan, around.told)
        self._exits = AsyncExitStack()
        self._events = count(1)
        self._admission = load_hub_tokens(plan.audience, around.stores)

    async def __aenter__(self) -> Self:
        around = self._around
        rows = {name: around.stores.setdefault(name, StorageTable()) for name in self.plan.tables}
        tables_url = await self._exits.enter_async_context(serve_loopback(serve_tables(rows)))
        hub_url = await self._exits.enter_async_context(
            serve_loopback(serve_connections(around.clients, self._admission, self._dismiss))
        )
        keys_url = await self._exits.enter_async_context(serve_loopback(serve_directory(self.plan.principal.tenant)))
        for webhook in self.plan.webhooks:
            if webhook.host not in self._upstreams.pools:
                pool = FunctionPool(
                    redirect_to_local_endpoints(webhook.app, tables_url, hub_url, keys_url), around.limits
                )
                self._exits.push_async_callback(pool.aclose)
                self._upstreams.pools[webhook.host] = pool
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._exits.aclose()

    def visitor(self) -> Handshake:
        """A handshake that is let in: what tokens are signed with is known on this machine."""
        guard = self._webhook(_CONNECT)
        token = sign_probe_token(guard.app) if guard else ""
        return Handshake((("token", token),) if token else ())

    async def connect(self, id: str, handshake: Handshake) -> int:
        """Past whoever is asked; the client is in when it is told of."""
        claims = self._admission.shown(handshake)
        if claims is None or not (claims or self.plan.lets_strangers_in):
            return UNAUTHORIZED
        client = _ConnectedClient(str(claims.get("sub", "")))
        answer = await self._told(_CONNECT, id, client, _encode_json(_connect_body(handshake, claims)))
        if answer.status >= 300:
            return answer.status if answer.status < 500 else FAILED
        _update_client(client, answer)
        self._clients[id] = client
        await self._told(_CONNECTED, id, client, b"{}")
        return SWITCHING_PROTOCOLS if id in self._clients else FORBIDDEN

    def subprotocol(self, id: str) -> str:
        """What the answer to the connect has named."""
        return self._clients[id].subprotocol

    async def answer(self, request: HttpRequest, here: str) -> HttpResponse | None:
        """What the app that lets clients in says to who negotiates, with the hub where it is on this machine."""
        webhook = self._webhook(_CONNECT)
        if webhook is None or request.path != _NEGOTIATE_PATH:
            return None
        answer = await self._upstreams.ask(webhook, request)
        there = self.plan.clients_url
        return replace(answer, body=answer.body.replace(there.encode(), (here or there).encode()))

    async def receive(self, id: str, text: str) -> bool:
        """What the webhook answers is for the client; a client whose message nobody takes is sent away."""
        client = self._clients[id]
        answer = await self._told(_MESSAGE, id, client, text.encode())
        if answer.status >= 300:
            await self._around.clients.close(id)
            return False
        _update_client(client, answer)
        if answer.status != NO_CONTENT and answer.body:
            await self._around.clients.send(id, answer.body)
        return True

    async def disconnect(self, id: str, code: int, reason: str) -> None:
        """Once, and only for clients that were let in."""
        client = self._clients.pop(id, None)
        if client is not None:
            await self._told(_DISCONNECTED, id, client, _encode_json({"reason": reason}))

    async def _dismiss(self, id: str) -> None:
        """One who is still on the way in is refused; in the cloud it would be in for a moment."""
        if not await self._around.clients.close(id):
            self._clients.pop(id, None)

    async def _told(self, event: str, id: str, client: _ConnectedClient, body: bytes) -> HttpResponse:
        """What the webhook for an event made of it; an event that nobody wants to hear of is a success."""
        webhook = self._webhook(event)
        if webhook is None:
            return HttpResponse(NO_CONTENT)
        path = webhook.path.replace("{event}", event)
        request = HttpRequest("POST", path, webhook.query, self._headers(event, id, client), body)
        return await self._upstreams.send(webhook, request)

    def _webhook(self, event: str) -> Webhook | None:
        found = (
            it for it in self.plan.webhooks if event in it.system_events or (event == _MESSAGE and it.hears_messages)
        )
        return next(found, None)

    def _headers(self, event: str, id: str, client: _ConnectedClient) -> Pairs:
        kind = "user" if event == _MESSAGE else "sys"
        known = {"ce-userid": client.user, "ce-subprotocol": client.subprotocol, _STATE_HEADER: client.state}
        return (
            ("content-type", _TEXT_TYPE if event == _MESSAGE else _JSON_TYPE),
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


def build_web_socket_service(resources: DeployedResources, around: WebSocketContext) -> AzureWebSocketService | None:
    """The WebSocket API of a stack, or None where it has none."""
    found = read_web_socket_plan(resources, around.unpack)
    return AzureWebSocketService(found, around) if found else None


def _connect_body(handshake: Handshake, claims: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "claims": {name: [str(value)] for name, value in claims.items()},
        "query": _group_values(handshake.query),
        "headers": _group_values(handshake.headers),
        "subprotocols": handshake.subprotocols,
        "clientCertificates": [],
    }


def _group_values(pairs: Pairs) -> dict[str, list[str]]:
    listed: dict[str, list[str]] = {}
    for name, value in pairs:
        listed.setdefault(name, []).append(value)
    return listed


def _update_client(client: _ConnectedClient, answer: HttpResponse) -> None:
    """What a webhook wants to be told again with every event that follows."""
    state = next((value for name, value in answer.headers if name.lower() == _STATE_HEADER), None)
    client.state = client.state if state is None else state
    told = _parse_object(answer.body)
    client.user = client.user or str(told.get("userId", ""))
    client.subprotocol = client.subprotocol or str(told.get("subprotocol") or "")


def _parse_object(body: bytes) -> Mapping[str, Any]:
    try:
        found = json.loads(body or b"{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _encode_json(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value).encode()
