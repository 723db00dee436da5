"""A worker's scheduler of drift checks, on adapters in memory."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from semantest_iac.application.drift.schedule import DriftScheduler
from semantest_iac.application.ports.run_queue import FIRST_COME, RunLease
from semantest_iac.bootstrap.deployments import identify_worker
from semantest_iac.domain.deployment.change_plan import PlannedChange
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.errors import ProviderError, StackBusyError
from tests.fakes.application import REST, InMemoryApp, configuration_of

_DRIFT = (PlannedChange("urn:function", "fake", "function", "delete"),)


class Checker:
    """Checks stacks as the test says."""

    def __init__(self, app: InMemoryApp) -> None:
        self.app = app
        self.checked: list[str] = []
        self.found: Sequence[PlannedChange] | Exception = ()
        self.obstacle = ""
        self.hangs = False
        self.begun = asyncio.Event()

    async def check(self, lease: RunLease, stack: Stack) -> Sequence[PlannedChange]:
        self.checked.append(str(stack))
        self.begun.set()
        if self.hangs:
            await asyncio.Event().wait()
        if isinstance(self.found, Exception):
            raise self.found
        return self.found

    def scheduler(self, period_s: float | None = 0.0) -> DriftScheduler:
        """Return a scheduler for which everything deployed is due."""
        app, holder = self.app, identify_worker()
        return DriftScheduler(app.queue, app.ledger, self.check, lambda stack: self.obstacle, holder, period_s)

    @property
    def outcomes(self) -> dict[str, str]:
        return {check.stack: check.outcome for check in self.app.queue.list_checks()}


@pytest.fixture
def checker(app: InMemoryApp) -> Checker:
    return Checker(app)


class TestRequestedCheck:
    async def test_is_made_by_a_worker_that_looks_for_no_other_drift(self, checker: Checker) -> None:
        await checker.app.deploy(REST)
        scheduler = checker.scheduler(period_s=None)
        await scheduler.check_due_stacks()
        assert checker.checked == []

        await checker.app.queue.request_check(str(REST))
        await scheduler.check_due_stacks()
        await scheduler.check_due_stacks()

        assert (checker.checked, checker.outcomes) == ([str(REST)], {str(REST): "no_drift"})


class TestScheduler:
    @pytest.mark.parametrize(
        ("found", "outcome"),
        [
            ((), "no_drift"),
            (_DRIFT, "drift"),
            (ProviderError("no", provider="aws"), "failed"),
            (StackBusyError("a deployment has begun"), "busy"),
            (RuntimeError("a defect"), "failed"),
        ],
        ids=["no drift", "drift", "failed", "busy", "defect"],
    )
    async def test_checks_what_is_deployed_and_keeps_what_it_found(
        self, checker: Checker, found: Any, outcome: str
    ) -> None:
        await checker.app.deploy()
        checker.found = found
        await checker.scheduler().check_due_stacks()

        assert (checker.checked, checker.outcomes) == ([str(REST)], {str(REST): outcome})
        assert checker.app.queue.list_runs() == []

    async def test_leaves_what_was_deployed_a_short_time_ago(self, checker: Checker) -> None:
        await checker.app.deploy()
        await checker.scheduler(period_s=1e9).check_due_stacks()

        assert (checker.checked, checker.outcomes) == ([], {})

    async def test_leaves_what_is_not_deployed_or_waits_to_be(self, checker: Checker) -> None:
        await checker.app.use_cases.deploy(REST, configuration_of(), detach=FIRST_COME)
        await checker.scheduler().check_due_stacks()

        assert checker.checked == []

    async def test_says_once_what_it_cannot_check(self, checker: Checker, caplog: pytest.LogCaptureFixture) -> None:
        await checker.app.deploy()
        checker.obstacle = "its engine is not installed"
        scheduler = checker.scheduler()
        for _ in range(3):
            await scheduler.check_due_stacks()

        assert (checker.checked, checker.outcomes) == ([], {})
        assert caplog.messages == [f"Drift of {REST} is not looked for by this worker: its engine is not installed"]

    async def test_gives_a_check_up_for_a_deployment(self, checker: Checker, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("semantest_iac.application.drift.schedule._GIVES_WAY_EVERY_S", 0.01)
        await checker.app.deploy()
        checker.hangs = True
        checking = asyncio.create_task(checker.scheduler().check_due_stacks())
        await checker.begun.wait()
        await checker.app.use_cases.deploy(REST, configuration_of(), detach=FIRST_COME)
        async with asyncio.timeout(60):
            await checking

        assert checker.outcomes == {str(REST): "busy"}

    async def test_gives_a_check_up_when_the_worker_stops(self, checker: Checker) -> None:
        await checker.app.deploy()
        checker.hangs = True
        stopped = asyncio.Event()
        serving = asyncio.create_task(checker.scheduler().serve(stopped))
        await checker.begun.wait()
        stopped.set()
        async with asyncio.timeout(60):
            await serving

        assert (checker.outcomes, checker.app.queue.list_runs()) == ({str(REST): "interrupted"}, [])
