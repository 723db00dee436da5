"""`approve` and `reject`: what becomes of a plan that waits for a person."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import click

from semantest_iac.domain.deployment.status import TERMINAL_STATUSES
from semantest_iac.domain.guardrails.consent import require_approval_consent
from semantest_iac.presentation.cli.commands.operators.named_runs import carry_on_run, choose_deployment
from semantest_iac.presentation.cli.failures import OK
from semantest_iac.presentation.cli.home_folder import require_writable_home
from semantest_iac.presentation.cli.options import session_options
from semantest_iac.presentation.cli.parsing.completion import complete_with, find_waiting_deployments
from semantest_iac.presentation.cli.session import Session
from semantest_iac.presentation.cli.text.approvals import format_waiting_plan

if TYPE_CHECKING:
    from semantest_iac.application.operators.approvals import Approvals, DecidedPlan, WaitingPlan

_WAITING = complete_with(find_waiting_deployments)
_NAMED = click.argument("named", required=False, metavar="[DEPLOYMENT|STACK]", shell_complete=_WAITING)

APPROVE_HELP = """Approve the plan of a deployment that waits for it, and carry the deployment out.

\b
  semantest-iac approve
  semantest-iac approve 5f2c91d0 --yes
  semantest-iac approve rest-api.aws.production.us-east-1 --detach

Name the deployment, by the beginning of its id, or its stack; neither is needed where one plan waits. Shows the plan
and, on a terminal, asks. The deployment then goes on in this process, unless a worker is faster; with --detach it is
left to a worker. It plans again first: where the plan has changed meanwhile, it waits once more.

Who approved is recorded: the user who runs the command. `approvals` in semantest.yaml says who may.
"""


@click.command("approve", help=APPROVE_HELP)
@_NAMED
@click.option("--plan", "digest", default="", metavar="DIGEST", help="Only if this plan still waits.")
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@click.option("--detach", is_flag=True, help="Leave the deployment to a worker, and do not wait for its end.")
@session_options
def approve_command(session: Session, named: str | None, digest: str, yes: bool, detach: bool) -> int:
    approvals = _open_approvals(session)
    deployment = _choose_deployment(session, approvals, named)
    if waiting := approvals.find_waiting(deployment):
        digest = digest or waiting.digest
        _show(session, waiting)
        if not yes and session.terminal.can_ask:
            require_approval_consent(deployment, session.terminal.ask("Approve this plan? [y/N] "))
    decided = asyncio.run(approvals.approve(deployment, session.user_name, digest))
    if detach or decided.row.state in TERMINAL_STATUSES:
        return _answer(session, decided, "approved")
    return carry_on_run(session, decided.row, "approve")


REJECT_HELP = """Reject the plan of a deployment that waits for an approval, which ends without a change.

\b
  semantest-iac reject
  semantest-iac reject 5f2c91d0 --reason "not on a Friday"

Name the deployment, by the beginning of its id, or its stack; neither is needed where one plan waits.
"""


@click.command("reject", help=REJECT_HELP)
@_NAMED
@click.option("--reason", default="", metavar="TEXT", help="Why, for the ledger and whoever requested it.")
@session_options
def reject_command(session: Session, named: str | None, reason: str) -> int:
    approvals = _open_approvals(session)
    deployment = _choose_deployment(session, approvals, named)
    decided = asyncio.run(approvals.reject(deployment, session.user_name, reason))
    return _answer(session, decided, "rejected")


def _open_approvals(session: Session) -> Approvals:
    require_writable_home(session.application.home)
    return session.application.approvals(session.application.folder_variables)


def _choose_deployment(session: Session, approvals: Approvals, named: str | None) -> str:
    return choose_deployment(
        session,
        named,
        approvals.list_waiting(),
        "no plan{} waits for an approval",
        "several wait",
        lambda plan: f"{plan.kind} of {plan.stack}",
    )


def _show(session: Session, waiting: WaitingPlan) -> None:
    if not session.json:
        session.terminal.print_lines(*format_waiting_plan(waiting, session.terminal.width))


def _answer(session: Session, decided: DecidedPlan, verb: str) -> int:
    row = decided.row
    state = str(row.state)
    already = "" if decided.is_new else " already"
    said = f"The plan of deployment {row.deployment} is {verb}{already}"
    lines = [f"{said}; the deployment is {state.replace('_', ' ')}."]
    if row.state not in TERMINAL_STATUSES:
        follow = f"  semantest-iac events --follow --deployment {row.deployment}"
        lines = [f"{said}; a worker carries it out.", follow]
    answer: dict[str, Any] = {"deployment": row.deployment, "stack": row.stack, "kind": row.kind, "state": state}
    session.answer(answer | {verb: True, "already": not decided.is_new}, lines)
    return OK
