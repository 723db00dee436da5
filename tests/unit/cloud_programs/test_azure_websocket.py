"""What the WebSocket API's program asks of Azure, and the traps that it keeps clear of."""

from __future__ import annotations

from functools import cache
from itertools import product
from typing import Any

import pytest

from semantest_iac.domain.blueprints.components import build_websocket
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.environments.configuration import DeploymentConfiguration, resolve_component
from semantest_iac.domain.ports.provisioner import Deferred
from semantest_iac.infrastructure.cloud_programs.azure.security import ROLES
from semantest_iac.infrastructure.sandbox_engine.protocol.values import contains_secret, to_cloud_value
from semantest_iac.infrastructure.simulated_cloud.azure.catalogue import AZURE_TYPES
from tests.unit.cloud_programs.azure_asking import APP, all_of, the
from tests.unit.cloud_programs.recorder import SECRET, Asked, recorded

_SIGNED = {
    "environment": {
        "JWT_SECRET": "${secrets.jwt}",
        "AUTHENTICATION_REQUIRED": "true",
        "ALLOWED_ORIGINS": "https://app.example.org",
    }
}
VARIANTS: dict[str, dict[str, Any]] = {
    "open": {"environment": {"AUTHENTICATION_REQUIRED": "false"}},
    "guarded": _SIGNED,
}
_HUB = "azure-native:webpubsub:WebPubSubHub"
_SERVICE = "azure-native:webpubsub:WebPubSub"
_STORAGE = "azure-native:storage:StorageAccount"
_ROLE = "azure-native:authorization:RoleAssignment"


@cache
def _asked(
    variant: str = "guarded", environment: str = "development", deferred: Deferred = Deferred.NOTHING
) -> list[Asked]:
    configuration = DeploymentConfiguration.model_validate({"components": {"websocket": VARIANTS[variant]}})
    settings = resolve_component(configuration, "websocket", environment)
    blueprint = build_websocket(Stack("websocket", "azure", environment, "eastus"), 1, settings)
    return recorded(blueprint, deferred=deferred)


def _named(type_: str, name: str, asked: list[Asked]) -> dict[str, Any]:
    [found] = [each for each in all_of(type_, asked) if each.name == name]
    return found.inputs


def _settings(name: str, asked: list[Asked]) -> dict[str, Any]:
    return {
        pair["name"]: to_cloud_value(pair["value"])
        for pair in to_cloud_value(_named(APP, name, asked)["siteConfig"])["appSettings"]
    }


@pytest.mark.parametrize(("variant", "environment"), list(product(VARIANTS, ("development", "production"))))
class TestEveryVariant:
    def test_asks_for_types_that_the_sandbox_has_rules_for(self, variant: str, environment: str) -> None:
        asked = {each.type for each in _asked(variant, environment)}

        assert {type_ for type_ in asked if type_.startswith("azure-native:")} <= AZURE_TYPES.keys()

    def test_tells_a_secret_to_the_vault_only(self, variant: str, environment: str) -> None:
        told = {each.type for each in _asked(variant, environment) if SECRET in str(to_cloud_value(each.inputs))}
        sealed = {each.type for each in _asked(variant, environment) if contains_secret(each.inputs)}

        assert told <= {"azure-native:keyvault:Secret"}
        assert sealed <= told

    def test_gives_no_two_things_of_a_type_one_name(self, variant: str, environment: str) -> None:
        asked = [each for each in _asked(variant, environment) if each.type.startswith("azure-native:")]
        names = [(each.type, each.inputs.get("scope"), *_names(each)) for each in asked]

        assert len(set(names)) == len(names)


def _names(each: Asked) -> list[str]:
    names = (
        "name",
        "ruleName",
        "accountName",
        "resourceName",
        "workspaceName",
        "roleAssignmentName",
        "containerName",
        "tableName",
    )
    return [str(to_cloud_value(each.inputs[name])) for name in names if name in each.inputs] + [
        str(each.inputs.get("resourceUri"))
    ]


class TestService:
    @pytest.mark.parametrize(
        ("environment", "sku"), [("development", "Free_F1"), ("staging", "Standard_S1"), ("production", "Standard_S1")]
    )
    def test_is_free_in_development(self, environment: str, sku: str) -> None:
        assert the(_SERVICE, _asked(environment=environment))["sku"]["name"] == sku

    def test_has_an_identity_that_every_app_is_told_of(self) -> None:
        told = [_settings(name, _asked()) for name in ("authorizer", "function")]

        assert the(_SERVICE, _asked())["identity"] == {"type": "SystemAssigned"}
        assert [(each["SEMANTEST_HUB_PRINCIPAL"], each["SEMANTEST_HUB_TENANT"]) for each in told] == [
            ("the service", "tenant")
        ] * 2

    def test_takes_no_key(self) -> None:
        assert the(_SERVICE, _asked())["disableLocalAuth"] is True


class TestHub:
    def test_asks_the_authorizer_who_may_connect(self) -> None:
        connect, rest = to_cloud_value(the(_HUB, _asked())["properties"])["eventHandlers"]

        assert connect["systemEvents"] == ["connect"]
        assert connect["urlTemplate"] == f"https://{APP}:authorizer/events/{{event}}"
        assert (rest["systemEvents"], rest["userEventPattern"]) == (["connected", "disconnected"], "*")
        assert rest["urlTemplate"] == f"https://{APP}:function/events/{{event}}"

    def test_asks_the_service_itself_where_everybody_may(self) -> None:
        connect, rest = to_cloud_value(the(_HUB, _asked("open"))["properties"])["eventHandlers"]

        assert connect["urlTemplate"] == rest["urlTemplate"]

    @pytest.mark.parametrize("variant", VARIANTS)
    def test_shows_every_app_who_it_is(self, variant: str) -> None:
        handlers = to_cloud_value(the(_HUB, _asked(variant))["properties"])["eventHandlers"]

        resource = {"resource": "https://webpubsub.azure.com"}
        assert [each["auth"] for each in handlers] == [{"type": "ManagedIdentity", "managedIdentity": resource}] * 2

    def test_waits_for_the_code_that_it_asks(self) -> None:
        assert all_of(_HUB, _asked(deferred=Deferred.ALL)) == []
        assert len(_asked(deferred=Deferred.ALL)) == len(_asked()) - 1


class TestFunctions:
    def test_are_told_how_to_reach_what_they_use(self) -> None:
        told = _settings("function", _asked())

        assert told["SEMANTEST_HUB_ENDPOINT"] == f"https://{_SERVICE}:address/api/hubs/semantest"
        assert told["SEMANTEST_CONNECTIONS_TABLE"] == "azure-native:storage:Table:connections"
        assert told["SEMANTEST_TABLES_ENDPOINT"] == "https://packages.table.example"

    def test_know_the_secret_of_tokens_only_where_they_are_checked(self) -> None:
        assert "JWT_SECRET" not in _settings("function", _asked())
        assert _settings("authorizer", _asked())["JWT_SECRET"].startswith("@Microsoft.KeyVault(")

    def test_know_the_pages_from_which_clients_may_come(self) -> None:
        names = [_settings(name, _asked())["ALLOWED_ORIGINS"] for name in ("authorizer", "function")]

        assert names == ["https://app.example.org"] * 2

    def test_run_packages_of_their_own(self) -> None:
        digests = {_named(APP, name, _asked())["tags"]["Package"] for name in ("authorizer", "function")}

        assert len(digests) == 2


class TestRights:
    def test_are_those_on_what_it_uses(self) -> None:
        hub, tables = (_named(_ROLE, name, _asked()) for name in ("hub-address", "tables-connections"))

        assert hub["roleDefinitionId"].endswith(ROLES["hub"])
        assert tables["roleDefinitionId"].endswith(ROLES["tables"])
        assert hub["principalId"] == tables["principalId"]

    def test_of_the_authorizer_end_at_its_own_package_and_secret_and_where_it_lets_clients_in(self) -> None:
        own = {each.name for each in all_of(_ROLE, _asked()) if each.name.endswith("-authorizer")}

        roles = ("blobs", "queues", "tables", "telemetry", "secrets", "hub-address")
        assert own == {f"{role}-authorizer" for role in roles}
