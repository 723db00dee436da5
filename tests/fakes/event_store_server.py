"""A server with the protocol of Semantest's event-sourced WebSocket server, on loopback, which a test lets fail.

What it does was seen at the real one, and some of it is odd: it answers nothing where a replay is empty, gives events
no position in a replay, and gives those from before its start the time of its start.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from aiohttp import WSMsgType, web

_BATCH = 100


class FakeEventStoreServer:
    """Keeps its log over `stop` and `start`, on the same port."""

    def __init__(self) -> None:
        self.log: list[dict[str, Any]] = []
        self.port = 0
        self.is_silent = False
        self.refuses_with = 0
        self.tokens: list[str | None] = []
        self.replays: list[Mapping[str, Any]] = []
        self.before_broadcast: asyncio.Event | None = None
        """Awaited between an event's place in the log and its broadcast, as the real one writes its file then."""
        self._clients: dict[web.WebSocketResponse, set[str]] = {}
        self._runner: web.AppRunner | None = None
        self._stored = 0

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/ws-events"

    async def start(self) -> None:
        """Listen; events from before have another time, and their sequence is forgotten."""
        for event in self.log:
            event["metadata"] |= {"timestamp": "2030-01-01T00:00:00.000Z", "sequenceNumber": None}
        app = web.Application()
        app.router.add_get("/ws-events", self._serve)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port, reuse_address=True)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """End without a word to the clients, as a killed process does."""
        self.drop_clients()
        if self._runner:
            await self._runner.cleanup()
            self._runner = None

    def drop_clients(self) -> None:
        """Cut every connection."""
        for client in list(self._clients):
            transport = client._req.transport if client._req else None
            if transport is not None:
                transport.abort()
        self._clients.clear()

    async def store(
        self, event_type: str, payload: Any, *, correlation_id: str = "c1", aggregate_id: str = "a", **metadata: Any
    ) -> dict[str, Any]:
        """Store an event, and send it to who subscribed to its type."""
        self._stored += 1
        event = {
            "eventId": f"evt_{self._stored}",
            "aggregateId": aggregate_id,
            "eventType": event_type,
            "eventVersion": 1,
            "payload": payload,
            "metadata": {
                **metadata,
                "correlationId": correlation_id,
                "causationId": metadata.get("causationId"),
                "userId": "system",
                "timestamp": "2026-11-20T10:27:03.669Z",
                "sequenceNumber": len(self.log),
            },
        }
        position = len(self.log)
        self.log.append(event)
        if self.before_broadcast:
            await self.before_broadcast.wait()
        envelope = {"event": event, "streamPosition": 0, "globalPosition": position, "committedAt": "2026-11-20"}
        for client, types in list(self._clients.items()):
            if event_type in types:
                await self._send(client, {"type": "event", "envelope": envelope})
        return event

    async def send_to_all(self, text: str | bytes) -> None:
        """Send what is no message of the protocol."""
        for client in list(self._clients):
            with suppress(ConnectionError):
                await (client.send_str(text) if isinstance(text, str) else client.send_bytes(text))

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        self.tokens.append(request.headers.get("authorization"))
        if self.refuses_with:
            return web.Response(status=self.refuses_with)
        client = web.WebSocketResponse(max_msg_size=64 * 1024 * 1024)
        await client.prepare(request)
        self._clients[client] = set()
        await self._send(client, {"type": "welcome", "clientId": "client_1", "capabilities": ["event-sourcing"]})
        async with asyncio.TaskGroup() as group:
            async for message in client:
                if message.type is WSMsgType.TEXT:
                    group.create_task(self._answer(client, message.json()))
        self._clients.pop(client, None)
        return client

    async def _answer(self, client: web.WebSocketResponse, request: Mapping[str, Any]) -> None:
        if self.is_silent:
            return
        match request.get("type"):
            case "authenticate":
                await self._send(client, {"type": "authentication_success", "clientId": "client_1"})
            case "subscribe":
                self._clients.setdefault(client, set()).update(request["eventTypes"])
                await self._send(client, {"type": "subscription_confirmed", "eventTypes": request["eventTypes"]})
            case "replay":
                await self._replay(client, request)
            case "query":
                found = [event for event in self.log if event["aggregateId"] == request["parameters"]["streamId"]]
                answer = {"type": "query_result", "queryId": request.get("queryId"), "correlationId": "corr_1"}
                await self._send(client, {**answer, "result": found})
            case _ if request.get("eventType"):
                event = await self.store(
                    request["eventType"],
                    request.get("payload"),
                    aggregate_id=request.get("aggregateId", ""),
                    correlation_id=request.get("correlationId") or "corr_2",
                )
                stored = {"type": "event_stored", "eventId": event["eventId"]}
                await self._send(client, {**stored, "correlationId": event["metadata"]["correlationId"]})

    async def _replay(self, client: web.WebSocketResponse, request: Mapping[str, Any]) -> None:
        self.replays.append(request)
        first, limit = request["fromPosition"], request.get("limit")
        events = self.log[first : None if limit is None else first + limit]
        for start in range(0, len(events), _BATCH):
            batch = {"type": "replay_batch", "correlationId": request.get("correlationId") or "corr_3"}
            is_last = start + _BATCH >= len(events)
            await self._send(client, {**batch, "batch": events[start : start + _BATCH], "isLast": is_last})

    async def _send(self, client: web.WebSocketResponse, message: Mapping[str, Any]) -> None:
        with suppress(ConnectionError):
            await client.send_str(json.dumps(message))
