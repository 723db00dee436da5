"""Returns a stack to its last good deployment after a failure that had changed something."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypedDict, TypeVar

from semantest_iac.application.deployment.completion_events import apply_plan, publish_code
from semantest_iac.application.deployment.context import DeploymentContext, stack_of
from semantest_iac.application.deployment.failures import as_deployment_error
from semantest_iac.application.deployment.preparation import requested_configuration
from semantest_iac.application.deployment.recorder import (
    OperationCounter,
    StepRecorder,
    decode_event,
)
from semantest_iac.application.ports.ledger import LedgerReader, RecordedEvent, StackRow
from semantest_iac.application.queries.history import is_event_of, list_events_since
from semantest_iac.application.queries.rollback_targets import without_canary
from semantest_iac.application.queries.secret_versions import find_secret_versions
from semantest_iac.domain.deployment.change_plan import ChangePlan, count_operations
from semantest_iac.domain.deployment.deployment import Deployment
from semantest_iac.domain.deployment.deployment_service import DeploymentService
from semantest_iac.domain.deployment.events import PackageBuilt, RequestResolved
from semantest_iac.domain.deployment.stack import Stack, format_stack_options
from semantest_iac.domain.environments.configuration import resolve_component
from semantest_iac.domain.environments.settings import ComponentSettings
from semantest_iac.domain.errors import DeploymentError, NotFoundError
from semantest_iac.domain.networking.custom_domains import select_answered_domains
from semantest_iac.domain.ports.provisioner import Removal, ReportProgress, Work, event_identity, report_step
from semantest_iac.domain.security.redaction import MASK
from semantest_iac_events.deployments import DeploymentRequested
from semantest_iac_events.event import Event, StackFailure

REMAINDER_LIMIT_S = 900.0

_FoundEvent = TypeVar("_FoundEvent", bound=Event)


@dataclass(frozen=True, slots=True)
class LastGood:
    """A completed deployment with everything needed to deploy it again."""

    deployment: str
    request: DeploymentRequested
    settings: ComponentSettings
    package: PackageBuilt | None


def find_last_good(ledger: LedgerReader, stack: Stack) -> LastGood | None:
    """Return None where nothing has been completed since the stack was last destroyed.

    Raises NotFoundError when the ledger does not hold all of it, or an earlier version redacted a part of it.
    """
    deployment = ledger.stack(str(stack)).last_good
    return None if deployment is None else find_good_deployment(ledger, stack, deployment)


def find_good_deployment(ledger: LedgerReader, stack: Stack, deployment: str) -> LastGood:
    """Return a completed deployment of a stack.

    Raises NotFoundError when the ledger does not hold all of it, or an earlier version redacted a part of it.
    """
    good = ledger.deployment(deployment)
    since = list_events_since(ledger, good) if good else []
    rows = [row for row in since if row.type in _RESTORED_TYPES and is_event_of(row, deployment)]
    request, package = _find_request(rows), _decode_newest(PackageBuilt, rows)
    is_redacted = not (package and package.is_verbatim) and any(MASK in row.json for row in rows)
    if request is None or is_redacted:
        raise _missing_part(deployment)
    request = request.model_copy(update={"configuration": without_canary(request.configuration, stack.component)})
    settings = resolve_component(requested_configuration(request), stack.component, stack.environment)
    if package is None and settings.runs_code:
        raise _missing_part(deployment)
    return LastGood(deployment, request, settings, package)


def _missing_part(deployment: str) -> NotFoundError:
    return NotFoundError(f"Cannot roll back to deployment '{deployment}': the ledger does not hold all of it.")


_RESTORED_TYPES = (DeploymentRequested.type_name, RequestResolved.type_name, PackageBuilt.type_name)


def _find_request(rows: Sequence[RecordedEvent]) -> DeploymentRequested | None:
    """Return the request, or what a request to roll back or to scale was resolved to."""
    resolved = _decode_newest(RequestResolved, rows)
    return _decode_newest(DeploymentRequested, rows) if resolved is None else build_resolved_request(resolved)


def build_resolved_request(entry: RequestResolved, **more: Any) -> DeploymentRequested:
    """Return the request to deploy that a journal entry stands for; `more` are fields that it does not hold."""
    return DeploymentRequested(
        **event_identity(entry.deployment_id, stack_of(entry)),
        configuration=entry.configuration,
        base_environment=entry.base_environment,
        component_type=entry.component_type,
        **more,
    )


def _decode_newest(kind: type[_FoundEvent], rows: Sequence[RecordedEvent]) -> _FoundEvent | None:
    row = next((row for row in reversed(rows) if row.type == kind.type_name), None)
    event = decode_event(row) if row else None
    return event if isinstance(event, kind) else None


def find_deployed_configuration(ledger: LedgerReader, stack: str) -> Mapping[str, Any]:
    """Return the configuration of the last good deployment of a stack, else of the first one; empty without either."""
    of_stack = ledger.stack(stack)
    row = ledger.deployment(of_stack.last_good or of_stack.owner or "")
    for recorded in list_events_since(ledger, row) if row else ():
        is_own = row is not None and is_event_of(recorded, row.deployment)
        if is_own and recorded.type in (DeploymentRequested.type_name, RequestResolved.type_name):
            return dict(recorded.event["data"].get("configuration") or {})
    return {}


def find_served_versions(ledger: LedgerReader, context: DeploymentContext, stack: StackRow) -> Mapping[str, str]:
    """Return the versions of functions that ran the package of a deployment after an earlier one, as far as known.

    That is the one to be restored, else the last good one: a rollback may have left newer code beside its version.
    """
    served = context.restored or stack.last_good
    row = ledger.deployment(served) if served else None
    if row is None or context.artifact is None:
        return {}
    try:
        package = find_good_deployment(ledger, context.stack, row.deployment).package
    except DeploymentError:
        return {}
    if package is None or package.digest != context.artifact.digest:
        return {}
    names = (name.removeprefix(_NAME_OUTPUT) for name in row.outputs if name.startswith(_NAME_OUTPUT))
    found = {row.outputs[_NAME_OUTPUT + name]: row.outputs.get(_VERSION_OUTPUT + name) for name in names}
    return {str(function): str(version) for function, version in found.items() if version}


_NAME_OUTPUT, _VERSION_OUTPUT = "function_name", "function_version"  # those of named functions end with the name


def find_accepted_package(ledger: LedgerReader, request: DeploymentRequested) -> PackageBuilt | None:
    """Return the package with which the request was accepted, recorded right behind it; None without one."""
    row = ledger.deployment(request.deployment_id)
    for recorded in ledger.log(row.position, limit=1) if row else ():
        if recorded.type == PackageBuilt.type_name:
            package = decode_event(recorded)
            if isinstance(package, PackageBuilt) and package.deployment_id == request.deployment_id:
                return package
    return None


class RestoredFields(TypedDict):
    """The deployment that was restored, None where nothing is left, and the outputs of the stack."""

    restored_deployment: str | None
    outputs: dict[str, Any]


class Rollback:
    """Returns a stack to its last good deployment; a stack without one is destroyed."""

    def __init__(
        self,
        service: DeploymentService,
        ledger: LedgerReader,
        progress: ReportProgress,
    ) -> None:
        self._service = service
        self._engine = service.provisioner
        self._ledger = ledger
        self._progress = progress

    async def run(
        self, error: Exception, request: DeploymentRequested, recorder: StepRecorder, operations: Sequence[str] = ()
    ) -> StackFailure:
        """Roll back after the error and return the terminal event: rolled back, or needs an operator.

        `operations` are those that the deployment had done before.
        """
        counter = OperationCounter(self._progress)
        error = _add_earlier_secrets(as_deployment_error(error), request)
        try:
            with report_step(self._progress, "rollback", "after a failure"):
                restore = partial(self._restore, request, recorder, counter)
                restored = await recorder.step(Deployment.roll_back, restore)
        except Exception as second:
            return recorder.deployment.need_operator(
                _join_errors(error, second),
                changes=count_operations([*operations, *counter.operations]),
                remainder=await remaining_operations(self.preview(request)),
                commands=recovery_commands(stack_of(request), request.deployment_id),
            )
        changes = count_operations([*operations, *counter.operations])
        return recorder.deployment.complete_rollback(as_deployment_error(error), changes=changes, **restored)

    async def _restore(
        self, request: DeploymentRequested, recorder: StepRecorder, progress: ReportProgress
    ) -> RestoredFields:
        stack = stack_of(request)
        good = find_last_good(self._ledger, stack)
        if good is None:  # no InfrastructureRemoved: nobody asked to destroy the stack
            removal = Removal(request.deployment_id, stack, self._ledger.stack(str(stack)).generation)
            await self._engine.destroy(removal, progress)
            return RestoredFields(restored_deployment=None, outputs={})
        work, plan = await self._plan(request, good)
        applied = await apply_plan(self._engine, work, plan, recorder, progress)
        if plan.lacks_code:
            applied = await publish_code(self._engine, work, applied, recorder, progress)
        await self._service.verify(stack, good.settings, work.artifact, self._progress)
        return RestoredFields(restored_deployment=good.deployment, outputs=dict(applied.outputs))

    async def _plan(self, request: DeploymentRequested, good: LastGood) -> tuple[Work, ChangePlan]:
        stack = stack_of(request)
        artifact = await self._service.fetch_package(good.package) if good.package else None
        generation = self._ledger.stack(str(stack)).generation
        versions = find_secret_versions(self._ledger, str(stack), good.settings.secret_keys)
        row = self._ledger.deployment(good.deployment)
        return await self._service.plan(
            request.deployment_id,
            stack,
            generation,
            good.settings,
            artifact,
            secret_versions=versions,
            outputs=select_answered_domains(row.outputs) if row else {},
        )

    async def preview(self, request: DeploymentRequested) -> ChangePlan:
        """Return what going back would change."""
        good = find_last_good(self._ledger, stack_of(request))
        if good is None:
            return await self._engine.preview_destroy(stack_of(request))
        return (await self._plan(request, good))[1]


def _add_earlier_secrets(error: DeploymentError, request: DeploymentRequested) -> DeploymentError:
    """Return the error of a rotation with what its rollback does: what it had rotated does not count any more."""
    if not request.rotated_secrets:
        return error
    names = " and ".join(f"'{name}'" for name in request.rotated_secrets)
    reason = f"{error.reason} The stack goes back to the earlier value of {names}."
    return DeploymentError(reason, error.error_code, hint=error.hint)


def _join_errors(error: Exception, second: Exception) -> DeploymentError:
    """Return the error of a deployment with that of its rollback."""
    first = as_deployment_error(error)
    reason = f"{first.reason} Rollback failed: {as_deployment_error(second).reason}"
    return DeploymentError(reason, first.error_code, hint=first.hint)


async def remaining_operations(previewing: Coroutine[Any, Any, ChangePlan]) -> tuple[str, ...]:
    """Describe each operation that is still to be done, as far as the engine can say after a failure."""
    try:
        plan = await asyncio.wait_for(previewing, REMAINDER_LIMIT_S)
    except Exception:
        return ("unknown: the engine could not say what is left",)
    return tuple(f"{change.op} {change.name} ({change.type})" for change in plan.mutations)


def recovery_commands(stack: Stack, deployment: str) -> tuple[str, ...]:
    """List the commands with which a person brings a half-changed stack to a known state: look, resolve, go on."""
    options = format_stack_options(stack)
    verbs = (f"preview {options} --refresh", f"resolve {deployment}", f"deploy {options}", f"destroy {options}")
    return tuple(f"semantest-iac {verb}" for verb in verbs)
