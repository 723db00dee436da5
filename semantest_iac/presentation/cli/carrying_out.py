"""Deployments from the request to the exit code, watched all the way."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING, Any, TypeVar

from semantest_iac.presentation.cli.application import Deployments
from semantest_iac.presentation.cli.failures import FAILED, STATE_EXIT_CODES
from semantest_iac.presentation.cli.result import Result
from semantest_iac.presentation.cli.session import Session
from semantest_iac.presentation.cli.terminal import Terminal
from semantest_iac.presentation.cli.views.choice import view_of
from semantest_iac.presentation.cli.views.view import View
from semantest_iac_events.deployments import DeploymentCompleted
from semantest_iac_events.stack_event import StackRequest

if TYPE_CHECKING:
    from semantest_iac.application.ports.ledger import DeploymentRow
    from semantest_iac.application.ports.run_queue import OnWait
    from semantest_iac.domain.guardrails.engine_choice import EngineChoice
    from semantest_iac_events.event import Event
    from semantest_iac_events.values import HealthAnswer

Answer = TypeVar("Answer")
Ask = Callable[[Deployments, "OnWait"], Coroutine[Any, Any, "DeploymentRow"]]


@dataclass
class _Witness:
    """Remembers of a deployment's events what its row does not hold."""

    view: View
    deployment: str | None = None
    health: HealthAnswer | None = None

    def event(self, event: Event) -> None:
        if isinstance(event, StackRequest):
            self.deployment = event.deployment_id
        elif isinstance(event, DeploymentCompleted):
            self.health = event.health
        self.view.event(event)


def carry_out(session: Session, variables: Mapping[str, str], engine: EngineChoice, ask: Ask) -> int:
    """Ask for a deployment or removal, show it, and return the exit code of how it ended."""
    began = monotonic()
    view = view_of(session)
    witness = _Witness(view)
    deployments = session.application.deployments(variables, engine=engine, progress=view.tick, observer=witness.event)
    with view:
        row = _row(session, witness, ask(deployments, view.waiting))
    view.ended(Result(row, witness.health, monotonic() - began))
    return STATE_EXIT_CODES.get(row.state, FAILED)


def _row(session: Session, witness: _Witness, work: Coroutine[Any, Any, DeploymentRow]) -> DeploymentRow:
    """The row, also of a deployment that was called off once it was on record."""
    try:
        return until_done(work, session.terminal)
    except KeyboardInterrupt:
        row = session.application.ledger.deployment(witness.deployment) if witness.deployment else None
        if row is None:
            raise
        return row


def until_done(work: Coroutine[Any, Any, Answer], terminal: Terminal) -> Answer:
    """Run to the end; Ctrl-C and SIGTERM stop it in good order and raise KeyboardInterrupt, a second one at once."""
    try:
        return asyncio.run(_interruptible(work, terminal))
    except asyncio.CancelledError as error:
        raise KeyboardInterrupt from error


async def _interruptible(work: Coroutine[Any, Any, Answer], terminal: Terminal) -> Answer:
    loop, task = asyncio.get_running_loop(), asyncio.ensure_future(work)

    def call_off(number: int) -> None:
        loop.remove_signal_handler(number)
        terminal.remark("Stopping after the operation under way; once more stops at once.")
        task.cancel()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, call_off, number)
    return await task
