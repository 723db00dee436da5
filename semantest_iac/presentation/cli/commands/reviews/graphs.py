"""`graph`: shows the resources of a component, their layers, and what needs what."""

from __future__ import annotations

from dataclasses import asdict

import click

from semantest_iac.domain.errors import ValidationError
from semantest_iac.presentation.cli.failures import OK
from semantest_iac.presentation.cli.options import file_options, session_options, stack_options
from semantest_iac.presentation.cli.session import ConfigurationOptions, Session, StackSelector

GRAPH_HELP = """Show the resources of a component as it is configured: their layers, and what needs what.

\b
  semantest-iac graph rest-api
  semantest-iac graph websocket --env production --format mermaid
  semantest-iac graph rest-api --format dot | dot -Tsvg > graph.svg

The resources are those of the model, which each cloud creates in its own way; nothing is deployed or asked.
"""


@click.command("graph", help=GRAPH_HELP)
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "dot", "mermaid"]),
    default="text",
    show_default=True,
    help="How it is drawn.",
)
@stack_options
@file_options
@session_options
def graph_command(session: Session, selector: StackSelector, options: ConfigurationOptions, form: str) -> int:
    """Print the graph; raises ValidationError for a component that cannot be deployed."""
    from semantest_iac.domain.blueprints.resource_graph import build_resource_graph, group_by_layer
    from semantest_iac.domain.deployment.deployment_service import BLUEPRINTS, find_component_faults
    from semantest_iac.domain.environments.configuration import find_component_type, resolve_component
    from semantest_iac.presentation.cli.text.graphs import GRAPH_FORMATS

    stack, loaded = session.resolve_stack_and_configuration(selector, options)
    report = session.application.validation.validate(stack, loaded.configuration)
    unknown = find_component_faults(find_component_type(loaded.configuration, stack.component))
    if faults := (*loaded.faults, *loaded.locate((*unknown, *report.faults))):
        raise ValidationError(f"Cannot draw '{stack}'.", faults=faults)
    settings = resolve_component(loaded.configuration, stack.component, stack.environment)
    nodes = build_resource_graph(BLUEPRINTS[settings.type](stack, 1, settings), settings)
    layers = [
        {"name": layer, "resources": [{**asdict(it), "needs": list(it.needs)} for it in members]}
        for layer, members in group_by_layer(nodes).items()
    ]
    session.answer({"stack": str(stack), "layers": layers}, list(GRAPH_FORMATS[form](str(stack), nodes)))
    return OK
