"""Deployments that are carried out again after a run of them died."""

from __future__ import annotations

import asyncio

import pytest

from semantest_iac.application.deployment.preparation import Preparation
from semantest_iac.application.deployment.process import DeploymentProcess
from semantest_iac.application.deployment.recorder import read_deployment
from semantest_iac.application.deployment.recovery import failure_event
from semantest_iac.application.deployment.rollback import find_last_good
from semantest_iac.application.deployment.step_limits import StepLimiter
from semantest_iac.domain.errors import VerificationError
from semantest_iac_events.deployments import DeploymentRequested
from semantest_iac_events.infrastructure import InfrastructureRemovalRequested
from tests.fakes.application import REST, VARIABLES, InMemoryApp
from tests.fakes.memory_ledger import STACK_PARTS as ABOUT
from tests.fakes.timer import FakeTimer

LIMITER = StepLimiter(FakeTimer())
WAY_BACK = ["journal.step.intended:roll_back", "journal.step.observed:roll_back"]
AGAIN = ["journal.run.resumed", "journal.step.intended:validate"]


@pytest.fixture
def process(app: InMemoryApp) -> DeploymentProcess:
    preparation = Preparation(app.application.validation, app.application.secrets(VARIABLES), app.service, LIMITER)
    return DeploymentProcess(preparation, app.service, app.bus, app.ledger, app.progress.append, LIMITER)


async def kill_run(app: InMemoryApp, process: DeploymentProcess, point: str) -> DeploymentRequested:
    """Deploy until the run ends at this point without recording anything more."""
    request = DeploymentRequested(**ABOUT)
    await app.bus.record(request)
    app.points.fail(point, asyncio.CancelledError())
    with pytest.raises(asyncio.CancelledError):
        await process.deploy(request)
    return request


class TestDeploy:
    @pytest.mark.parametrize("point", ["preview", "apply:api", "call"], ids=["unchanged", "half", "unverified"])
    async def test_begins_again_with_the_first_step(
        self, app: InMemoryApp, process: DeploymentProcess, point: str
    ) -> None:
        request = await kill_run(app, process, point)
        before = len(app.recorded)
        await app.bus.publish(await process.deploy(request))

        assert (app.recorded[before : before + 2], app.recorded[-1]) == (AGAIN, "deployment.completed")
        assert app.recorded.count("deployment.started") == 1
        stack = app.ledger.stack(str(REST))
        assert (stack.last_good, stack.unsettled) == (request.deployment_id, None)

    async def test_leaves_the_stack_unsettled_where_the_next_run_fails_before_it_changes_anything(
        self, app: InMemoryApp, process: DeploymentProcess
    ) -> None:
        request = await kill_run(app, process, "apply:api")
        app.points.fail("preview", VerificationError("No."))
        with pytest.raises(VerificationError) as caught:
            await process.deploy(request)
        failure = failure_event(app.ledger, request, caught.value)
        assert failure is not None
        await app.bus.publish(failure)

        stack = app.ledger.stack(str(REST))
        assert (stack.owner, stack.unsettled) == (request.deployment_id, request.deployment_id)

    async def test_counts_its_runs(self, app: InMemoryApp, process: DeploymentProcess) -> None:
        request = await kill_run(app, process, "apply:api")
        app.points.fail("apply", asyncio.CancelledError())
        with pytest.raises(asyncio.CancelledError):
            await process.deploy(request)
        await app.bus.publish(await process.deploy(request))

        deployment = read_deployment(app.ledger, request.deployment_id)
        assert deployment is not None
        assert (deployment.attempt, deployment.was_interrupted, deployment.status) == (3, True, "completed")

    async def test_is_restored_with_the_package_of_its_last_run(
        self, app: InMemoryApp, process: DeploymentProcess
    ) -> None:
        request = await kill_run(app, process, "apply:api")
        app.artifacts.digest = "d2"
        await app.bus.publish(await process.deploy(request))

        found = find_last_good(app.ledger, REST)
        assert found is not None and found.package is not None
        assert (found.deployment, found.package.digest) == (request.deployment_id, "d2")

    async def test_goes_on_with_its_way_back(self, app: InMemoryApp, process: DeploymentProcess) -> None:
        good = await app.deploy()
        request = DeploymentRequested(**ABOUT, configuration={"components": {"rest-api": {"memory": 1024}}})
        await app.bus.record(request)
        app.points.fail("call", VerificationError("It is unhealthy."))
        app.points.fail("apply", None, asyncio.CancelledError(), asyncio.CancelledError())
        for _ in range(2):  # the first run, and one that goes back
            with pytest.raises(asyncio.CancelledError):
                await process.deploy(request)
        before = len(app.recorded)
        await app.bus.publish(await process.deploy(request))

        recorded = [name for name in app.recorded[before:] if name.startswith(("journal", "deployment"))]
        assert recorded == ["journal.run.resumed", *WAY_BACK, "deployment.rolled_back"]
        [row] = [row for row in app.ledger.deployments() if row.deployment == request.deployment_id]
        assert (row.error or {})["message"] == "It is unhealthy."
        assert (row.error or {})["restored_deployment"] == good.deployment


class TestDestroy:
    async def test_begins_again_with_its_step(self, app: InMemoryApp, process: DeploymentProcess) -> None:
        await app.deploy()
        request = InfrastructureRemovalRequested(**ABOUT)
        await app.bus.record(request)
        app.points.fail("remove:function", asyncio.CancelledError())
        with pytest.raises(asyncio.CancelledError):
            await process.destroy(request)
        before = len(app.recorded)
        await app.bus.publish(await process.destroy(request))

        steps = ["journal.run.resumed", "journal.step.intended:remove", "journal.step.observed:remove", "removed"]
        assert app.recorded[before:] == steps
        assert app.provisioner.clouds[str(REST)] == {}
