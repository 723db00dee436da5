"""A relay to real brokers that are killed twice: every event arrives, in the order of the ledger."""

from __future__ import annotations

import asyncio
import json
from importlib import import_module
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from semantest_iac.application.deployment.recorder import encode_event
from semantest_iac.application.relay.messages import MessageRenderer, render_cloudevent
from semantest_iac.application.relay.relay import Relay, RelaySettings
from semantest_iac.application.relay.selection import PublishedSelection
from semantest_iac.application.relay.target_publisher import RetryPauses
from semantest_iac.infrastructure.ledger.sqlite import SqliteLedger
from semantest_iac.infrastructure.transports.records.dead_letter_table import DeadLetterTable
from semantest_iac.infrastructure.transports.records.relay_lease_table import RelayLeaseTable
from semantest_iac_events.deployments import DeploymentRequested
from tests.broker_clients import BrokerClient, NatsClient, RedisStreamClient
from tests.brokers import run_broker

EVENTS = 300
_PLACE: dict[str, Any] = {"provider": "aws", "environment": "development", "region": "us-east-1"}


async def publish_with_kills(client: BrokerClient, ledger: SqliteLedger, events: int) -> list[int]:
    """Publish so many events while the broker is killed twice, and return the numbers of those that it has."""
    requests = [DeploymentRequested(id=UUID(int=it), component="rest-api", **_PLACE) for it in range(1, events + 1)]
    await ledger.append(requests[0].stack, None, [encode_event(request, str) for request in requests])
    await client.create()
    leases, stopped = RelayLeaseTable(ledger.database), asyncio.Event()
    transport = import_module(f"semantest_iac.infrastructure.transports.brokers.{client.opener}")
    relay = Relay(
        transport.open_target("broker", client.target_section),
        ledger,
        leases,
        letters := DeadLetterTable(ledger.database),
        MessageRenderer(PublishedSelection(), render_cloudevent),
        "worker",
        RelaySettings(from_start=True, pauses=RetryPauses(0.01, 0.1)),
    )
    async with asyncio.TaskGroup() as group:
        group.create_task(relay.serve(stopped))
        for part in (1, 2):
            await _until(lambda part=part: _read_position(leases) >= part * events // 3)
            await asyncio.to_thread(client.server.kill)
            await _until(lambda: bool(relay.find_fault()) or _read_position(leases) == events)
            await asyncio.to_thread(client.server.start)
        await _until(lambda: _read_position(leases) == events)
        stopped.set()
    assert letters.list() == []
    return [UUID(json.loads(body)["id"]).int for body in await _read_all(client)]


async def _read_all(client: BrokerClient) -> list[bytes]:
    async with client.connect() as connection:  # type: ignore[attr-defined]  # both have it
        if isinstance(client, NatsClient):
            count = (await connection.jetstream().stream_info(client.name)).state.messages
        else:
            count = await connection.xlen(client.name)
    return [body for body, _ in await client.read(count)]


def _read_position(leases: RelayLeaseTable) -> int:
    return int(leases.read_position("broker") or 0)


async def _until(condition: Any) -> None:
    async with asyncio.timeout(120):
        while not condition():  # noqa: ASYNC110 - nothing sets an event
            await asyncio.sleep(0.005)


@pytest.mark.parametrize("kind", [NatsClient, RedisStreamClient])
async def test_loses_nothing_and_keeps_the_order(kind: type[BrokerClient], tmp_path: Path) -> None:
    ledger = SqliteLedger(tmp_path / "ledger.db")
    with run_broker(kind.kind) as server:
        found = await publish_with_kills(kind(server), ledger, EVENTS)
    ledger.close()

    assert list(dict.fromkeys(found)) == list(range(1, EVENTS + 1))
    if kind is NatsClient:
        assert len(found) == EVENTS, "a message with the same id is stored once"
