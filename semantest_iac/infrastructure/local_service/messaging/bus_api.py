"""Takes messages as Service Bus' REST interface does, for the queues and topics that are deployed in simulated clouds.

Source: Azure's reference, "Send Message Batch".
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

from semantest_iac.domain.messaging.message_filters import AttributeValue
from semantest_iac.domain.messaging.messages import MessageRoute, SentMessage
from semantest_iac.domain.networking.http_exchange import HttpResponse
from semantest_iac.infrastructure.function_runtimes.loopback import LoopbackRequest
from semantest_iac.infrastructure.local_service.messaging.deployed_messaging import LARGEST_QUEUED_BYTES
from semantest_iac.infrastructure.local_service.messaging.directory import MessagingDirectory, find_newest
from semantest_iac.infrastructure.message_store.messages import MessagesFullError, MessageStore

BUS_SUFFIX = "/messages"
BATCH_TYPE = "application/vnd.microsoft.servicebus.json"
_SENT_PROPERTIES = ("MessageId", "SessionId")


class BusError(Exception):
    """A refusal: its status and text."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status, self.message = status, message


class BusApi:
    """Takes batches of messages at `/<namespace>/<queue or topic>/messages`, and without the namespace."""

    def __init__(self, directory: MessagingDirectory, store: MessageStore, refresh: Callable[[], Awaitable[None]]):
        self._directory = directory
        self._store = store
        self._refresh = refresh

    async def answer(self, request: LoopbackRequest) -> HttpResponse:
        """Answer one request with 201, or with the reason why not."""
        try:
            content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
            if request.method != "POST" or content_type != BATCH_TYPE:
                raise BusError(400, f"What is simulated here is to POST a batch of messages as {BATCH_TYPE}.")
            path = unquote(urlsplit(request.path).path).strip("/").removesuffix(BUS_SUFFIX)
            route, needs_group = await self._find(path)
            messages = _parse_batch(request.body, needs_group=needs_group)
            await asyncio.to_thread(self._store.send, route, messages)
        except MessagesFullError as error:
            return _explain(403, f"{error.message} {error.hint}")
        except BusError as error:
            return _explain(error.status, error.message)
        return HttpResponse(201)

    async def _find(self, path: str) -> tuple[MessageRoute, bool]:
        found = await find_newest(lambda: self._look_up(path), self._refresh)
        if not found:
            known = ", ".join(sorted(self._list_routes())) or "none"
            raise BusError(404, f"There is no queue or topic '{path[:200]}' here. Known: {known}.")
        if len(found) > 1:
            raise BusError(404, f"There are several of '{path[:200]}'; write <namespace>/<name>.")
        return found[0]

    def _look_up(self, path: str) -> list[tuple[MessageRoute, bool]]:
        routes = self._list_routes()
        if path in routes:
            return [routes[path]]
        return [route for address, route in routes.items() if address.partition("/")[2] == path]

    def _list_routes(self) -> dict[str, tuple[MessageRoute, bool]]:
        """Return where can be sent to by namespace and name, and whether each message needs a group there."""
        queues = (it for it in self._directory.list_queues() if it.route and "://" not in it.address)
        topics = (it for it in self._directory.list_topics() if not it.address.startswith("arn:"))
        return {
            **{it.address: (it.route, it.needs_group) for it in queues if it.route},
            **{it.address: (it.route, it.needs_group) for it in topics},
        }


def _parse_batch(body: bytes, *, needs_group: bool) -> list[SentMessage]:
    try:
        written = json.loads(body)
    except ValueError as error:
        raise BusError(400, "The body is no JSON.") from error
    if not isinstance(written, list) or not all(isinstance(it, dict) for it in written):
        raise BusError(400, "The body is no list of messages.")
    messages = [_parse_one(it, needs_group=needs_group) for it in written]
    if sum(it.size for it in messages) > LARGEST_QUEUED_BYTES:
        raise BusError(413, f"The batch is over {LARGEST_QUEUED_BYTES // 1024} KB.")
    return messages


def _parse_one(written: Mapping[str, Any], *, needs_group: bool) -> SentMessage:
    body, properties = written.get("Body", ""), written.get("BrokerProperties") or {}
    if not isinstance(body, str):
        raise BusError(400, "Body is no text.")
    if unknown := sorted(properties.keys() - {*_SENT_PROPERTIES}):
        known = " and ".join(_SENT_PROPERTIES)
        raise BusError(400, f"Not simulated here: {', '.join(unknown)}. Of BrokerProperties, {known} are.")
    group = str(properties.get("SessionId") or "")
    if needs_group and not group:
        raise BusError(400, "The session id is null, and the queue or a subscription keeps the order of sessions.")
    attributes: dict[str, AttributeValue] = {}
    for name, value in (written.get("UserProperties") or {}).items():
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise BusError(400, f"Not simulated here: the property '{name}' is neither text nor number.")
        attributes[name] = value
    return SentMessage(body, attributes, group, str(properties.get("MessageId") or ""))


def _explain(status: int, message: str) -> HttpResponse:
    return HttpResponse(status, (("content-type", "text/plain; charset=utf-8"),), message.encode())
