"""Interrupted runs leave a correct state, and the next run continues."""

from __future__ import annotations

import asyncio
import gc
import json
from pathlib import Path
from typing import Any

import pulumi
import pulumi_aws as aws
import pytest

from semantest_iac.domain.errors import CloudUnavailableError, ProviderError, ThrottledError
from semantest_iac.domain.ports.provisioner import ResourceProgress
from semantest_iac.infrastructure.simulated_cloud.runtime.faults import FaultEffect, FaultScript, ScriptedFault
from tests.integration.sandbox_engine.rest_api import SandboxHome
from tests.integration.sandbox_engine.world import World


def _five_resources() -> None:
    """Create a topic with two subscriptions, a log group that needs the topic, and one that needs nothing."""
    topic = aws.sns.Topic("topic", name="topic")
    aws.sns.TopicSubscription("mail", topic=topic.arn, protocol="email", endpoint="a@example.org")
    aws.sns.TopicSubscription("sms", topic=topic.arn, protocol="sms", endpoint="+15550100")
    aws.cloudwatch.LogGroup("logs", name="logs")
    aws.cloudwatch.LogGroup("late", name=topic.name.apply(lambda name: f"{name}-late"))


def _fault(effect: FaultEffect, **where: Any) -> FaultScript:
    return FaultScript((ScriptedFault(effect, **where),))


class TestRefusals:
    @pytest.mark.parametrize("number", range(1, 6))
    def test_stop_the_run_and_the_next_one_continues(self, world: World, number: int) -> None:
        world.faults = _fault(FaultEffect.REFUSE, call=number)
        with pytest.raises(ProviderError, match="The service refused the request"):
            world.up(_five_resources)
        done = world.in_cloud()

        assert len(done) == number - 1
        assert world.in_state() == done
        operations = sorted(step.op for step in world.up(_five_resources))
        assert operations == ["create"] * (6 - number) + ["same"] * (number - 1)

    @pytest.mark.parametrize("number", range(1, 6))
    def test_of_a_delete_leave_the_rest_to_the_next_run(self, world: World, number: int) -> None:
        world.up(_five_resources)
        world.faults = _fault(FaultEffect.REFUSE, operation="delete", call=number)

        with pytest.raises(ProviderError):
            world.destroy()

        assert len(world.in_cloud()) == 6 - number
        assert world.in_state() == world.in_cloud()
        world.destroy()
        assert (world.in_state(), world.in_cloud()) == ([], [])

    def test_keep_resources_that_the_program_no_longer_contains(self, world: World) -> None:
        world.up(lambda: aws.sns.Topic("gone"))
        world.faults = _fault(FaultEffect.REFUSE)

        with pytest.raises(ProviderError):
            world.up(lambda: aws.sns.Topic("topic"))

        assert len(world.in_cloud()) == 1

    def test_are_reported_with_code_resource_and_hint(self, world: World) -> None:
        world.faults = _fault(FaultEffect.REFUSE, code="AccessDeniedException", message="Not you.")

        with pytest.raises(ProviderError) as refusal:
            world.up(lambda: aws.sns.Topic("topic"))

        assert str(refusal.value) == "Cannot deploy 'topic' (aws:sns/topic:Topic): Not you."
        assert refusal.value.error_code == "AccessDeniedException"
        assert refusal.value.hint == "The deploying identity lacks this permission."
        assert refusal.value.resource.endswith("::topic")

    def test_by_throttling_are_retryable(self, world: World) -> None:
        world.faults = _fault(FaultEffect.THROTTLE, call=1)

        with pytest.raises(ThrottledError) as refusal:
            world.up(lambda: aws.sns.Topic("topic"))

        assert refusal.value.retryable
        assert [step.op for step in world.up(lambda: aws.sns.Topic("topic"))] == ["create"]

    def test_without_an_answer_are_told_from_those(self, world: World) -> None:
        world.faults = _fault(FaultEffect.CREATED_BUT_TIMEOUT, call=1)

        with pytest.raises(CloudUnavailableError) as refusal:
            world.up(lambda: aws.sns.Topic("topic"))

        assert refusal.value.retryable

    def test_keep_the_outputs_of_the_stack(self, world: World) -> None:
        def program() -> None:
            pulumi.export("one", aws.sns.Topic("one", name="one").name)
            pulumi.export("two", aws.sns.Topic("two", name="two").name)

        world.up(lambda: pulumi.export("before", "kept"))
        world.faults = _fault(FaultEffect.REFUSE, call=2)

        with pytest.raises(ProviderError):
            world.up(program)

        assert world.outputs() == {"before": "kept"}

    def test_log_no_abandoned_futures(self, world: World, capfd: pytest.CaptureFixture[str]) -> None:
        world.faults = _fault(FaultEffect.REFUSE, call=1)
        with pytest.raises(ProviderError):
            world.up(_five_resources)
        gc.collect()

        assert capfd.readouterr() == ("", "")


class TestLostResponses:
    def test_a_created_resource_is_adopted(self, world: World) -> None:
        world.faults = _fault(FaultEffect.CREATED_BUT_TIMEOUT, call=1)

        with pytest.raises(ProviderError):
            world.up(_five_resources)

        assert len(world.in_cloud()) == 1
        assert world.in_state() == world.in_cloud()
        world.up(_five_resources)
        assert len(world.in_cloud()) == 5
        assert world.in_state() == world.in_cloud()

    def test_a_created_replacement_is_adopted_and_the_old_resource_deleted(self, world: World) -> None:
        world.up(lambda: aws.sns.Topic("topic", name="old"))
        world.faults = _fault(FaultEffect.CREATED_BUT_TIMEOUT)

        with pytest.raises(ProviderError):
            world.up(lambda: aws.sns.Topic("topic", name="new"))

        assert [state.delete for state in world.states()] == [False, True]
        world.faults = FaultScript()
        world.up(lambda: aws.sns.Topic("topic", name="new"))
        assert [id_.rpartition(":")[2] for _, id_ in world.in_cloud()] == ["new"]
        assert world.in_state() == world.in_cloud()

    def test_an_incomplete_resource_is_completed_by_an_update(self, world: World) -> None:
        world.faults = _fault(FaultEffect.PARTIAL, call=1)

        with pytest.raises(ProviderError, match="could not be completed"):
            world.up(lambda: aws.sns.Topic("topic", name="topic"))

        assert len(world.state("topic").init_errors) == 1
        assert [step.op for step in world.up(lambda: aws.sns.Topic("topic", name="topic"))] == ["update"]
        assert world.state("topic").init_errors == ()

    def test_a_deleted_resource_is_removed_from_the_state(self, world: World) -> None:
        world.up(_five_resources)
        world.faults = _fault(FaultEffect.CREATED_BUT_TIMEOUT, operation="delete", call=1)

        with pytest.raises(ProviderError):
            world.destroy()

        assert len(world.in_cloud()) == 4
        assert world.in_state() == world.in_cloud()

    def test_an_update_that_is_no_longer_wanted_is_detected(self, world: World) -> None:
        world.up(lambda: aws.sns.Topic("topic", name="topic", display_name="A"))
        world.faults = _fault(FaultEffect.CREATED_BUT_TIMEOUT, operation="update", call=1)
        with pytest.raises(ProviderError):
            world.up(lambda: aws.sns.Topic("topic", name="topic", display_name="B"))

        steps = world.up(lambda: aws.sns.Topic("topic", name="topic", display_name="A"))

        assert [(step.op, step.why) for step in steps] == [("update", ("displayName",))]


class TestDeleteBeforeReplace:
    @staticmethod
    def _role(path: str, name: str = "role", **options: Any) -> Any:
        trust = {"Statement": [{"Effect": "Allow", "Principal": {"Service": "a.b"}, "Action": "sts:AssumeRole"}]}
        text, opts = json.dumps(trust), pulumi.ResourceOptions(**options)
        return lambda: aws.iam.Role("role", name=name, path=path, assume_role_policy=text, opts=opts)

    def _fail_to_replace(self, world: World, **options: Any) -> None:
        world.up(self._role("/a/", **options))
        world.faults = _fault(FaultEffect.REFUSE, call=1)
        with pytest.raises(ProviderError):
            world.up(self._role("/b/", **options))

    def test_a_failed_replacement_is_created_by_the_next_run(self, world: World) -> None:
        self._fail_to_replace(world)

        assert (world.in_cloud(), world.state("role").pending_replacement) == ([], True)
        assert [step.op for step in world.up(self._role("/b/"))] == ["replace"]
        assert world.in_state() == world.in_cloud()

    def test_a_failed_replacement_is_dropped_if_no_longer_wanted(self, world: World) -> None:
        self._fail_to_replace(world)

        assert world.up(lambda: None) == []
        assert world.states() == []

    @pytest.mark.parametrize(
        ("retained", "operation", "left"), [(False, "delete", ["new"]), (True, "keep", ["new", "role"])]
    )
    def test_a_failed_replacement_under_another_name_is_deleted_once_more(
        self, world: World, retained: bool, operation: str, left: list[str]
    ) -> None:
        self._fail_to_replace(world, retain_on_delete=retained)

        steps = world.up(self._role("/b/", "new", retain_on_delete=retained))

        assert [step.op for step in steps] == ["replace"]
        assert [tick.op for tick in world.progress if tick.state == "done"][-2:] == ["replace", operation]
        assert sorted(id_ for _, id_ in world.in_cloud()) == left
        assert [id_ for _, id_ in world.in_state()] == ["new"]


class TestPrograms:
    def test_that_fail_leave_their_resources_in_the_state(self, world: World) -> None:
        def program() -> None:
            aws.sns.Topic("topic")
            raise LookupError("the program's own")

        with pytest.raises(LookupError, match="the program's own"):
            world.up(program)

        assert len(world.in_cloud()) == 1
        assert world.in_state() == world.in_cloud()

    def test_that_fail_in_an_apply_are_reported(self, world: World, capfd: pytest.CaptureFixture[str]) -> None:
        def program() -> None:
            aws.sns.Topic("topic").arn.apply(lambda arn: 1 / 0)

        with pytest.raises(ZeroDivisionError):
            world.up(program)

        assert capfd.readouterr() == ("", "")


class TestCancellation:
    @pytest.mark.parametrize("number", [1, 7, 19])
    async def test_of_a_deployment_leaves_a_correct_state(self, tmp_path: Path, number: int) -> None:
        home = SandboxHome(tmp_path)
        work = home.work()
        deployment: asyncio.Future[Any] = asyncio.ensure_future(
            home.deploy(work, _cancel_at(number, lambda: deployment))
        )

        with pytest.raises(asyncio.CancelledError):
            await deployment

        assert 0 < len(home.in_cloud()) <= 20
        assert home.in_state() == home.in_cloud()
        await home.deploy(work)
        assert home.in_state() == home.in_cloud()

    async def test_of_a_destroy_leaves_a_correct_state(self, tmp_path: Path) -> None:
        home = SandboxHome(tmp_path)
        await home.deploy(home.work())
        removal: asyncio.Future[Any] = asyncio.ensure_future(home.destroy(progress=_cancel_at(5, lambda: removal)))

        with pytest.raises(asyncio.CancelledError):
            await removal

        assert 0 < len(home.in_cloud()) < 19
        assert home.in_state() == home.in_cloud()

    async def test_by_a_lost_lease_leaves_a_correct_state(self, tmp_path: Path) -> None:
        home = SandboxHome(tmp_path)

        async def refuse(event: object) -> None:
            raise ProviderError("the lease is lost", provider="aws")

        work = home.work()
        plan = await home.engine.preview(work)
        with pytest.raises(ProviderError, match="the lease is lost"):
            await home.engine.apply(work, plan, refuse, lambda _: None)

        assert home.in_state() == home.in_cloud()


def _cancel_at(number: int, task: Any) -> Any:
    """Return a progress callback that cancels a task at the n-th operation and waits until the loop has done so."""
    loop, seen = asyncio.get_running_loop(), [0]

    def progress(update: ResourceProgress) -> None:
        seen[0] += update.state == "running"
        if seen[0] == number and update.state == "running":
            asyncio.run_coroutine_threadsafe(_cancel(task()), loop).result()

    return progress


async def _cancel(task: asyncio.Future[Any]) -> None:
    task.cancel()
