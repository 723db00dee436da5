"""Gives deployments whose process died or was cancelled their terminal event."""

from __future__ import annotations

from collections.abc import Callable

from semantest_iac.application.deployment.context import identity_of
from semantest_iac.application.deployment.failures import failure_event
from semantest_iac.application.deployment.recorder import decode_event
from semantest_iac.application.message_bus import MessageBus
from semantest_iac.application.ports.ledger import LedgerReader
from semantest_iac.domain.deployment.status import ACTIVE_STATUSES, INTERRUPTED, UNCHANGED_STATUSES, DeploymentStatus
from semantest_iac.domain.errors import DeploymentError
from semantest_iac_events.deployments import DeploymentCancelled
from semantest_iac_events.event import StackEvent, StackRequest

TerminalEventFor = Callable[[StackRequest, DeploymentStatus], StackEvent | None]

_PROCESS_DIED = DeploymentError(
    "The process of the deployment ended before the deployment did.",
    INTERRUPTED,
    hint="Run the command again: it continues from what was done.",
)


async def close_newest_if_unfinished(
    ledger: LedgerReader, bus: MessageBus, stack: str, terminal_event_for: TerminalEventFor
) -> None:
    """Publish the terminal event of the stack's newest deployment if it has none.

    The caller holds the lease of the stack: so no process works on it, and all older deployments have ended.
    """
    for row in ledger.deployments([stack], limit=1):
        if row.state not in ACTIVE_STATUSES:
            continue
        for recorded in ledger.log(row.position - 1, limit=1):
            request = decode_event(recorded)
            if isinstance(request, StackRequest) and (event := terminal_event_for(request, row.state)):
                await bus.publish(event)


def find_terminal_event(
    ledger: LedgerReader, request: StackRequest | None, terminal_event_for: TerminalEventFor
) -> StackEvent | None:
    """Return the terminal event of a request; None if it is not recorded, or has ended."""
    row = ledger.deployment(request.deployment_id) if request else None
    return terminal_event_for(request, row.state) if request and row and row.state in ACTIVE_STATUSES else None


def process_died_event(request: StackRequest, state: DeploymentStatus) -> StackEvent | None:
    """Return the terminal event of a deployment whose process was killed."""
    return failure_event(request, _PROCESS_DIED)


def cancelled_event(request: StackRequest, state: DeploymentStatus) -> DeploymentCancelled:
    """Return the terminal event of a deployment that was cancelled in this state."""
    reason = "Cancelled before anything was changed."
    if state not in UNCHANGED_STATUSES:
        reason = f"Cancelled while {state.replace('_', ' ')}; the next deployment continues from what was done."
    return DeploymentCancelled(**identity_of(request), reason=reason).caused_by(request)
