"""The order of the steps of a deployment and of a destroy."""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import replace
from functools import partial

from semantest_iac.application.deployment.completion_events import apply_plan, publish_code
from semantest_iac.application.deployment.context import DeploymentContext, stack_of
from semantest_iac.application.deployment.failures import error_fields, refused_resource
from semantest_iac.application.deployment.preparation import DeploymentStep, Preparation
from semantest_iac.application.deployment.recorder import OperationCounter, StepRecorder
from semantest_iac.application.deployment.rollback import Rollback, remaining_operations
from semantest_iac.application.message_bus import MessageBus
from semantest_iac.application.ports.ledger import LedgerReader
from semantest_iac.domain.deployment.deployment_service import DeploymentService
from semantest_iac.domain.ports.provisioner import ApplyResult, Removal, ReportProgress
from semantest_iac_events.deployments import DeploymentRequested, DeploymentStarted
from semantest_iac_events.event import StackEvent
from semantest_iac_events.infrastructure import (
    InfrastructureRemovalFailed,
    InfrastructureRemovalRequested,
    InfrastructureRemoved,
    InfrastructureUpdateFailed,
)


class DeploymentProcess:
    """Takes one request to its end; the caller holds the stack."""

    def __init__(
        self,
        preparation: Preparation,
        service: DeploymentService,
        bus: MessageBus,
        ledger: LedgerReader,
        progress: ReportProgress,
    ) -> None:
        self._service = service
        self._engine = service.provisioner
        self._bus = bus
        self._ledger = ledger
        self._progress = progress
        self._going_back = Rollback(service, ledger, progress)
        self._looking: dict[str, DeploymentStep] = {**preparation.steps, "preview": self.plan}

    async def plan(self, attempt: DeploymentContext) -> DeploymentContext:
        """A prepared deployment with what applying it would do; nothing is written down or changed."""
        assert attempt.settings is not None  # noqa: S101  # preparing has seen to it
        generation = self._ledger.stack(attempt.request.stack).generation
        work, plan = await self._service.plan(
            attempt.request.deployment_id, attempt.stack, generation, attempt.settings, attempt.artifact
        )
        return replace(attempt, work=work, plan=plan)

    async def deploy(self, request: DeploymentRequested) -> StackEvent:
        """Every step in order, then the event that ends it. Raises what stopped it before anything was changed."""
        attempt, chronicle = DeploymentContext(request), StepRecorder(self._bus, request)
        await chronicle.publish(DeploymentStarted(**attempt.identity))
        attempt = await _run_steps(self._looking, attempt, chronicle)
        if attempt.artifact:
            await chronicle.note(attempt.packaged(attempt.artifact))
        await chronicle.publish(attempt.planned())
        if attempt.plan.is_empty:
            return (await self._verify(self._as_it_is(attempt))).completed()
        return await self._changed(attempt, chronicle)

    async def destroy(self, request: InfrastructureRemovalRequested) -> StackEvent:
        """Destroy the stack, whose next deployment is a new generation, and return the terminal event."""
        stack, chronicle = stack_of(request), StepRecorder(self._bus, request)
        removal = Removal(request.deployment_id, stack, self._ledger.stack(request.stack).generation)
        try:
            changes = await chronicle.step("remove", partial(self._engine.destroy, removal, self._progress))
        except Exception as error:
            remainder = await remaining_operations(self._engine.preview_destroy(stack))
            return InfrastructureRemovalFailed(**removal.identity, **error_fields(error), remainder=remainder)
        return InfrastructureRemoved(**removal.identity, changes=changes, generation=removal.generation)

    async def _changed(self, attempt: DeploymentContext, chronicle: StepRecorder) -> StackEvent:
        tally = OperationCounter(self._progress)
        steps: dict[str, DeploymentStep] = {"apply": partial(self._apply, tally, chronicle)}
        if attempt.plan.lacks_code:
            steps["publish_code"] = partial(self._publish_code, tally, chronicle)
        steps["verify"] = self._verify
        try:
            return (await _run_steps(steps, attempt, chronicle)).completed()
        except Exception as error:
            if not tally.has_begun:
                raise
            return await self._going_back.after(error, attempt.request, chronicle, tally.operations)

    async def _apply(
        self, tally: OperationCounter, chronicle: StepRecorder, attempt: DeploymentContext
    ) -> DeploymentContext:
        assert attempt.work is not None  # noqa: S101  # made by the preview
        doing = apply_plan(self._engine, attempt.work, attempt.plan, chronicle.publish, tally)
        return await _record_engine_failure(doing, attempt, chronicle)

    async def _publish_code(
        self, tally: OperationCounter, chronicle: StepRecorder, attempt: DeploymentContext
    ) -> DeploymentContext:
        work, applied = attempt.work, attempt.applied
        assert work is not None and applied is not None  # noqa: S101  # made by the steps before
        doing = publish_code(self._engine, work, applied, chronicle.publish, tally)
        return await _record_engine_failure(doing, attempt, chronicle)

    async def _verify(self, attempt: DeploymentContext) -> DeploymentContext:
        assert attempt.settings is not None  # noqa: S101  # preparing has seen to it
        return replace(attempt, health=await self._service.verify(attempt.stack, attempt.settings))

    def _as_it_is(self, attempt: DeploymentContext) -> DeploymentContext:
        outputs = self._ledger.stack(attempt.request.stack).outputs
        return replace(attempt, applied=ApplyResult(attempt.plan, outputs))


async def _record_engine_failure(
    doing: Awaitable[ApplyResult], attempt: DeploymentContext, chronicle: StepRecorder
) -> DeploymentContext:
    """The attempt when the engine has done it; that an engine stopped, and where, everybody is told."""
    try:
        return replace(attempt, applied=await doing)
    except Exception as error:
        failed = InfrastructureUpdateFailed(**attempt.identity, **error_fields(error), resource=refused_resource(error))
        await chronicle.publish(failed)
        raise


async def _run_steps(
    steps: dict[str, DeploymentStep], attempt: DeploymentContext, chronicle: StepRecorder
) -> DeploymentContext:
    for name, step in steps.items():
        attempt = await chronicle.step(name, partial(step, attempt))
    return attempt
