"""Which stacks have set what an account has once per region."""

from __future__ import annotations

from semantest_iac.application.ports.ledger import DeploymentRow, LedgerReader
from semantest_iac.application.queries.engines import engine_asked_for
from semantest_iac.application.queries.status import StackFilter
from semantest_iac.domain.blueprints.capabilities import Capabilities
from semantest_iac.domain.deployment.account_settings import ACCOUNT
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.deployment.states import DeploymentState
from semantest_iac.domain.guardrails.engine_choice import EngineChoice
from semantest_iac.domain.monitoring.gateway_logging import GatewayLogging


def account_stacks(ledger: LedgerReader, cloud: Capabilities, stack: Stack, engine: EngineChoice) -> list[str] | None:
    """Those of the stack's place but for itself, destroyed ones too: what they have set stays.

    None where the cloud has nothing of the kind.
    """
    if cloud.lack(GatewayLogging):
        return None
    there = StackFilter(ACCOUNT, stack.provider, None, stack.region)
    names = [row.stack for row in ledger.stacks() if there.matches(row.stack) and row.stack != str(stack)]
    return [name for name in names if any(_has_set(ledger, row, engine) for row in ledger.deployments({name}))]


def _has_set(ledger: LedgerReader, row: DeploymentRow, engine: EngineChoice) -> bool:
    is_done = row.kind == "deploy" and row.state is DeploymentState.COMPLETED
    return is_done and engine_asked_for(ledger, row) == engine
