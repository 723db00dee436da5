"""Runs that a dead worker has left in the queue: what becomes of each."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from semantest_iac.application.ports.ledger import NewEvent, RecordedEvent
from semantest_iac.application.ports.run_queue import FIRST_COME, QueuedRun
from semantest_iac.application.run_executor import MAX_ATTEMPTS
from semantest_iac.domain.errors import LedgerError
from semantest_iac_events.deployments import DeploymentRequested
from tests.fakes.application import REST, VARIABLES, InMemoryApp
from tests.fakes.memory_ledger import STACK_PARTS as ABOUT
from tests.fakes.memory_ledger import MemoryLedger, an_event


class FullDisk(MemoryLedger):
    """Takes no event while it is full."""

    is_full = False

    async def append(
        self, stream: str, expected_version: int | None, events: Sequence[NewEvent]
    ) -> list[RecordedEvent]:
        if self.is_full:
            raise LedgerError("Cannot append to the ledger: the disk is full.", "LEDGER_FULL")
        return await super().append(stream, expected_version, events)


def leave_in_queue(app: InMemoryApp, deployment: str, attempts: int = 1, *, is_cancelled: bool = False) -> None:
    """Put a deployment into the queue as its worker has left it."""
    run = QueuedRun(1, deployment, str(REST), "retrying", 0, attempts, None, None, is_cancelled)
    app.queue.runs[deployment] = run


async def begin(app: InMemoryApp) -> str:
    """Record what a worker leaves that dies while it applies; returns the deployment."""
    request = DeploymentRequested(**ABOUT)
    await app.bus.record(request)
    for kind, data in (("deployment.started", {}), ("journal.step.intended", {"step": "validate"})):
        await app.ledger.append(str(REST), None, [an_event(kind, request.deployment_id, data=data)])
    return request.deployment_id


async def work(app: InMemoryApp) -> list[str]:
    """Let a worker carry out what is queued; returns what it recorded."""
    before = len(app.recorded)
    await app.application.worker(VARIABLES).run_until_idle()
    assert app.queue.runs == {}
    return app.recorded[before:]


class TestWorker:
    async def test_takes_an_ended_run_out_of_the_queue(self, app: InMemoryApp) -> None:
        """Its worker died behind the terminal event, before it freed the stack."""
        leave_in_queue(app, (await app.deploy()).deployment)

        assert await work(app) == []

    async def test_carries_out_again_what_had_begun(self, app: InMemoryApp) -> None:
        leave_in_queue(app, await begin(app))

        recorded = await work(app)

        assert (recorded[0], recorded[-1]) == ("journal.run.resumed", "deployment.completed")

    async def test_ends_what_is_to_be_cancelled(self, app: InMemoryApp) -> None:
        leave_in_queue(app, await begin(app), is_cancelled=True)

        assert await work(app) == ["deployment.cancelled"]

    async def test_goes_on_when_the_ledger_takes_events_again(self) -> None:
        disk = FullDisk()
        app = InMemoryApp(disk)
        await app.use_cases.deploy(REST, {}, detach=FIRST_COME)
        worker = app.application.worker(VARIABLES)
        disk.is_full = True
        for _ in range(3 * MAX_ATTEMPTS):
            with pytest.raises(LedgerError):
                await worker.run_next()
        disk.is_full = False

        await worker.run_until_idle()

        assert [row.state for row in app.ledger.deployments()] == ["completed"]

    async def test_asks_for_a_person_after_too_many_dead_workers(self, app: InMemoryApp) -> None:
        leave_in_queue(app, await begin(app), attempts=MAX_ATTEMPTS)

        recorded = await work(app)

        [row] = app.ledger.deployments()
        assert (recorded, (row.error or {})["code"]) == (["deployment.needs_operator"], "TOO_MANY_ATTEMPTS")


class TestCommand:
    async def test_ends_what_had_begun_and_carries_out_its_own(self, app: InMemoryApp) -> None:
        leave_in_queue(app, await begin(app))
        await app.deploy()

        rows = app.ledger.deployments()
        assert [row.state for row in rows] == ["completed", "failed"]
        assert (rows[1].error or {})["code"] == "INTERRUPTED"
