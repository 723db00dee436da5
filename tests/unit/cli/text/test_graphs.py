"""The graph of a component's resources, in each of its forms."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from semantest_iac.domain.blueprints.resource_graph import ResourceNode, build_resource_graph, group_by_layer
from semantest_iac.domain.deployment.deployment_service import BLUEPRINTS
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.environments.configuration import DeploymentConfiguration, resolve_component
from semantest_iac.domain.environments.names import COMPONENT_TYPES, PLATFORM_TYPES
from semantest_iac.presentation.cli.text.graphs import (
    format_graph_as_dot,
    format_graph_as_mermaid,
    format_graph_as_text,
)
from tests.layer_sections import layer_values

_DOT_NODE = re.compile(r'    "([^"]+)" \[label="\1\\n\w+"\];')
_DOT_EDGE = re.compile(r'  "([^"]+)" -> "([^"]+)";')
_MERMAID_NODE = re.compile(r'    (n\d+)\["([^"<]+)<br/>\w+"\]')
_MERMAID_EDGE = re.compile(r"  (n\d+) --> (n\d+)")


def graph_of(component: str, environment: str = "production") -> tuple[ResourceNode, ...]:
    settings = resolve_component(
        DeploymentConfiguration.model_validate(layer_values(component)), component, environment
    )
    stack = Stack(component, "aws", environment, "us-east-1")
    return build_resource_graph(BLUEPRINTS[component](stack, 1, settings), settings)


@pytest.fixture(params=COMPONENT_TYPES)
def nodes(request: pytest.FixtureRequest) -> tuple[ResourceNode, ...]:
    return graph_of(request.param)


class TestGraph:
    def test_has_each_resource_after_what_it_needs(self, nodes: tuple[ResourceNode, ...]) -> None:
        seen = set[str]()
        for node in nodes:
            assert {*node.needs} <= seen
            seen.add(node.name)
        assert len(seen) == len(nodes) > 0

    def test_has_every_resource_in_one_layer(self, nodes: tuple[ResourceNode, ...]) -> None:
        grouped = group_by_layer(nodes)

        assert sorted(it.name for members in grouped.values() for it in members) == sorted(it.name for it in nodes)

    def test_names_the_layers_of_the_platform(self) -> None:
        for component in PLATFORM_TYPES:
            settings = resolve_component(DeploymentConfiguration(), component, "production")

            assert settings.platform is not None
            assert {*group_by_layer(graph_of(component))} <= {*settings.platform.layers}


class TestForms:
    def test_of_text_name_each_resource_with_its_needs(self, nodes: tuple[ResourceNode, ...]) -> None:
        lines = list(format_graph_as_text("name", nodes))

        assert lines[0] == "name"
        for node in nodes:
            [line] = [it for it in lines if it.split()[:2] == [node.name, node.kind]]
            assert not node.needs or line.endswith(f"needs {', '.join(node.needs)}")

    def test_of_graphviz_have_every_edge(self, nodes: tuple[ResourceNode, ...]) -> None:
        lines = list(format_graph_as_dot("name", nodes))

        assert (lines[0], lines[-1]) == ('digraph "name" {', "}")
        assert sum(it.count("{") - it.count("}") for it in lines) == 0
        assert sorted(m[1] for it in lines if (m := _DOT_NODE.fullmatch(it))) == sorted(it.name for it in nodes)
        assert sorted(m.groups() for it in lines if (m := _DOT_EDGE.fullmatch(it))) == _edges(nodes)

    def test_of_mermaid_have_every_edge(self, nodes: tuple[ResourceNode, ...]) -> None:
        lines = list(format_graph_as_mermaid("name", nodes))

        names = {m[1]: m[2] for it in lines if (m := _MERMAID_NODE.fullmatch(it))}
        assert lines[:4] == ["---", "title: name", "---", "flowchart RL"]
        assert sorted(names.values()) == sorted(it.name for it in nodes)
        edges = [(names[m[1]], names[m[2]]) for it in lines if (m := _MERMAID_EDGE.fullmatch(it))]
        assert sorted(edges) == _edges(nodes)


def _edges(nodes: tuple[ResourceNode, ...]) -> list[tuple[str, ...]]:
    return sorted((it.name, need) for it in nodes for need in it.needs)


class TestCommand:
    def test_prints_each_form(self, cli: Any) -> None:
        text, dot, mermaid = (
            cli("graph", "rest-api", "--format", form).out.splitlines()[0] for form in ("text", "dot", "mermaid")
        )

        assert (text, dot, mermaid) == (
            "rest-api.aws.development.us-east-1",
            'digraph "rest-api.aws.development.us-east-1" {',
            "---",
        )

    def test_answers_with_layers_as_json(self, cli: Any) -> None:
        answer = json.loads(cli("graph", "rest-api", "--json").out)

        resources = {it["name"]: it for layer in answer["layers"] for it in layer["resources"]}
        assert answer["stack"] == "rest-api.aws.development.us-east-1"
        assert resources["live"] == {
            "name": "live",
            "kind": "LiveVersion",
            "layer": "delivery",
            "needs": ["function"],
        }

    def test_is_refused_with_every_fault(self, cli: Any) -> None:
        outcome = cli("graph", "rest-api", "--set", "components.rest-api.memory=1", "--json")

        assert outcome.code == 2
        assert [fault["path"] for fault in json.loads(outcome.out)["error"]["faults"]] == ["components.rest-api.memory"]
