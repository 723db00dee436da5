"""The Provisioner on this machine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from semantest_iac.domain.deployment.announcements import updated, with_code
from semantest_iac.domain.deployment.deployed import DeployedResource
from semantest_iac.domain.deployment.plan import ChangePlan
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.ports.provisioner import Applied, Progress, Publish, Removal, Work
from semantest_iac.infrastructure.cloud_programs import program
from semantest_iac.infrastructure.cloud_programs.cloud import cloud
from semantest_iac.infrastructure.cloud_programs.context import Context
from semantest_iac.infrastructure.sandbox_engine import reports
from semantest_iac.infrastructure.sandbox_engine.announcing import Tell, announcer, publishing
from semantest_iac.infrastructure.sandbox_engine.code import courier_in
from semantest_iac.infrastructure.sandbox_engine.execution import PROJECT, apart, play
from semantest_iac.infrastructure.sandbox_engine.monitor import Monitor, Settled
from semantest_iac.infrastructure.sandbox_engine.regions import Clouds
from semantest_iac.infrastructure.sandbox_engine.run import Run
from semantest_iac.infrastructure.sandbox_engine.sessions import Sessions
from semantest_iac.infrastructure.sandbox_engine.steps import Brake
from semantest_iac.infrastructure.sandbox_engine.store import StateStore
from semantest_iac.infrastructure.sandbox_engine.values import Properties
from semantest_iac_events.infrastructure import InfrastructureRemoved
from semantest_iac_events.values import ChangeCounts


class SandboxEngine:
    """Runs the real programs against simulated clouds; one run of a stack at a time is the caller's business."""

    def __init__(self, store: StateStore, clouds: Clouds, secret_value: Callable[[str], str]) -> None:
        self._sessions = Sessions(store, clouds)
        self._courier = partial(courier_in, clouds)
        self._secret_value = secret_value

    async def preview(self, work: Work) -> ChangePlan:
        """What apply would do: the program runs with nothing behind it."""
        brake = Brake()
        return await apart(lambda: self._preview(work, brake), brake)

    async def apply(self, work: Work, plan: ChangePlan, publish: Publish, progress: Progress) -> Applied:
        """Run the program for real; whatever stops it, the state says afterwards what is there."""
        brake = Brake()
        async with publishing(publish, brake) as tell:
            applied = await apart(lambda: self._apply(work, plan, progress, brake, tell), brake)
        await publish(updated(work.identity, applied))
        return applied

    async def publish_code(self, work: Work, applied: Applied, publish: Publish, progress: Progress) -> Applied:
        """Bring the package to the simulated service of its app, then do what waited for it."""
        stack, artifact = work.blueprint.stack, work.artifact
        courier, resources = self._courier(stack), self._sessions.deployed(stack)
        if courier is None or artifact is None:
            return applied
        held = courier.held(work, resources)
        await courier.brought(resources, artifact, progress)
        if held:
            applied = applied.then(await self._completed(work, progress))
            await publish(updated(work.identity, applied))
        for event in with_code(self._sessions.kinds(stack), work.identity, artifact.digest):
            await publish(event)
        return applied

    async def preview_removal(self, stack: Stack) -> ChangePlan:
        """Every resource of the stack, as a delete."""
        brake = Brake()
        return await apart(lambda: self._preview_removal(stack, brake), brake)

    async def remove(self, removal: Removal, publish: Publish, progress: Progress) -> ChangeCounts:
        """Delete what the state knows; no program is needed for that."""
        brake = Brake()
        changes = await apart(lambda: self._remove(removal.stack, progress, brake), brake)
        await publish(InfrastructureRemoved(**removal.identity, changes=changes, generation=removal.generation))
        return changes

    def export(self, stack: Stack) -> dict[str, Any]:
        """The state in Pulumi's deployment format, secrets sealed."""
        return self._sessions.export(stack)

    async def deployed(self, stack: Stack) -> list[DeployedResource]:
        """What is there, secrets opened, with the code that it runs."""
        resources, courier = self._sessions.deployed(stack), self._courier(stack)
        return courier.asked(resources) if courier else resources

    def _preview(self, work: Work, brake: Brake) -> ChangePlan:
        with self._sessions.dry(work.blueprint.stack, brake) as run:
            self._play(work, run, _unheard, dry=True)
            run.finish()
        stack = work.blueprint.stack
        plan, courier = reports.plan(run.executor.steps, cloud(stack.provider).stateful), self._courier(stack)
        if courier is None:
            return plan
        resources = self._sessions.deployed(stack)
        lacks_code = bool(courier.held(work, resources)) or courier.misses(resources, work.artifact, plan)
        return replace(plan, lacks_code=lacks_code)

    def _apply(self, work: Work, plan: ChangePlan, progress: Progress, brake: Brake, tell: Tell) -> Applied:
        with self._sessions.live(work.blueprint.stack, brake, progress) as run:
            self._play(self._for_now(work), run, announcer(work, run, tell, lacks_code=plan.lacks_code), dry=False)
            run.finish()
        return reports.applied(run)

    async def _completed(self, work: Work, progress: Progress) -> Applied:
        """The whole of it; what settles is announced with the code."""
        brake = Brake()
        return await apart(lambda: self._complete(work, progress, brake), brake)

    def _complete(self, work: Work, progress: Progress, brake: Brake) -> Applied:
        with self._sessions.live(work.blueprint.stack, brake, progress) as run:
            self._play(work, run, _unheard, dry=False)
            run.finish()
        return reports.applied(run)

    def _for_now(self, work: Work) -> Work:
        """What of it can be done before code is published."""
        stack = work.blueprint.stack
        courier = self._courier(stack)
        return replace(work, held=courier.held(work, self._sessions.deployed(stack))) if courier else work

    def _preview_removal(self, stack: Stack, brake: Brake) -> ChangePlan:
        with self._sessions.dry(stack, brake) as run:
            run.finish()
        return reports.plan(run.executor.steps, cloud(stack.provider).stateful)

    def _remove(self, stack: Stack, progress: Progress, brake: Brake) -> ChangeCounts:
        with self._sessions.live(stack, brake, progress) as run:
            run.finish()
        return reports.applied(run).changes

    def _play(self, work: Work, run: Run, settled: Settled, *, dry: bool) -> None:
        blueprint, target = work.blueprint, cloud(work.blueprint.stack.provider)
        program.load(target, blueprint)
        context = Context(blueprint.stack, blueprint.generation, work.artifact, self._secret_value, held=work.held)
        stack = str(blueprint.stack)
        monitor = Monitor(run, stack=stack, project=PROJECT, settled=settled)
        play(lambda: program.deploy(blueprint, target, context), monitor, stack=stack, dry=dry)


def _unheard(urn: str, outputs: Properties) -> None:
    """A preview completes nothing; what waited for code is announced with that."""
