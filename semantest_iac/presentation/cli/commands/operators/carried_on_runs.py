"""Carries on a deployment that has waited for a person's decision."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

from semantest_iac.application.queries.history import find_owning_engine, requested_engine
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.guardrails.engine_choice import EngineChoice
from semantest_iac.presentation.cli.session import Session

if TYPE_CHECKING:
    from semantest_iac.application.ports.ledger import DeploymentRow
    from semantest_iac.application.use_cases import DeploymentUseCase


def carry_on_run(session: Session, row: DeploymentRow, words: str) -> int:
    """Carry the deployment out as `deploy` does, and return the exit code of its end."""
    from semantest_iac.presentation.cli.execution import DeployCommand, execute_commands

    def start(deployments: DeploymentUseCase) -> Coroutine[Any, Any, DeploymentRow]:
        return deployments.carry_on(row.deployment)

    ledger = session.application.ledger
    engine = requested_engine(ledger, row) or find_owning_engine(ledger, row.stack) or EngineChoice()
    variables = session.application.folder_variables
    return execute_commands(session, [DeployCommand(words, Stack.parse(row.stack), engine, variables, start)])
