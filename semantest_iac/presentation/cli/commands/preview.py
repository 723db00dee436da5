"""`preview`: what deploy or destroy would do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from semantest_iac.domain.deployment.plan import ChangePlan
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.guardrails.engine_choice import EngineChoice
from semantest_iac.presentation.cli.carrying_out import removal_of, until_done
from semantest_iac.presentation.cli.failures import OK
from semantest_iac.presentation.cli.options import configuration_options, many_stacks_options, session_options
from semantest_iac.presentation.cli.session import Session
from semantest_iac.presentation.cli.wording import note_lines, preview_lines, where
from semantest_iac.presentation.cli.words import ConfigurationOptions, ManyWords

if TYPE_CHECKING:
    from semantest_iac.application.intake.orders import Order

HELP = """Show what deploy would do, or destroy with --destroy; nothing is changed or recorded.

\b
  semantest-iac preview --component rest-api --set components.rest-api.memory=1024
  semantest-iac preview --component rest-api --destroy
  semantest-iac preview --component all --provider aws --provider azure
"""

Look = tuple[Stack, EngineChoice, ChangePlan]


@click.command("preview", help=HELP)
@click.option("--destroy", is_flag=True, help="Show what destroy would delete.")
@many_stacks_options
@configuration_options
@session_options
def command(session: Session, words: ManyWords, written: ConfigurationOptions, destroy: bool) -> int:
    """The same checks as before the real thing."""
    looks = _removals if destroy else _deployments
    for stack, engine, plan in looks(session, words, written):
        session.answer(as_dict(stack, plan), [where(stack, engine), *preview_lines(plan)])
    return OK


def as_dict(stack: Stack, plan: ChangePlan) -> dict[str, Any]:
    """The shape of `--json`."""
    return {
        "stack": str(stack),
        "changes": plan.changes.model_dump(),
        "resources": [change.model_dump() for change in plan.resources],
        "verdict": plan.verdict,
    }


def _deployments(session: Session, words: ManyWords, written: ConfigurationOptions) -> list[Look]:
    return [_deployment(session, order) for order in session.orders(words, written)]


def _deployment(session: Session, order: Order) -> Look:
    deployments = session.application.deployments(order.variables, engine=order.engine)
    attempt = until_done(deployments.preview(order.stack, order.configuration), session.terminal)
    notes = attempt.artifact.notes if attempt.artifact else ()
    session.terminal.remark(*note_lines(notes))
    return order.stack, order.engine, attempt.plan


def _removals(session: Session, words: ManyWords, written: ConfigurationOptions) -> list[Look]:
    found = session.each_meant(words, written)
    return [(meant.stack, meant.engine, removal_of(session, meant)) for meant in found]
