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
from semantest_iac.domain.networking.http_exchange import HttpRequest, HttpResponse, Pairs, group_values
from semantest_iac.infrastructure.function_runtimes import azure_functions
from semantest_iac.infrastructure.function_runtimes.function_process import FunctionPool
from semantest_iac.infrastructure.function_runtimes.function_spec import Invocation
from semantest_iac.infrastructure.function_runtimes.loopback import LoopbackHandler, LoopbackRequest, serve_loopback
from semantest_iac.infrastructure.local_service.api_frontend import DeployedResources, load_stored_body
from semantest_iac.infrastructure.local_service.azure.deployed_web_socket_api import (
    DeployedWebSocketApi,
    Webhook,
    read_deployed_web_socket_api,
    redirect_to_local_endpoints,
)
from semantest_iac.infrastructure.local_service.azure.tables import StorageTable, create_tables_handler
from semantest_iac.infrastructure.local_service.azure.tokens import (
    IDENTITY_TOKEN_LIFETIME_S,
    HubTokens,
    create_signing_keys_handler,
    issue_identity_token,
    load_hub_tokens,
)
from semantest_iac.infrastructure.local_service.tokens.json_web_tokens import sign_probe_token
from semantest_iac.infrastructure.local_service.warm_service import InvocationListener, failed_invocation
from semantest_iac.infrastructure.local_service.web_socket_service import (
    HEAD_TOO_LARGE,
    SWITCHING_PROTOCOLS,
    Handshake,
    WebSocketClients,
    WebSocketContext,
)

LARGEST_MESSAGE = 1024 * 1024
"""Source: Azure Web PubSub service internals, terms ("maximum size 1MB"); of frames they say nothing."""

UNAUTHORIZED, FORBIDDEN, INTERNAL_SERVER_ERROR, NO_CONTENT = 401, 403, 500, 204
_CONNECT, _CONNECTED, _DISCONNECTED, _MESSAGE = "connect", "connected", "disconnected", "message"
_STATE_HEADER, _NEGOTIATE_PATH = "ce-connectionstate", "/negotiate"
_ALLOWED_ORIGIN_HEADER = "webhook-allowed-origin"
_JSON_TYPE, _TEXT_TYPE = "application/json; charset=utf-8", "text/plain; charset=utf-8"
_CONNECTIONS_PATH, _SEND_PATH, _GENERATE_TOKEN_PATH = "/connections/", "/:send", "/:generateToken"
_REFUSED_INVOCATION = Invocation(
    None, {"errorType": "Upstream", "errorMessage": "The app allows no events (OPTIONS)."}, "", 0
)


def build_web_socket_service(resources: DeployedResources, context: WebSocketContext) -> AzureWebSocketService | None:
    """Build the WebSocket API of a stack; None if the stack has none."""
    deployed_api = read_deployed_web_socket_api(resources, context.unpack)
    return AzureWebSocketService(deployed_api, context) if deployed_api else None


@dataclass(slots=True)
class _ConnectedClient:
    """What the service repeats with each event of a connection."""

    user: str = ""
    state: str = ""
    subprotocol: str = ""


class AzureWebSocketService:
    """A WebSocketService that knows only the connections that it admitted itself."""

    def __init__(self, deployed_api: DeployedWebSocketApi, context: WebSocketContext) -> None:
        self.limits = ConnectionLimits(message_bytes=LARGEST_MESSAGE, frame_bytes=LARGEST_MESSAGE)
        self.deployed_api = deployed_api
        self._context = context
        self._clients: dict[str, _ConnectedClient] = {}
        self._upstreams = Upstreams(deployed_api, context.on_invocation)
        self._exits = AsyncExitStack()
        self._event_numbers = count(1)
        self._tokens = load_hub_tokens(deployed_api.audience, context.stores)

    async def __aenter__(self) -> Self:
        clients, stores = self._context.clients, self._context.stores
        tables = {name: stores.setdefault(name, StorageTable()) for name in self.deployed_api.tables}
        urls = [
            await self._exits.enter_async_context(serve_loopback(handler))
            for handler in (
                create_tables_handler(tables),
                create_connections_handler(clients, self._tokens, self._close_client),
                create_signing_keys_handler(self.deployed_api.principal.tenant),
            )
        ]
        for webhook in self.deployed_api.webhooks:
            if webhook.host not in self._upstreams.pools:
                pool = FunctionPool(redirect_to_local_endpoints(webhook.app, *urls), self._context.pool_limits)
                self._exits.push_async_callback(pool.aclose)
                self._upstreams.pools[webhook.host] = pool
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._exits.aclose()

    def probe_handshake(self) -> Handshake:
        """A handshake that the connect handler accepts, signed with the secret that this machine knows."""
        webhook = self._find_webhook(_CONNECT)
        token = sign_probe_token(webhook.app) if webhook else ""
        return Handshake((("token", token),) if token else ())

    async def connect(self, id: str, handshake: Handshake) -> int:
        """Ask the connect handler, admit the client if it accepts it, and notify the connected handler."""
        if handshake.head_bytes > azure_functions.MAX_FUNCTIONS_HEAD_BYTES:
            return HEAD_TOO_LARGE
        claims = self._tokens.verify_claims_if_sent(handshake)
        if claims is None or not (claims or self.deployed_api.allows_anonymous):
            return UNAUTHORIZED
        client = _ConnectedClient(str(claims.get("sub", "")))
        response = await self._notify(_CONNECT, id, client, _encode_json(_connect_body(handshake, claims)))
        if response.status >= 300:
            return response.status if response.status < 500 else INTERNAL_SERVER_ERROR
        _update_client(client, response)
        self._clients[id] = client
        await self._notify(_CONNECTED, id, client, b"{}")
        return SWITCHING_PROTOCOLS if id in self._clients else FORBIDDEN

    def subprotocol_of(self, id: str) -> str:
        """The subprotocol that the answer to the connect event named."""
        return self._clients[id].subprotocol

    async def answer_plain_http(self, request: HttpRequest, client_url: str) -> HttpResponse | None:
        """Answer `/negotiate` by the connect handler's app, with the client URL in place of the hub's."""
        webhook = self._find_webhook(_CONNECT)
        if webhook is None or request.path != _NEGOTIATE_PATH:
            return None
        response = await self._upstreams.send_unchecked(webhook, request)
        cloud_url = self.deployed_api.clients_url
        return replace(response, body=response.body.replace(cloud_url.encode(), (client_url or cloud_url).encode()))

    async def deliver(self, id: str, text: str) -> bool:
        """Send the message to its handler and the answer to the client; close the client if the handler fails."""
        client = self._clients[id]
        response = await self._notify(_MESSAGE, id, client, text.encode())
        if response.status >= 300:
            await self._context.clients.close(id)
            return False
        _update_client(client, response)
        if response.status != NO_CONTENT and response.body:
            await self._context.clients.send(id, response.body)
        return True

    async def disconnect(self, id: str, code: int, reason: str) -> None:
        """Notify the disconnected handler once, if the client was admitted."""
        client = self._clients.pop(id, None)
        if client is not None:
            await self._notify(_DISCONNECTED, id, client, _encode_json({"reason": reason}))

    async def _close_client(self, id: str) -> None:
        """Close a client; one that still connects is refused, which in the cloud would be connected for a moment."""
        if not await self._context.clients.close(id):
            self._clients.pop(id, None)

    async def _notify(self, event: str, id: str, client: _ConnectedClient, body: bytes) -> HttpResponse:
        """Send an event to its webhook; without a webhook it succeeds."""
        webhook = self._find_webhook(event)
        if webhook is None:
            return HttpResponse(NO_CONTENT)
        path = webhook.path.replace("{event}", event)
        request = HttpRequest("POST", path, webhook.query, self._event_headers(event, id, client), body)
        return await self._upstreams.send(webhook, request)

    def _find_webhook(self, event: str) -> Webhook | None:
        webhooks = (
            it
            for it in self.deployed_api.webhooks
            if event in it.system_events or (event == _MESSAGE and it.receives_messages)
        )
        return next(webhooks, None)

    def _event_headers(self, event: str, id: str, client: _ConnectedClient) -> Pairs:
        kind = "user" if event == _MESSAGE else "sys"
        optional = {"ce-userid": client.user, "ce-subprotocol": client.subprotocol, _STATE_HEADER: client.state}
        return (
            ("content-type", _TEXT_TYPE if event == _MESSAGE else _JSON_TYPE),
            ("webhook-request-origin", self.deployed_api.host),
            ("ce-specversion", "1.0"),
            ("ce-awpsversion", "1.0"),
            ("ce-type", f"azure.webpubsub.{kind}.{event}"),
            ("ce-source", f"/hubs/{self.deployed_api.hub}/client/{id}"),
            ("ce-id", str(next(self._event_numbers))),
            ("ce-hub", self.deployed_api.hub),
            ("ce-connectionid", id),
            ("ce-eventname", event),
            *((name, value) for name, value in optional.items() if value),
        )


def _connect_body(handshake: Handshake, claims: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "claims": {name: [str(value)] for name, value in claims.items()},
        "query": group_values(handshake.query),
        "headers": group_values(handshake.headers),
        "subprotocols": handshake.subprotocols,
        "clientCertificates": [],
    }


def _update_client(client: _ConnectedClient, response: HttpResponse) -> None:
    """Store what a webhook wants to receive with every later event."""
    state = next((value for name, value in response.headers if name.lower() == _STATE_HEADER), None)
    client.state = client.state if state is None else state
    body = _parse_object(response.body)
    client.user = client.user or str(body.get("userId", ""))
    client.subprotocol = client.subprotocol or str(body.get("subprotocol") or "")


def _parse_object(body: bytes) -> Mapping[str, Any]:
    try:
        value = json.loads(body or b"{}")
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _encode_json(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value).encode()


class Upstreams:
    """The apps that receive a hub's events: each must allow them first, and receives the service's identity."""

    def __init__(self, deployed_api: DeployedWebSocketApi, on_invocation: InvocationListener) -> None:
        self.pools: dict[str, FunctionPool] = {}
        self._deployed_api = deployed_api
        self._on_invocation = on_invocation
        self._allowed_hosts: set[str] = set()
        self._permission_lock = asyncio.Lock()
        self._tokens: dict[str, tuple[str, float]] = {}

    async def send(self, webhook: Webhook, request: HttpRequest) -> HttpResponse:
        """Send an event to an app; fails if the app allows none."""
        if not await self._is_allowed(webhook, request.path):
            self._on_invocation(_REFUSED_INVOCATION)
            return azure_functions.build_functions_response(_REFUSED_INVOCATION)
        headers = (*request.headers, *await self._identity_headers(webhook.audience))
        return await self.send_unchecked(webhook, replace(request, headers=headers))

    async def send_unchecked(self, webhook: Webhook, request: HttpRequest) -> HttpResponse:
        """Send any request to an app, without permission and identity."""
        try:
            event = azure_functions.build_functions_event(request, webhook.host)
            invocation = await self.pools[webhook.host].invoke(event)
        except RuntimeFailedError as error:
            invocation = failed_invocation(error)
        self._on_invocation(invocation)
        return load_stored_body(azure_functions.build_functions_response(invocation))

    async def _is_allowed(self, webhook: Webhook, path: str) -> bool:
        """Ask for permission until the app gives it; the service also asks again later, which is not simulated."""
        if webhook.host in self._allowed_hosts:
            return True
        async with self._permission_lock:
            if webhook.host not in self._allowed_hosts and await self._ask_permission(webhook, path):
                self._allowed_hosts.add(webhook.host)
        return webhook.host in self._allowed_hosts

    async def _ask_permission(self, webhook: Webhook, path: str) -> bool:
        headers = (("webhook-request-origin", self._deployed_api.host), ("ce-awpsversion", "1.0"))
        response = await self.send_unchecked(webhook, HttpRequest("OPTIONS", path, webhook.query, headers))
        received: Mapping[str, str] = {name.lower(): value for name, value in response.headers}
        allowed_origin = received.get(_ALLOWED_ORIGIN_HEADER, "").lower()
        return response.status < 300 and allowed_origin in ("*", self._deployed_api.host.lower())

    async def _identity_headers(self, audience: str) -> Pairs:
        """The service's identity token, renewed after half of its lifetime."""
        principal = self._deployed_api.principal
        if not (audience and principal.id):
            return ()
        token, renew_at = self._tokens.get(audience, ("", 0.0))
        if time.time() >= renew_at:
            token = await asyncio.to_thread(issue_identity_token, principal.tenant, principal.id, audience)
            self._tokens[audience] = token, time.time() + IDENTITY_TOKEN_LIFETIME_S / 2
        return (("authorization", f"Bearer {token}"),)


def create_connections_handler(
    clients: WebSocketClients, tokens: HubTokens, close_client: Callable[[str], Awaitable[None]]
) -> LoopbackHandler:
    """Return a handler that answers as the REST API of one hub, for single connections and client tokens.

    Like the service, it accepts messages to clients that are gone.
    """

    async def answer(request: LoopbackRequest) -> HttpResponse:
        path = urlsplit(request.path).path
        if (request.method, path) == ("POST", _GENERATE_TOKEN_PATH):
            query = dict(parse_qsl(urlsplit(request.path).query))
            token = tokens.issue(query.get("userId", ""), int(query.get("minutesToExpire", "60")))
            return HttpResponse(200, (("content-type", "application/json"),), _encode_json({"token": token}))
        if not path.startswith(_CONNECTIONS_PATH):
            return HttpResponse(404)
        id = unquote(path.removeprefix(_CONNECTIONS_PATH).removesuffix(_SEND_PATH))
        if request.method == "POST" and path.endswith(_SEND_PATH):
            await clients.send(id, request.body)
            return HttpResponse(202)
        if request.method == "DELETE":
            await close_client(id)
            return HttpResponse(204)
        is_connected = request.method == "HEAD" and clients.describe(id) is not None
        return HttpResponse(200 if is_connected else 404)

    return answer
