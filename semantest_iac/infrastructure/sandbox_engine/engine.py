"""The Provisioner on this machine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from semantest_iac.domain.deployment.change_plan import ChangePlan
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.ports.provisioner import (
    ApplyResult,
    PublishSettled,
    Removal,
    ReportProgress,
    SettledResource,
    Work,
)
from semantest_iac.domain.resource import DeployedResource
from semantest_iac.infrastructure.cloud_programs import program
from semantest_iac.infrastructure.cloud_programs.cloud import find_cloud
from semantest_iac.infrastructure.cloud_programs.context import ProgramContext
from semantest_iac.infrastructure.sandbox_engine import reports
from semantest_iac.infrastructure.sandbox_engine.monitor import OnComponentComplete, ResourceMonitor
from semantest_iac.infrastructure.sandbox_engine.plan.run import SandboxRun
from semantest_iac.infrastructure.sandbox_engine.plan.steps import CancelToken
from semantest_iac.infrastructure.sandbox_engine.program_execution import SANDBOX_PROJECT, run_in_thread, run_program
from semantest_iac.infrastructure.sandbox_engine.protocol.values import PropertyValues
from semantest_iac.infrastructure.sandbox_engine.reports import EnqueueSettled, announce_settled, open_settled_queue
from semantest_iac.infrastructure.sandbox_engine.sessions import StackSessions
from semantest_iac.infrastructure.sandbox_engine.simulated_clouds import CloudLookup, create_code_publisher
from semantest_iac.infrastructure.sandbox_engine.state.store import StateStore
from semantest_iac_events.values import ChangeCounts


class SandboxEngine:
    """Runs the real programs against simulated clouds; one run of a stack at a time is the caller's business."""

    def __init__(self, store: StateStore, clouds: CloudLookup, secret_value: Callable[[str], str]) -> None:
        self._sessions = StackSessions(store, clouds)
        self._courier = partial(create_code_publisher, clouds)
        self._secret_value = secret_value

    async def preview(self, work: Work) -> ChangePlan:
        """What apply would do: the program runs with nothing behind it."""
        brake = CancelToken()
        return await run_in_thread(lambda: self._preview(work, brake), brake)

    async def apply(
        self, work: Work, plan: ChangePlan, publish: PublishSettled, progress: ReportProgress
    ) -> ApplyResult:
        """Run the program for real; whatever stops it, the state says afterwards what is there."""
        brake = CancelToken()
        async with open_settled_queue(publish, brake) as tell:
            return await run_in_thread(lambda: self._apply(work, progress, brake, tell), brake)

    async def publish_code(
        self, work: Work, applied: ApplyResult, publish: PublishSettled, progress: ReportProgress
    ) -> ApplyResult:
        """Bring the package to the simulated service of its app, then do what waited for it."""
        stack, artifact = work.blueprint.stack, work.artifact
        courier, resources = self._courier(stack), self._sessions.deployed(stack)
        if courier is None or artifact is None:
            return applied
        held = courier.held(work, resources)
        await courier.brought(resources, artifact, progress)
        if held:
            applied = applied.then(await self._completed(work, progress))
        for kind, outputs in self._sessions.kinds(stack):
            await publish(SettledResource(kind, outputs))
        return applied

    async def preview_destroy(self, stack: Stack) -> ChangePlan:
        """Every resource of the stack, as a delete."""
        brake = CancelToken()
        return await run_in_thread(lambda: self._preview_destroy(stack, brake), brake)

    async def destroy(self, removal: Removal, progress: ReportProgress) -> ChangeCounts:
        """Delete what the state knows; no program is needed for that."""
        brake = CancelToken()
        return await run_in_thread(lambda: self._destroy(removal.stack, progress, brake), brake)

    def export(self, stack: Stack) -> dict[str, Any]:
        """The state in Pulumi's deployment format, secrets sealed."""
        return self._sessions.export(stack)

    async def deployed(self, stack: Stack) -> list[DeployedResource]:
        """What is there, secrets opened, with the code that it runs."""
        resources, courier = self._sessions.deployed(stack), self._courier(stack)
        return courier.asked(resources) if courier else resources

    def _preview(self, work: Work, brake: CancelToken) -> ChangePlan:
        with self._sessions.dry(work.blueprint.stack, brake) as run:
            self._play(work, run, _ignore_component, dry=True)
            run.finish()
        stack = work.blueprint.stack
        plan, courier = (
            reports.plan_of_steps(run.executor.steps, find_cloud(stack.provider).stateful),
            self._courier(stack),
        )
        if courier is None:
            return plan
        resources = self._sessions.deployed(stack)
        lacks_code = bool(courier.held(work, resources)) or courier.misses(resources, work.artifact, plan)
        return replace(plan, lacks_code=lacks_code)

    def _apply(self, work: Work, progress: ReportProgress, brake: CancelToken, tell: EnqueueSettled) -> ApplyResult:
        with self._sessions.live(work.blueprint.stack, brake, progress) as run:
            self._play(self._for_now(work), run, announce_settled(run, tell), dry=False)
            run.finish()
        return reports.report_applied(run)

    async def _completed(self, work: Work, progress: ReportProgress) -> ApplyResult:
        """The whole of it; what settles is announced with the code."""
        brake = CancelToken()
        return await run_in_thread(lambda: self._complete(work, progress, brake), brake)

    def _complete(self, work: Work, progress: ReportProgress, brake: CancelToken) -> ApplyResult:
        with self._sessions.live(work.blueprint.stack, brake, progress) as run:
            self._play(work, run, _ignore_component, dry=False)
            run.finish()
        return reports.report_applied(run)

    def _for_now(self, work: Work) -> Work:
        """What of it can be done before code is published."""
        stack = work.blueprint.stack
        courier = self._courier(stack)
        return replace(work, held=courier.held(work, self._sessions.deployed(stack))) if courier else work

    def _preview_destroy(self, stack: Stack, brake: CancelToken) -> ChangePlan:
        with self._sessions.dry(stack, brake) as run:
            run.finish()
        return reports.plan_of_steps(run.executor.steps, find_cloud(stack.provider).stateful)

    def _destroy(self, stack: Stack, progress: ReportProgress, brake: CancelToken) -> ChangeCounts:
        with self._sessions.live(stack, brake, progress) as run:
            run.finish()
        return reports.report_applied(run).changes

    def _play(self, work: Work, run: SandboxRun, settled: OnComponentComplete, *, dry: bool) -> None:
        blueprint, target = work.blueprint, find_cloud(work.blueprint.stack.provider)
        program.import_sdk(target, blueprint)
        context = ProgramContext(
            blueprint.stack, blueprint.generation, work.artifact, self._secret_value, held=work.held
        )
        stack = str(blueprint.stack)
        monitor = ResourceMonitor(run, stack=stack, project=SANDBOX_PROJECT, settled=settled)
        run_program(lambda: program.register_blueprint(blueprint, target, context), monitor, stack=stack, dry=dry)


def _ignore_component(urn: str, outputs: PropertyValues) -> None:
    """A preview completes nothing; what waited for code is announced with that."""
