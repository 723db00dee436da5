"""The deployment that a person decides about, and how it goes on then."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from semantest_iac.application.queries.history import choose_engine_of_run, find_deployment_id
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.errors import Fault, NotFoundError, ValidationError
from semantest_iac.presentation.cli.session import Session
from semantest_iac_events.stack_names import STACK_SEPARATOR

if TYPE_CHECKING:
    from semantest_iac.application.ports.ledger import DeploymentRow
    from semantest_iac.application.use_cases import DeploymentUseCase


class UndecidedRun(Protocol):
    """A deployment that waits for a decision."""

    @property
    def deployment(self) -> str: ...

    @property
    def stack(self) -> str: ...


_Run = TypeVar("_Run", bound=UndecidedRun)


def choose_deployment(
    session: Session, named: str | None, runs: Sequence[_Run], what: str, several: str, describe: Callable[[_Run], str]
) -> str:
    """Return the deployment that is named, by its id, its stack or its component, or else the only one of the runs.

    Raises NotFoundError where there is none, of which `what` is said, ValidationError with all of several.
    """
    fitting = [run for run in runs if named is None or named.lower() in (run.stack, Stack.parse(run.stack).component)]
    if named and not fitting and STACK_SEPARATOR not in named:
        return find_deployment_id(session.application.ledger, named)
    if len(fitting) == 1:
        return fitting[0].deployment
    if not fitting:
        hint = "`semantest-iac status` shows what is deployed."
        of_stack = f" of '{named}'" if named else ""
        raise NotFoundError(f"Cannot choose a deployment: {what.format(of_stack)}.", hint=hint)
    faults = [Fault(run.deployment, describe(run)) for run in fitting]
    raise ValidationError(f"Cannot choose a deployment: {several}.", hint="Name one of these.", faults=faults)


def carry_on_run(session: Session, row: DeploymentRow, words: str) -> int:
    """Carry the deployment out as `deploy` does, and return the exit code of its end."""
    from semantest_iac.presentation.cli.execution import DeployCommand, execute_commands

    def start(deployments: DeploymentUseCase) -> Coroutine[Any, Any, DeploymentRow]:
        return deployments.carry_on(row.deployment)

    engine = choose_engine_of_run(session.application.ledger, row)
    variables = session.application.folder_variables
    return execute_commands(session, [DeployCommand(words, Stack.parse(row.stack), engine, variables, start)])
