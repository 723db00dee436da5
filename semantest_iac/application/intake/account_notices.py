"""Notices about settings that stacks share because an account has them once per region."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from semantest_iac.application.intake.deployment_specs import DeploymentSpec
from semantest_iac.application.ports.ledger import DeploymentRow, LedgerReader
from semantest_iac.application.queries.history import StackFilter
from semantest_iac.application.queries.stacks import requested_engine
from semantest_iac.domain.blueprints.capabilities import Capabilities
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.deployment.status import DeploymentStatus
from semantest_iac.domain.deployment.validation import find_account_notices
from semantest_iac.domain.environments.names import ACCOUNT_COMPONENT
from semantest_iac.domain.errors import Fault
from semantest_iac.domain.guardrails.engine_choice import EngineChoice
from semantest_iac.domain.monitoring.logs_and_alarms import GatewayLogging

FindAccountStacks = Callable[[Stack, EngineChoice], Sequence[str] | None]
"""The stacks that have set what a stack's account has once, but for itself; None where there is no such thing."""


def account_notices(orders: Sequence[DeploymentSpec], account_stacks: FindAccountStacks) -> Iterator[Fault]:
    """The notices for all of them: an account stack among them is there before the services."""
    for order in orders:
        known = account_stacks(order.stack, order.engine)
        if known is not None:
            beside = [str(other.stack) for other in orders if _deploys_before(other, order)]
            yield from find_account_notices(
                order.stack, order.engine, [*known, *beside], wants_log=order.wants_access_log
            )


def _deploys_before(other: DeploymentSpec, order: DeploymentSpec) -> bool:
    is_account = other.stack.component == ACCOUNT_COMPONENT != order.stack.component
    return is_account and _account_key(other) == _account_key(order)


def _account_key(order: DeploymentSpec) -> tuple[str, str, EngineChoice]:
    return order.stack.provider, order.stack.region, order.engine


def find_account_stacks(
    ledger: LedgerReader, cloud: Capabilities, stack: Stack, engine: EngineChoice
) -> list[str] | None:
    """Those of the stack's place but for itself, destroyed ones too: what they have set stays.

    None where the cloud has nothing of the kind.
    """
    if cloud.unsupported_reason(GatewayLogging):
        return None
    there = StackFilter(ACCOUNT_COMPONENT, stack.provider, None, stack.region)
    names = [row.stack for row in ledger.stacks() if there.matches(row.stack) and row.stack != str(stack)]
    return [
        name for name in names if any(_configured_account(ledger, row, engine) for row in ledger.deployments({name}))
    ]


def _configured_account(ledger: LedgerReader, row: DeploymentRow, engine: EngineChoice) -> bool:
    is_done = row.kind == "deploy" and row.state is DeploymentStatus.COMPLETED
    return is_done and requested_engine(ledger, row) == engine
