"""`config` and `parity`: what is configured, and what each cloud supports."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from semantest_iac.domain.errors import DeploymentError
from semantest_iac.presentation.cli.failures import OK
from semantest_iac.presentation.cli.formatting import align_columns, flatten_values, format_table
from semantest_iac.presentation.cli.options import configuration_options, file_options, session_options, stack_options
from semantest_iac.presentation.cli.parsing.command_groups import CommandGroup
from semantest_iac.presentation.cli.session import ConfigurationOptions, Session, StackSelector
from semantest_iac.presentation.error_lines import format_error, format_warnings

if TYPE_CHECKING:
    from semantest_iac.domain.blueprints.capabilities import Capabilities, Capability
    from semantest_iac.domain.environments.platform.layer_settings import PlatformSettings
    from semantest_iac.domain.environments.settings import ComponentSettings


CONFIG_HELP = """Validate and show the configuration.

\b
  semantest-iac config validate --config semantest.yaml
  semantest-iac config show rest-api --env staging
  semantest-iac config schema > semantest.schema.json
"""


@click.group("config", cls=CommandGroup, help=CONFIG_HELP)
def config_command() -> None: ...


@config_command.command(
    "validate",
    short_help="Report every fault and warning.",
    help="Report every fault and warning with file and line; exits 2 on faults.",
)
@stack_options
@configuration_options
@session_options
def validate_configuration(session: Session, selector: StackSelector, options: ConfigurationOptions) -> int:
    """Validate the selected component, else all configured ones; secrets that are not set are warnings."""
    from semantest_iac.application.intake.deployment_specs import validate_components

    loaded = session.load_configuration(selector, options)
    warnings = validate_components(selector.component, loaded, session.application)
    session.answer(
        {"valid": True, "faults": [], "warnings": [warning.as_dict() for warning in warnings]},
        [*format_warnings(warnings), "The configuration is valid."],
    )
    return OK


@config_command.command(
    "show",
    short_help="Show the settings of a stack.",
    help="Show the settings of a stack: defaults of its environment and the configuration.",
)
@stack_options
@file_options
@session_options
def show_settings(session: Session, selector: StackSelector, options: ConfigurationOptions) -> int:
    """Show the settings; secrets appear as references, and what a deployment refuses as a plain secret is hidden."""
    from semantest_iac.domain.environments.configuration import resolve_component
    from semantest_iac.domain.security.secret_patterns import hide_secrets

    stack, loaded = session.resolve_stack_and_configuration(selector, options)
    settings = {}
    if stack.is_service:
        component = resolve_component(loaded.configuration, stack.component, stack.environment)
        settings = hide_secrets(_settings_to_dict(component))
    lines = align_columns(list(flatten_values(settings))) if settings else ["The component has no settings."]
    session.answer({"stack": str(stack), "settings": settings}, [str(stack), *lines])
    return OK


@config_command.command("schema", help="Print the JSON Schema of semantest.yaml, for editors.")
@session_options
def print_schema(session: Session) -> int:
    import json

    json_schema = session.application.configuration_schema()
    session.answer(json_schema, [json.dumps(json_schema, indent=2)])
    return OK


_LAYER_VALUES = ("component", "type", "base_environment", "tags")
_CODE_VALUES = ("source", "runtime", "build", "package", "memory", "timeout", "instances", "environment")


def _settings_to_dict(settings: ComponentSettings) -> dict[str, Any]:
    """Return what counts for the type of the component: of a layer what it has, and of its functions."""
    values = _with_references(asdict(settings))
    functions = {function.pop("name"): _with_references(function) for function in values.pop("functions")}
    del values["platform"]
    if settings.platform is not None:
        names = (*_LAYER_VALUES, *(_CODE_VALUES if functions else ()))
        values = {name: values[name] for name in names} | _platform_to_dict(settings.platform, values["monitoring"])
    return values | ({"functions": functions} if functions else {})


def _platform_to_dict(platform: PlatformSettings, monitoring: dict[str, Any]) -> dict[str, Any]:
    """Return what holds in the environment, and the settings of the layers that are deployed."""
    from semantest_iac.domain.environments.platform.layer_sections import SecuritySection

    of_layers = {name: getattr(platform, name) for name in ("messaging", "database", "etl") if name in platform.layers}
    network, security = platform.environment.network, platform.environment.security
    return {
        "layers": list(platform.layers),
        "network": {name: it for name, it in asdict(network).items() if name != "subnet_ranges"}
        | {"subnets": network.subnets},
        "security": {name: getattr(security, name) for name in SecuritySection.model_fields},
        "monitoring": monitoring,
        **{name: asdict(getattr(platform.environment, name)) for name in ("features", "tiers", "data")},
        **{name: asdict(it) for name, it in of_layers.items()},
    }


def _with_references(values: dict[str, Any]) -> dict[str, Any]:
    """Show secrets as they are written, among the variables; a function of an API has no trigger."""
    references = {variable: f"${{secrets.{name}}}" for variable, name in values.pop("secrets").items()}
    if values.get("trigger") is None:
        values.pop("trigger", None)
    return values | {"environment": values["environment"] | references}


PARITY_HELP = """Show which kinds of resources and which of their features each cloud supports, and why one is missing.

\b
  semantest-iac parity
  semantest-iac parity --json

deploy, preview and config validate refuse a configuration that needs a feature marked `no`.
"""


@click.command("parity", help=PARITY_HELP)
@session_options
def parity_command(session: Session) -> int:
    """Show a column per cloud whose packages are installed."""
    from semantest_iac.domain.blueprints.capabilities import list_capabilities

    clouds = list(_usable_capabilities(session))
    rows = [_parity_row(capability, clouds) for capability in list_capabilities()]
    session.answer(rows, _format_rows(rows, [cloud.cloud for cloud in clouds]))
    return OK


def _usable_capabilities(session: Session) -> Iterator[Capabilities]:
    for name in session.application.providers:
        try:
            yield session.application.capabilities(name)
        except DeploymentError as error:
            session.terminal.print_remarks(*format_error(error))


def _parity_row(capability: Capability, clouds: Sequence[Capabilities]) -> dict[str, Any]:
    from semantest_iac.domain.blueprints.capabilities import Feature

    if isinstance(capability, Feature):
        kind, feature = capability.kind, capability.name
    else:
        kind, feature = capability, None
    return {
        "kind": kind.__name__,
        "feature": feature,
        "clouds": {
            cloud.cloud: {
                "supported": not cloud.unsupported_reason(capability),
                "note": cloud.unsupported_reason(capability) or cloud.partial.get(capability, ""),
            }
            for cloud in clouds
        },
    }


def _format_rows(rows: Sequence[dict[str, Any]], clouds: Sequence[str]) -> Iterator[str]:
    """The table, and its notes as numbered lines below it: sentences do not fit into cells."""
    notes: dict[str, int] = {}
    cells = [
        [row["kind"] if row["feature"] is None else f"  {row['feature']}"]
        + [_format_cell(name, row["clouds"][name], notes) for name in clouds]
        for row in rows
    ]
    yield from format_table(("", *clouds), cells)
    yield from (f"({number}) {note}" for note, number in notes.items())


def _format_cell(cloud: str, cell: dict[str, Any], notes: dict[str, int]) -> str:
    supported = "yes" if cell["supported"] else "no"
    if not cell["note"]:
        return supported
    note = f"{cloud}: {cell['note']}"
    return f"{supported} ({notes.setdefault(note, len(notes) + 1)})"
