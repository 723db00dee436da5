from __future__ import annotations

from typing import Any, TypeVar

import pytest

from semantest_iac.domain.blueprints.blueprint import Blueprint
from semantest_iac.domain.blueprints.components import build_websocket
from semantest_iac.domain.compute.functions import ServerlessFunction
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.environments.configuration import DeploymentConfiguration, resolve_component
from semantest_iac.domain.networking.apis import ConnectionEvent, WebSocketEndpoint
from semantest_iac.domain.resource import Resource
from semantest_iac.domain.security.access import FunctionIdentity
from semantest_iac.domain.storage.connection_table import ConnectionTable

AnyResource = TypeVar("AnyResource", bound=Resource)

ALARMS = [f"alarm-{kind}" for kind in ("concurrency", "error-rate", "latency", "server-errors", "throttles")]
OPEN = sorted(["address", *ALARMS, "alerts", "api", "connections", "function", "function-logs", "identity", "live"])
GUARD = ["authorizer", "authorizer-identity", "authorizer-live", "authorizer-logs", "secret-jwt"]
SIGNED = {"JWT_SECRET": "${secrets.jwt}"}
ISSUER = {"issuer": "https://issuer.example.org", "audience": ["a", "b"]}


def blueprint(environment: str = "development", /, **section: Any) -> Blueprint:
    configuration = DeploymentConfiguration.model_validate({"components": {"websocket": section}})
    settings = resolve_component(configuration, "websocket", environment)
    return build_websocket(Stack("websocket", "aws", environment, "us-east-1"), 1, settings)


def names(graph: Blueprint) -> list[str]:
    return sorted(resource.name for resource in graph.in_order())


def named(kind: type[AnyResource], name: str, graph: Blueprint) -> AnyResource:
    [resource] = [each for each in graph.resources if isinstance(each, kind) and each.name == name]
    return resource


class TestGraph:
    @pytest.mark.parametrize("environment", ["development", "qa"])
    def test_has_no_authorizer_if_tokens_are_not_required(self, environment: str) -> None:
        graph = blueprint(environment)

        assert names(graph) == OPEN
        assert named(WebSocketEndpoint, "api", graph).authorizer is None

    @pytest.mark.parametrize("environment", ["staging", "production"])
    def test_has_an_authorizer_otherwise(self, environment: str) -> None:
        assert names(blueprint(environment, environment=SIGNED)) == sorted([*OPEN, *GUARD])

    @pytest.mark.parametrize("section", [{}, {"environment": SIGNED, "authorizer": ISSUER}], ids=["open", "guarded"])
    def test_has_outputs_of_its_own_resources(self, section: dict[str, Any]) -> None:
        graph = blueprint(**section)

        assert {resource for resource, _ in graph.outputs.values()} <= set(names(graph))

    def test_implies_the_signing_secret(self) -> None:
        graph = blueprint("production")

        assert named(ServerlessFunction, "authorizer", graph).secrets == {"JWT_SECRET": "secret-jwt_secret"}

    def test_has_its_address_before_its_endpoint(self) -> None:
        order = [resource.name for resource in blueprint().in_order()]

        assert order.index("address") < order.index("function") < order.index("api")


class TestEndpoint:
    def test_routes_every_connection_event(self) -> None:
        assert named(WebSocketEndpoint, "api", blueprint()).routes == tuple(ConnectionEvent)

    def test_times_out_after_29_seconds_while_the_function_continues(self) -> None:
        graph = blueprint(timeout=300)

        assert named(WebSocketEndpoint, "api", graph).integration_timeout_s == 29
        assert named(ServerlessFunction, "function", graph).timeout_s == 300


class TestAuthorizer:
    @pytest.fixture
    def graph(self) -> Blueprint:
        return blueprint(environment={**SIGNED, "OTHER": "${secrets.other}"}, authorizer=ISSUER)

    def test_alone_reads_the_signing_secret(self, graph: Blueprint) -> None:
        assert named(ServerlessFunction, "authorizer", graph).secrets == {"JWT_SECRET": "secret-jwt"}
        assert named(ServerlessFunction, "function", graph).secrets == {"OTHER": "secret-other"}
        assert named(FunctionIdentity, "identity", graph).secrets == ("secret-other",)

    def test_has_no_permission_on_connections(self, graph: Blueprint) -> None:
        assert named(FunctionIdentity, "authorizer-identity", graph).uses == ()
        assert named(FunctionIdentity, "identity", graph).uses == ("address", "connections")

    @pytest.mark.parametrize(
        ("section", "told"),
        [
            ({"authorizer": ISSUER}, {"JWT_ISSUER": "https://issuer.example.org", "JWT_AUDIENCE": "a,b"}),
            ({"environment": {**SIGNED, "JWT_ISSUER": "us"}}, {"JWT_ISSUER": "us"}),
            ({}, {}),
        ],
        ids=["authorizer", "variables", "neither"],
    )
    def test_has_variables_for_issuer_and_audience(self, section: dict[str, Any], told: dict[str, str]) -> None:
        graph = blueprint("staging", **{"environment": SIGNED, **section})

        variables = named(ServerlessFunction, "authorizer", graph).environment
        assert {name: value for name, value in variables.items() if name.startswith("JWT_")} == told


class TestConnections:
    def test_expire_after_the_longest_connection(self) -> None:
        graph = blueprint()

        lifetime = named(ConnectionTable, "connections", graph).lifetime_s
        assert lifetime > named(WebSocketEndpoint, "api", graph).limits.duration_s
