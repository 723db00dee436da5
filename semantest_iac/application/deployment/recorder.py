"""Records events and steps in the ledger, and counts the operations of an engine."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any, TypeVar

from semantest_iac.application.deployment.failures import as_deployment_error
from semantest_iac.application.deployment.step_limits import StepLimiter
from semantest_iac.application.message_bus import MessageBus
from semantest_iac.application.ports.ledger import Ledger, LedgerReader, NewEvent, RecordedEvent
from semantest_iac.application.queries.history import is_event_of, list_events_since
from semantest_iac.domain.deployment.approval import is_requested_by_event
from semantest_iac.domain.deployment.change_plan import ChangePlan
from semantest_iac.domain.deployment.deployment import FOLDED_EVENTS, Deployment
from semantest_iac.domain.deployment.events import (
    JOURNAL_TYPES,
    PackageBuilt,
    PackageRecord,
    RequestResolved,
    StepIntended,
)
from semantest_iac.domain.deployment.status import DEPLOYMENT_KINDS, DeploymentStatus
from semantest_iac.domain.errors import DeploymentError, LedgerError
from semantest_iac.domain.ports.provisioner import ReportProgress, ResourceProgress
from semantest_iac.domain.security.redaction import redact_texts
from semantest_iac_events.catalogue import EVENT_TYPES
from semantest_iac_events.deployments import DeploymentRequested
from semantest_iac_events.event import Event, StackEvent
from semantest_iac_events.forms.cloudevents import from_cloudevent, to_cloudevent
from semantest_iac_events.forms.fields import EventFormError
from semantest_iac_events.infrastructure import EnvironmentConfigured, SecretChanged
from semantest_iac_events.values import ChangeCounts

StepResult = TypeVar("StepResult")
BeginStep = Callable[[Deployment], StepIntended]
RecordFailure = Callable[[Exception], Awaitable[None]]
"""Records more of the failure of a step, before the step has failed."""


class StepRecorder:
    """Records the events of one run as caused by the request, and keeps the deployment that they lead to."""

    def __init__(self, bus: MessageBus, deployment: Deployment, limiter: StepLimiter) -> None:
        self.deployment = deployment
        self._bus = bus
        self._limiter = limiter

    async def publish(self, event: StackEvent, expected_version: int | None = None) -> None:
        """Record the event and call its handlers; it is durable when this returns.

        Raises LedgerConflictError where its stream is not at the expected version.
        """
        await self._bus.publish(event.caused_by(self.deployment.request), expected_version=expected_version)
        self.deployment = self.deployment.apply_event(event)

    async def record_entry(self, entry: StackEvent) -> None:
        """Record a journal entry, which has no handlers."""
        await self._bus.record(entry.caused_by(self.deployment.request))
        self.deployment = self.deployment.apply_event(entry)

    async def begin_run(self) -> None:
        """Start the deployment, or resume one that an earlier run has begun; a destroy starts with its step."""
        if self.deployment.status is not DeploymentStatus.PENDING:
            await self.record_entry(self.deployment.resume())
        elif not self.deployment.is_removal:
            await self.publish(self.deployment.start())

    async def step(
        self,
        begin: BeginStep,
        act: Callable[[], Awaitable[StepResult]],
        record_failure: RecordFailure | None = None,
    ) -> StepResult:
        """Take a step within its limits; a crash or a cancellation leaves an intention without an observation."""
        await self.record_entry(begin(self.deployment))
        try:
            result = await self._limiter.run(self.deployment.step, act, self._record_retry)
        except Exception as error:
            if record_failure:
                await record_failure(error)
            await self.record_entry(self.deployment.fail_step(as_deployment_error(error)))
            raise
        await self.record_entry(self.deployment.complete_step())
        return result

    async def _record_retry(self, error: DeploymentError, attempt: int, pause_s: float) -> None:
        await self.record_entry(self.deployment.retry_step(error, attempt, pause_s))


NO_STACK_STREAM = "-"  # the stream of events that are not about a single stack
# The ledger finds events by these; redacting them would hide an event whose secret has such a value.
_IDENTIFYING_FIELDS = frozenset(StackEvent.model_fields) | {"base_environment", "component_type", "step"}
# Who decided, and who may: a person could hide, or seem to be another one, with a secret of that value.
_PEOPLE_FIELDS = frozenset({"approved_by", "disapproved_by", "resolved_by", "changed_by", "approvers"})
_REQUESTER_FIELD = "requested_by"
# A rollback deploys these again, so they are recorded as they are: secrets are references in them, and a plain setting
# that has the value of a secret is redacted where it is shown.
_RESTORED_FIELDS: Mapping[str, frozenset[str]] = {
    DeploymentRequested.type_name: frozenset({"configuration"}),
    PackageBuilt.type_name: frozenset(PackageRecord.model_fields) | {"companions"},
    RequestResolved.type_name: frozenset({"configuration"}),
    SecretChanged.type_name: frozenset({"secret", "version", "address"}),  # by which the value is read
}
_EVENT_TYPES = {**EVENT_TYPES, **JOURNAL_TYPES}


class EventRecorder:
    """Appends events to the ledger in their CloudEvents form, each to its stream, with secrets redacted."""

    def __init__(self, ledger: Ledger, redact: Callable[[str], str]) -> None:
        self._ledger = ledger
        self._redact = redact

    async def record(self, event: Event, expected_version: int | None = None) -> None:
        """Append one event; it is durable when this returns.

        Raises LedgerConflictError where its stream is not at the expected version. Cancelling waits for the append: an
        event that came late would follow the deployment's terminal event.
        """
        new = encode_event(event, self._redact)
        appending = asyncio.ensure_future(self._ledger.append(find_stream(event), expected_version, [new]))
        try:
            await asyncio.shield(appending)
        except asyncio.CancelledError:
            with suppress(Exception):
                await appending
            raise


def encode_event(event: Event, redact: Callable[[str], str]) -> NewEvent:
    """Return the event in its CloudEvents form, with secrets redacted where it does not have to be restored."""
    form = to_cloudevent(event)
    form["data"] = redact_fields(form["data"], redact, _RESTORED_FIELDS.get(event.type_name, frozenset()))
    return NewEvent(event.type_name, json.dumps(form, ensure_ascii=False, separators=(",", ":")))


def redact_fields(
    data: Mapping[str, Any], redact: Callable[[str], str], kept: frozenset[str] = frozenset()
) -> dict[str, Any]:
    """Return the fields of an event with secrets redacted, but in those that identify its deployment and in `kept`."""
    untouched = _IDENTIFYING_FIELDS | _PEOPLE_FIELDS | kept
    if not is_requested_by_event(str(data.get(_REQUESTER_FIELD, ""))):  # else it is what somebody else has written
        untouched |= {_REQUESTER_FIELD}
    return {name: value if name in untouched else redact_texts(value, redact) for name, value in data.items()}


def find_stream(event: Event) -> str:
    """Return the stream of an event: one for each stack, one for each configured environment, one for all others."""
    if isinstance(event, EnvironmentConfigured):
        return f"environment/{event.project}.{event.environment}.{event.provider}.{event.region}"
    return event.subject or NO_STACK_STREAM


def read_deployment(ledger: LedgerReader, deployment: str) -> Deployment | None:
    """Return a deployment folded from its recorded events; None for an unknown id and a request that was refused."""
    row = ledger.deployment(deployment)
    since = list_events_since(ledger, row) if row else []
    if not since or since[0].type not in DEPLOYMENT_KINDS:
        return None
    known = (it for it in since if it.type in FOLDED_EVENTS and is_event_of(it, deployment))
    return Deployment.fold(event for event in map(decode_event, known) if isinstance(event, StackEvent))


def require_deployment(ledger: LedgerReader, deployment: str) -> Deployment:
    """Return a deployment that must be recorded; raises LedgerError where its request is not in the ledger."""
    found = read_deployment(ledger, deployment)
    if found is None:
        raise LedgerError(f"Cannot find the request of deployment '{deployment}' in the ledger.")
    return found


def decode_event(recorded: RecordedEvent) -> Event:
    """Return the event of a ledger row; raises LedgerError for a row of another kind."""
    try:
        return from_cloudevent(recorded.event, _EVENT_TYPES)
    except EventFormError as error:
        raise LedgerError(f"Cannot read event {recorded.position} of the ledger: {error}") from error


_COUNTED_OPERATIONS = frozenset(ChangeCounts.model_fields)


class OperationCounter:
    """Passes progress on and remembers one operation for each resource; any thread may call it."""

    def __init__(self, progress: ReportProgress) -> None:
        self.has_begun = False
        self._progress = progress
        self._done: dict[str, str] = {}

    def __call__(self, tick: ResourceProgress) -> None:
        """Count a replacement once: it may be reported as itself and as the delete of the old resource."""
        self.has_begun = self.has_begun or not tick.is_step
        if tick.state == "done" and (tick.op == "replace" or tick.urn not in self._done):
            self._done[tick.urn] = tick.op
        self._progress(tick)

    def select_done(self, plan: ChangePlan) -> ChangePlan:
        """Return the changes of a plan that were done so far."""
        return ChangePlan(tuple(change for change in plan.mutations if change.urn in self._done))

    @property
    def operations(self) -> list[str]:
        """The operations that succeeded; publishing code is not counted."""
        return [op for op in self._done.values() if op in _COUNTED_OPERATIONS]
