"""`promote` and `return`: what becomes of a new version that has a share of the traffic."""

from __future__ import annotations

import asyncio

import click

from semantest_iac.domain.delivery.canary import RequestedShift
from semantest_iac.presentation.cli.commands.operators.named_runs import carry_on_run, choose_deployment
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
    deployment = choose_deployment(
        session,
        named,
        decisions.list_shared(),
        "no new version{} has a share of the traffic",
        "several new versions share the traffic",
        lambda shared: f"{shared.shifted.weight} % of {shared.stack}",
    )
    row = asyncio.run(decisions.decide(deployment, shift, session.user_name, reason))
    if not detach:
        return carry_on_run(session, row, shift)
    answer = {"deployment": row.deployment, "stack": row.stack, "state": str(row.state), "requested": shift}
    follow = f"  semantest-iac events --follow --deployment {row.deployment}"
    session.answer(answer, [f"Recorded for deployment {row.deployment} of {row.stack}: {shift}.", follow])
    return OK
