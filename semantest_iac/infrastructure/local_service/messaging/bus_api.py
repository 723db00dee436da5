"""Takes and hands out messages as Service Bus' REST interface does, for what is deployed in simulated clouds.

Source: Azure's reference, "Send Message Batch", "Peek-Lock Message", "Receive and Delete Message", "Delete Message",
"Unlock Message" and "Renew Lock for a Message".
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import partial
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from semantest_iac.domain.messaging.message_filters import AttributeValue
from semantest_iac.domain.messaging.messages import DeliveredMessage, MessageRoute, SentMessage
from semantest_iac.domain.networking.http_exchange import HttpResponse, Pairs
from semantest_iac.infrastructure.function_runtimes.loopback import LoopbackRequest
from semantest_iac.infrastructure.local_service.messaging.deployed_messaging import LARGEST_QUEUED_BYTES, DeployedQueue
from semantest_iac.infrastructure.local_service.messaging.directory import MessagingDirectory, find_newest
from semantest_iac.infrastructure.message_store.messages import MessagesFullError, MessageStore, take_first

BUS_SUFFIX = "/messages"
_OLDEST = re.compile(r"/(?P<queue>.+)/messages/head")
_LOCKED = re.compile(r"/(?P<queue>.+)/messages/[^/]+/(?P<lock>[^/]+)")
_LONGEST_WAIT_S = 60
BATCH_TYPE = "application/vnd.microsoft.servicebus.json"
_SENT_PROPERTIES = ("MessageId", "SessionId")


class BusError(Exception):
    """A refusal: its status and text."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status, self.message = status, message


def is_bus_path(path: str) -> bool:
    """Whether it is a path of messages, or of a message."""
    return path.endswith(BUS_SUFFIX) or bool(_OLDEST.fullmatch(path) or _LOCKED.fullmatch(path))


class BusApi:
    """Takes batches of messages at `/<namespace>/<queue or topic>/messages`, and without the namespace.

    The oldest message of a queue or subscription is handed out at `messages/head` of it, with the place of its lock.
    """

    def __init__(self, directory: MessagingDirectory, store: MessageStore, refresh: Callable[[], Awaitable[None]]):
        self._directory = directory
        self._store = store
        self._refresh = refresh

    async def answer(self, request: LoopbackRequest) -> HttpResponse:
        """Answer one request, or say why not."""
        try:
            path = unquote(urlsplit(request.path).path)
            if oldest := _OLDEST.fullmatch(path):
                return await self._hand_out(await self._find_queue(oldest["queue"]), request)
            if locked := _LOCKED.fullmatch(path):
                return await self._settle(await self._find_queue(locked["queue"]), locked["lock"], request.method)
            return await self._take(request)
        except MessagesFullError as error:
            return _explain(403, f"{error.message} {error.hint}")
        except BusError as error:
            return _explain(error.status, error.message)

    async def _take(self, request: LoopbackRequest) -> HttpResponse:
        content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if request.method != "POST" or content_type != BATCH_TYPE:
            raise BusError(400, f"What is simulated here is to POST a batch of messages as {BATCH_TYPE}.")
        path = unquote(urlsplit(request.path).path).strip("/").removesuffix(BUS_SUFFIX)
        route, needs_group = await self._find(path)
        messages = _parse_batch(request.body, needs_group=needs_group)
        await asyncio.to_thread(self._store.send, route, messages)
        return HttpResponse(201)

    async def _hand_out(self, queue: DeployedQueue, request: LoopbackRequest) -> HttpResponse:
        """Hand out the oldest message: locked with POST, removed with DELETE."""
        if request.method not in ("POST", "DELETE"):
            raise BusError(405, "Receive with POST, or receive and delete with DELETE.")
        if queue.needs_group:
            raise BusError(400, "Messages of sessions are not received by REST, here as in Azure.")
        wait_s = parse_qs(urlsplit(request.path).query).get("timeout", [str(_LONGEST_WAIT_S)])[0]
        if not wait_s.isdecimal():
            raise BusError(400, "The timeout is no number of seconds.")
        take = partial(self._store.receive, queue.holder, 1)
        found = await take_first(take, min(int(wait_s), _LONGEST_WAIT_S))
        if not found:
            return HttpResponse(204)
        message = found[0]
        if request.method == "DELETE":
            await asyncio.to_thread(self._store.delete, queue.holder, [message.receipt])
            return _to_response(200, message)
        place = f"/{queue.address}/messages/{message.id}/{message.receipt}"
        until = datetime.fromtimestamp(self._store.clock() + queue.holder.rules.lock_s, UTC)
        lock = {"LockToken": message.receipt, "LockedUntilUtc": format_datetime(until, usegmt=True)}
        return _to_response(201, message, lock, (("location", f"http://{request.headers.get('host', '')}{place}"),))

    async def _settle(self, queue: DeployedQueue, lock: str, method: str) -> HttpResponse:
        """Delete a locked message, give it back with PUT, or lock it for longer with POST."""
        settle = {
            "DELETE": partial(self._store.delete, queue.holder, [lock]),
            "PUT": partial(self._store.change_lock, queue.holder, [lock], 0),
            "POST": partial(self._store.change_lock, queue.holder, [lock], queue.holder.rules.lock_s),
        }
        if method not in settle:
            raise BusError(405, "Delete with DELETE, unlock with PUT, or renew the lock with POST.")
        if not await asyncio.to_thread(settle[method]):
            raise BusError(404, "There is no message with this lock: it has ended, or the message is gone.")
        return HttpResponse(200)

    async def _find_queue(self, path: str) -> DeployedQueue:
        def look_up() -> DeployedQueue | None:
            find = self._directory.find_queue
            return find(lambda it: it.address == path) or find(lambda it: it.address.partition("/")[2] == path)

        found = await find_newest(look_up, self._refresh)
        if found is None:
            raise BusError(404, f"There is no queue or subscription '{path[:200]}' here.")
        return found

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


def _to_response(
    status: int, message: DeliveredMessage, lock: Mapping[str, str] | None = None, headers: Pairs = ()
) -> HttpResponse:
    """Return the body of a message, with its properties in headers."""
    properties = {
        "MessageId": message.id,
        "DeliveryCount": message.deliveries,
        "EnqueuedTimeUtc": format_datetime(message.sent_at, usegmt=True),
        **({"SessionId": message.group} if message.group else {}),
        **(lock or {}),
    }
    own = tuple((name, json.dumps(value)) for name, value in message.attributes.items())
    try:
        return HttpResponse(
            status, (("brokerproperties", json.dumps(properties)), *own, *headers), message.body.encode()
        )
    except ValueError:  # a property that no header can carry
        return HttpResponse(status, (("brokerproperties", json.dumps(properties)), *headers), message.body.encode())


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
