"""The order of the steps of a deployment and of a destroy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any

from semantest_iac.application.deployment.completion_events import apply_plan, publish_code
from semantest_iac.application.deployment.context import DeploymentContext, stack_of
from semantest_iac.application.deployment.failures import (
    as_deployment_error,
    as_removal_error,
    error_fields,
    refused_resource,
)
from semantest_iac.application.deployment.plan_approval import PlanApproval
from semantest_iac.application.deployment.preparation import DeploymentStep, Preparation
from semantest_iac.application.deployment.recorder import (
    BeginStep,
    OperationCounter,
    StepRecorder,
    read_deployment,
)
from semantest_iac.application.deployment.resolved_requests import (
    ChangeRequest,
    find_resolved_change,
    resolve_change,
)
from semantest_iac.application.deployment.rollback import (
    Rollback,
    find_accepted_package,
    find_deployed_configuration,
    find_served_versions,
    remaining_operations,
)
from semantest_iac.application.deployment.step_limits import StepLimiter
from semantest_iac.application.deployment.traffic.traffic_shifting import (
    TrafficShifter,
    VersionReturnedError,
    describe_traffic,
    list_operations,
    removes_version,
    require_good_version,
    require_shiftable,
)
from semantest_iac.application.message_bus import MessageBus
from semantest_iac.application.ports.ledger import LedgerConflictError, LedgerReader, StackRow
from semantest_iac.application.queries.secret_versions import find_secret_versions
from semantest_iac.domain.blueprints.traffic_split import TrafficSplit
from semantest_iac.domain.delivery.canary import WHOLE, CanaryRefusedError, ShiftAction, ShiftDecision
from semantest_iac.domain.deployment.change_plan import ChangePlan, add_changes, count_operations
from semantest_iac.domain.deployment.deployment import Deployment
from semantest_iac.domain.deployment.deployment_service import DeploymentService
from semantest_iac.domain.deployment.events import GenerationStarted, PackageBuilt
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.deployment.status import DeploymentStatus
from semantest_iac.domain.deployment.traffic_shifts import judge_version, shift_traffic
from semantest_iac.domain.errors import Fault, NotFoundError, PlanRefusedError, RefusedError, ValidationError
from semantest_iac.domain.guardrails.data_loss import require_accepted_loss
from semantest_iac.domain.ports.provisioner import ApplyResult, Removal, ReportProgress, report_step
from semantest_iac_events.deployments import DeploymentRequested
from semantest_iac_events.event import StackEvent, StackRequest
from semantest_iac_events.infrastructure import (
    InfrastructureRemovalRequested,
    InfrastructureUpdateFailed,
    RollbackRequested,
)
from semantest_iac_events.values import ChangeCounts

_UNCARRIABLE = (RefusedError, ValidationError, NotFoundError)
"""Why a request is rejected that was accepted, and refers to what has changed since."""


class DeploymentProcess:
    """Carries one request to its terminal event, or until it waits for an approval.

    The caller holds the lease of the stack. `approval` is asked about every plan that changes something, before that.
    """

    def __init__(  # noqa: PLR0913  # one parameter for each thing that it asks
        self,
        preparation: Preparation,
        service: DeploymentService,
        bus: MessageBus,
        ledger: LedgerReader,
        progress: ReportProgress,
        limiter: StepLimiter,
        approval: PlanApproval | None = None,
        shifter: TrafficShifter | None = None,
    ) -> None:
        self._preparation = preparation
        self._service = service
        self._engine = service.provisioner
        self._bus = bus
        self._ledger = ledger
        self._progress = progress
        self._approval = approval or PlanApproval()
        self._limiter = limiter
        self._rollback = Rollback(service, ledger, progress)
        self._shifter = shifter or TrafficShifter(ledger)

    async def plan(self, context: DeploymentContext) -> DeploymentContext:
        """Preview a prepared deployment; nothing is recorded or changed.

        Clouds reserve some names after a delete: what a removal has deleted is created with those of a new generation.
        What a person has repaired in the cloud is read from there.
        """
        row = self._ledger.stack(context.request.stack)
        with report_step(self._progress, "plan", "the changes"):
            planned = await self._plan_generation(context, row, row.generation)
            if row.removal and planned.plan.changes.create:
                return await self._plan_generation(context, row, row.generation + 1)
        return planned

    async def plan_deployment(self, context: DeploymentContext) -> DeploymentContext:
        """Preview a prepared deployment as `plan` does, with the share of the traffic with which it would begin.

        Where it could not begin with one, the plan is that without, and `traffic` says why.
        """
        try:
            context = await self._plan_first_share(context, self._shifter.choose_first_share(context))
        except CanaryRefusedError as error:
            context = await self.plan(replace(context, new_share=None))
            return replace(context, traffic=f"refused: {error.reason} {error.hint}")
        return replace(context, traffic=describe_traffic(context, None))

    async def plan_destroy(self, stack: Stack) -> ChangePlan:
        """Preview a destroy; nothing is recorded or changed."""
        with report_step(self._progress, "plan", "the deletion"):
            return await self._engine.preview_destroy(stack)

    async def _plan_generation(self, context: DeploymentContext, stack: StackRow, generation: int) -> DeploymentContext:
        assert context.settings is not None  # noqa: S101  # set by validating
        work, plan = await self._service.plan(
            context.request.deployment_id,
            context.stack,
            generation,
            context.settings,
            context.artifact,
            self._progress,
            refresh=context.request.refresh or stack.resolved is not None,
            secret_versions=find_secret_versions(self._ledger, stack.stack, context.settings.secret_keys),
            split=None if context.new_share is None else TrafficSplit(stack.outputs, context.new_share),
            find_versions=partial(find_served_versions, self._ledger, context, stack),
            outputs=stack.outputs,
        )
        return replace(context, work=work, plan=plan)

    async def deploy_or_watch(self, request: DeploymentRequested) -> StackEvent | None:
        """Deploy, or go on with a new version that has a share of the traffic; None while it is only watched."""
        deployment = read_deployment(self._ledger, request.deployment_id)
        decision = await self._shifter.judge(deployment) if deployment else None
        is_watched = decision is not None and decision.action is ShiftAction.WAIT
        return None if is_watched else await self.deploy(request, decision)

    async def deploy(self, request: DeploymentRequested, decision: ShiftDecision | None = None) -> StackEvent:
        """Take every step in order and return the terminal event; raises what failed before anything was changed.

        One whose plan waits for an approval ends this run with the request for it, and goes on once it is approved. One
        whose new version has a share of the traffic ends it with that, and goes on with a `decision` about it. A
        deployment that another run has begun is carried out again from its first step; engines continue. One that was
        on its way back goes on with that: what has failed once is not deployed again.
        """
        context, recorder = self._preparation.take_prepared(request), self._record_run(request, request.configuration)
        await recorder.begin_run()
        if recorder.deployment.is_going_back:
            return await self._rollback.run(recorder.deployment.failure, request, recorder)
        package = find_accepted_package(self._ledger, request)
        if decision:
            return await self._shift(context, recorder, package, decision)
        return await self._deploy_from_first_step(context, recorder, package)

    async def _shift(
        self,
        context: DeploymentContext,
        recorder: StepRecorder,
        package: PackageBuilt | None,
        decision: ShiftDecision,
    ) -> StackEvent:
        """Give the new version the decided share of the traffic; return it to the old one, then the stack with it.

        Whatever fails meanwhile returns it too: nobody watches two versions any more after a failure.
        """
        request, counter = context.request, OperationCounter(self._progress)
        before = list_operations(recorder.deployment.shifted)
        try:
            await recorder.step(judge_version, partial(require_good_version, context.stack, decision))
            return await self._deploy_from_first_step(context, recorder, package, decision)
        except Exception as error:
            if isinstance(error, VersionReturnedError):
                with suppress(Exception):  # the way back restores the traffic too, only later
                    await self._return_traffic(context, recorder, package, decision, counter)
            return await self._rollback.run(error, request, recorder, [*before, *counter.operations])

    async def _return_traffic(
        self,
        context: DeploymentContext,
        recorder: StepRecorder,
        package: PackageBuilt | None,
        decision: ShiftDecision,
        counter: OperationCounter,
    ) -> None:
        """Give the old version all of the traffic at once, before everything else is restored."""
        context = await self._provide_package(await self._preparation.validate(context), package)
        context = await self.plan(replace(context, new_share=0))
        require_shiftable(context.stack, context.plan)
        assert context.work is not None  # noqa: S101  # set by the plan
        await apply_plan(self._engine, context.work, context.plan, recorder, counter)
        changes = count_operations([*list_operations(recorder.deployment.shifted), *counter.operations])
        await recorder.publish(shift_traffic(recorder.deployment, 0, decision.reasons, changes=changes))

    async def change_deployed(self, request: ChangeRequest) -> StackEvent:
        """Deploy what a request to roll back or to scale asks for, as of now, and return the terminal event.

        A run that goes on with it deploys what the one before had found.
        """
        resolved = find_resolved_change(self._ledger, request)
        is_new = resolved is None
        if resolved is None:
            try:
                resolved = resolve_change(self._ledger, request, self._approval.read_now())
            except _UNCARRIABLE as error:  # such as a scaling too soon after the one before it in the queue
                return self._record_run(request, {}).deployment.reject(error)
        recorder = self._record_run(request, resolved.entry.configuration)
        await recorder.begin_run()
        if recorder.deployment.is_going_back:
            return await self._rollback.run(recorder.deployment.failure, resolved.request, recorder)
        if is_new:
            for entry in (resolved.package, resolved.entry):
                if entry is not None:
                    await recorder.record_entry(entry)
        accepted = request.accepted_data_loss if isinstance(request, RollbackRequested) else None
        restored = resolved.entry.restored_deployment
        context = DeploymentContext(resolved.request, accepted_loss=accepted, restored=restored)
        return await self._deploy_from_first_step(context, recorder, resolved.package)

    async def _deploy_from_first_step(
        self,
        context: DeploymentContext,
        recorder: StepRecorder,
        package: PackageBuilt | None,
        decision: ShiftDecision | None = None,
    ) -> StackEvent:
        request = context.request
        context = await recorder.step(Deployment.validate, partial(self._preparation.validate, context))
        context = await recorder.step(Deployment.build_artifact, partial(self._provide_package, context, package))
        try:
            context = await recorder.step(Deployment.preview, partial(self._plan_share, context, decision))
        except (CanaryRefusedError, PlanRefusedError) as error:
            if decision:
                raise
            return recorder.deployment.reject(error)
        if end := await self._record_plan(context, recorder, package, decision):
            return end
        row = self._ledger.stack(request.stack)
        if context.generation > row.generation:
            await recorder.record_entry(GenerationStarted(**context.identity, generation=context.generation))
        if context.plan.is_empty and row.last_good and not (row.unsettled or row.removal):
            context = await self._verify(replace(context, applied=ApplyResult(context.plan, row.outputs)))
            return recorder.deployment.complete(context.results())
        return await self._change(context, recorder, decision)

    async def _record_plan(
        self,
        context: DeploymentContext,
        recorder: StepRecorder,
        package: PackageBuilt | None,
        decision: ShiftDecision | None,
    ) -> StackEvent | None:
        """Publish the plan and ask about it; returns the event that ends this run, None to go on.

        A later share of the traffic belongs to a plan that was asked about.
        """
        if context.artifact and not package:
            await recorder.record_entry(context.package_built_event(context.artifact))
        if context.plan.drift:
            await recorder.publish(context.drift_event())
        planned = recorder.deployment.plan(context.plan, context.artifact.digest if context.artifact else None)
        await recorder.publish(planned.model_copy(update={"traffic": describe_traffic(context, decision)}))
        if decision:
            return None
        try:
            if context.accepted_loss is not None:
                is_rest = recorder.deployment.attempt > 1
                require_accepted_loss(context.stack, context.plan, context.accepted_loss, is_rest=is_rest)
            configuration = context.request.configuration
            return await self._approval.ask_about(recorder.deployment, context.plan, configuration, context)
        except RefusedError as error:
            return recorder.deployment.reject(error)

    async def _plan_share(self, context: DeploymentContext, decision: ShiftDecision | None) -> DeploymentContext:
        """Preview with the share of the traffic that the new version is to have."""
        if decision is None:
            return await self._plan_first_share(context, await self._shifter.begin(context))
        context = await self.plan(replace(context, new_share=decision.share))
        require_shiftable(context.stack, context.plan)
        return context

    async def _plan_first_share(self, context: DeploymentContext, share: int | None) -> DeploymentContext:
        """Preview with the first share; None is all of the traffic at once.

        Where a new version gets resources of its own, its plan does not show what changes when it has all of the
        traffic, nor that nothing does.
        """
        context = await self.plan(replace(context, new_share=share))
        if share is None:
            return context
        require_shiftable(context.stack, context.plan, is_first=True)
        if context.plan.changes.create:
            whole = await self.plan(replace(context, new_share=None))
            if whole.plan.is_empty:
                return whole
            require_shiftable(whole.stack, whole.plan)
        return context

    async def _provide_package(self, context: DeploymentContext, package: PackageBuilt | None) -> DeploymentContext:
        """Fetch the package with which the request was accepted, or build one and store it for a rollback."""
        if package is None:
            context = await self._preparation.build_artifact(context)
            if context.artifact:
                await self._service.store_package(context.artifact)
        elif context.artifact is None:
            context = replace(context, artifact=await self._service.fetch_package(package))
        return context

    async def destroy(self, request: InfrastructureRemovalRequested) -> StackEvent:
        """Destroy the stack, whose next deployment is a new generation, and return the terminal event.

        Where its plan waits for an approval, this run ends with the request for it.
        """
        stack = stack_of(request)
        configuration = find_deployed_configuration(self._ledger, request.stack)
        recorder = self._record_run(request, configuration)
        counter = OperationCounter(self._progress)
        removal = Removal(request.deployment_id, stack, self._ledger.stack(request.stack).generation)

        async def remove() -> ChangeCounts:
            before = counter.operations  # of tries that were not the last one
            return add_changes(count_operations(before), await self._engine.destroy(removal, counter))

        await recorder.begin_run()
        if end := await self._review_destroy(recorder, configuration):
            return end
        try:
            with report_step(self._progress, "apply", "the deletion"):
                changes = await recorder.step(Deployment.remove, remove)
        except Exception as error:
            remainder = await remaining_operations(self._engine.preview_destroy(stack))
            deleted = count_operations(counter.operations)
            return recorder.deployment.fail(as_removal_error(error), changes=deleted, remainder=remainder)
        return recorder.deployment.complete_removal(changes, removal.generation)

    async def _review_destroy(self, recorder: StepRecorder, configuration: Mapping[str, Any]) -> StackEvent | None:
        """Plan a destroy where somebody is asked about it; returns the event that ends this run, None to go on."""
        stack = recorder.deployment.stack
        if not self._approval.reviews_destroys(stack, configuration):
            return None
        plan = await self.plan_destroy(stack)
        await recorder.publish(recorder.deployment.plan(plan))
        try:
            return await self._approval.ask_about(recorder.deployment, plan, configuration)
        except RefusedError as error:
            return recorder.deployment.reject(error)

    def _record_run(self, request: StackRequest, configuration: Mapping[str, Any]) -> StepRecorder:
        """Return the recorder of a run whose deadlines are those of a configuration."""
        deployment = read_deployment(self._ledger, request.deployment_id) or Deployment.from_request(request)
        return StepRecorder(self._bus, deployment, self._limiter.for_run(configuration, self._progress))

    async def _change(
        self, context: DeploymentContext, recorder: StepRecorder, decision: ShiftDecision | None = None
    ) -> StackEvent:
        """Apply even an empty plan: after an interruption the engine knows the outputs, and the ledger does not."""
        was_unsettled = self._ledger.stack(str(context.stack)).unsettled is not None
        counter = OperationCounter(self._progress)
        try:
            for begin, step in self._changing_steps(context, recorder, counter, decision):
                is_update = begin is not Deployment.verify
                record_failure = partial(_publish_failure, context, recorder) if is_update else None
                context = await recorder.step(begin, partial(step, context), record_failure)
        except Exception as error:
            is_unhealthy = recorder.deployment.status is DeploymentStatus.VERIFYING
            if not counter.has_begun and not (
                was_unsettled and is_unhealthy and await self._would_rollback_change(context)
            ):
                raise
            if (counter.operations or was_unsettled) and self._keeps_failed_resources(context):
                return _keep_failed(recorder.deployment, error, context, counter)
            before = list_operations(recorder.deployment.shifted)
            return await self._rollback.run(error, context.request, recorder, [*before, *counter.operations])
        return await self._conclude(context, recorder, decision)

    async def _conclude(
        self, context: DeploymentContext, recorder: StepRecorder, decision: ShiftDecision | None
    ) -> StackEvent:
        """Return what ends this run: the share of the traffic that is to be judged, or the end of the deployment."""
        while True:
            version = self._shifter.find_version(context.stack)
            shifted = self._shifter.build_shift(recorder.deployment, context, decision)
            if shifted is None:
                return recorder.deployment.complete(context.results())
            if shifted.until is not None:
                return shifted
            with suppress(LedgerConflictError):  # what was recorded meanwhile may be that it is returned
                await recorder.publish(shifted, version)
                break
        return recorder.deployment.complete(replace(context.results(), changes=shifted.changes))

    async def _would_rollback_change(self, context: DeploymentContext) -> bool:
        """Whether a rollback would change something: the one that was interrupted before may have done nothing.

        That of a rotation brings back the values of before, which count only once it has begun.
        """
        return bool(context.request.rotated_secrets) or not (await self._rollback.preview(context.request)).is_empty

    def _keeps_failed_resources(self, context: DeploymentContext) -> bool:
        """Whether a failure leaves the stack for inspection: there is no good deployment to roll back to."""
        return context.request.keep_failed and self._ledger.stack(str(context.stack)).last_good is None

    def _changing_steps(
        self,
        context: DeploymentContext,
        recorder: StepRecorder,
        counter: OperationCounter,
        decision: ShiftDecision | None,
    ) -> Sequence[tuple[BeginStep, DeploymentStep]]:
        async def apply(context: DeploymentContext) -> DeploymentContext:
            before = ApplyResult(counter.select_done(context.plan), {})  # by tries that were not the last one
            if decision and removes_version(context.plan):
                before = before.then(await self._hand_over(context, recorder, counter))
            if before.done.mutations:
                context = await self._plan_rest(context)
            assert context.work is not None  # noqa: S101  # set by the preview
            with report_step(self._progress, "apply", "the plan"):
                applied = await apply_plan(self._engine, context.work, context.plan, recorder, counter)
            return replace(context, applied=before.then(applied) if before.done.mutations else applied)

        async def publish(context: DeploymentContext) -> DeploymentContext:
            assert context.work is not None and context.applied is not None  # noqa: S101  # set by applying
            applied = await publish_code(self._engine, context.work, context.applied, recorder, counter)
            return replace(context, applied=applied)

        publishing_step = [(Deployment.publish_code, publish)] if context.plan.lacks_code else []
        return [(Deployment.apply, apply), *publishing_step, (Deployment.verify, self._verify)]

    async def _hand_over(
        self, context: DeploymentContext, recorder: StepRecorder, counter: OperationCounter
    ) -> ApplyResult:
        """Lead all requests to the resources of the new version, before what is live becomes that version."""
        handed = await self.plan(replace(context, new_share=WHOLE))
        require_shiftable(handed.stack, handed.plan)
        assert handed.work is not None  # noqa: S101  # set by the plan
        if handed.plan.is_empty:
            return ApplyResult(handed.plan, {})
        return await apply_plan(self._engine, handed.work, handed.plan, recorder, counter)

    async def _plan_rest(self, context: DeploymentContext) -> DeploymentContext:
        """Plan again after a try that has done a part: engines apply only a plan of the state that they find.

        Raises RefusedError for a change of a resource that was not to be changed before.
        """
        rest, planned = await self.plan(context), {change.urn for change in context.plan.mutations}
        others = [change for change in rest.plan.mutations if change.urn not in planned]
        if others:
            faults = [Fault(change.urn, f"now to do: {change.op}") for change in others]
            message = f"Cannot go on with '{context.stack}': it would now make other changes than were planned."
            raise RefusedError(message, "PLAN_STALE", hint="Deploy again: the new plan is shown first.", faults=faults)
        return rest

    async def _verify(self, context: DeploymentContext) -> DeploymentContext:
        assert context.settings is not None  # noqa: S101  # set by validating
        verifying = self._service.verify(context.stack, context.settings, context.artifact, self._progress)
        return replace(context, health=await verifying)


def _keep_failed(
    deployment: Deployment, error: Exception, context: DeploymentContext, counter: OperationCounter
) -> StackEvent:
    """Return the terminal event of a failed first deployment whose resources stay for inspection."""
    results = context.results()
    endpoint = results.outputs.get("endpoint")
    return deployment.fail(
        as_deployment_error(error),
        changes=count_operations(counter.operations),
        duration_s=results.duration_s,
        advice=f"Kept for inspection{f' at {endpoint}' if endpoint else ''}: deploy again to continue, or destroy it.",
    )


async def _publish_failure(context: DeploymentContext, recorder: StepRecorder, error: Exception) -> None:
    """Publish where the engine stopped."""
    failed = InfrastructureUpdateFailed(**context.identity, **error_fields(error), resource=refused_resource(error))
    await recorder.publish(failed)
