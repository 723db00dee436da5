"""`preview`: what deploy or destroy would do."""

from __future__ import annotations

from typing import Any

import click

from semantest_iac.domain.deployment.plan import ChangePlan
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.guardrails.engine_choice import EngineChoice
from semantest_iac.presentation.cli.carrying_out import until_done
from semantest_iac.presentation.cli.failures import OK
from semantest_iac.presentation.cli.options import configuration_options, session_options, stack_options
from semantest_iac.presentation.cli.session import Session
from semantest_iac.presentation.cli.wording import note_lines, preview_lines, where
from semantest_iac.presentation.cli.words import ConfigurationOptions, Words

HELP = """Show what deploy would do, or destroy with --destroy; nothing is changed or recorded.

\b
  semantest-iac preview --component rest-api --set components.rest-api.memory=1024
  semantest-iac preview --component rest-api --destroy
"""

Look = tuple[Stack, EngineChoice, ChangePlan]


@click.command("preview", help=HELP)
@click.option("--destroy", is_flag=True, help="Show what destroy would delete.")
@stack_options
@configuration_options
@session_options
def command(session: Session, words: Words, written: ConfigurationOptions, destroy: bool) -> int:
    """The same checks as before the real thing."""
    look = _removal if destroy else _deployment
    stack, engine, plan = look(session, words, written)
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


def _deployment(session: Session, words: Words, written: ConfigurationOptions) -> Look:
    order = session.order(words, written)
    deployments = session.application.deployments(order.variables, engine=order.engine)
    attempt = until_done(deployments.preview(order.stack, order.configuration), session.terminal)
    notes = attempt.artifact.notes if attempt.artifact else ()
    session.terminal.remark(*note_lines(notes))
    return order.stack, order.engine, attempt.plan


def _removal(session: Session, words: Words, written: ConfigurationOptions) -> Look:
    stack, engine, variables = session.meant(words, written)
    deployments = session.application.deployments(variables, engine=engine)
    return stack, engine, until_done(deployments.preview_removal(stack), session.terminal)
