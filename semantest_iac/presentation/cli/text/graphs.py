"""Formats the graph of a component's resources: as text, for Graphviz, and for Mermaid."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from semantest_iac.domain.blueprints.resource_graph import ResourceNode, group_by_layer
from semantest_iac.presentation.cli.formatting import align_columns

FormatGraph = Callable[[str, Sequence[ResourceNode]], Iterator[str]]
"""Yields the lines of a graph; its name is given first."""


def format_graph_as_text(name: str, nodes: Sequence[ResourceNode]) -> Iterator[str]:
    """Yield the layers, each with its resources and what these need."""
    yield name
    width = [[f"  {it.name}", it.kind, f"needs {', '.join(it.needs)}" if it.needs else ""] for it in nodes]
    lines = dict(zip((it.name for it in nodes), align_columns(width), strict=True)) if nodes else {}
    for layer, members in group_by_layer(nodes).items():
        yield layer
        yield from (lines[it.name].rstrip() for it in members)


def format_graph_as_dot(name: str, nodes: Sequence[ResourceNode]) -> Iterator[str]:
    """Yield a digraph of Graphviz: an arrow points to what is needed."""
    yield f'digraph "{name}" {{'
    yield "  rankdir=RL;"
    yield "  node [shape=box];"
    for number, (layer, members) in enumerate(group_by_layer(nodes).items()):
        yield f"  subgraph cluster_{number} {{"
        yield f'    label="{layer}";'
        yield from (f'    "{it.name}" [label="{it.name}\\n{it.kind}"];' for it in members)
        yield "  }"
    yield from (f'  "{it.name}" -> "{need}";' for it in nodes for need in it.needs)
    yield "}"


def format_graph_as_mermaid(name: str, nodes: Sequence[ResourceNode]) -> Iterator[str]:
    """Yield a flowchart of Mermaid; names stand in labels, because some are words of its language."""
    ids = {it.name: f"n{number}" for number, it in enumerate(nodes)}
    yield "---"
    yield f"title: {name}"
    yield "---"
    yield "flowchart RL"
    for layer, members in group_by_layer(nodes).items():
        yield f'  subgraph layer_{layer.replace("-", "_")}["{layer}"]'
        yield from (f'    {ids[it.name]}["{it.name}<br/>{it.kind}"]' for it in members)
        yield "  end"
    yield from (f"  {ids[it.name]} --> {ids[need]}" for it in nodes for need in it.needs)


GRAPH_FORMATS: Mapping[str, FormatGraph] = {
    "text": format_graph_as_text,
    "dot": format_graph_as_dot,
    "mermaid": format_graph_as_mermaid,
}
"""What draws a graph, by the word for `--format`."""
