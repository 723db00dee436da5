"""What the programs of services register on Azure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest

from semantest_iac.domain.blueprints.blueprint import Blueprint
from semantest_iac.domain.compute.containers import ContainerService, ServiceScaling
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.resource import Ref
from semantest_iac.infrastructure.cloud_programs.azure.platform.containers.registry_login import EntraRegistryLogin
from tests.kind_examples.containers import CONTAINER_ENVIRONMENT, CONTAINER_EXAMPLES, CONTAINER_SERVICE
from tests.unit.cloud_programs.recorder import IMAGE_DIGEST, Registration, record_program, record_pushes

_STACK = Stack("platform", "azure", "development", "eastus")
_SERVING = next(it for it in CONTAINER_EXAMPLES if it.resource is CONTAINER_SERVICE).needs
_BUILT = replace(CONTAINER_SERVICE, image="")
_APP, _ROLE = "azure-native:app:ContainerApp", "azure-native:authorization:RoleAssignment"


def _record(*services: ContainerService, private: bool = False) -> list[Registration]:
    needs = [replace(it, private=private) if it is CONTAINER_ENVIRONMENT else it for it in _SERVING]
    return record_program(Blueprint(_STACK, 1, (*needs, *services), {}))


def _find_app(registrations: Sequence[Registration], name: str = CONTAINER_SERVICE.name) -> dict[str, Any]:
    return next(it.inputs for it in registrations if (it.type, it.name) == (_APP, name))


def _find_registry(registrations: Sequence[Registration]) -> str:
    [found] = [it for it in registrations if it.type == "azure-native:containerregistry:Registry"]
    return f"{found.type}:{found.name}"  # the example of the output loginServer


def _list_variables(app: dict[str, Any]) -> dict[str, Any]:
    return {it["name"]: it.get("value", it.get("secretRef")) for it in app["template"]["containers"][0]["env"]}


def _list_roles(registrations: Sequence[Registration]) -> Iterator[str]:
    yield from (it.name.removeprefix(f"{CONTAINER_SERVICE.name}-") for it in registrations if it.type == _ROLE)


class TestRights:
    def test_are_those_that_the_service_needs(self) -> None:
        assert set(_list_roles(_record(CONTAINER_SERVICE))) == {
            *("send-queue", "receive-queue", "scales-queue", "pull-images", "reads-secret")
        }

    def test_are_there_before_the_service(self) -> None:
        registrations = _record(CONTAINER_SERVICE)
        app = next(it for it in registrations if it.type == _APP)

        assert sum(":RoleAssignment::" in urn for urn in app.needs) == 5

    def test_of_a_service_without_anything_are_to_pull_its_image(self) -> None:
        bare = replace(CONTAINER_SERVICE, secrets={}, scaling=ServiceScaling(), uses=(), receives_from=(), calls=())

        assert set(_list_roles(_record(bare))) == {"pull-images"}


class TestVariables:
    def test_say_where_everything_is(self) -> None:
        variables = _list_variables(_find_app(_record(CONTAINER_SERVICE)))

        assert {"SEMANTEST_SEND_ORDERS_QUEUE", "SEMANTEST_RECEIVE_ORDERS_QUEUE"} <= variables.keys()
        assert variables["SEMANTEST_SERVICE_USERS_API"].startswith("https://semantest-platform-dev-us")
        assert (variables["PORT"], variables["LIMIT"]) == ("8080", "5")

    def test_name_secrets_whose_values_stay_in_the_vault(self) -> None:
        app = _find_app(_record(CONTAINER_SERVICE))
        [secret] = app["configuration"]["secrets"]

        assert _list_variables(app)["TOKEN"] == secret["name"]
        assert secret["keyVaultUrl"].startswith("https://vault.example/")
        assert "the secret's value" not in repr(app)

    @pytest.mark.parametrize(
        ("private", "public", "is_outer"), [(True, False, True), (False, True, True), (False, False, False)]
    )
    def test_lead_to_services_by_the_name_that_they_have(self, private: bool, public: bool, is_outer: bool) -> None:
        users = replace(CONTAINER_SERVICE, name=Ref("service-users-api"), service="users-api", public=public, calls=())
        registrations = _record(CONTAINER_SERVICE, users, private=private)
        address = _list_variables(_find_app(registrations))["SEMANTEST_SERVICE_USERS_API"]

        assert (".internal." in address) is not is_outer
        assert _find_app(registrations, users.name)["configuration"]["ingress"]["external"] is is_outer


class TestScaling:
    def test_has_a_rule_for_each_signal(self) -> None:
        rules = {it["name"]: it for it in _find_app(_record(CONTAINER_SERVICE))["template"]["scale"]["rules"]}

        assert rules.keys() == {"requests", "cpu", "memory", "queue"}
        assert rules["requests"]["http"]["metadata"] == {"concurrentRequests": "50"}
        assert rules["cpu"]["custom"]["metadata"] == {"type": "Utilization", "value": "70"}
        assert rules["queue"]["custom"]["type"] == "azure-servicebus"
        assert rules["queue"]["custom"]["metadata"]["messageCount"] == "20"

    def test_starts_an_instance_within_its_time(self) -> None:
        probes = {it["type"]: it for it in _find_app(_record(CONTAINER_SERVICE))["template"]["containers"][0]["probes"]}
        startup = probes["Startup"]

        assert probes.keys() == {"Liveness", "Readiness", "Startup"}
        assert startup["periodSeconds"] * startup["failureThreshold"] >= CONTAINER_SERVICE.probe.start_s


class TestImage:
    def test_of_a_source_is_the_one_that_was_made_of_it(self) -> None:
        app = _find_app(_record(_BUILT))

        assert app["template"]["containers"][0]["image"].endswith(f"/orders-api@{IMAGE_DIGEST}")

    def test_is_pushed_when_its_registry_is_there_and_before_the_service(self) -> None:
        recorder, [(push, before)] = record_pushes(Blueprint(_STACK, 1, (*_SERVING, _BUILT), {}))

        assert push.repository == _find_registry(recorder.registrations) + "/orders-api"
        assert "azure-native:containerregistry:Registry" in before
        assert _APP not in before
        assert isinstance(push.login, EntraRegistryLogin)

    def test_that_is_configured_is_not_pushed(self) -> None:
        assert record_pushes(Blueprint(_STACK, 1, (*_SERVING, CONTAINER_SERVICE), {}))[1] == []


class TestEnvironment:
    @pytest.mark.parametrize("private", [True, False])
    def test_is_found_in_its_network_where_it_is_private(self, private: bool) -> None:
        registrations = _record(private=private)
        environment = next(it.inputs for it in registrations if it.type == "azure-native:app:ManagedEnvironment")
        records = [it for it in registrations if it.type == "azure-native:privatedns:PrivateRecordSet"]

        assert environment["vnetConfiguration"]["internal"] is private
        assert environment["publicNetworkAccess"] == ("Disabled" if private else "Enabled")
        assert len(records) == private
