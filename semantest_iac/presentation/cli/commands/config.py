"""`config`: the configuration, checked and shown."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from semantest_iac.presentation.cli.failures import OK
from semantest_iac.presentation.cli.formatting import align_columns, flatten_values
from semantest_iac.presentation.cli.options import configuration_options, session_options, stack_options
from semantest_iac.presentation.cli.session import ConfigurationOptions, Session, StackSelector
from semantest_iac.presentation.error_lines import format_warnings

if TYPE_CHECKING:
    from semantest_iac.domain.environments.settings import ComponentSettings

HELP = """Check and show the configuration.

\b
  semantest-iac config validate --config semantest.yaml
  semantest-iac config show --component rest-api --env staging
  semantest-iac config schema > semantest.schema.json
"""


@click.group("config", help=HELP)
def command() -> None:
    """What follows does the work."""


@command.command("validate", help="Name every fault and warning with its place; exit 2 if there is a fault.")
@stack_options
@configuration_options
@session_options
def validate(session: Session, words: StackSelector, written: ConfigurationOptions) -> int:
    """Every component that is configured, or the one that is named; secrets need not be set."""
    from semantest_iac.application.intake.deployment_specs import check_configuration

    warnings = check_configuration(words.component, session.read(words, written), session.application)
    session.answer(
        {"valid": True, "faults": [], "warnings": [warning.as_dict() for warning in warnings]},
        [*format_warnings(warnings), "The configuration is valid."],
    )
    return OK


@command.command("show", help="Show what holds for a stack: the configuration over the environment's settings.")
@stack_options
@configuration_options
@session_options
def show(session: Session, words: StackSelector, written: ConfigurationOptions) -> int:
    """Secrets are shown as references."""
    from semantest_iac.domain.environments.configuration import resolve_component

    stack, found = session.target(words, written)
    configuration = found.configuration
    settings = (
        _as_dict(resolve_component(configuration, stack.component, stack.environment)) if stack.is_service else {}
    )
    lines = align_columns(list(flatten_values(settings))) if settings else ["It has no settings."]
    session.answer({"stack": str(stack), "settings": settings}, [str(stack), *lines])
    return OK


@command.command("schema", help="Print the JSON Schema of semantest.yaml, for editors.")
@session_options
def schema(session: Session) -> int:
    """JSON either way, indented for people."""
    import json

    found = session.application.configuration_schema()
    session.answer(found, [json.dumps(found, indent=2)])
    return OK


def _as_dict(settings: ComponentSettings) -> dict[str, Any]:
    values = asdict(settings)
    references = {variable: f"${{secrets.{name}}}" for variable, name in values.pop("secrets").items()}
    return values | {"environment": values["environment"] | references}
