"""`preview`: what deploy or destroy would do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from semantest_iac.domain.deployment.change_plan import ChangePlan
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.guardrails.engine_choice import EngineChoice
from semantest_iac.presentation.cli.execution import preview_destroy, run_interruptible
from semantest_iac.presentation.cli.failures import OK
from semantest_iac.presentation.cli.formatting import format_location, format_notes, format_preview
from semantest_iac.presentation.cli.options import configuration_options, many_stacks_options, session_options
from semantest_iac.presentation.cli.session import ConfigurationOptions, MultiStackSelector, Session

if TYPE_CHECKING:
    from semantest_iac.application.intake.deployment_specs import DeploymentSpec

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
def command(session: Session, words: MultiStackSelector, written: ConfigurationOptions, destroy: bool) -> int:
    """The same checks as before the real thing."""
    looks = _removals if destroy else _deployments
    for stack, engine, plan in looks(session, words, written):
        session.answer(as_dict(stack, plan), [format_location(stack, engine), *format_preview(plan)])
    return OK


def as_dict(stack: Stack, plan: ChangePlan) -> dict[str, Any]:
    """The shape of `--json`."""
    return {
        "stack": str(stack),
        "changes": plan.changes.model_dump(),
        "resources": [change.model_dump() for change in plan.resources],
        "verdict": plan.verdict,
    }


def _deployments(session: Session, words: MultiStackSelector, written: ConfigurationOptions) -> list[Look]:
    return [_deployment(session, order) for order in session.orders(words, written)]


def _deployment(session: Session, order: DeploymentSpec) -> Look:
    deployments = session.application.deployments(order.variables, engine=order.engine)
    attempt = run_interruptible(deployments.preview(order.stack, order.configuration), session.terminal)
    notes = attempt.artifact.notes if attempt.artifact else ()
    session.terminal.remark(*format_notes(notes))
    return order.stack, order.engine, attempt.plan


def _removals(session: Session, words: MultiStackSelector, written: ConfigurationOptions) -> list[Look]:
    found = session.each_meant(words, written)
    return [(meant.stack, meant.engine, preview_destroy(session, meant)) for meant in found]
