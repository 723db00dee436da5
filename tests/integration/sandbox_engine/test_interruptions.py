"""Runs that do not come to their end: what they leave is true, and the next one takes it up."""

from __future__ import annotations

import asyncio
import gc
import json
from pathlib import Path
from typing import Any

import pulumi
import pulumi_aws as aws
import pytest

from semantest_iac.domain.errors import ProviderError, ThrottledError
from semantest_iac.domain.ports.provisioner import ResourceProgress
from semantest_iac.infrastructure.simulated_cloud.runtime.faults import FaultEffect, FaultScript, ScriptedFault
from tests.integration.sandbox_engine.rest_api import House
from tests.integration.sandbox_engine.world import World


def _five() -> None:
    """A topic, two that need it, one that needs one of them, and one that needs nothing."""
    topic = aws.sns.Topic("topic", name="topic")
    aws.sns.TopicSubscription("mail", topic=topic.arn, protocol="email", endpoint="a@example.org")
    aws.sns.TopicSubscription("sms", topic=topic.arn, protocol="sms", endpoint="+15550100")
    aws.cloudwatch.LogGroup("logs", name="logs")
    aws.cloudwatch.LogGroup("late", name=topic.name.apply(lambda name: f"{name}-late"))


def _fault(effect: FaultEffect, **where: Any) -> FaultScript:
    return FaultScript((ScriptedFault(effect, **where),))


class TestRefusals:
    @pytest.mark.parametrize("number", range(1, 6))
    def test_stop_the_run_and_the_next_one_takes_up_the_rest(self, world: World, number: int) -> None:
        world.faults = _fault(FaultEffect.REFUSE, call=number)
        with pytest.raises(ProviderError, match="The service refused the request"):
            world.up(_five)
        done = world.living()

        assert len(done) == number - 1
        assert world.remembered() == done
        assert sorted(step.op for step in world.up(_five)) == ["create"] * (6 - number) + ["same"] * (number - 1)

    @pytest.mark.parametrize("number", range(1, 6))
    def test_of_a_delete_leave_the_rest_for_the_next_run(self, world: World, number: int) -> None:
        world.up(_five)
        world.faults = _fault(FaultEffect.REFUSE, operation="delete", call=number)

        with pytest.raises(ProviderError):
            world.destroy()

        assert len(world.living()) == 6 - number
        assert world.remembered() == world.living()
        world.destroy()
        assert (world.remembered(), world.living()) == ([], [])

    def test_delete_nothing_that_the_program_no_longer_has(self, world: World) -> None:
        world.up(lambda: aws.sns.Topic("gone"))
        world.faults = _fault(FaultEffect.REFUSE)

        with pytest.raises(ProviderError):
            world.up(lambda: aws.sns.Topic("topic"))

        assert len(world.living()) == 1

    def test_are_told_with_code_resource_and_hint(self, world: World) -> None:
        world.faults = _fault(FaultEffect.REFUSE, code="AccessDeniedException", message="Not you.")

        with pytest.raises(ProviderError) as refusal:
            world.up(lambda: aws.sns.Topic("topic"))

        assert str(refusal.value) == "Cannot deploy 'topic' (aws:sns/topic:Topic): Not you."
        assert refusal.value.error_code == "AccessDeniedException"
        assert refusal.value.hint == "The deploying identity lacks this permission."
        assert refusal.value.resource.endswith("::topic")

    def test_that_ask_for_patience_may_be_tried_again(self, world: World) -> None:
        world.faults = _fault(FaultEffect.THROTTLE, call=1)

        with pytest.raises(ThrottledError) as refusal:
            world.up(lambda: aws.sns.Topic("topic"))

        assert refusal.value.retryable
        assert [step.op for step in world.up(lambda: aws.sns.Topic("topic"))] == ["create"]

    def test_leave_the_outputs_of_the_stack_as_they_were(self, world: World) -> None:
        def program() -> None:
            pulumi.export("one", aws.sns.Topic("one", name="one").name)
            pulumi.export("two", aws.sns.Topic("two", name="two").name)

        world.up(lambda: pulumi.export("before", "kept"))
        world.faults = _fault(FaultEffect.REFUSE, call=2)

        with pytest.raises(ProviderError):
            world.up(program)

        assert world.outputs() == {"before": "kept"}

    def test_say_nothing_of_the_futures_they_leave_behind(
        self, world: World, capfd: pytest.CaptureFixture[str]
    ) -> None:
        world.faults = _fault(FaultEffect.REFUSE, call=1)
        with pytest.raises(ProviderError):
            world.up(_five)
        gc.collect()

        assert capfd.readouterr() == ("", "")


class TestAnswersThatGotLost:
    def test_a_resource_that_was_made_is_adopted(self, world: World) -> None:
        world.faults = _fault(FaultEffect.CREATED_BUT_TIMEOUT, call=1)

        with pytest.raises(ProviderError):
            world.up(_five)

        assert len(world.living()) == 1
        assert world.remembered() == world.living()
        world.up(_five)
        assert len(world.living()) == 5
        assert world.remembered() == world.living()

    def test_a_replacement_that_was_made_is_adopted_and_the_old_one_deleted(self, world: World) -> None:
        world.up(lambda: aws.sns.Topic("topic", name="old"))
        world.faults = _fault(FaultEffect.CREATED_BUT_TIMEOUT)

        with pytest.raises(ProviderError):
            world.up(lambda: aws.sns.Topic("topic", name="new"))

        assert [state.delete for state in world.states()] == [False, True]
        world.faults = FaultScript()
        world.up(lambda: aws.sns.Topic("topic", name="new"))
        assert [id_.rpartition(":")[2] for _, id_ in world.living()] == ["new"]
        assert world.remembered() == world.living()

    def test_a_resource_that_was_not_completed_is_completed_by_an_update(self, world: World) -> None:
        world.faults = _fault(FaultEffect.PARTIAL, call=1)

        with pytest.raises(ProviderError, match="could not be completed"):
            world.up(lambda: aws.sns.Topic("topic", name="topic"))

        assert len(world.state("topic").init_errors) == 1
        assert [step.op for step in world.up(lambda: aws.sns.Topic("topic", name="topic"))] == ["update"]
        assert world.state("topic").init_errors == ()

    def test_a_resource_that_was_deleted_is_forgotten(self, world: World) -> None:
        world.up(_five)
        world.faults = _fault(FaultEffect.CREATED_BUT_TIMEOUT, operation="delete", call=1)

        with pytest.raises(ProviderError):
            world.destroy()

        assert len(world.living()) == 4
        assert world.remembered() == world.living()

    def test_a_change_that_was_made_is_seen_when_it_is_no_longer_wanted(self, world: World) -> None:
        world.up(lambda: aws.sns.Topic("topic", name="topic", display_name="A"))
        world.faults = _fault(FaultEffect.CREATED_BUT_TIMEOUT, operation="update", call=1)
        with pytest.raises(ProviderError):
            world.up(lambda: aws.sns.Topic("topic", name="topic", display_name="B"))

        steps = world.up(lambda: aws.sns.Topic("topic", name="topic", display_name="A"))

        assert [(step.op, step.why) for step in steps] == [("update", ("displayName",))]


class TestDeletedFirst:
    @staticmethod
    def _role(path: str) -> Any:
        trust = {"Statement": [{"Effect": "Allow", "Principal": {"Service": "a.b"}, "Action": "sts:AssumeRole"}]}
        return lambda: aws.iam.Role("role", name="role", path=path, assume_role_policy=json.dumps(trust))

    def test_one_whose_replacement_failed_is_made_by_the_next_run(self, world: World) -> None:
        world.up(self._role("/a/"))
        world.faults = _fault(FaultEffect.REFUSE, call=1)
        with pytest.raises(ProviderError):
            world.up(self._role("/b/"))

        assert (world.living(), world.state("role").pending_replacement) == ([], True)
        assert [step.op for step in world.up(self._role("/b/"))] == ["replace"]
        assert world.remembered() == world.living()

    def test_one_whose_replacement_failed_is_forgotten_when_nobody_wants_it(self, world: World) -> None:
        world.up(self._role("/a/"))
        world.faults = _fault(FaultEffect.REFUSE, call=1)
        with pytest.raises(ProviderError):
            world.up(self._role("/b/"))

        assert world.up(lambda: None) == []
        assert world.states() == []


class TestPrograms:
    def test_that_fail_leave_what_they_had_made(self, world: World) -> None:
        def program() -> None:
            aws.sns.Topic("topic")
            raise LookupError("the program's own")

        with pytest.raises(LookupError, match="the program's own"):
            world.up(program)

        assert len(world.living()) == 1
        assert world.remembered() == world.living()

    def test_that_fail_in_an_apply_are_told_of(self, world: World, capfd: pytest.CaptureFixture[str]) -> None:
        def program() -> None:
            aws.sns.Topic("topic").arn.apply(lambda arn: 1 / 0)

        with pytest.raises(ZeroDivisionError):
            world.up(program)

        assert capfd.readouterr() == ("", "")


class TestCancellation:
    @pytest.mark.parametrize("number", [1, 7, 19])
    async def test_of_a_deployment_leaves_a_state_that_is_true(self, tmp_path: Path, number: int) -> None:
        house = House(tmp_path)
        work = house.work()
        deployment: asyncio.Future[Any] = asyncio.ensure_future(
            house.deploy(work, _cancelling(number, lambda: deployment))
        )

        with pytest.raises(asyncio.CancelledError):
            await deployment

        assert 0 < len(house.living()) <= 20
        assert house.remembered() == house.living()
        await house.deploy(work)
        assert house.remembered() == house.living()

    async def test_of_a_removal_leaves_a_state_that_is_true(self, tmp_path: Path) -> None:
        house = House(tmp_path)
        await house.deploy(house.work())
        removal: asyncio.Future[Any] = asyncio.ensure_future(house.destroy(progress=_cancelling(5, lambda: removal)))

        with pytest.raises(asyncio.CancelledError):
            await removal

        assert 0 < len(house.living()) < 19
        assert house.remembered() == house.living()

    async def test_by_a_lost_lease_stops_before_the_end(self, tmp_path: Path) -> None:
        house = House(tmp_path)

        async def lost(event: object) -> None:
            raise ProviderError("the lease is lost", provider="aws")

        work = house.work()
        plan = await house.engine.preview(work)
        with pytest.raises(ProviderError, match="the lease is lost"):
            await house.engine.apply(work, plan, lost, lambda tick: None)

        assert house.remembered() == house.living()


def _cancelling(number: int, task: Any) -> Any:
    """Progress that cancels a task when the n-th operation has begun, and gives the loop time to do so."""
    loop, seen = asyncio.get_running_loop(), [0]

    def progress(tick: ResourceProgress) -> None:
        seen[0] += tick.state == "running"
        if seen[0] == number and tick.state == "running":
            asyncio.run_coroutine_threadsafe(_cancel(task()), loop).result()

    return progress


async def _cancel(task: asyncio.Future[Any]) -> None:
    task.cancel()
