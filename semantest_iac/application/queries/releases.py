"""Which stacks live in a simulated cloud, and which deployment settled each of them last."""

from __future__ import annotations

from semantest_iac.application.ports.ledger import LedgerReader, StackRow
from semantest_iac.application.queries.engines import engine_of
from semantest_iac.domain.deployment.stack import Stack


def releases(ledger: LedgerReader) -> dict[str, str]:
    """Stack -> the id of its newest deployment that has ended; one that is under way changes nothing yet."""
    return {row.stack: _settled(ledger, row) for row in ledger.stacks() if answers_here(ledger, row.stack)}


def answers_here(ledger: LedgerReader, stack: str) -> bool:
    """Whether the stack is a service that is deployed, and in a simulated cloud."""
    choice = engine_of(ledger, stack)
    return choice is not None and choice.is_played and Stack.parse(stack).is_service


def _settled(ledger: LedgerReader, row: StackRow) -> str:
    """One deployment of a stack is under way at most, so of the newest two one has ended."""
    ended = (it.deployment for it in ledger.deployments({row.stack}, limit=2) if it.finished_at)
    return next(ended, str(row.last_good))
