"""`config` and `parity`: what is configured, and what each cloud supports."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from semantest_iac.domain.errors import DeploymentError
from semantest_iac.presentation.cli.failures import OK
from semantest_iac.presentation.cli.formatting import align_columns, flatten_values, format_table
from semantest_iac.presentation.cli.options import configuration_options, session_options, stack_options
from semantest_iac.presentation.cli.session import ConfigurationOptions, Session, StackSelector
from semantest_iac.presentation.error_lines import format_error, format_warnings

if TYPE_CHECKING:
    from semantest_iac.domain.blueprints.capabilities import Capabilities, Capability
    from semantest_iac.domain.environments.settings import ComponentSettings


CONFIG_HELP = """Check and show the configuration.

\b
  semantest-iac config validate --config semantest.yaml
  semantest-iac config show --component rest-api --env staging
  semantest-iac config schema > semantest.schema.json
"""


@click.group("config", help=CONFIG_HELP)
def config_command() -> None:
    """What follows does the work."""


@config_command.command("validate", help="Name every fault and warning with its place; exit 2 if there is a fault.")
@stack_options
@configuration_options
@session_options
def validate_configuration(session: Session, words: StackSelector, written: ConfigurationOptions) -> int:
    """Every component that is configured, or the one that is named; secrets need not be set."""
    from semantest_iac.application.intake.deployment_specs import check_configuration

    warnings = check_configuration(words.component, session.read(words, written), session.application)
    session.answer(
        {"valid": True, "faults": [], "warnings": [warning.as_dict() for warning in warnings]},
        [*format_warnings(warnings), "The configuration is valid."],
    )
    return OK


@config_command.command("show", help="Show what holds for a stack: the configuration over the environment's settings.")
@stack_options
@configuration_options
@session_options
def show_settings(session: Session, words: StackSelector, written: ConfigurationOptions) -> int:
    """Secrets are shown as references."""
    from semantest_iac.domain.environments.configuration import resolve_component

    stack, found = session.target(words, written)
    configuration = found.configuration
    settings = (
        _settings_to_dict(resolve_component(configuration, stack.component, stack.environment))
        if stack.is_service
        else {}
    )
    lines = align_columns(list(flatten_values(settings))) if settings else ["It has no settings."]
    session.answer({"stack": str(stack), "settings": settings}, [str(stack), *lines])
    return OK


@config_command.command("schema", help="Print the JSON Schema of semantest.yaml, for editors.")
@session_options
def print_schema(session: Session) -> int:
    """JSON either way, indented for people."""
    import json

    found = session.application.configuration_schema()
    session.answer(found, [json.dumps(found, indent=2)])
    return OK


def _settings_to_dict(settings: ComponentSettings) -> dict[str, Any]:
    values = asdict(settings)
    references = {variable: f"${{secrets.{name}}}" for variable, name in values.pop("secrets").items()}
    return values | {"environment": values["environment"] | references}


PARITY_HELP = """Show every kind of resource and every feature of it, by cloud; with the reason where a cloud lacks it.

\b
  semantest-iac parity
  semantest-iac parity --json

What is marked no is refused by deploy, preview and config validate where a configuration asks for it.
"""


@click.command("parity", help=PARITY_HELP)
@session_options
def parity_command(session: Session) -> int:
    """A cloud that cannot be used here has no column."""
    from semantest_iac.domain.blueprints.capabilities import list_capabilities

    clouds = list(_usable_clouds(session))
    rows = [_parity_row(wanted, clouds) for wanted in list_capabilities()]
    session.answer(rows, _format_rows(rows, [cloud.cloud for cloud in clouds]))
    return OK


def _usable_clouds(session: Session) -> Iterator[Capabilities]:
    for name in session.application.providers:
        try:
            yield session.application.capabilities(name)
        except DeploymentError as error:
            session.terminal.remark(*format_error(error))


def _parity_row(wanted: Capability, clouds: Sequence[Capabilities]) -> dict[str, Any]:
    from semantest_iac.domain.blueprints.capabilities import Feature

    kind, feature = (wanted.kind, wanted.name) if isinstance(wanted, Feature) else (wanted, None)
    return {
        "kind": kind.__name__,
        "feature": feature,
        "clouds": {
            cloud.cloud: {
                "supported": not cloud.lack(wanted),
                "note": cloud.lack(wanted) or cloud.bends.get(wanted, ""),
            }
            for cloud in clouds
        },
    }


def _format_rows(rows: Sequence[dict[str, Any]], clouds: Sequence[str]) -> Iterator[str]:
    """The table, and the notes below it: a cell with a sentence in it would be wider than a terminal."""
    notes: dict[str, int] = {}
    cells = [
        [row["kind"] if row["feature"] is None else f"  {row['feature']}"]
        + [_format_cell(name, row["clouds"][name], notes) for name in clouds]
        for row in rows
    ]
    yield from format_table(("", *clouds), cells)
    yield from (f"({number}) {note}" for note, number in notes.items())


def _format_cell(cloud: str, cell: dict[str, Any], notes: dict[str, int]) -> str:
    word = "yes" if cell["supported"] else "no"
    if not cell["note"]:
        return word
    note = f"{cloud}: {cell['note']}"
    return f"{word} ({notes.setdefault(note, len(notes) + 1)})"
