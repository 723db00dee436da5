"""Plans that wait for a person for days, over restarts, in each database that several processes share."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from semantest_iac.application.intake.received_events import wrap_event
from semantest_iac.application.operators.approvals import DecidedPlan
from semantest_iac.application.ports.ledger import DeploymentRow
from semantest_iac.application.ports.run_queue import FIRST_COME
from semantest_iac.bootstrap.application import Application
from semantest_iac.bootstrap.engines import EngineEntry
from semantest_iac.domain.errors import RefusedError
from semantest_iac.domain.guardrails.engine_choice import SANDBOX_ENGINE
from semantest_iac.infrastructure.databases.database import Database
from semantest_iac.infrastructure.ledger.sql_ledger import SqlLedger
from semantest_iac.infrastructure.run_queue.run_table import RunTable
from semantest_iac_events.deployments import DeploymentApproved
from tests.fakes.application import REST
from tests.fakes.artifact_builder import FakeArtifactBuilder
from tests.fakes.artifact_store import FakeArtifactStore
from tests.fakes.control_points import ControlPoints
from tests.fakes.provisioner import FakeProvisioner
from tests.fakes.service_probe import FakeServiceProbe
from tests.fakes.stack_locks import FakeStackLocks
from tests.fakes.timer import FakeTimer
from tests.run_queues import open_database

RULES = {"required": True, "approvers": ["ana", "ben"], "four_eyes": True}
ALMOST_SEVEN_DAYS = timedelta(days=7) - timedelta(minutes=5)


class Machines:
    """Processes that share a database and a cloud; each has a clock that is ahead by as much as the test says."""

    def __init__(self, location: str) -> None:
        self.ahead = timedelta()
        self._points = ControlPoints()
        self.provisioner = FakeProvisioner(self._points)
        self._store = FakeArtifactStore(self._points)
        self._location = location
        self._opened: list[Database] = []

    def read_now(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def start(self) -> Application:
        """Start another process."""
        database = open_database(self._location, lambda: time.time() + self.ahead.total_seconds())
        self._opened.append(database)
        ledger = SqlLedger(database)
        probe = FakeServiceProbe(self._points)
        return Application(
            Path("home"),
            ledger=ledger,
            run_queue=RunTable(database, ledger),
            locks=FakeStackLocks(),
            engines={SANDBOX_ENGINE: EngineEntry(lambda _: self.provisioner, lambda _, engine: probe)},
            artifacts=FakeArtifactBuilder(self._points),
            artifact_store=self._store,
            timer=FakeTimer(per_read=1000),
            clock=self.read_now,
        )

    def close(self) -> None:
        for database in self._opened:
            database.close()

    async def request(self, by: str = "cleo", **rules: Any) -> DeploymentRow:
        """Let a person leave a deployment to workers."""
        configuration = {"approvals": RULES | rules}
        deploying = self.start().deployments({}).deploy(REST, configuration, by=by, detach=FIRST_COME)
        return await deploying

    async def work(self) -> None:
        """Let a worker start, carry out what it can, and stop."""
        await self.start().worker({}).run_until_idle()

    async def approve(self, row: DeploymentRow, by: str, digest: str = "") -> DecidedPlan:
        return await self.start().approvals({}).approve(row.deployment, by, digest)

    async def reject(self, row: DeploymentRow, by: str) -> DecidedPlan:
        return await self.start().approvals({}).reject(row.deployment, by, "not on a Friday")

    def types(self) -> list[str]:
        """What was recorded, without the journal."""
        log = self.start().ledger.log()
        return [it.type.removeprefix("infrastructure.") for it in log if ".journal." not in it.type]

    def states(self) -> list[str]:
        return [str(row.state) for row in self.start().ledger.deployments()]


@pytest.fixture
def machines(location: str) -> Iterator[Machines]:
    opened = Machines(location)
    yield opened
    opened.close()


def code_of(error: BaseException | DecidedPlan) -> str:
    """The code of a refusal."""
    return error.error_code if isinstance(error, RefusedError) else ""


class TestWaiting:
    async def test_lasts_for_seven_days_over_restarts(self, machines: Machines) -> None:
        row = await machines.request()
        await machines.work()
        [parked] = machines.start().run_queue.list_runs()
        for _ in range(2):
            machines.ahead += ALMOST_SEVEN_DAYS / 2
            await machines.work()
        assert machines.states() == ["awaiting_approval"]

        await machines.approve(row, "ana")
        await machines.work()

        assert (parked.state, parked.holder, parked.attempts) == ("parked", None, 0)
        assert machines.states() == ["completed"]
        types = machines.types()
        assert [types.count(f"approval.{kind}") for kind in ("requested", "granted")] == [1, 1]

    async def test_is_followed_by_another_wait_where_the_plan_has_changed(self, machines: Machines) -> None:
        row = await machines.request()
        await machines.work()
        seen = machines.start().approvals({}).find_waiting(row.deployment)
        machines.ahead += ALMOST_SEVEN_DAYS
        machines.provisioner.clouds[str(REST)] = {"stranger": "of somebody else"}
        await machines.approve(row, "ana")
        await machines.work()

        now = machines.start().approvals({}).find_waiting(row.deployment)
        assert seen is not None
        assert now is not None
        assert (machines.states(), seen.digest != now.digest) == (["awaiting_approval"], True)
        assert now.ends_at - seen.ends_at > ALMOST_SEVEN_DAYS - timedelta(minutes=5)
        with pytest.raises(RefusedError, match="waits by now") as changed:
            await machines.approve(row, "ana", seen.digest)
        assert changed.value.error_code == "PLAN_CHANGED"
        await machines.approve(row, "ben", now.digest[:8])
        await machines.work()
        assert (machines.states(), "stranger" in machines.provisioner.clouds[str(REST)]) == (["completed"], False)

    async def test_ends_as_rejected_when_its_time_is_over(self, machines: Machines) -> None:
        row = await machines.request(expires_after="1s")
        await machines.work()
        machines.ahead += timedelta(seconds=1)
        with pytest.raises(RefusedError) as late:
            await machines.approve(row, "ana")
        await asyncio.sleep(1)  # of the server's clock
        await machines.work()

        ended = machines.start().ledger.deployment(row.deployment)
        assert late.value.error_code == "APPROVAL_EXPIRED"
        assert ended is not None
        assert (ended.state, (ended.error or {})["code"]) == ("rejected", "APPROVAL_EXPIRED")
        assert machines.start().run_queue.list_runs() == []

    async def test_ends_where_a_later_deployment_says_what_is_to_be(self, machines: Machines) -> None:
        first = await machines.request()
        await machines.work()
        second = await machines.request()
        states = machines.states()
        with pytest.raises(RefusedError):
            await machines.approve(first, "ana")
        await machines.work()
        await machines.approve(second, "ana")
        await machines.work()

        assert (states, machines.states()) == (["pending", "superseded"], ["completed", "superseded"])

    async def test_ends_at_once_where_it_is_cancelled(self, machines: Machines) -> None:
        row = await machines.request()
        await machines.work()

        assert await machines.start().queued_requests({}).cancel(row.deployment) == "cancelled"
        assert (machines.states(), machines.start().run_queue.list_runs()) == (["cancelled"], [])

    async def test_of_a_destroy_keeps_everything(self, machines: Machines) -> None:
        row = await machines.request()
        await machines.work()
        await machines.approve(row, "ana")
        await machines.work()
        made = len(machines.provisioner.clouds[str(REST)])
        removal = await machines.start().deployments({}).destroy(REST, by="cleo")
        waiting = len(machines.provisioner.clouds[str(REST)])
        await machines.approve(removal, "ben")
        await machines.work()

        assert (removal.state, made, waiting) == ("awaiting_approval", waiting, made)
        assert (machines.states()[0], machines.provisioner.clouds[str(REST)]) == ("completed", {})


class TestDecisions:
    async def test_are_taken_once_however_often_they_are_made(self, machines: Machines) -> None:
        row = await machines.request()
        await machines.work()
        decided = [await machines.approve(row, "ana") for _ in range(2)]
        await machines.work()
        later = await machines.approve(row, "ben")

        assert [it.is_new for it in (*decided, later)] == [True, False, False]
        assert later.row.state == "completed"

    async def test_of_several_processes_at_once_are_one(self, machines: Machines) -> None:
        row = await machines.request()
        await machines.work()
        decided = await asyncio.gather(
            machines.approve(row, "ana"),
            machines.reject(row, "ben"),
            machines.approve(row, "ben"),
            return_exceptions=True,
        )
        await machines.work()

        is_new = [it.is_new for it in decided if isinstance(it, DecidedPlan)]
        assert sum(is_new) == 1
        types = machines.types()
        granted, denied = types.count("approval.granted"), types.count("approval.denied")
        assert (granted, denied) in ((1, 0), (0, 1))
        assert machines.states() == ["completed" if granted else "rejected"]
        assert {code_of(it) for it in decided} <= {"", "NOT_AWAITING_APPROVAL"}

    async def test_are_those_of_other_people(self, machines: Machines) -> None:
        row = await machines.request(by="ana")
        await machines.work()
        decided = await asyncio.gather(
            machines.approve(row, "ana"),
            machines.approve(row, "cleo"),
            machines.reject(row, "dora"),
            return_exceptions=True,
        )

        assert [code_of(it) for it in decided] == ["FOUR_EYES", "NOT_AN_APPROVER", "NOT_AN_APPROVER"]
        assert machines.states() == ["awaiting_approval"]
        assert (await machines.approve(row, "ben")).is_new

    async def test_to_reject_end_the_deployment_at_once(self, machines: Machines) -> None:
        row = await machines.request()
        await machines.work()
        withdrawn = await machines.reject(row, "cleo")
        again = await machines.reject(row, "ana")
        with pytest.raises(RefusedError, match="it is rejected, and waits for no approval"):
            await machines.approve(row, "ana")

        assert [it.is_new for it in (withdrawn, again)] == [True, False]
        assert (withdrawn.row.error or {})["message"] == "cleo did not approve the plan: not on a Friday"
        assert machines.start().run_queue.list_runs() == []

    async def test_are_none_of_events(self, machines: Machines) -> None:
        row = await machines.request()
        await machines.work()
        waiting = machines.start().approvals({}).find_waiting(row.deployment)
        assert waiting is not None
        granted = DeploymentApproved(
            **asdict(REST), deployment_id=row.deployment, approved_by="ana", plan_digest=waiting.digest
        )
        results = await machines.start().event_bus({}).receive(wrap_event(granted, "core"))
        await machines.work()

        assert [result.outcome for result in results if result.outcome == "accepted"] == []
        assert machines.states() == ["awaiting_approval"]

    async def test_about_what_never_waited_are_refused(self, machines: Machines) -> None:
        row = await machines.request()

        for deciding in (machines.approve(row, "ana"), machines.reject(row, "ana")):
            with pytest.raises(RefusedError, match="it is pending, and waits for no approval"):
                await deciding


class TestRequiredApproval:
    async def test_is_that_of_the_plans_that_replace_or_delete(self, machines: Machines) -> None:
        rules: dict[str, Any] = {"required": "destructive", "four_eyes": False}
        first = await machines.request(**rules)
        await machines.work()
        assert machines.states() == ["completed"]
        machines.provisioner.clouds[str(REST)]["stranger"] = "of somebody else"
        second = await machines.request(**rules)
        await machines.work()

        waiting = machines.start().approvals({}).find_waiting(second.deployment)
        assert (first.deployment != second.deployment, waiting and waiting.asked.reasons) == (
            True,
            ("stranger (fake) is deleted",),
        )

    async def test_is_that_of_the_process_where_it_is_stricter(
        self, machines: Machines, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        (tmp_path / "semantest.yaml").write_text("environments: {development: {approvals: {required: true}}}\n")
        row = await machines.request(required=False, approvers=["ana"])
        await machines.work()

        waiting = machines.start().approvals({}).find_waiting(row.deployment)
        assert waiting is not None
        assert waiting.asked.approvers == ("ana",)
        assert waiting.asked.reasons == ("every plan for development is approved by a person",)

    async def test_is_that_of_every_plan_where_the_process_cannot_read_its_own(
        self, machines: Machines, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        (tmp_path / "semantest.yaml").write_text("approvals: {required: perhaps}\n")
        await machines.request(required=False)
        await machines.work()

        assert machines.states() == ["awaiting_approval"]
