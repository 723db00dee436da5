"""The sandbox's implementation of the Provisioner port."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

from semantest_iac.domain.deployment.change_plan import ChangePlan, PlannedChange
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.ports.provisioner import (
    ApplyResult,
    PublishSettled,
    Removal,
    ReportProgress,
    RevealSecret,
    SettledResource,
    Work,
    ignore_progress,
)
from semantest_iac.domain.resource import DeployedResource
from semantest_iac.infrastructure.cloud_programs.cloud import find_cloud
from semantest_iac.infrastructure.cloud_programs.context import ProgramContext
from semantest_iac.infrastructure.sandbox_engine import reports
from semantest_iac.infrastructure.sandbox_engine.plan.run import SandboxRun
from semantest_iac.infrastructure.sandbox_engine.plan.steps import CancelToken
from semantest_iac.infrastructure.sandbox_engine.program_execution import SANDBOX_PROJECT, run_in_thread, run_program
from semantest_iac.infrastructure.sandbox_engine.reports import (
    EnqueueSettled,
    build_settled_callback,
    open_settled_queue,
)
from semantest_iac.infrastructure.sandbox_engine.sessions import StackSessions
from semantest_iac.infrastructure.sandbox_engine.simulated_clouds import (
    CloudLookup,
    create_code_publisher,
    with_published_versions,
)
from semantest_iac.infrastructure.sandbox_engine.state.store import StateStore
from semantest_iac_events.values import ChangeCounts


class SandboxEngine:
    """Runs the real programs against simulated clouds; the caller ensures one run per stack at a time."""

    def __init__(self, store: StateStore, clouds: CloudLookup, reveal_secret: RevealSecret) -> None:
        self._sessions = StackSessions(store, clouds)
        self._create_publisher = partial(create_code_publisher, clouds)
        self._with_versions = partial(with_published_versions, clouds)
        self._reveal_secret = reveal_secret

    async def preview(self, work: Work, progress: ReportProgress = ignore_progress) -> ChangePlan:
        token = CancelToken()
        return await run_in_thread(partial(self._preview, work, token), token)

    async def apply(
        self, work: Work, plan: ChangePlan, publish: PublishSettled, progress: ReportProgress
    ) -> ApplyResult:
        token = CancelToken()
        async with open_settled_queue(publish, token) as enqueue:
            return await run_in_thread(partial(self._apply_with_limits_last, work, progress, token, enqueue), token)

    async def publish_code(
        self, work: Work, applied: ApplyResult, publish: PublishSettled, progress: ReportProgress
    ) -> ApplyResult:
        stack, token = work.blueprint.stack, CancelToken()
        publisher = self._create_publisher(stack)
        if publisher is None:
            return applied

        async def apply_deferred() -> ApplyResult:
            return await run_in_thread(partial(self._apply, work, progress, token, _discard_settled), token)

        result = await publisher.publish_work(
            work, self._sessions.read_deployed_resources(stack), applied, apply_deferred, progress
        )
        for kind, outputs in self._sessions.component_types_and_outputs(stack):
            await publish(SettledResource(kind, outputs))
        return result

    async def preview_destroy(self, stack: Stack) -> ChangePlan:
        token = CancelToken()
        return await run_in_thread(partial(self._preview_destroy, stack, token), token)

    async def detect_drift(self, stack: Stack) -> tuple[PlannedChange, ...]:
        return await run_in_thread(partial(self._detect_drift, stack), CancelToken())

    async def destroy(self, removal: Removal, progress: ReportProgress) -> ChangeCounts:
        """Delete every resource in the state; needs no program."""
        token = CancelToken()
        return await run_in_thread(partial(self._destroy, removal.stack, progress, token), token)

    def export(self, stack: Stack) -> dict[str, Any]:
        """Return the state in Pulumi's deployment format, with encrypted secrets."""
        return self._sessions.export(stack)

    async def read_deployed_resources(self, stack: Stack) -> list[DeployedResource]:
        """Return the deployed resources with secrets unwrapped, the code that each runs, and its published versions."""
        resources, publisher = self._sessions.read_deployed_resources(stack), self._create_publisher(stack)
        resources = publisher.with_running_code(resources) if publisher else resources
        return self._with_versions(stack, resources)

    def _preview(self, work: Work, token: CancelToken) -> ChangePlan:
        stack = work.blueprint.stack
        work = self._refresh_if_lost(work)
        drift = self._detect_drift(stack) if work.refresh else ()
        with self._sessions.open_dry_run(stack, token, refresh=work.refresh) as run:
            self._run_program(work, run, _discard_settled, dry=True)
            run.delete_unregistered()
        plan = reports.plan_of_steps(run.executor.steps, find_cloud(stack.provider))
        plan = replace(plan, drift=drift)
        publisher = self._create_publisher(stack)
        if publisher is None:
            return plan
        gone = {it.urn for it in drift if it.op == "delete"}
        resources = [it for it in self._sessions.read_deployed_resources(stack) if it.urn not in gone]
        is_deferred = bool(publisher.decide_deferral(work, resources))
        plan = publisher.plan_publishing(resources, work.artifact, plan)
        return replace(plan, lacks_code=is_deferred or plan.lacks_code)

    def _detect_drift(self, stack: Stack) -> tuple[PlannedChange, ...]:
        return reports.describe_drift(self._sessions.read_drift(stack))

    def _apply_with_limits_last(
        self, work: Work, progress: ReportProgress, token: CancelToken, enqueue: EnqueueSettled
    ) -> ApplyResult:
        """Apply what does not wait for code, limits that must be lowered last in a second run."""
        if self._refresh_if_lost(work).refresh:
            self._sessions.refresh(work.blueprint.stack)
        first = self._without_deferred(work)
        applied = self._apply(first, progress, token, enqueue)
        return applied.then(self._apply(work, progress, token, enqueue)) if first.defers_limits else applied

    def _refresh_if_lost(self, work: Work) -> Work:
        """Have the state read from a cloud that has lost everything: looking costs nothing here."""
        if work.refresh or not self._sessions.has_lost_cloud(work.blueprint.stack):
            return work
        return replace(work, refresh=True)

    def _apply(self, work: Work, progress: ReportProgress, token: CancelToken, enqueue: EnqueueSettled) -> ApplyResult:
        with self._sessions.open_live_run(work.blueprint.stack, token, progress) as run:
            self._run_program(work, run, enqueue, dry=False)
            run.delete_unregistered()
        return reports.build_apply_result(run)

    def _without_deferred(self, work: Work) -> Work:
        """Return the part of the work that waits for nothing."""
        stack = work.blueprint.stack
        publisher, resources = self._create_publisher(stack), self._sessions.read_deployed_resources(stack)
        limits = find_cloud(stack.provider).decide_limits_deferral(work.blueprint, resources)
        return replace(work, deferred=publisher.decide_deferral(work, resources) if publisher else limits)

    def _preview_destroy(self, stack: Stack, token: CancelToken) -> ChangePlan:
        with self._sessions.open_dry_run(stack, token) as run:
            run.delete_unregistered()
        return reports.plan_of_steps(run.executor.steps, find_cloud(stack.provider))

    def _destroy(self, stack: Stack, progress: ReportProgress, token: CancelToken) -> ChangeCounts:
        with self._sessions.open_live_run(stack, token, progress) as run:
            run.delete_unregistered()
        return reports.list_done(run.executor.steps).changes

    def _run_program(self, work: Work, run: SandboxRun, enqueue: EnqueueSettled, *, dry: bool) -> None:
        # Pulumi's SDK takes a quarter of a second, and only programs need it: not a destroy, nor what reads the state.
        from semantest_iac.infrastructure.cloud_programs import program
        from semantest_iac.infrastructure.sandbox_engine.monitor import ResourceMonitor

        blueprint, cloud = work.blueprint, find_cloud(work.blueprint.stack.provider)
        program.import_sdk(cloud, blueprint)
        context = ProgramContext(
            blueprint.stack,
            blueprint.generation,
            work.artifact,
            lambda name: self._reveal_secret(blueprint.stack, blueprint.secrets[name]),
            deferred=work.deferred,
            deployment=work.deployment,
            versions=work.versions,
            retained=reports.list_retained(run.executor.snapshot),
            deleted=reports.list_deleted(run.executor.snapshot),
        )
        stack = str(blueprint.stack)
        on_component = build_settled_callback(run, enqueue)
        monitor = ResourceMonitor(run, stack=stack, project=SANDBOX_PROJECT, on_component=on_component)
        run_program(partial(program.register_blueprint, blueprint, cloud, context), monitor, stack=stack, dry=dry)


def _discard_settled(_: SettledResource) -> None:
    """Publish nothing: a preview settles no resource, and deferred ones are published after the code."""
