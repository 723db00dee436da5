"""Compares what a cloud has with what the deployments of a stack left there, and records the difference."""

from __future__ import annotations

import asyncio
from uuid import uuid4

from semantest_iac.application.deployment.context import build_drift_event
from semantest_iac.application.deployment.recorder import decode_event
from semantest_iac.application.message_bus import RecordEvent
from semantest_iac.application.ports.ledger import LedgerConflictError, LedgerReader, RecordedEvent
from semantest_iac.application.ports.stack_visibility import RequireVisible, take_for_visible
from semantest_iac.domain.deployment.change_plan import PlannedChange
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.deployment.status import ACTIVE_STATUSES
from semantest_iac.domain.errors import NotFoundError, StackBusyError
from semantest_iac.domain.ports.provisioner import (
    Provisioner,
    ReportProgress,
    event_identity,
    ignore_progress,
    report_step,
)
from semantest_iac_events.infrastructure import DriftDetected


class DriftDetection:
    """Detects drift without a lease: what a deployment changes meanwhile is not taken for drift, the check is refused.

    A check is no deployment and has an id of its own; what the check before it has found is not recorded again.
    """

    def __init__(
        self,
        provisioner: Provisioner,
        ledger: LedgerReader,
        record: RecordEvent,
        progress: ReportProgress = ignore_progress,
        require_visible: RequireVisible = take_for_visible,
    ) -> None:
        self._require_visible = require_visible
        self._provisioner = provisioner
        self._ledger = ledger
        self._record = record
        self._progress = progress

    async def detect(self, stack: Stack) -> tuple[PlannedChange, ...]:
        """Return what was updated or deleted in the cloud, and record it; nothing is changed there.

        Raises NotFoundError where nothing is deployed, StackBusyError where a deployment has not ended or begins,
        RefusedError where what is deployed cannot be seen from here.
        """
        before = await asyncio.to_thread(self._require_idle, stack)
        with report_step(self._progress, "read", "the cloud"):
            drift = await self._provisioner.detect_drift(stack)
        event = build_drift_event(event_identity(str(uuid4()), stack), drift)
        try:
            if drift and not _has_found(before, event):
                await self._record(event, before.version)
            elif await asyncio.to_thread(self._ledger.newest_event, str(stack)) != before:
                raise _busy_error(stack, "something was recorded of it meanwhile")
        except LedgerConflictError as error:
            raise _busy_error(stack, "something was recorded of it meanwhile") from error
        return drift

    def _require_idle(self, stack: Stack) -> RecordedEvent:
        row, newest_event = self._ledger.stack(str(stack)), self._ledger.newest_event(str(stack))
        newest = self._ledger.deployment(row.newest) if row.newest else None
        if row.owner is None or newest is None or newest_event is None:
            raise NotFoundError(
                f"Cannot look for drift of '{stack}': nothing is deployed.",
                hint="`semantest-iac status` lists the stacks that were deployed.",
            )
        if newest.state in ACTIVE_STATUSES and row.held_by is None:  # what waits for a held stack changes nothing
            raise _busy_error(stack, f"its deployment {newest.deployment} has not ended")
        self._require_visible(str(stack))
        return newest_event


def _has_found(newest: RecordedEvent, event: DriftDetected) -> bool:
    """Whether the newest event of the stack is about the same drift."""
    if newest.type != event.type_name:
        return False
    known = decode_event(newest)
    return isinstance(known, DriftDetected) and known.resources == event.resources


def _busy_error(stack: Stack, cause: str) -> StackBusyError:
    return StackBusyError(f"Cannot look for drift of '{stack}': {cause}.", hint="Try again when it has ended.")
