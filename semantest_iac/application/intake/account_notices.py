"""Notices about settings that stacks share because an account has them once per region."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from semantest_iac.application.intake.deployment_specs import DeploymentSpec
from semantest_iac.application.ports.ledger import DeploymentRow, LedgerReader
from semantest_iac.application.queries.history import StackFilter, requested_engine
from semantest_iac.domain.blueprints.capabilities import Capabilities
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.deployment.status import DeploymentStatus
from semantest_iac.domain.deployment.validation import find_account_notices
from semantest_iac.domain.environments.names import ACCOUNT_COMPONENT
from semantest_iac.domain.errors import Fault
from semantest_iac.domain.guardrails.engine_choice import EngineChoice
from semantest_iac.domain.monitoring.logs_and_alarms import GatewayLogging

FindOtherAccountStacks = Callable[[Stack, EngineChoice], Sequence[str] | None]
"""Finds the other account stacks of a stack's region; None where the cloud has no account settings."""


def account_notices(specs: Sequence[DeploymentSpec], other_account_stacks: FindOtherAccountStacks) -> Iterator[Fault]:
    """Yield the notices for all specs; an account stack among them is deployed before the services."""
    for spec in specs:
        known = other_account_stacks(spec.stack, spec.engine)
        if known is not None:
            planned = [str(other.stack) for other in specs if _sets_account_before(other, spec)]
            yield from find_account_notices(
                spec.stack,
                spec.engine,
                [*known, *planned],
                log_requested=spec.requests_access_log and spec.settings.type == "websocket",
                base_environment=spec.settings.base_environment,
            )


def _sets_account_before(other: DeploymentSpec, spec: DeploymentSpec) -> bool:
    is_account = other.stack.component == ACCOUNT_COMPONENT != spec.stack.component
    return is_account and _account_key(other) == _account_key(spec)


def _account_key(spec: DeploymentSpec) -> tuple[str, str, EngineChoice]:
    return spec.stack.provider, spec.stack.region, spec.engine


def find_account_settings_stacks(
    ledger: LedgerReader, cloud: Capabilities, stack: Stack, engine: EngineChoice
) -> list[str] | None:
    """Return the other account stacks of the region, destroyed ones too because their settings stay.

    Returns None where the cloud has no account settings.
    """
    if cloud.unsupported_reason(GatewayLogging):
        return None
    in_region = StackFilter(ACCOUNT_COMPONENT, stack.provider, None, stack.region)
    names = [row.stack for row in ledger.stacks() if in_region.matches(row.stack) and row.stack != str(stack)]
    return [
        name for name in names if any(_was_deployed_with(ledger, row, engine) for row in ledger.deployments({name}))
    ]


def _was_deployed_with(ledger: LedgerReader, row: DeploymentRow, engine: EngineChoice) -> bool:
    is_completed = row.kind == "deploy" and row.state is DeploymentStatus.COMPLETED
    return is_completed and requested_engine(ledger, row) == engine
