"""What the layer of services is made of, and what its services may use."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from semantest_iac.domain.compute.containers import ContainerEnvironment, ContainerService, ImageRegistry
from semantest_iac.domain.environments.configuration import DeploymentConfiguration, resolve_component
from semantest_iac.domain.monitoring.logs_and_alarms import LogStore
from semantest_iac.domain.networking.access_rules import AccessCondition, AccessRules
from semantest_iac.domain.networking.networks import LoadBalancer
from semantest_iac.domain.networking.private_endpoints import PrivateEndpoint, PrivateService
from semantest_iac.domain.networking.virtual_networks import VirtualNetwork
from semantest_iac.domain.resource import Resource
from semantest_iac.domain.security.vaults import AccessRight, RoleAssignment, WorkloadIdentity
from semantest_iac.domain.storage.databases import RedisCache
from tests.unit.domain.layer_resources import build_resources

ORDERS: Mapping[str, Any] = {
    "image": "ghcr.io/acme/orders:1.4",
    "scale": {"queue": {"orders-queue": 20}},
    "bindings": {
        "sends_to": ["orders-queue", "events-topic"],
        "receives_from": ["orders-queue"],
        "calls": ["users-api"],
        "tables": ["orders"],
        "database": True,
        "cache": True,
    },
    "environment": {"TOKEN": "${secrets.token}"},
}
SERVICES: Mapping[str, Any] = {
    "orders-api": ORDERS,
    "users-api": {"source": "users", "start": "node server.js", "bindings": {"calls": ["orders-api"]}},
}


def _build(
    component: str = "platform", environment: str = "development", services: Any = SERVICES, **more: Any
) -> Mapping[str, Resource]:
    section = {"services": services, **({"tables": ["orders"]} if component == "platform" else {}), **more}
    return build_resources(component, environment, components={component: section})


def _find_service(resources: Mapping[str, Resource], name: str = "orders-api") -> ContainerService:
    found = resources[f"service-{name}"]
    assert isinstance(found, ContainerService)
    return found


class TestService:
    def test_uses_what_it_is_bound_to_alone(self) -> None:
        resources = _build()

        assert set(_find_service(resources).uses) == {
            *("queue-orders-queue", "topic-events-topic", "table-orders", "cache", "sql-server")
        }
        assert _find_service(resources).receives_from == ("queue-orders-queue",)
        assert _find_service(resources, "users-api").uses == ()

    def test_is_created_after_what_it_needs(self) -> None:
        resources = _build()
        names = [*resources]

        for service in (it for it in resources.values() if isinstance(it, ContainerService)):
            assert all(names.index(need) < names.index(service.name) for need in service.needs())

    def test_may_call_in_a_circle(self) -> None:
        resources = _build()

        assert _find_service(resources).calls == ("users-api",)
        assert _find_service(resources, "users-api").calls == ("orders-api",)

    def test_has_an_identity_of_its_own_which_stores_know(self) -> None:
        resources = _build()
        cache = resources["cache"]

        assert isinstance(resources["identity-service-orders-api"], WorkloadIdentity)
        assert isinstance(cache, RedisCache)
        assert "identity-service-orders-api" in cache.users
        assert "identity-service-users-api" not in cache.users
        rights = [it for it in resources.values() if isinstance(it, RoleAssignment)]
        connecting = {it.identity for it in rights if it.right is AccessRight.CONNECT_DATABASE}
        assert connecting == {"identity-service-orders-api"}

    def test_scales_by_the_queues_of_its_component(self) -> None:
        assert _find_service(_build()).scaling.queues == {"queue-orders-queue": 20}

    def test_has_the_secrets_of_its_component_besides_its_own(self) -> None:
        shared = {"KEY": "${secrets.key}", "A": "1"}
        section = {"services": {"orders-api": ORDERS}, "tables": ["orders"], "environment": shared}
        resources = build_resources("platform", components={"platform": section})
        service = _find_service(resources)

        assert service.secrets == {"KEY": "secret-key", "TOKEN": "secret-token"}
        assert {"secret-key", "secret-token"} <= resources.keys()
        assert service.environment["A"] == "1"


class TestEnvironment:
    @pytest.mark.parametrize(("public", "private"), [(False, True), (True, False)])
    def test_is_private_unless_a_service_is_public(self, public: bool, private: bool) -> None:
        resources = _build(services={"web": {"image": "nginx:1.27", "public": public}})
        environment, balancer = resources["container-environment"], resources["load-balancer"]

        assert isinstance(environment, ContainerEnvironment)
        assert isinstance(balancer, LoadBalancer)
        assert (environment.private, balancer.public) == (private, public)

    @pytest.mark.parametrize(
        ("services", "conditions"),
        [
            ({}, set()),
            ({"web": {"source": ".", "start": "node server.js"}}, {AccessCondition.IMAGES}),
            ({"web": {"image": "nginx:1.27"}}, {AccessCondition.IMAGES}),
            (
                {"web": {"image": "nginx:1.27", "public": True}},
                {AccessCondition.IMAGES, AccessCondition.PUBLIC_SERVICES},
            ),
        ],
    )
    def test_opens_the_network_for_what_its_services_need(self, services: Any, conditions: set[str]) -> None:
        rules = _build(services=services)["access-rules"]

        assert isinstance(rules, AccessRules)
        assert rules.conditions == conditions

    @pytest.mark.parametrize(("environment", "endpoints"), [("development", 0), ("staging", 1)])
    def test_has_a_private_registry_with_private_endpoints(self, environment: str, endpoints: int) -> None:
        resources = _build(environment=environment)
        registry = resources["image-registry"]

        assert isinstance(registry, ImageRegistry)
        assert registry.private is bool(endpoints)
        assert registry.repositories == ("orders-api", "users-api")
        found = [it for it in resources.values() if isinstance(it, PrivateEndpoint)]
        assert sum(it.service is PrivateService.IMAGES for it in found) == endpoints

    def test_is_there_without_services_so_that_images_have_a_place(self) -> None:
        resources = _build(services={})

        assert {"container-environment", "image-registry"} <= resources.keys()
        assert "load-balancer" not in resources


class TestLayerAlone:
    def test_has_a_network_and_a_log_of_its_own(self) -> None:
        resources = _build("services", services={"web": {"image": "nginx:1.27"}})
        kinds = {type(it) for it in resources.values()}

        assert {VirtualNetwork, LogStore, ContainerEnvironment, ContainerService} <= kinds
        assert isinstance(resources["identity-service-web"], WorkloadIdentity)

    def test_has_the_queues_that_it_names(self) -> None:
        services = {"web": {"image": "nginx:1.27", "bindings": {"sends_to": ["jobs"]}}}

        resources = _build("services", services=services, queues={"jobs": {}})

        assert _find_service(resources, "web").uses == ("queue-jobs",)

    def test_is_nothing_where_it_is_turned_off(self) -> None:
        written = {"features": {"enable_container_apps": False}}
        settings = resolve_component(DeploymentConfiguration.model_validate(written), "services", "development")

        assert settings.platform is not None
        assert settings.platform.layers == ()
