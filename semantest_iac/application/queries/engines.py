"""Which engine a stack was deployed with."""

from __future__ import annotations

from semantest_iac.application.ports.ledger import DeploymentRow, LedgerReader
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.guardrails.engine_choice import EngineChoice, choice_in

_REQUESTED = "infrastructure.deployment.requested"


def engine_of(ledger: LedgerReader, stack: str) -> EngineChoice | None:
    """That of the last good deployment; None where nothing is deployed."""
    good = ledger.stack(stack).last_good
    row = ledger.deployment(good) if good else None
    return engine_asked_for(ledger, row) if row else None


def engine_asked_for(ledger: LedgerReader, row: DeploymentRow) -> EngineChoice | None:
    """That of one deployment; None for a removal."""
    for recorded in ledger.log(row.position - 1, limit=1):
        if recorded.type == _REQUESTED:
            data = recorded.event["data"]
            return choice_in(Stack.parse(row.stack).environment, data.get("configuration") or {})
    return None
