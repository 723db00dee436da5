"""`promote` and `return`: what becomes of a new version that has a share of the traffic."""

from __future__ import annotations

import asyncio

import click

from semantest_iac.application.operators.shared_traffic import SharedTraffic, SharedTrafficDecisions
from semantest_iac.application.queries.history import find_deployment_id
from semantest_iac.domain.delivery.canary import RequestedShift
from semantest_iac.domain.errors import Fault, NotFoundError, ValidationError
from semantest_iac.presentation.cli.commands.operators.carried_on_runs import carry_on_run
from semantest_iac.presentation.cli.failures import OK
from semantest_iac.presentation.cli.home_folder import require_writable_home
from semantest_iac.presentation.cli.options import session_options
from semantest_iac.presentation.cli.parsing.completion import complete_with, find_canaries
from semantest_iac.presentation.cli.session import Session

_NAMED = click.argument(
    "named", required=False, metavar="[DEPLOYMENT|STACK]", shell_complete=complete_with(find_canaries)
)
_DETACH = click.option("--detach", is_flag=True, help="Leave the deployment to a worker, and do not wait for its end.")
_REASON = click.option("--reason", default="", metavar="TEXT", help="Why, for the ledger.")

PROMOTE_HELP = """Give a new version all of the traffic before the time of its canary is over.

\b
  semantest-iac promote
  semantest-iac promote 5f2c91d0
  semantest-iac promote rest-api.aws.production.us-east-1 --detach

Name the deployment, by the beginning of its id, or its stack; neither is needed where one new version shares the
traffic. One that does badly is returned all the same. The deployment goes on in this process, unless another one
carries it out already; with --detach it is left to a worker. Who decided is recorded.
"""


@click.command("promote", help=PROMOTE_HELP)
@_NAMED
@_REASON
@_DETACH
@session_options
def promote_command(session: Session, named: str | None, reason: str, detach: bool) -> int:
    return _decide(session, named, "promote", reason, detach=detach)


RETURN_HELP = """Take the traffic back from a new version, and restore the stack as it was before.

\b
  semantest-iac return
  semantest-iac return 5f2c91d0 --reason "the search is slow"

Name the deployment, by the beginning of its id, or its stack; neither is needed where one new version shares the
traffic. The deployment ends as rolled back.
"""


@click.command("return", help=RETURN_HELP)
@_NAMED
@_REASON
@_DETACH
@session_options
def return_command(session: Session, named: str | None, reason: str, detach: bool) -> int:
    return _decide(session, named, "return", reason, detach=detach)


def _decide(session: Session, named: str | None, shift: RequestedShift, reason: str, *, detach: bool) -> int:
    require_writable_home(session.application.home)
    decisions = session.application.shared_traffic(session.application.folder_variables)
    deployment = _choose_deployment(session, decisions, named)
    row = asyncio.run(decisions.decide(deployment, shift, session.user_name, reason))
    if not detach:
        return carry_on_run(session, row, shift)
    answer = {"deployment": row.deployment, "stack": row.stack, "state": str(row.state), "requested": shift}
    follow = f"  semantest-iac events --follow --deployment {row.deployment}"
    session.answer(answer, [f"Recorded for deployment {row.deployment} of {row.stack}: {shift}.", follow])
    return OK


def _choose_deployment(session: Session, decisions: SharedTrafficDecisions, named: str | None) -> str:
    """Return the deployment that is named, or of the named stack, or else the only one that shares the traffic."""
    shared = decisions.list_shared()
    fitting = [it for it in shared if named is None or named.lower() in (it.stack, it.shifted.component)]
    if named and not fitting:
        return find_deployment_id(session.application.ledger, named)
    return _take_only_one(fitting)


def _take_only_one(shared: list[SharedTraffic]) -> str:
    if len(shared) == 1:
        return shared[0].deployment
    if not shared:
        hint = "`semantest-iac status` shows what is deployed."
        raise NotFoundError("Cannot choose a deployment: no new version has a share of the traffic.", hint=hint)
    faults = [Fault(it.deployment, f"{it.shifted.weight} % of {it.stack}") for it in shared]
    message = "Cannot choose a deployment: several new versions share the traffic."
    raise ValidationError(message, hint="Name one of these.", faults=faults)
