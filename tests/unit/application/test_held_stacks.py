"""Stacks that a deployment holds because it needed an operator."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from semantest_iac.application.operators.held_stacks import StackHold, find_hold, list_held_stacks
from semantest_iac.application.ports.ledger import DeploymentRow
from semantest_iac.application.ports.run_queue import FIRST_COME
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.errors import NotFoundError, ProviderError, RefusedError
from semantest_iac.domain.guardrails.engine_choice import EngineChoice
from tests.fakes.application import REST, VARIABLES, InMemoryApp, configuration_of
from tests.fakes.memory_ledger import a_deploy

REFUSED = ProviderError("Cannot make 'function': no quota.", "Quota", provider="aws")
OTHER = Stack("rest-api", "aws", "development", "eu-west-1")


def get_stuck_at_the_next_rollback(app: InMemoryApp) -> None:
    """Let the next first deployment fail half-way, and its rollback too."""
    app.points.fail("apply:function", REFUSED)
    app.points.fail("remove:api", REFUSED)


async def hold(app: InMemoryApp) -> DeploymentRow:
    """Deploy what needs an operator."""
    get_stuck_at_the_next_rollback(app)
    row = await app.deploy()
    assert row.state == "needs_operator"
    return row


async def resolve(app: InMemoryApp, deployment: str) -> DeploymentRow:
    """Resolve a deployment."""
    return await app.use_cases.resolve(deployment, by="anna", reason="deleted by hand")


class TestHeldStacks:
    async def test_refuse_commands_before_anything_is_recorded(self, app: InMemoryApp) -> None:
        holder = await hold(app)
        before = app.recorded

        for command in (app.deploy(), app.use_cases.destroy(REST), app.use_cases.redeploy(REST)):
            with pytest.raises(RefusedError, match=f"deployment {holder.deployment} needs an operator") as refused:
                await command
            assert refused.value.error_code == "STACK_HELD"

        assert (app.recorded, app.queue.runs) == (before, {})

    async def test_say_why_what_is_left_and_what_to_run(self, app: InMemoryApp) -> None:
        holder = await hold(app)
        with pytest.raises(RefusedError) as refused:
            await app.deploy()

        told = [(fault.path, fault.message) for fault in refused.value.faults]
        assert holder.error is not None
        assert told[0] == ("why", holder.error["message"])
        assert ("left over", holder.error["remainder"][0]) in told
        assert ("run", f"semantest-iac resolve {holder.deployment}") in told

    def test_name_the_first_of_many_things_that_are_left(self) -> None:
        many = StackHold(str(REST), "d1", "No.", tuple(f"delete r{number} (fake)" for number in range(9)))

        left = [fault.message for fault in many.faults if fault.path == "left over"]

        assert (len(left), left[0], left[-1][:6]) == (6, "delete r0 (fake)", "4 more")

    async def test_can_be_looked_at(self, app: InMemoryApp) -> None:
        await hold(app)
        await app.use_cases.deploy(REST, configuration_of(), detach=FIRST_COME)
        before = len(app.recorded)

        context = await app.use_cases.preview(REST, configuration_of())
        deleted = await app.use_cases.preview_destroy(REST)
        detection = app.application.drift_detection(VARIABLES, engine=EngineChoice(), progress=app.progress.append)
        drift = await detection.detect(REST)

        assert (context.plan.is_empty, deleted.is_empty, drift, len(app.recorded)) == (False, False, (), before)

    async def test_leave_other_stacks_alone(self, app: InMemoryApp) -> None:
        await hold(app)

        assert (await app.deploy(OTHER)).state == "completed"
        assert [held.stack for held in list_held_stacks(app.ledger)] == [str(REST)]

    async def test_keep_what_waits_until_they_are_resolved(self, app: InMemoryApp) -> None:
        holder = await hold(app)
        queued = await app.use_cases.deploy(REST, configuration_of(), detach=FIRST_COME)
        worker = app.application.worker(VARIABLES)

        assert await worker.run_next() is None
        [run] = app.queue.list_runs()
        await resolve(app, holder.deployment)
        await worker.run_until_idle()

        assert (queued.state, run.held_by) == ("pending", holder.deployment)
        assert [row.state for row in app.ledger.deployments()] == ["completed", "needs_operator"]

    async def test_reject_a_command_that_came_too_late_to_be_refused(self, app: InMemoryApp) -> None:
        get_stuck_at_the_next_rollback(app)
        holder = await app.use_cases.deploy(REST, configuration_of(), detach=FIRST_COME)
        working = asyncio.create_task(app.application.worker(VARIABLES).run_until_idle())
        while app.queue.runs[holder.deployment].state == "waiting":  # noqa: ASYNC110 - the fake has no event
            await asyncio.sleep(0)

        row = await app.deploy()
        await working

        assert row.error is not None
        assert (row.state, row.error["code"], app.queue.runs) == ("rejected", "STACK_HELD", {})
        assert f"`semantest-iac resolve {holder.deployment}`" in row.error["hint"]


class TestResolving:
    async def test_frees_the_stack_and_records_who_did_it(self, app: InMemoryApp) -> None:
        holder = await hold(app)

        row = await resolve(app, holder.deployment)

        data = app.ledger.recorded[-1].event["data"]
        assert (data["resolved_by"], data["reason"]) == ("anna", "deleted by hand")
        assert (row.state, find_hold(app.ledger, str(REST))) == ("needs_operator", None)
        assert (await app.deploy()).state == "completed"

    async def test_is_told_once(self, app: InMemoryApp) -> None:
        holder = await hold(app)
        answers = await asyncio.gather(*(resolve(app, holder.deployment) for _ in range(4)), return_exceptions=True)

        refused = [answer for answer in answers if isinstance(answer, RefusedError)]
        assert [error.error_code for error in refused] == ["RESOLVED_ALREADY"] * 3
        assert app.recorded.count("deployment.resolved") == 1

    async def test_knows_what_holds_nothing(self, app: InMemoryApp) -> None:
        row = await app.deploy()

        with pytest.raises(NotFoundError, match="Cannot find deployment 'd9'"):
            await resolve(app, "d9")
        with pytest.raises(RefusedError, match="it is completed, and holds no stack") as refused:
            await resolve(app, row.deployment)
        assert refused.value.hint == "Its stack is free: deploy or destroy it."

    async def test_names_the_deployment_that_holds_the_stack(self, app: InMemoryApp) -> None:
        earlier = await app.deploy()
        await app.use_cases.destroy(REST)
        holder = await hold(app)

        with pytest.raises(RefusedError) as refused:
            await resolve(app, earlier.deployment)

        assert refused.value.hint == f"Deployment {holder.deployment} holds its stack: resolve that one."

    async def test_knows_stacks_that_were_freed_before_they_could_be_resolved(self, app: InMemoryApp) -> None:
        holder = await hold(app)
        await app.ledger.append(str(REST), None, a_deploy("d2", stack=str(REST)))

        with pytest.raises(RefusedError, match="a later deployment has freed its stack"):
            await resolve(app, holder.deployment)

    async def test_makes_the_next_deployment_read_the_cloud(self, app: InMemoryApp) -> None:
        holder = await hold(app)
        row: Any = await resolve(app, holder.deployment)
        stacks = [app.ledger.stack(row.stack)]
        await app.deploy()
        stacks.append(app.ledger.stack(row.stack))

        assert [stack.resolved for stack in stacks] == [holder.deployment, None]
