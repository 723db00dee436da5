"""Requests of events on a real ledger and queue: each is accepted once, in order, or answered with its refusal."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from semantest_iac.application.deployment.context import identity_of
from semantest_iac.application.deployment.recorder import decode_event
from semantest_iac.application.intake.admission import build_rejection, judge_request
from semantest_iac.application.intake.request_origin import COMMAND_LINE, RequestOrigin, read_cloudevent_origin
from semantest_iac.application.ports.ledger import NewEvent, RecordedEvent
from semantest_iac.application.ports.request_sources import RequestLimit, RequestRefusal
from semantest_iac.application.ports.run_queue import Receipt, RunHolder, RunLease
from semantest_iac.application.queries.history import read_history
from semantest_iac.bootstrap.application import Application
from semantest_iac.infrastructure.databases.sqlite import SqliteDatabase
from semantest_iac.infrastructure.ledger.sql_ledger import SqlLedger
from semantest_iac.infrastructure.run_queue.run_table import RunTable
from semantest_iac_events.deployments import (
    DeploymentCompleted,
    DeploymentPlanned,
    DeploymentRejected,
    DeploymentRequested,
    DeploymentStarted,
    DeploymentSuperseded,
)
from semantest_iac_events.event import Event, StackRequest
from semantest_iac_events.forms.cloudevents import from_cloudevent, to_cloudevent
from semantest_iac_events.infrastructure import InfrastructureUpdated, ScalingTriggered
from semantest_iac_events.values import ChangeCounts

REST, SOCKET = (f"{component}.aws.development.us-east-1" for component in ("rest-api", "websocket"))
PLACE: dict[str, Any] = {"provider": "aws", "environment": "development", "region": "us-east-1"}
TERMINAL = (DeploymentCompleted, DeploymentSuperseded, DeploymentRejected)


def encode(event: Event) -> NewEvent:
    return NewEvent(event.type_name, json.dumps(to_cloudevent(event)))


class Deployments:
    """A queue and a ledger in one file, with an intake and a worker that deploys nothing."""

    def __init__(self, file: Path) -> None:
        self.database = SqliteDatabase(file)
        self.ledger = SqlLedger(self.database)
        self.queue = RunTable(self.database, self.ledger)

    async def receive(self, event: Event, **attributes: Any) -> Receipt:
        """Submit the request of a CloudEvent, as it was sent."""
        form = to_cloudevent(event, source="/github") | attributes
        request = from_cloudevent(form)
        assert isinstance(request, StackRequest)
        return await self.submit(request, read_cloudevent_origin(form, request))

    async def submit(self, request: StackRequest, origin: RequestOrigin = COMMAND_LINE) -> Receipt:
        judged = judge_request(self.ledger, request, origin, RequestLimit())

        def supersede(row: RecordedEvent, successor: str) -> NewEvent:
            replaced = decode_event(row)
            assert isinstance(replaced, StackRequest)
            ending = DeploymentSuperseded(**identity_of(replaced), successor=successor)
            return encode(ending.caused_by(replaced))

        def reject(refusal: RequestRefusal) -> tuple[str, NewEvent]:
            rejection = build_rejection(judged.request, refusal)
            return rejection.deployment_id, encode(rejection)

        if judged.duplicate_of:
            return Receipt(judged.duplicate_of, is_duplicate=True)
        return await self.queue.submit(replace(judged.submission, events=(encode(judged.request),)), supersede, reject)

    async def claim(self) -> RunLease | None:
        return await self.queue.claim(RunHolder("worker", "host", 1), 60)

    async def finish(self, lease: RunLease) -> None:
        """Record what a deployment records, and end the run."""
        [request] = [decode_event(row) for row in self.ledger.find_events([lease.deployment])]
        assert isinstance(request, StackRequest)
        identity, counts = identity_of(request), ChangeCounts(update=1)
        results: list[Event] = [
            DeploymentStarted(**identity),
            DeploymentPlanned(**identity, changes=counts),
            InfrastructureUpdated(**identity, changes=counts),
            DeploymentCompleted(**identity, changes=counts),
        ]
        await self.ledger.append(lease.stack, None, [encode(event.caused_by(request)) for event in results])
        await self.queue.end(lease)

    async def run_all(self) -> list[str]:
        order = []
        while lease := await self.claim():
            order.append(lease.deployment)
            await self.finish(lease)
        return order

    def recorded(self, *types: type[Event]) -> Sequence[Any]:
        events = [decode_event(row) for row in self.ledger.log()]
        return [event for event in events if isinstance(event, types)]


@pytest.fixture
def deployments(home: Path) -> Iterator[Deployments]:
    opened = Deployments(home / "ledger.db")
    yield opened
    opened.database.close()


def a_deploy(component: str = "rest-api", *causes: Event, **fields: Any) -> DeploymentRequested:
    return DeploymentRequested(component=component, **PLACE, **fields).caused_by(*causes)


class TestDuplicates:
    async def test_fifty_deliveries_at_once_are_one_deployment(self, home: Path, deployments: Deployments) -> None:
        request = a_deploy()
        processes = [deployments, *(Deployments(home / "ledger.db") for _ in range(4))]

        receipts = await asyncio.gather(*(processes[number % 5].receive(request) for number in range(50)))

        assert sum(not receipt.is_duplicate for receipt in receipts) == 1
        assert {receipt.deployment for receipt in receipts} == {request.deployment_id}
        assert await deployments.run_all() == [request.deployment_id]
        assert len(deployments.recorded(DeploymentRequested)) == 1
        for process in processes:
            process.database.close()

    async def test_come_long_after_the_deployment_too(self, deployments: Deployments) -> None:
        await deployments.receive(request := a_deploy())
        await deployments.run_all()

        receipt = await deployments.receive(request)

        assert (receipt.is_duplicate, await deployments.run_all()) == (True, [])

    async def test_are_our_own_requests_that_come_back(self, deployments: Deployments) -> None:
        receipt = await deployments.submit(request := a_deploy(requested_by="cli:ana"))
        await deployments.run_all()

        again = await deployments.receive(request, source="/semantest/infrastructure")

        assert (receipt.is_duplicate, again.is_duplicate, again.deployment) == (False, True, request.deployment_id)

    async def test_conflict_with_another_content(self, deployments: Deployments) -> None:
        await deployments.receive(request := a_deploy())

        receipt = await deployments.receive(request.model_copy(update={"refresh": True}))

        [answer] = deployments.recorded(DeploymentRejected)
        assert (answer.code, answer.accepted_deployment) == ("REQUEST_CONFLICT", request.deployment_id)
        assert (receipt.deployment, answer.previous_event_ids) == (answer.deployment_id, (request.id,))
        assert deployments.ledger.deployment(request.deployment_id).state == "pending"  # type: ignore[union-attr]


class TestOrder:
    async def test_lets_no_late_event_overtake(self, deployments: Deployments) -> None:
        older, newer = a_deploy(), a_deploy()
        await deployments.receive(newer, sequence="8")
        await deployments.run_all()

        receipt = await deployments.receive(older, sequence="7")

        [answer] = deployments.recorded(DeploymentRejected)
        assert receipt.refusal is not None
        assert (answer.code, answer.accepted_deployment) == ("STALE_REQUEST", newer.deployment_id)
        assert deployments.ledger.stack(REST).newest == newer.deployment_id
        assert [row["state"] for row in read_history(deployments.ledger)] == ["rejected", "completed"]
        assert read_history(deployments.ledger)[0]["error"]["code"] == "STALE_REQUEST"

    async def test_does_not_hold_for_commands(self, deployments: Deployments) -> None:
        older = a_deploy()
        await deployments.receive(a_deploy(), sequence="8")

        assert (await deployments.submit(older)).refusal is None


class TestLoops:
    async def test_end_after_one_deployment(self, deployments: Deployments) -> None:
        """A rule asks for a deployment whenever something happened to the stack, a refusal included."""
        await deployments.receive(a_deploy())
        handled: set[Event] = set()
        for _ in range(5):
            await deployments.run_all()
            seen = deployments.recorded(InfrastructureUpdated, DeploymentRejected)
            for event in [it for it in seen if it not in handled]:
                handled.add(event)
                await deployments.receive(a_deploy("rest-api", event))

        rejections = deployments.recorded(DeploymentRejected)
        assert len(deployments.recorded(DeploymentCompleted)) == 1
        assert {(answer.code, answer.ancestry) for answer in rejections} == {("REQUEST_LOOP", (REST, REST))}

    async def test_are_named_by_their_path(self, deployments: Deployments) -> None:
        await deployments.receive(a_deploy())
        await deployments.run_all()
        await deployments.receive(a_deploy("websocket", deployments.recorded(InfrastructureUpdated)[-1]))
        await deployments.run_all()

        receipt = await deployments.receive(a_deploy("rest-api", deployments.recorded(InfrastructureUpdated)[-1]))

        assert receipt.refusal is not None
        assert receipt.refusal.path == (REST, SOCKET, REST)
        assert f"{REST} -> {SOCKET} -> {REST}" in receipt.refusal.reason
        assert [request.hops for request in deployments.recorded(DeploymentRequested)] == [0, 1]

    async def test_are_not_the_stacks_and_the_repetitions_of_commands(self, deployments: Deployments) -> None:
        for component in ("rest-api", "websocket", "rest-api"):
            await deployments.submit(a_deploy(component, correlation_id="batch"))
            await deployments.run_all()

        assert len(deployments.recorded(DeploymentCompleted)) == 3


class TestFolding:
    async def test_answers_every_request_of_a_busy_stack(self, deployments: Deployments) -> None:
        requests = [a_deploy() for _ in range(30)]
        await deployments.receive(requests[0])
        lease = await deployments.claim()
        assert lease is not None
        for request in requests[1:15]:
            await deployments.receive(request)
        await deployments.receive(
            scale := ScalingTriggered(component="rest-api", **PLACE, min_instances=1, max_instances=2)
        )
        for request in requests[15:]:
            await deployments.receive(request)
        await deployments.finish(lease)

        order = await deployments.run_all()

        answers = {event.deployment_id for event in deployments.recorded(*TERMINAL)}
        assert order == [scale.deployment_id, requests[-1].deployment_id]
        assert answers == {request.deployment_id for request in (*requests, scale)}
        assert len(deployments.recorded(DeploymentSuperseded)) == 28


class TestFoldingAtOnce:
    async def test_each_replaces_the_one_before(self, home: Path) -> None:
        """Whole requests, as they arrive: those that share a transaction replace each other in it."""
        application = Application(home)
        use_cases = application.deployments({})
        requests = [DeploymentRequested(component="rest-api", **PLACE, requested_by="test") for _ in range(8)]

        receipts = await asyncio.gather(
            *(use_cases.submit_event(it, read_cloudevent_origin(to_cloudevent(it), it)) for it in requests)
        )

        replaced = {deployment for receipt in receipts for deployment in receipt.replaced}
        [waiting] = application.run_queue.list_runs()
        assert len(replaced) == 7
        assert {waiting.deployment} | replaced == {request.deployment_id for request in requests}
        assert {row.state for row in application.ledger.deployments()} == {"pending", "superseded"}


class TestRate:
    async def test_stops_a_flood(self, deployments: Deployments) -> None:
        receipts = [await deployments.receive(a_deploy()) for _ in range(130)]

        codes = [receipt.refusal and receipt.refusal.code for receipt in receipts]
        assert codes == [None] * 60 + ["RATE_LIMITED"] * 70
        assert len(deployments.recorded(DeploymentRejected)) == 60
        assert len(await deployments.run_all()) == 1
