"""What every engine promises, whatever its cloud; one test class per engine inherits this."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from semantest_iac.application.deployment.completion_events import apply_plan, publish_code
from semantest_iac.domain.compute.functions import Artifact
from semantest_iac.domain.deployment.deployment_service import BLUEPRINTS
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.environments.configuration import DeploymentConfiguration, resolve_component
from semantest_iac.domain.errors import ProviderError
from semantest_iac.domain.ports.provisioner import (
    ApplyResult,
    Provisioner,
    Removal,
    ReportProgress,
    ResourceProgress,
    SettledResource,
    Work,
)
from semantest_iac.infrastructure.clouds.registry import CLOUDS
from semantest_iac_events.event import StackEvent
from semantest_iac_events.infrastructure import FunctionDeployed, InfrastructureUpdated
from semantest_iac_events.values import ChangeCounts


@dataclass
class Bench:
    """An engine with a package to deploy, and everything it published."""

    engine: Provisioner
    package: Path
    provider: str = "aws"
    events: list[StackEvent] = field(default_factory=list)

    @property
    def east(self) -> Stack:
        """The stack, where a test has only one."""
        return Stack("rest-api", self.provider, "development", CLOUDS[self.provider].regions[0])

    @property
    def west(self) -> Stack:
        """The same elsewhere."""
        return replace(self.east, region=CLOUDS[self.provider].regions[1])

    def work(self, stack: Stack | None = None, generation: int = 1, **section: Any) -> Work:
        """What deploying the rest-api with these settings means."""
        return self.works({"components": {"rest-api": section}}, stack, generation)

    def works(self, configuration: Mapping[str, Any], stack: Stack | None = None, generation: int = 1) -> Work:
        """The same for a whole configuration."""
        stack = stack or self.east
        settings = resolve_component(
            DeploymentConfiguration.model_validate(configuration), stack.component, stack.environment
        )
        artifact = Artifact(self.digest, self.package, "index.handler", "python3.13", 9)
        return Work("deployment-1", BLUEPRINTS[stack.component](stack, generation, settings), artifact)

    @property
    def digest(self) -> str:
        """That of the package as it is now."""
        return sha256(self.package.read_bytes()).hexdigest()

    async def deploy(self, work: Work, progress: ReportProgress = lambda tick: None) -> ApplyResult:
        """Preview, apply, then publish the code where the plan lacks it."""
        plan = await self.engine.preview(work)
        applied = await apply_plan(self.engine, work, plan, self, progress)
        if plan.lacks_code:
            return await publish_code(self.engine, work, applied, self, progress)
        return applied

    async def destroy(self, stack: Stack | None = None, generation: int = 1) -> ChangeCounts:
        """Remove a generation."""
        return await self.engine.destroy(Removal("removal-1", stack or self.east, generation), lambda tick: None)

    async def publish(self, event: StackEvent) -> None:
        """Take an event, not at once."""
        await asyncio.sleep(0)
        self.events.append(event)


class ProvisionerContract:
    """The promises; a subclass gives the `bench` whose engine has to keep them.

    `last` is what is told last of a deployment.
    """

    last: type[StackEvent] = InfrastructureUpdated

    async def test_does_what_the_preview_said(self, bench: Bench) -> None:
        for work in (bench.work(), bench.work(memory=1024)):
            foreseen = (await bench.engine.preview(work)).changes
            done = (await bench.deploy(work)).changes

            assert (done, done.is_empty) == (foreseen, False)

    async def test_changes_nothing_in_a_preview(self, bench: Bench) -> None:
        first = await bench.engine.preview(bench.work())

        assert await bench.engine.preview(bench.work()) == first
        assert bench.events == []

    async def test_finds_nothing_to_do_the_second_time(self, bench: Bench) -> None:
        made = (await bench.deploy(bench.work())).changes.create

        assert (await bench.deploy(bench.work())).changes == ChangeCounts(same=made)

    async def test_publishes_what_settled_and_the_update(self, bench: Bench) -> None:
        applied = await bench.deploy(bench.work())

        kinds = [type(event) for event in bench.events]
        assert FunctionDeployed in kinds
        assert kinds[-1] is self.last
        assert all(event.deployment_id == "deployment-1" for event in bench.events)
        [updated] = [event for event in bench.events if isinstance(event, InfrastructureUpdated)]
        assert (updated.changes, updated.outputs) == (applied.changes, dict(applied.outputs))

    async def test_publishes_only_the_update_when_nothing_changed(self, bench: Bench) -> None:
        await bench.deploy(bench.work())
        bench.events.clear()

        await bench.deploy(bench.work())

        assert [type(event) for event in bench.events] == [InfrastructureUpdated]

    async def test_says_where_the_service_answers(self, bench: Bench) -> None:
        applied = await bench.deploy(bench.work())

        assert str(applied.outputs["endpoint"]).startswith("https://")

    async def test_removes_everything_that_it_made(self, bench: Bench) -> None:
        made = (await bench.deploy(bench.work())).changes.create
        foreseen = await bench.engine.preview_destroy(bench.east)

        removed = await bench.destroy()

        assert foreseen.changes == removed == ChangeCounts(delete=made)
        assert (await bench.engine.preview_destroy(bench.east)).changes == ChangeCounts()

    async def test_removes_an_empty_stack(self, bench: Bench) -> None:
        assert await bench.destroy() == ChangeCounts()

    async def test_makes_everything_again_in_the_next_generation(self, bench: Bench) -> None:
        first = await bench.deploy(bench.work())
        await bench.destroy()

        again = await bench.deploy(bench.work(generation=2))

        assert again.changes == first.changes

    async def test_keeps_stacks_apart(self, bench: Bench) -> None:
        east, west = await asyncio.gather(bench.deploy(bench.work(bench.east)), bench.deploy(bench.work(bench.west)))
        await bench.destroy(bench.east)

        assert east.changes == west.changes
        assert (await bench.deploy(bench.work(bench.west))).changes.is_empty

    async def test_tells_of_each_operation_when_it_begins_and_when_it_ends(self, bench: Bench) -> None:
        ticks: list[ResourceProgress] = []

        applied = await bench.deploy(bench.work(), ticks.append)

        begun = [(tick.urn, tick.op) for tick in ticks if tick.state == "running" and tick.op != "publish"]
        assert sorted(begun) == sorted(
            (tick.urn, tick.op) for tick in ticks if tick.state == "done" and tick.op != "publish"
        )
        assert len(begun) == applied.changes.create

    async def test_stops_when_nobody_can_record_what_it_did(self, bench: Bench) -> None:
        async def refuse(settled: SettledResource) -> None:
            raise ProviderError("the lease is lost", provider="aws")

        work = bench.work()
        plan = await bench.engine.preview(work)
        with pytest.raises(ProviderError, match="the lease is lost"):
            await bench.engine.apply(work, plan, refuse, lambda tick: None)

        await bench.deploy(work)
        assert (await bench.engine.preview(work)).changes.is_empty

    @pytest.mark.parametrize("number", [1, 4], ids=["at once", "later"])
    async def test_takes_up_what_was_called_off(self, bench: Bench, number: int) -> None:
        task: asyncio.Future[ApplyResult] = asyncio.ensure_future(
            bench.deploy(bench.work(), _calling_off(number, lambda: task.cancel()))
        )

        with pytest.raises(asyncio.CancelledError):
            await task
        published = len(bench.events)
        await asyncio.sleep(0.05)

        assert len(bench.events) == published
        await bench.deploy(bench.work())
        assert (await bench.engine.preview(bench.work())).changes.is_empty


def _calling_off(number: int, cancel: Callable[[], object]) -> ReportProgress:
    """Progress that calls off the run when its n-th operation begins."""
    loop, begun = asyncio.get_running_loop(), [0]

    def progress(tick: ResourceProgress) -> None:
        begun[0] += tick.state == "running"
        if tick.state == "running" and begun[0] == number:
            loop.call_soon_threadsafe(cancel)

    return progress
