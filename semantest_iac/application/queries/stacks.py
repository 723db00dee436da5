"""Answers which engine deployed a stack, and which stacks are served on this machine."""

from __future__ import annotations

from semantest_iac.application.ports.ledger import DeploymentRow, LedgerReader, StackRow
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.guardrails.engine_choice import EngineChoice, read_engine_choice

_DEPLOYMENT_REQUESTED = "infrastructure.deployment.requested"


def find_engine(ledger: LedgerReader, stack: str) -> EngineChoice | None:
    """Return the engine of the last good deployment; None where nothing is deployed."""
    good = ledger.stack(stack).last_good
    row = ledger.deployment(good) if good else None
    return requested_engine(ledger, row) if row else None


def requested_engine(ledger: LedgerReader, row: DeploymentRow) -> EngineChoice | None:
    """Return the engine of one deployment; None for a destroy."""
    for recorded in ledger.log(row.position - 1, limit=1):
        if recorded.type == _DEPLOYMENT_REQUESTED:
            data = recorded.event["data"]
            return read_engine_choice(Stack.parse(row.stack).environment, data.get("configuration") or {})
    return None


def simulated_releases(ledger: LedgerReader) -> dict[str, str]:
    """Map each simulated stack to the id of its newest deployment that has ended."""
    return {row.stack: _newest_finished(ledger, row) for row in ledger.stacks() if is_served_locally(ledger, row.stack)}


def is_served_locally(ledger: LedgerReader, stack: str) -> bool:
    """Whether the stack is a deployed service in a simulated cloud."""
    choice = find_engine(ledger, stack)
    return choice is not None and choice.is_simulated and Stack.parse(stack).is_service


def _newest_finished(ledger: LedgerReader, row: StackRow) -> str:
    """Find it among the newest two: at most one deployment of a stack is running."""
    finished = (it.deployment for it in ledger.deployments({row.stack}, limit=2) if it.finished_at)
    return next(finished, str(row.last_good))
