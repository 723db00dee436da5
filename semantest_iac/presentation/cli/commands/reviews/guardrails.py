"""`guardrails`: shows which guardrails hold, and tests them against recorded plans."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import click

from semantest_iac.domain.environments.guardrail_sections import GuardrailsSection, resolve_guardrails
from semantest_iac.domain.errors import ValidationError
from semantest_iac.presentation.cli.failures import OK
from semantest_iac.presentation.cli.formatting import align_columns
from semantest_iac.presentation.cli.options import file_options, filter_options, session_options, stack_options
from semantest_iac.presentation.cli.parsing.command_groups import CommandGroup
from semantest_iac.presentation.cli.session import ConfigurationOptions, Session, StackSelector

if TYPE_CHECKING:
    from semantest_iac.application.intake.deployment_specs import LoadedConfiguration
    from semantest_iac.domain.deployment.stack import Stack

GUARDRAILS_HELP = """Show which guardrails hold for a stack, and test them against recorded plans.

\b
  semantest-iac guardrails list rest-api --env production
  semantest-iac guardrails test --against history
"""


@click.group("guardrails", cls=CommandGroup, help=GUARDRAILS_HELP)
def guardrails_command() -> None: ...


@guardrails_command.command(
    "list",
    short_help="Show which guardrails hold for a stack.",
    help="Show which guardrails hold for a stack, those of its environment and of packs included.",
)
@stack_options
@file_options
@session_options
def list_guardrails(session: Session, selector: StackSelector, options: ConfigurationOptions) -> int:
    from semantest_iac.domain.guardrails.guardrail_table import describe_guardrails

    stack, loaded = session.resolve_stack_and_configuration(selector, options)
    described = describe_guardrails(_resolve_settings(session, loaded, stack.environment))
    rows = [(f"  {it['guardrail']}", it["effect"], it["holds"]) for it in described]
    session.answer({"stack": str(stack), "guardrails": described}, [f"Guardrails of {stack}:", *align_columns(rows)])
    return OK


TEST_HELP = """Run the configured guardrails over the plans in the ledger, and list what they would have stopped.

\b
  semantest-iac guardrails test --against history
  semantest-iac guardrails test rest-api --env production --set guardrails.deletes.max=2

Each plan is judged as of its own time, by the guardrails that the configuration has now for its environment. Nothing
is deployed, asked or recorded. Recorded plans hold no values of properties: what needs them is named and not judged.
"""


@guardrails_command.command("test", short_help="Run the guardrails over recorded plans.", help=TEST_HELP)
@click.option(
    "--against",
    type=click.Choice(["history"]),
    default="history",
    show_default=True,
    help="What is judged: the plans that the ledger holds.",
)
@filter_options
@file_options
@session_options
def test_guardrails(session: Session, selector: StackSelector, options: ConfigurationOptions, against: str) -> int:
    from semantest_iac.presentation.cli.text.guardrails import format_reviewed_plans

    @cache
    def find_settings(environment: str, recorded_base: str | None) -> GuardrailsSection:
        loaded = session.load_configuration(StackSelector(environment=environment), options)
        known = loaded.configuration.environment_names
        if environment not in known and recorded_base:
            loaded = session.load_configuration(StackSelector(environment=recorded_base), options)
            environment = recorded_base
        return _resolve_settings(session, loaded, environment)

    def find_guardrails(stack: Stack, recorded_base: str | None) -> GuardrailsSection:
        return find_settings(stack.environment, recorded_base)

    reviewed = session.application.history_review.review(find_guardrails, session.build_stack_filter(selector))
    session.answer([plan.as_dict() for plan in reviewed], format_reviewed_plans(reviewed))
    return OK


def _resolve_settings(session: Session, loaded: LoadedConfiguration, environment: str) -> GuardrailsSection:
    """Return the guardrails of an environment; raises ValidationError with every fault of the configuration."""
    configuration = loaded.configuration
    faults = [*loaded.faults, *loaded.locate(session.application.find_guardrail_faults(configuration.guardrails))]
    if faults:
        raise ValidationError("Cannot read the guardrails.", faults=faults)
    return resolve_guardrails(configuration.guardrails, configuration.find_base_environment(environment))
