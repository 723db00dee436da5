"""Gives deployments whose run raised, died or was cancelled their terminal event."""

from __future__ import annotations

from collections.abc import Callable, Collection

from semantest_iac.application.deployment.failures import as_deployment_error
from semantest_iac.application.deployment.recorder import read_deployment
from semantest_iac.application.deployment.rollback import recovery_commands
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


_TOO_MANY_ATTEMPTS = DeploymentError(
    "The process of the deployment ended too often before the deployment did.",
    "TOO_MANY_ATTEMPTS",
    hint="Look at the logs of the workers, mend what ended them, then resolve the deployment.",
)


ListQueued = Callable[[], Collection[str]]
"""Returns the deployments of a stack that are in the queue."""


async def close_if_not_queued(ledger: LedgerReader, bus: MessageBus, stack: str, list_queued: ListQueued) -> None:
    """Publish the terminal event of an unended deployment that nobody will carry on: one of an earlier version.

    The caller has the lease of the stack. Of deployments that are not in the queue, all but the newest have ended.
    """
    queued = list_queued()
    rows = ledger.deployments([stack], limit=len(queued) + 1)
    newest = next((row for row in rows if row.deployment not in queued), None)
    # What was accepted or has ended between these looks shows in the second one, or in its events.
    if newest is None or newest.state not in ACTIVE_STATUSES or newest.deployment in list_queued():
        return
    unfinished = read_deployment(ledger, newest.deployment)
    if unfinished is not None and not unfinished.has_ended:
        await bus.publish(process_died_event(unfinished))


def find_terminal_event(
    ledger: LedgerReader, request: StackRequest, terminal_event_for: TerminalEventFor
) -> StackEvent | None:
    """Return the terminal event of a request; None if it is not recorded, or has ended."""
    deployment = read_deployment(ledger, request.deployment_id)
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


def too_many_attempts_event(deployment: Deployment) -> StackEvent:
    """Return the terminal event of a deployment during which worker after worker has died."""
    return deployment.need_operator(
        _TOO_MANY_ATTEMPTS, commands=recovery_commands(deployment.stack, str(deployment.id))
    )


def approval_expired_event(deployment: Deployment) -> StackEvent:
    """Return the terminal event of a deployment that nobody has approved in time."""
    return deployment.expire()


def cancelled_event(deployment: Deployment) -> DeploymentCancelled:
    """Return the terminal event of a deployment that was cancelled."""
    return deployment.cancel()
