"""The contract of every engine on every cloud; one test class per engine inherits it."""

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
from semantest_iac.domain.deployment.change_plan import ChangePlan
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
from semantest_iac.infrastructure.simulated_cloud.runtime.cloud import SimulatedCloud
from semantest_iac_events.event import StackEvent
from semantest_iac_events.infrastructure import FunctionDeployed, InfrastructureUpdated
from semantest_iac_events.values import ChangeCounts

_TOKEN = {"environment": {"TOKEN": "${secrets.token}"}}


@dataclass
class EngineFixture:
    """An engine with a package to deploy, and every published event; `cloud` gives the cloud that it deploys to."""

    engine: Provisioner
    package: Path
    cloud: Callable[[str, str], SimulatedCloud]
    provider: str = "aws"
    canary: str = "canary of"  # a part of the value of every secret
    events: list[StackEvent] = field(default_factory=list)

    @property
    def east(self) -> Stack:
        """The stack, in tests with only one."""
        return Stack("rest-api", self.provider, "development", CLOUDS[self.provider].regions[0])

    @property
    def west(self) -> Stack:
        """The same stack in another region."""
        return replace(self.east, region=CLOUDS[self.provider].regions[1])

    def work(self, stack: Stack | None = None, generation: int = 1, **section: Any) -> Work:
        """Return the work of deploying the rest-api with these settings."""
        return self.work_for({"components": {"rest-api": section}}, stack, generation)

    def work_for(self, configuration: Mapping[str, Any], stack: Stack | None = None, generation: int = 1) -> Work:
        """Return the work for a whole configuration."""
        stack = stack or self.east
        settings = resolve_component(
            DeploymentConfiguration.model_validate(configuration), stack.component, stack.environment
        )
        artifact = Artifact(self.digest, self.package, "index.handler", "python3.13", 9)
        return Work("deployment-1", BLUEPRINTS[stack.component](stack, generation, settings), artifact)

    @property
    def digest(self) -> str:
        """The digest of the package's current content."""
        return sha256(self.package.read_bytes()).hexdigest()

    async def deploy(self, work: Work, progress: ReportProgress = lambda update: None) -> ApplyResult:
        """Preview, apply, then publish the code if the plan lacks it."""
        plan = await self.engine.preview(work)
        applied = await apply_plan(self.engine, work, plan, self, progress)
        if plan.lacks_code:
            return await publish_code(self.engine, work, applied, self, progress)
        return applied

    async def destroy(self, stack: Stack | None = None, generation: int = 1) -> ChangeCounts:
        return await self.engine.destroy(Removal("removal-1", stack or self.east, generation), lambda update: None)

    def list_cloud(self) -> list[tuple[str, str]]:
        """Type and id of everything in the account, in the region of the stack."""
        return self.cloud(CLOUDS[self.provider].package, self.east.region).list_resources()

    async def publish(self, event: StackEvent) -> None:
        """Record the event after a short delay."""
        await asyncio.sleep(0)
        self.events.append(event)


def list_values(plan: ChangePlan) -> set[tuple[str, str, Any, Any]]:
    """The resource, path, old and new value of each changed property."""
    return {(it.name, change.path, change.old, change.new) for it in plan.mutations for change in it.properties}


class LifecycleContract:
    """The tests of one stack from its first deployment to the one after its removal; `fixture` has the engine.

    `last_event` is the type of the last event of a deployment; `configurations` are deployed one after the other, in
    place.
    """

    last_event: type[StackEvent] = InfrastructureUpdated
    configurations: tuple[Mapping[str, Any], ...] = (
        {"components": {"rest-api": _TOKEN}},
        {"components": {"rest-api": {"memory": 1024, **_TOKEN}}, "tags": {"team": "qa"}},
    )

    async def test_changes_what_was_previewed_and_nothing_the_second_time(self, fixture: EngineFixture) -> None:
        created = 0
        for values in self.configurations:
            work = fixture.work_for(values)
            planned = (await fixture.engine.preview(work)).changes
            done = (await fixture.deploy(work)).changes
            created += done.create

            assert (done, done.is_empty) == (planned, False)
        assert (done.create, done.replace, done.delete) == (0, 0, 0)  # tags are added in place
        unchanged = await fixture.engine.preview(replace(work, refresh=True))
        assert (unchanged.drift, unchanged.mutations) == ((), ())
        fixture.events.clear()

        again = await fixture.deploy(work)

        assert again.changes == ChangeCounts(same=created)
        assert [type(event) for event in fixture.events] == [InfrastructureUpdated]

    async def test_publishes_what_it_creates_destroys_it_and_creates_it_again_in_the_next_generation(
        self, fixture: EngineFixture
    ) -> None:
        first = await fixture.deploy(fixture.work())
        events = [*fixture.events]
        planned = await fixture.engine.preview_destroy(fixture.east)

        removed = await fixture.destroy()

        assert FunctionDeployed in map(type, events)
        assert type(events[-1]) is self.last_event
        assert all(event.deployment_id == "deployment-1" for event in events)
        [updated] = [event for event in events if isinstance(event, InfrastructureUpdated)]
        assert (updated.changes, updated.outputs) == (first.changes, dict(first.outputs))
        assert str(first.outputs["endpoint"]).startswith("https://")
        assert planned.changes == removed == ChangeCounts(delete=first.changes.create)
        assert await asyncio.to_thread(fixture.list_cloud) == []
        assert (await fixture.engine.preview_destroy(fixture.east)).changes == ChangeCounts()
        assert (await fixture.deploy(fixture.work(generation=2))).changes == first.changes


class ProvisionerContract(LifecycleContract):
    """The tests of the contract; a subclass provides the `fixture` with its engine."""

    async def test_changes_nothing_in_a_preview_and_reports_each_operation(self, fixture: EngineFixture) -> None:
        drift_of_nothing = await fixture.engine.detect_drift(fixture.east)
        removed_from_nothing = await fixture.destroy()
        first = await fixture.engine.preview(fixture.work())
        second = await fixture.engine.preview(fixture.work())
        published = [*fixture.events]
        updates: list[ResourceProgress] = []

        applied = await fixture.deploy(fixture.work(), updates.append)

        assert (first, published) == (second, [])
        assert removed_from_nothing == ChangeCounts()
        assert (drift_of_nothing, await fixture.engine.detect_drift(fixture.east)) == ((), ())
        begun = [(update.urn, update.op) for update in updates if update.state == "running" and update.op != "publish"]
        assert sorted(begun) == sorted(
            (update.urn, update.op) for update in updates if update.state == "done" and update.op != "publish"
        )
        assert len(begun) == applied.changes.create

    async def test_brings_back_logs_that_a_delete_would_have_left(self, fixture: EngineFixture) -> None:
        stack = replace(fixture.east, environment="production")
        whole, part = (fixture.work_for({"features": {"access_logs": it}}, stack) for it in (True, False))
        await fixture.deploy(whole)

        removed = await fixture.deploy(part)
        without = await fixture.engine.preview(part)
        await fixture.deploy(whole)

        assert (removed.changes.keep, without.is_empty) == (0, True)
        assert (await fixture.engine.preview(whole)).is_empty

    async def test_separates_stacks(self, fixture: EngineFixture) -> None:
        east, west = await asyncio.gather(
            fixture.deploy(fixture.work(fixture.east)), fixture.deploy(fixture.work(fixture.west))
        )
        await fixture.destroy(fixture.east)

        assert east.changes == west.changes
        assert (await fixture.deploy(fixture.work(fixture.west))).changes.is_empty

    async def test_stops_if_its_events_cannot_be_recorded(self, fixture: EngineFixture) -> None:
        async def refuse(settled: SettledResource) -> None:
            raise ProviderError("the lease is lost", provider="aws")

        work = fixture.work()
        plan = await fixture.engine.preview(work)
        with pytest.raises(ProviderError, match="the lease is lost"):
            await fixture.engine.apply(work, plan, refuse, lambda update: None)

        await fixture.deploy(work)
        assert (await fixture.engine.preview(work)).changes.is_empty

    @pytest.mark.parametrize("number", [1, 4], ids=["at once", "later"])
    async def test_continues_after_a_cancellation(self, fixture: EngineFixture, number: int) -> None:
        task: asyncio.Future[ApplyResult] = asyncio.ensure_future(
            fixture.deploy(fixture.work(), _cancel_at(number, lambda: task.cancel()))
        )

        with pytest.raises(asyncio.CancelledError):
            await task
        published = len(fixture.events)
        await asyncio.sleep(0.05)

        assert len(fixture.events) == published
        await fixture.deploy(fixture.work())
        assert (await fixture.engine.preview(fixture.work())).changes.is_empty


def _cancel_at(number: int, cancel: Callable[[], object]) -> ReportProgress:
    """Return a progress callback that cancels the run when its n-th operation starts."""
    loop, begun = asyncio.get_running_loop(), [0]

    def progress(update: ResourceProgress) -> None:
        begun[0] += update.state == "running"
        if update.state == "running" and begun[0] == number:
            loop.call_soon_threadsafe(cancel)

    return progress
