from __future__ import annotations

from typing import Any, TypeVar

import pytest

from semantest_iac.domain.blueprints.blueprint import Blueprint
from semantest_iac.domain.blueprints.components import build_rest_api
from semantest_iac.domain.compute.functions import ServerlessFunction
from semantest_iac.domain.compute.scaling import ScalingPolicy
from semantest_iac.domain.delivery.live_version import LiveVersion
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.environments.configuration import DeploymentConfiguration, resolve_component
from semantest_iac.domain.messaging.notification_channel import NotificationChannel
from semantest_iac.domain.monitoring.logs_and_alarms import Alarm, LogStore
from semantest_iac.domain.networking.apis import HttpApi
from semantest_iac.domain.networking.networks import ExistingNetwork, PrivateNetwork
from semantest_iac.domain.resource import Resource
from semantest_iac.domain.security.access import AppSecret, FunctionIdentity

AnyResource = TypeVar("AnyResource", bound=Resource)

PLAIN = [
    "access-logs",
    "alarm-concurrency",
    "alarm-error-rate",
    "alarm-latency",
    "alarm-server-errors",
    "alarm-throttles",
    "alerts",
    "api",
    "function",
    "function-logs",
    "identity",
    "live",
]


def blueprint(environment: str = "development", /, *, whole: dict[str, Any] | None = None, **section: Any) -> Blueprint:
    values = {"components": {"rest-api": section}, **(whole or {})}
    settings = resolve_component(DeploymentConfiguration.model_validate(values), "rest-api", environment)
    return build_rest_api(Stack("rest-api", "aws", environment, "us-east-1"), 1, settings)


def names(graph: Blueprint) -> list[str]:
    return sorted(resource.name for resource in graph.in_order())


def all_of(kind: type[AnyResource], graph: Blueprint) -> list[AnyResource]:
    return [resource for resource in graph.resources if isinstance(resource, kind)]


def the(kind: type[AnyResource], graph: Blueprint) -> AnyResource:
    [resource] = all_of(kind, graph)
    return resource


VARIABLES = {"TOKEN": "${secrets.token}", "SAME": "${secrets.token}", "KEY": "${secrets.key}", "PLAIN": "x"}


class TestGraph:
    @pytest.mark.parametrize("environment", ["development", "qa", "staging", "production"])
    def test_has_the_same_resources_in_every_environment(self, environment: str) -> None:
        assert names(blueprint(environment)) == PLAIN

    def test_has_outputs_of_its_own_resources(self) -> None:
        graph = blueprint()

        assert {resource for resource, _ in graph.outputs.values()} <= set(names(graph))

    def test_has_no_access_logs_if_they_are_off(self) -> None:
        graph = blueprint(whole={"features": {"access_logs": False}})

        assert "access-logs" not in names(graph)
        assert the(HttpApi, graph).access_log is None

    @pytest.mark.parametrize(("environment", "kept"), [("staging", False), ("production", True)])
    def test_keeps_the_logs_of_production(self, environment: str, kept: bool) -> None:
        assert {store.keep for store in all_of(LogStore, blueprint(environment))} == {kept}


class TestSecrets:
    def test_exist_once_each(self) -> None:
        assert [secret.key for secret in all_of(AppSecret, blueprint(environment=VARIABLES))] == ["key", "token"]

    def test_reach_the_function_as_references_only(self) -> None:
        function = the(ServerlessFunction, blueprint(environment=VARIABLES))

        assert function.secrets == {"KEY": "secret-key", "SAME": "secret-token", "TOKEN": "secret-token"}
        assert function.environment.keys().isdisjoint(function.secrets)
        assert function.environment["PLAIN"] == "x"

    def test_may_be_read_by_the_identity_of_the_function(self) -> None:
        assert the(FunctionIdentity, blueprint(environment=VARIABLES)).secrets == ("secret-key", "secret-token")

    def test_can_be_recovered_in_production(self) -> None:
        days = [
            the(AppSecret, blueprint(env, environment={"T": "${secrets.t}"})) for env in ("development", "production")
        ]

        assert [secret.recovery_days for secret in days] == [0, 30]


class TestNetwork:
    def test_is_none_by_default(self) -> None:
        graph = blueprint()

        assert the(ServerlessFunction, graph).network is None
        assert not the(FunctionIdentity, graph).policy.join_network

    @pytest.mark.parametrize("secrets", [{}, {"TOKEN": "${secrets.token}"}], ids=["without", "with-secrets"])
    def test_reaches_the_secret_store_if_there_are_secrets(self, secrets: dict[str, str]) -> None:
        graph = blueprint(network={"private": True}, environment=secrets)

        assert the(PrivateNetwork, graph).reaches_secrets is bool(secrets)
        assert the(ServerlessFunction, graph).network == "network"
        assert the(FunctionIdentity, graph).policy.join_network

    def test_uses_an_existing_one_unchanged(self) -> None:
        graph = blueprint(network={"private": True, "subnet_ids": ["subnet-1"], "security_group_ids": ["sg-1"]})

        network = the(ExistingNetwork, graph)
        assert (network.subnet_ids, network.security_group_ids) == (("subnet-1",), ("sg-1",))
        assert all_of(PrivateNetwork, graph) == []


class TestFunction:
    def test_has_variables_of_its_location(self) -> None:
        told = the(ServerlessFunction, blueprint("qa")).environment

        assert (told["SEMANTEST_COMPONENT"], told["SEMANTEST_ENVIRONMENT"]) == ("rest-api", "qa")

    def test_scales_between_the_configured_instances(self) -> None:
        graph = blueprint(instances={"min": 2, "max": 9})

        assert the(ServerlessFunction, graph).scaling == ScalingPolicy(2, 9)
        assert the(LiveVersion, graph).warm == 2


class TestApi:
    def endpoints(self, **section: Any) -> list[str]:
        return [f"{'public ' if e.public else ''}{e}" for e in the(HttpApi, blueprint(**section)).endpoints]

    def test_routes_everything_to_the_function_and_keeps_health_public(self) -> None:
        assert self.endpoints() == ["ANY /", "ANY /{proxy+}", "public GET /health"]

    def test_has_one_endpoint_for_each_method_of_a_route_and_health(self) -> None:
        routes = [{"path": "/items", "methods": ["GET", "POST"], "public": True}]

        assert self.endpoints(routes=routes) == ["public GET /items", "public POST /items", "public GET /health"]

    def test_has_the_routes_alone_for_code_of_the_users_own(self) -> None:
        own = {"source": "src", "handler": "app.handler", "routes": [{"path": "/webhook", "methods": ["POST"]}]}

        assert self.endpoints(**own) == ["POST /webhook"]
        assert self.endpoints(**own, health={"path": "/up"}) == ["POST /webhook", "public GET /up"]

    @pytest.mark.parametrize("method", ["GET", "ANY"])
    def test_keeps_a_configured_health_route(self, method: str) -> None:
        assert self.endpoints(routes=[{"path": "/health", "methods": [method]}]) == [f"{method} /health"]

    def test_adds_health_beside_another_method_of_it(self) -> None:
        routes = [{"path": "/health", "methods": ["POST"]}]

        assert self.endpoints(routes=routes) == ["POST /health", "public GET /health"]


class TestAlarms:
    def test_are_exactly_the_configured_ones(self) -> None:
        graph = blueprint(whole={"monitoring": {"alerts": [{"type": "latency", "threshold": 250}]}})

        [alarm] = all_of(Alarm, graph)
        assert (alarm.name, alarm.threshold, alarm.channel) == ("alarm-latency", 250, "alerts")

    @pytest.mark.parametrize("monitoring", [{"enabled": False}, {"alerts": []}], ids=["disabled", "no-alerts"])
    def test_and_their_channel_are_omitted_if_monitoring_is_off(self, monitoring: dict[str, Any]) -> None:
        graph = blueprint(whole={"monitoring": monitoring})

        assert (all_of(Alarm, graph), all_of(NotificationChannel, graph)) == ([], [])

    def test_notify_the_configured_addresses(self) -> None:
        graph = blueprint(whole={"monitoring": {"notify": ["ops@example.com"]}})

        assert the(NotificationChannel, graph).emails == ("ops@example.com",)
