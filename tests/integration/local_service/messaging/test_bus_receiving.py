"""Services receive messages from the endpoint as Service Bus' REST interface hands them out."""

from __future__ import annotations

import asyncio
import json
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from semantest_iac.domain.messaging.messages import HoldingRules, MessageHolder, SentMessage, route_to_holder
from semantest_iac.infrastructure.local_service.messaging.deployed_messaging import DeployedMessaging, DeployedQueue
from semantest_iac.infrastructure.local_service.messaging.directory import MessagingDirectory
from semantest_iac.infrastructure.local_service.messaging.endpoint import create_messages_handler, serve_messages
from semantest_iac.infrastructure.message_store.messages import MessageStore


def _queue(name: str, *, ordered: bool = False) -> DeployedQueue:
    holder = MessageHolder(f"bus/{name}", "stack", HoldingRules(ordered=ordered))
    return DeployedQueue(name, f"space/{name}", holder, route_to_holder(holder))


_ORDERS, _SESSIONS = _queue("orders"), _queue("sessions", ordered=True)
_AUDIT = DeployedQueue("audit", "space/events/subscriptions/audit", MessageHolder("bus/audit", "stack"))


class Answer(NamedTuple):
    """What a request gets."""

    status: int
    body: str
    properties: dict[str, object]
    location: str
    kind: str


Send = Callable[[str, str], Awaitable[Answer]]


@pytest.fixture
def store(tmp_path: Path) -> MessageStore:
    return MessageStore(tmp_path)


@pytest.fixture
async def send(store: MessageStore) -> AsyncIterator[Send]:
    """Send a request to the endpoint, or to a whole address."""
    directory = MessagingDirectory()
    directory.stacks = {"stack": DeployedMessaging([_ORDERS, _SESSIONS, _AUDIT])}

    async def refresh() -> None:
        """Nothing else is deployed."""

    async with serve_messages(create_messages_handler(directory, store, refresh), 0) as url:

        async def call(method: str, path: str) -> Answer:
            def run() -> Answer:
                target = path if "://" in path else f"{url}{path}"
                try:
                    with urllib.request.urlopen(urllib.request.Request(target, method=method), timeout=60) as answer:
                        headers, body = answer.headers, answer.read().decode()
                        properties = json.loads(headers.get("BrokerProperties", "{}"))
                        return Answer(
                            answer.status, body, properties, headers.get("Location", ""), headers.get("kind", "")
                        )
                except urllib.error.HTTPError as error:
                    return Answer(error.code, error.read().decode(), {}, "", "")

            return await asyncio.to_thread(run)

        yield call


def _add(store: MessageStore, body: str = "a") -> None:
    store.send(route_to_holder(_ORDERS.holder), [SentMessage(body, {"kind": "order.paid"})])


@pytest.mark.parametrize("path", ["/space/orders", "/orders"])
async def test_a_message_is_locked_until_it_is_deleted(send: Send, store: MessageStore, path: str) -> None:
    _add(store)

    message = await send("POST", f"{path}/messages/head?timeout=0")
    other = await send("POST", f"{path}/messages/head?timeout=0")
    deleted = await send("DELETE", message.location)
    again = await send("DELETE", message.location)

    assert (message.status, message.body, message.kind) == (201, "a", '"order.paid"')
    assert {"LockToken", "LockedUntilUtc", "MessageId"} <= message.properties.keys()
    assert message.properties["DeliveryCount"] == 1
    assert (other.status, deleted.status, again.status) == (204, 200, 404)
    assert store.count(_ORDERS.holder).waiting == 0


async def test_a_message_that_is_given_back_comes_again(send: Send, store: MessageStore) -> None:
    _add(store)

    message = await send("POST", "/orders/messages/head?timeout=0")
    renewed = await send("POST", message.location)
    unlocked = await send("PUT", message.location)
    again = await send("POST", "/orders/messages/head?timeout=0")

    assert (renewed.status, unlocked.status) == (200, 200)
    assert (again.status, again.properties["DeliveryCount"]) == (201, 2)


async def test_a_message_can_be_received_and_deleted_at_once(send: Send, store: MessageStore) -> None:
    _add(store)

    assert (await send("DELETE", "/orders/messages/head?timeout=0")).body == "a"
    assert (await send("DELETE", "/orders/messages/head?timeout=0")).status == 204


async def test_a_receiver_waits_for_a_message(send: Send, store: MessageStore) -> None:
    waiting = asyncio.ensure_future(send("POST", "/orders/messages/head?timeout=60"))
    await asyncio.sleep(0)
    _add(store, "later")

    assert (await waiting).body == "later"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/none/messages/head?timeout=0", 404),
        ("POST", "/sessions/messages/head?timeout=0", 400),
        ("POST", "/orders/messages/head?timeout=soon", 400),
        ("GET", "/orders/messages/head?timeout=0", 405),
        ("GET", "/orders/messages/1/2", 405),
        ("PUT", "/orders/messages/1/2", 404),
        ("POST", "/events/subscriptions/audit/messages/head?timeout=0", 204),
    ],
)
async def test_what_is_not_there_is_refused(send: Send, method: str, path: str, status: int) -> None:
    assert (await send(method, path)).status == status
