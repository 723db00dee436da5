"""Refused requests leave no trace; cancelled and killed deployments get one terminal event."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from dataclasses import asdict
from socket import gethostname
from typing import Any

import pytest

from semantest_iac.application.deployment.context import component_type_of
from semantest_iac.application.deployment.preparation import requested_configuration
from semantest_iac.application.deployment.recorder import encode_event
from semantest_iac.application.ports.ledger import NewEvent, RecordedEvent
from semantest_iac.application.ports.run_queue import Submission
from semantest_iac.application.queries.history import find_component_type_of
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.deployment.status import DeploymentStatus
from semantest_iac.domain.environments.configuration import find_component_type
from semantest_iac.domain.errors import (
    ArtifactError,
    DeploymentError,
    Fault,
    LedgerError,
    RefusedError,
    ValidationError,
)
from semantest_iac_events.deployments import DeploymentRequested
from semantest_iac_events.infrastructure import InfrastructureRemovalRequested
from tests.fakes.application import REST, InMemoryApp, configuration_of
from tests.fakes.memory_ledger import MemoryLedger, a_deploy, an_event
from tests.fakes.provisioner import ENDPOINT
from tests.run_queues import reject_as

TERMINAL_TYPES = ("infrastructure.deployment.completed", "infrastructure.deployment.failed")
ABOUT: dict[str, Any] = {"component": "rest-api", "provider": "aws", "environment": "development"}


async def refusal(app: InMemoryApp, stack: Stack, **section: Any) -> DeploymentError:
    with pytest.raises(DeploymentError) as caught:
        await app.deploy(stack, **section)
    assert app.ledger.recorded == []
    return caught.value


def paths(faults: tuple[Fault, ...]) -> list[str]:
    return [fault.path for fault in faults]


class TestRefusal:
    async def test_names_every_fault_at_once_and_leaves_no_trace(self, app: InMemoryApp) -> None:
        variables = {"KEY": "${secrets.first}", "PIN": "${secrets.second}"}

        error = await refusal(app, REST, memory=64, timeout=900, environment=variables)

        assert isinstance(error, ValidationError)
        names = ["memory", "timeout", "environment.KEY", "environment.PIN"]
        assert sorted(paths(error.faults)) == sorted(f"components.rest-api.{name}" for name in names)

    async def test_names_every_unknown_part_of_the_stack(self, app: InMemoryApp) -> None:
        error = await refusal(app, Stack("rest-pai", "gcp", "moon", "mars"))

        assert paths(error.faults)[:3] == ["component", "provider", "environment"]

    async def test_names_the_paths_of_a_misshapen_configuration(self, app: InMemoryApp) -> None:
        error = await refusal(app, REST, memory="much", colour="red")

        assert paths(error.faults) == ["components.rest-api.memory", "components.rest-api.colour"]

    async def test_covers_sources_that_cannot_be_packaged(self, app: InMemoryApp) -> None:
        app.points.fail("build", ArtifactError("Cannot package '/src': it is empty."))

        assert isinstance(await refusal(app, REST), ArtifactError)

    async def test_covers_full_disks(self, app: InMemoryApp) -> None:
        app.locks.is_full = True

        assert (await refusal(app, REST)).error_code == "DISK_FULL"

    async def test_covers_environments_without_their_engine(self, app: InMemoryApp) -> None:
        error = await refusal(app, Stack("rest-api", "aws", "production", "us-east-1"))

        assert isinstance(error, RefusedError)

    async def test_reports_faults_before_a_missing_engine(self, app: InMemoryApp) -> None:
        error = await refusal(app, Stack("rest-api", "aws", "production", "us-east-1"), memory=64)

        assert paths(error.faults) == ["components.rest-api.memory"]

    @pytest.mark.parametrize(
        ("stack", "kind"),
        [
            (Stack("rest-api", "gcp", "development", "us-east-1"), ValidationError),
            (Stack("rest-api", "aws", "production", "us-east-1"), RefusedError),
        ],
        ids=["unknown-provider", "no-engine"],
    )
    async def test_covers_destroys_too(self, app: InMemoryApp, stack: Stack, kind: type[DeploymentError]) -> None:
        with pytest.raises(kind):
            await app.use_cases.destroy(stack)
        with pytest.raises(kind):
            await app.use_cases.preview_destroy(stack)
        assert app.ledger.recorded == []


USERS = Stack("users", "aws", "development", "us-east-1")


class TestComponentType:
    async def test_of_a_component_with_a_name_of_its_own_is_recorded(self, app: InMemoryApp) -> None:
        row = await app.deploy(USERS, type="rest-api", memory=512)

        assert row.state is DeploymentStatus.COMPLETED
        assert app.ledger.recorded[0].event["data"]["component_type"] == "rest-api"
        assert find_component_type_of(app.ledger.stack(str(USERS))) == "rest-api"
        assert (await app.use_cases.destroy(USERS)).state is DeploymentStatus.COMPLETED
        assert find_component_type_of(app.ledger.stack(str(USERS))) == "rest-api"

    async def test_of_a_good_deployment_counts_for_a_rollback(self, app: InMemoryApp) -> None:
        good = await app.deploy(USERS, type="rest-api")
        app.probe.answers = [500]
        row = await app.deploy(USERS, type="rest-api", memory=2048)

        assert row.error is not None
        assert (row.state, row.error["restored_deployment"]) == ("rolled_back", good.deployment)

    def test_of_a_request_is_enough(self) -> None:
        request = DeploymentRequested(**asdict(USERS), component_type="rest-api")

        assert component_type_of(request) == "rest-api"
        assert find_component_type(requested_configuration(request), "users") == "rest-api"

    def test_of_a_request_is_that_of_its_configuration(self) -> None:
        configuration = configuration_of(USERS, type="rest-api")
        request = DeploymentRequested(**asdict(USERS), configuration=configuration)

        assert component_type_of(request) == "rest-api"
        with pytest.raises(ValidationError) as caught:
            requested_configuration(request.model_copy(update={"component_type": "websocket"}))
        assert paths(caught.value.faults) == ["component_type"]

    async def test_cannot_change_while_the_stack_is_deployed(self, app: InMemoryApp) -> None:
        await app.deploy(USERS, type="rest-api")

        with pytest.raises(RefusedError) as caught:
            await app.deploy(USERS, type="websocket")

        assert caught.value.error_code == "TYPE_DIFFERS"
        assert "destroy --component users --provider aws" in caught.value.hint
        await app.use_cases.destroy(USERS)
        assert (await app.deploy(USERS, type="websocket")).state is DeploymentStatus.COMPLETED


class TestWaiting:
    async def test_lasts_until_the_deployment_before_has_ended(self, app: InMemoryApp) -> None:
        reached = app.points.hold("apply")
        first = asyncio.create_task(app.deploy())
        await reached.wait()
        second = asyncio.create_task(app.deploy())
        await asyncio.sleep(0.05)
        started_meanwhile = app.recorded.count("deployment.started")
        first.cancel()
        await asyncio.wait([first, second])

        assert (started_meanwhile, second.result().state) == (1, "completed")

    async def test_is_a_step_that_names_the_holder(self, app: InMemoryApp) -> None:
        reached = app.points.hold("apply")
        first = asyncio.create_task(app.deploy())
        await reached.wait()
        second = asyncio.create_task(app.deploy())
        while not any(tick.op == "wait" for tick in app.progress):  # noqa: ASYNC110 - progress has no event
            await asyncio.sleep(0.01)
        first.cancel()
        await second

        waits = [tick for tick in app.progress if tick.op == "wait"]
        deployment = app.ledger.recorded[0].event["data"]["deployment_id"]
        assert [tick.state for tick in waits] == ["running", "done"]
        assert {tick.name for tick in waits} == {f"deployment {deployment} (pid {os.getpid()} on {gethostname()})"}

    async def test_can_be_cancelled(self, app: InMemoryApp) -> None:
        reached = app.points.hold("apply")
        first = asyncio.create_task(app.deploy())
        await reached.wait()
        waiting = asyncio.create_task(app.deploy())
        for _ in range(1000):
            if any(tick.op == "wait" for tick in app.progress):
                break
            await asyncio.sleep(0.01)
        waiting.cancel()
        await asyncio.wait([waiting])
        states = [row.state for row in app.ledger.deployments()]
        first.cancel()
        await asyncio.wait([first])

        assert (states, app.queue.runs) == (["cancelled", "in_progress"], {})

    async def test_for_a_program_that_is_left_over_can_be_cancelled(self, app: InMemoryApp) -> None:
        async with app.locks.hold(str(REST), deployment="other"):
            waiting = asyncio.create_task(app.deploy())
            await asyncio.sleep(0.05)
            waiting.cancel()
            await asyncio.wait([waiting])

        assert app.recorded == ["deployment.requested", "journal.package.built", "deployment.cancelled"]

    async def test_ends_with_a_later_request_which_each_requester_is_told(self, app: InMemoryApp) -> None:
        reached = app.points.hold("apply")
        running = asyncio.create_task(app.deploy())
        await reached.wait()
        waiting = []
        for memory in (256, 512, 1024):
            waiting.append(asyncio.create_task(app.deploy(memory=memory)))
            await asyncio.sleep(0.02)
        running.cancel()
        await asyncio.wait([running, *waiting])

        *replaced, newest = (task.result() for task in waiting)
        assert [row.state for row in (*replaced, newest)] == ["superseded", "superseded", "completed"]
        assert [row.error and row.error["successor"] for row in replaced] == [replaced[1].deployment, newest.deployment]
        assert app.recorded.count("deployment.started") == 2

    async def test_survives_whoever_waited(self, app: InMemoryApp) -> None:
        """A process that is killed while it waits leaves its request in the queue, where the next one finds it."""
        request = DeploymentRequested(**ABOUT, region="us-east-1")
        scaling = Submission(request.deployment_id, str(REST), (encode_event(request, str),), "test", "1", "")
        await app.queue.submit(scaling, lambda *_: pytest.fail("replaces nothing"), reject_as("it"))

        await app.deploy()

        assert [row.state for row in app.ledger.deployments()] == ["completed", "completed"]
        assert app.ledger.deployments()[1].deployment == request.deployment_id


class TestCancelling:
    @pytest.mark.parametrize(
        ("point", "where"),
        [
            ("preview", "before anything was changed"),
            ("apply:function", "while in progress"),
            ("call", "while verifying"),
        ],
        ids=["previewing", "applying", "verifying"],
    )
    async def test_gives_a_deployment_one_terminal_event(self, app: InMemoryApp, point: str, where: str) -> None:
        reached = app.points.hold(point)
        deploying = asyncio.create_task(app.deploy())
        await reached.wait()
        deploying.cancel()
        await asyncio.wait([deploying])

        [row] = app.ledger.deployments()
        assert (deploying.cancelled(), row.state, app.recorded[-1]) == (True, "cancelled", "deployment.cancelled")
        assert row.error is not None
        assert where in row.error["message"]

    async def test_gives_a_rollback_one_terminal_event(self, app: InMemoryApp) -> None:
        app.probe.answers = [500]
        reached = app.points.hold("remove")
        deploying = asyncio.create_task(app.deploy())
        await reached.wait()
        deploying.cancel()
        await asyncio.wait([deploying])

        [row] = app.ledger.deployments()
        assert (row.state, app.recorded.count("deployment.cancelled")) == ("cancelled", 1)

    async def test_gives_a_destroy_one_terminal_event(self, app: InMemoryApp) -> None:
        await app.deploy()
        reached = app.points.hold("remove:function")
        removing = asyncio.create_task(app.use_cases.destroy(REST))
        await reached.wait()
        removing.cancel()
        await asyncio.wait([removing])

        assert [row.state for row in app.ledger.deployments()] == ["cancelled", "completed"]

    @pytest.mark.parametrize("turns", range(0, 90, 3))
    async def test_at_any_moment_leaves_nothing_open(self, app: InMemoryApp, turns: int) -> None:
        deploying = asyncio.create_task(app.deploy())
        for _ in range(turns):
            await asyncio.sleep(0)
        deploying.cancel()
        await asyncio.wait([deploying])

        ends = [kind for kind in app.recorded if kind in ("deployment.cancelled", "deployment.completed")]
        assert len(ends) == app.recorded.count("deployment.requested")

    async def test_lets_the_next_deployment_continue(self, app: InMemoryApp) -> None:
        reached = app.points.hold("apply:function")
        deploying = asyncio.create_task(app.deploy())
        await reached.wait()
        deploying.cancel()
        await asyncio.wait([deploying])

        row = await app.deploy()

        assert row.state == "completed"
        assert (row.endpoint, app.ledger.stack(str(REST)).outputs) == (ENDPOINT, row.outputs)
        assert 0 < row.changes["create"] < len(app.provisioner.clouds[str(REST)])


async def cancel_at(app: InMemoryApp, point: str) -> None:
    """Cancel a deployment at that point."""
    reached = app.points.hold(point)
    deploying = asyncio.create_task(app.deploy())
    await reached.wait()
    deploying.cancel()
    await asyncio.wait([deploying])


class TestDeployingAfterACancelledVerification:
    async def test_ends_with_the_outputs_of_the_engine(self, app: InMemoryApp) -> None:
        await cancel_at(app, "call")
        row = await app.deploy()

        assert (row.state, row.endpoint, row.changes["create"]) == ("completed", ENDPOINT, 0)
        assert app.ledger.stack(str(REST)).outputs == {"endpoint": ENDPOINT, "function_name": "function"}

    async def test_removes_an_unhealthy_first_deployment(self, app: InMemoryApp) -> None:
        await cancel_at(app, "call")
        app.probe.answers = [500]
        row = await app.deploy()

        assert (row.state, app.provisioner.clouds[str(REST)]) == ("rolled_back", {})

    async def test_removes_one_that_was_kept_and_is_still_unhealthy(self, app: InMemoryApp) -> None:
        app.probe.answers = [500]
        kept = await app.use_cases.deploy(REST, {}, keep_failed=True)
        app.probe.answers = [500]
        row = await app.deploy()

        assert (kept.state, row.state, app.provisioner.clouds[str(REST)]) == ("failed", "rolled_back", {})

    async def test_verifies_only_once_it_has_completed(self, app: InMemoryApp) -> None:
        await cancel_at(app, "call")
        await app.deploy()
        before = len(app.recorded)
        await app.deploy()

        assert "journal.step.intended:apply" not in app.recorded[before:]


class TestAnotherEngine:
    async def test_is_refused_once_the_stack_was_changed_while_it_waited(self, app: InMemoryApp) -> None:
        other: dict[str, Any] = {"engine": "pulumi", "cloud": "sandbox"}
        async with app.locks.hold(str(REST), deployment="other"):
            waiting = asyncio.create_task(app.deploy())
            await asyncio.sleep(0.05)
            request = DeploymentRequested(**ABOUT, region="us-east-1", configuration=other)
            await app.bus.record(request)
            await app.ledger.append(str(REST), None, a_deploy(request.deployment_id)[1:4])

        rows = [await waiting, await app.use_cases.destroy(REST)]

        assert [(row.state, row.error and row.error["code"]) for row in rows] == [("rejected", "ENGINE_DIFFERS")] * 2
        assert app.recorded.count("deployment.failed") == 1  # the other deployment, whose process is gone


class FullLedger(MemoryLedger):
    """Refuses terminal events while it is full."""

    def __init__(self) -> None:
        super().__init__()
        self.is_full = True

    async def append(
        self, stream: str, expected_version: int | None, events: Sequence[NewEvent]
    ) -> list[RecordedEvent]:
        if self.is_full and any(event.type in TERMINAL_TYPES for event in events):
            raise LedgerError("Cannot append: no space.")
        return await super().append(stream, expected_version, events)


class TestLostTerminalEvent:
    async def test_is_raised_and_recorded_by_the_next_deployment(self) -> None:
        ledger = FullLedger()
        app = InMemoryApp(ledger)
        with pytest.raises(LedgerError, match="no space"):
            await app.deploy()
        ledger.is_full = False
        await app.deploy()

        assert [row.state for row in ledger.deployments()] == ["completed", "failed"]


class TestKilledDeployments:
    async def kill(self, app: InMemoryApp, request: DeploymentRequested | InfrastructureRemovalRequested) -> None:
        """Record what a process leaves that is killed during the request."""
        await app.bus.record(request)
        step = "apply" if isinstance(request, DeploymentRequested) else "remove"
        intended = an_event("journal.step.intended", request.deployment_id, data={"step": step})
        await app.ledger.append(str(REST), None, [intended])

    @pytest.mark.parametrize(
        ("request_type", "end"),
        [
            (DeploymentRequested, "infrastructure.deployment.failed"),
            (InfrastructureRemovalRequested, "infrastructure.removal.failed"),
        ],
        ids=["deployment", "destroy"],
    )
    async def test_get_one_terminal_event_from_the_next_deployment(
        self, app: InMemoryApp, request_type: Any, end: str
    ) -> None:
        request = request_type(**ABOUT, region="us-east-1")
        await self.kill(app, request)
        await app.deploy()
        await app.deploy()

        ends = [row.event for row in app.ledger.recorded if row.type == end]
        assert [(event["data"]["deployment_id"], event["data"]["code"]) for event in ends] == [
            (request.deployment_id, "INTERRUPTED")
        ]
        assert ends[0]["causationid"] == str(request.id)

    async def test_end_before_the_next_deployment_starts(self, app: InMemoryApp) -> None:
        await self.kill(app, DeploymentRequested(**ABOUT, region="us-east-1"))
        await app.deploy()

        assert [it for it in app.recorded if not it.startswith("journal")][:4] == [
            "deployment.requested",
            "deployment.requested",
            "deployment.failed",
            "deployment.started",
        ]

    async def test_of_other_stacks_are_left_alone(self, app: InMemoryApp) -> None:
        await self.kill(app, DeploymentRequested(**ABOUT, region="us-east-1"))
        await app.deploy(Stack("rest-api", "aws", "development", "eu-west-1"))

        assert "deployment.failed" not in app.recorded


class TestAcceptance:
    async def test_prepares_a_preview_without_recording_it(self, app: InMemoryApp) -> None:
        context = await app.use_cases.preview(REST, configuration_of(memory=1024))

        assert context.settings is not None
        assert (context.settings.memory, app.ledger.recorded) == (1024, [])

    async def test_accepts_a_destroy_of_a_stack_that_was_never_deployed(self, app: InMemoryApp) -> None:
        await app.use_cases.destroy(REST)

        assert app.recorded[-1] == "removed"
