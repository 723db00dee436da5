"""Gives deployments whose run raised, died or was cancelled their terminal event."""

from __future__ import annotations

from collections.abc import Callable

from semantest_iac.application.deployment.failures import as_deployment_error
from semantest_iac.application.deployment.recorder import read_deployment
from semantest_iac.application.message_bus import MessageBus
from semantest_iac.application.ports.ledger import LedgerReader
from semantest_iac.domain.deployment.deployment import Deployment
from semantest_iac.domain.deployment.status import ACTIVE_STATUSES, DEPLOYMENT_KINDS, INTERRUPTED
from semantest_iac.domain.errors import DeploymentError
from semantest_iac_events.deployments import DeploymentCancelled
from semantest_iac_events.event import Event, StackEvent, StackFailure, StackRequest

TerminalEventFor = Callable[[Deployment], StackEvent]

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
        unfinished = read_deployment(ledger, row.deployment) if row.state in ACTIVE_STATUSES else None
        if unfinished is not None:
            await bus.publish(terminal_event_for(unfinished))


def find_terminal_event(
    ledger: LedgerReader, request: StackRequest | None, terminal_event_for: TerminalEventFor
) -> StackEvent | None:
    """Return the terminal event of a request; None if it is not recorded, or has ended."""
    deployment = read_deployment(ledger, request.deployment_id) if request else None
    return terminal_event_for(deployment) if deployment and not deployment.has_ended else None


def failure_event(ledger: LedgerReader, event: Event, error: Exception) -> StackFailure | None:
    """Return the terminal event of a request whose handler raised; None for other events and what has ended."""
    if not isinstance(event, StackRequest) or event.type_name not in DEPLOYMENT_KINDS:
        return None
    deployment = read_deployment(ledger, event.deployment_id) or Deployment.from_request(event)
    return None if deployment.has_ended else deployment.fail(as_deployment_error(error))


def process_died_event(deployment: Deployment) -> StackFailure:
    """Return the terminal event of a deployment whose process was killed."""
    return deployment.fail(_PROCESS_DIED)


def cancelled_event(deployment: Deployment) -> DeploymentCancelled:
    """Return the terminal event of a deployment that was cancelled."""
    return deployment.cancel()
