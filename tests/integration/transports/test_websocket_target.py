"""Semantest's WebSocket server as a target: an event is published once the server says that it is stored."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from semantest_iac.application.ports.event_transports import (
    PublishedMessage,
    TransportError,
    UnreachableTransportError,
)
from semantest_iac.domain.environments.event_sections import EventTargetSection
from semantest_iac.infrastructure.transports.http.event_store_client import EventStoreAddress
from semantest_iac.infrastructure.transports.http.websocket import EventStoreTarget, open_target
from semantest_iac_events.forms.cloudevents import from_cloudevent
from semantest_iac_events.forms.semantest import to_envelope_b
from tests.fakes.event_store_server import FakeEventStoreServer

_SAMPLE = Path(__file__).parents[3] / "events" / "conformance" / "deployment_completed.v1.json"


def _message(number: int) -> PublishedMessage:
    event = {"type": "infrastructure.deployment.completed", "eventType": "infrastructure.deployment.completed"}
    body = {**event, "aggregateId": "rest-api", "payload": {"number": number}, "correlationId": "c1", "metadata": {}}
    return PublishedMessage(str(number), event["type"], "rest-api", json.dumps(body).encode())


def _make_target(server: FakeEventStoreServer, answer_timeout_s: float = 30.0) -> EventStoreTarget:
    return EventStoreTarget(EventStoreAddress("core", server.url), answer_timeout_s=answer_timeout_s)


async def test_stores_events_in_order(server: FakeEventStoreServer) -> None:
    async with asyncio.timeout(60), _make_target(server).connect() as publish:
        for number in range(50):
            await publish(_message(number))

    assert [event["payload"]["number"] for event in server.log] == list(range(50))
    assert {event["eventType"] for event in server.log} == {"infrastructure.deployment.completed"}


async def test_stores_those_of_several_callers(server: FakeEventStoreServer) -> None:
    async with asyncio.timeout(60), _make_target(server).connect() as publish:
        await asyncio.gather(*(publish(_message(number)) for number in range(50)))

    assert sorted(event["payload"]["number"] for event in server.log) == list(range(50))


async def test_returns_once_the_server_has_confirmed(server: FakeEventStoreServer) -> None:
    server.before_broadcast = asyncio.Event()
    async with asyncio.timeout(60), _make_target(server).connect() as publish:
        publishing = asyncio.create_task(publish(_message(1)))
        while not server.log:  # noqa: ASYNC110 - the server announces nothing
            await asyncio.sleep(0.01)
        assert not publishing.done()
        server.before_broadcast.set()
        await publishing


async def test_stores_an_event_of_ours_that_a_reader_finds_again(server: FakeEventStoreServer) -> None:
    event = from_cloudevent(json.loads(_SAMPLE.read_text(encoding="utf-8")))
    body = json.dumps(to_envelope_b(event)).encode()
    async with asyncio.timeout(60), _make_target(server).connect() as publish:
        await publish(PublishedMessage(str(event.id), event.type_name, "stack", body))

    [stored] = server.log
    assert (stored["eventType"], stored["metadata"]["correlationId"]) == (event.type_name, event.correlation_id)
    assert stored["aggregateId"] == event.subject


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"type": "x"}', b'{"eventType": 7}', b'{"specversion": "1.0"}'])
async def test_refuses_what_the_server_would_ignore(server: FakeEventStoreServer, body: bytes) -> None:
    async with asyncio.timeout(60), _make_target(server).connect() as publish:
        with pytest.raises(TransportError) as caught:
            await publish(PublishedMessage("7", "x", "stack", body))
        await publish(_message(1))

    assert not caught.value.retryable
    assert caught.value.reason == "Cannot store the event 7: it is not in Semantest's form."
    assert len(server.log) == 1


async def test_says_that_the_server_does_not_answer(server: FakeEventStoreServer) -> None:
    async with asyncio.timeout(60), _make_target(server, answer_timeout_s=0.2).connect() as publish:
        server.is_silent = True
        with pytest.raises(UnreachableTransportError, match=r"the server does not answer\.$"):
            await publish(_message(1))


async def test_says_that_the_server_has_ended(server: FakeEventStoreServer) -> None:
    async with asyncio.timeout(60), _make_target(server).connect() as publish:
        await publish(_message(1))
        await server.stop()
        with pytest.raises(
            UnreachableTransportError, match=r"Cannot publish to 'core' \(ws://.*ended the connection\.$"
        ):
            await publish(_message(2))
        with pytest.raises(UnreachableTransportError):
            await publish(_message(2))
    with pytest.raises(UnreachableTransportError, match=r"connection refused\.$"):
        async with _make_target(server).connect():
            pass
    await server.start()
    async with asyncio.timeout(60), _make_target(server).connect() as publish:
        await publish(_message(2))

    assert [event["payload"]["number"] for event in server.log] == [1, 2]


async def test_says_that_the_server_could_not_store(server: FakeEventStoreServer) -> None:
    async with asyncio.timeout(60), _make_target(server).connect() as publish:
        server.is_silent = True
        publishing = asyncio.create_task(publish(_message(1)))
        await asyncio.sleep(0)
        await server.send_to_all('{"type": "error", "message": "ENOSPC: no space\\u001b[31m left"}')
        with pytest.raises(UnreachableTransportError, match=r"cannot store it: 'ENOSPC: no space\\u001b\[31m left'\.$"):
            await publishing


async def test_hides_credentials(server: FakeEventStoreServer) -> None:
    server.refuses_with = 401
    url = server.url.replace("//", "//user:s3cret@")
    target = open_target("core", EventTargetSection(type="websocket", url=url, token="s3cret-token"))

    with pytest.raises(TransportError) as caught:
        async with target.connect():
            pass

    assert not caught.value.retryable
    assert caught.value.reason == f"Cannot publish to 'core' ({server.url}): it refuses the token."


def test_has_the_url_of_a_websocket_server() -> None:
    with pytest.raises(TransportError) as caught:
        open_target("core", EventTargetSection(type="websocket", url="https://example.com"))

    assert [fault.path for fault in caught.value.faults] == ["event_targets.core.url"]
