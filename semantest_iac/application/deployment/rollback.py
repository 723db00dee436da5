"""Returns a stack to its last good deployment after a failure that had changed something."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypedDict, TypeVar

from semantest_iac.application.deployment.completion_events import apply_plan, publish_code
from semantest_iac.application.deployment.context import identity_of, stack_of
from semantest_iac.application.deployment.failures import error_fields
from semantest_iac.application.deployment.preparation import requested_configuration
from semantest_iac.application.deployment.recorder import OperationCounter, StepRecorder, decode_event
from semantest_iac.application.ports.ledger import LedgerReader, RecordedEvent
from semantest_iac.application.queries.projection import deployment_id_of
from semantest_iac.domain.compute.functions import Artifact
from semantest_iac.domain.deployment.change_plan import ChangePlan, count_operations
from semantest_iac.domain.deployment.deployment_service import DeploymentService
from semantest_iac.domain.deployment.events import PackageBuilt
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.environments.configuration import resolve_component
from semantest_iac.domain.environments.settings import ComponentSettings
from semantest_iac.domain.errors import DeploymentError, NotFoundError
from semantest_iac.domain.ports.provisioner import Removal, ReportProgress, Work
from semantest_iac.domain.security.redaction import MASK
from semantest_iac_events.deployments import DeploymentNeedsOperator, DeploymentRequested, DeploymentRolledBack
from semantest_iac_events.event import Event, StackFailure

EventT = TypeVar("EventT", bound=Event)


@dataclass(frozen=True, slots=True)
class LastGood:
    """A deployment that completed, with all that it takes to make it again."""

    deployment: str
    settings: ComponentSettings
    artifact: Artifact | None


def find_last_good(ledger: LedgerReader, stack: Stack) -> LastGood | None:
    """None where nothing has been completed since the stack was last removed.

    Raises NotFoundError when the ledger does not hold all of it, or holds it with a secret taken out.
    """
    deployment = ledger.stack(str(stack)).last_good
    if deployment is None:
        return None
    request = _find_event(DeploymentRequested, deployment, ledger.stream(str(stack)))
    package = _find_event(PackageBuilt, deployment, ledger.stream(str(stack)))
    if request is None or (package is None and stack.is_service):
        raise NotFoundError(f"Cannot go back to deployment '{deployment}': it is not fully on record.")
    settings = resolve_component(requested_configuration(request), stack.component, stack.environment)
    return LastGood(deployment, settings, package.artifact if package else None)


def _find_event(kind: type[EventT], deployment: str, stream: Iterable[RecordedEvent]) -> EventT | None:
    whole = (row for row in stream if row.type == kind.type_name and MASK not in row.json)
    events = (decode_event(row) for row in whole if deployment_id_of(row.event) == deployment)
    return next((event for event in events if isinstance(event, kind)), None)


ROLLBACK_LIMIT_S = 900.0


class RestoredFields(TypedDict):
    """The deployment that was restored, None where nothing is left, and what the stack offers again."""

    restored_deployment: str | None
    outputs: dict[str, Any]


class Rollback:
    """Makes a stack again what its last good deployment made it; one that never was good is removed."""

    def __init__(
        self,
        service: DeploymentService,
        ledger: LedgerReader,
        progress: ReportProgress,
        limit_s: float = ROLLBACK_LIMIT_S,
    ) -> None:
        self._service = service
        self._ledger = ledger
        self._progress = progress
        self._limit_s = limit_s

    async def after(
        self, error: Exception, request: DeploymentRequested, chronicle: StepRecorder, forth: Sequence[str] = ()
    ) -> StackFailure:
        """How the deployment ends: rolled back, or with what is left for an operator; `forth` was done before."""
        about, reasons, tally = identity_of(request), error_fields(error), OperationCounter(self._progress)
        try:
            restored = await chronicle.step("roll_back", partial(self._within_limit, request, chronicle, tally))
        except Exception as second:
            reasons["reason"] += f" Going back failed: {error_fields(second)['reason']}"
            remainder, ways = await remaining_operations(self._ahead(request)), recovery_commands(stack_of(request))
            changes = count_operations([*forth, *tally.operations])
            return DeploymentNeedsOperator(**about, **reasons, changes=changes, remainder=remainder, commands=ways)
        return DeploymentRolledBack(
            **about, **reasons, changes=count_operations([*forth, *tally.operations]), **restored
        )

    async def _within_limit(
        self, request: DeploymentRequested, chronicle: StepRecorder, progress: ReportProgress
    ) -> RestoredFields:
        try:
            async with asyncio.timeout(self._limit_s):
                return await self._back(request, chronicle, progress)
        except TimeoutError as error:
            message = f"Cannot go back within {self._limit_s:.0f} seconds."
            raise DeploymentError(message, "ROLLBACK_TIMEOUT") from error

    async def _back(
        self, request: DeploymentRequested, chronicle: StepRecorder, progress: ReportProgress
    ) -> RestoredFields:
        stack = stack_of(request)
        good = find_last_good(self._ledger, stack)
        if good is None:
            removal = Removal(request.deployment_id, stack, self._ledger.stack(str(stack)).generation)
            await self._service.provisioner.destroy(removal, progress)
            return RestoredFields(restored_deployment=None, outputs={})
        engine = self._service.provisioner
        work, plan = await self._plan(request, good)
        applied = await apply_plan(engine, work, plan, chronicle.publish, progress)
        if plan.lacks_code:
            applied = await publish_code(engine, work, applied, chronicle.publish, progress)
        await self._service.verify(stack, good.settings)
        return RestoredFields(restored_deployment=good.deployment, outputs=dict(applied.outputs))

    async def _plan(self, request: DeploymentRequested, good: LastGood) -> tuple[Work, ChangePlan]:
        stack = stack_of(request)
        generation = self._ledger.stack(str(stack)).generation
        return await self._service.plan(request.deployment_id, stack, generation, good.settings, good.artifact)

    async def _ahead(self, request: DeploymentRequested) -> ChangePlan:
        """What the way back would still have to do."""
        good = find_last_good(self._ledger, stack_of(request))
        if good is None:
            return await self._service.provisioner.preview_destroy(stack_of(request))
        return (await self._plan(request, good))[1]


async def remaining_operations(looking: Coroutine[Any, Any, ChangePlan]) -> tuple[str, ...]:
    """One line for each operation that is still ahead, as far as the engine can say after a failure."""
    try:
        plan = await asyncio.wait_for(looking, ROLLBACK_LIMIT_S)
    except Exception:
        return ("unknown: the engine could not say what is left",)
    return tuple(f"{change.op} {change.name} ({change.type})" for change in plan.mutations)


def recovery_commands(stack: Stack) -> tuple[str, ...]:
    """What a person can do about a stack that is neither here nor there."""
    place = f"--component {stack.component} --provider {stack.provider} --env {stack.environment}"
    return tuple(f"semantest-iac {verb} {place} --region {stack.region}" for verb in ("preview", "deploy", "destroy"))
