"""What the WebSocket API's program registers on Azure, and the pitfalls that it avoids."""

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
from tests.unit.cloud_programs.azure_registrations import APP
from tests.unit.cloud_programs.recorder import SECRET, Registration, inputs_named, inputs_of, of_type, record_program

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
def _record(
    variant: str = "guarded", environment: str = "development", deferred: Deferred = Deferred.NOTHING
) -> list[Registration]:
    configuration = DeploymentConfiguration.model_validate({"components": {"websocket": VARIANTS[variant]}})
    settings = resolve_component(configuration, "websocket", environment)
    blueprint = build_websocket(Stack("websocket", "azure", environment, "eastus"), 1, settings)
    return record_program(blueprint, deferred=deferred)


def _settings(name: str, registrations: list[Registration]) -> dict[str, Any]:
    return {
        pair["name"]: to_cloud_value(pair["value"])
        for pair in to_cloud_value(inputs_named(APP, name, registrations)["siteConfig"])["appSettings"]
    }


@pytest.mark.parametrize(("variant", "environment"), list(product(VARIANTS, ("development", "production"))))
class TestEveryVariant:
    def test_has_only_types_that_the_sandbox_simulates(self, variant: str, environment: str) -> None:
        registrations = {each.type for each in _record(variant, environment)}

        assert {type_ for type_ in registrations if type_.startswith("azure-native:")} <= AZURE_TYPES.keys()

    def test_passes_a_secret_to_the_vault_only(self, variant: str, environment: str) -> None:
        types = {each.type for each in _record(variant, environment) if SECRET in str(to_cloud_value(each.inputs))}
        secret_types = {each.type for each in _record(variant, environment) if contains_secret(each.inputs)}

        assert types <= {"azure-native:keyvault:Secret"}
        assert secret_types <= types

    def test_gives_every_resource_of_a_type_its_own_name(self, variant: str, environment: str) -> None:
        registrations = [each for each in _record(variant, environment) if each.type.startswith("azure-native:")]
        names = [(each.type, each.inputs.get("scope"), *_names(each)) for each in registrations]

        assert len(set(names)) == len(names)


def _names(each: Registration) -> list[str]:
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
        assert inputs_of(_SERVICE, _record(environment=environment))["sku"]["name"] == sku

    def test_has_an_identity_that_every_app_knows(self) -> None:
        settings = [_settings(name, _record()) for name in ("authorizer", "function")]

        assert inputs_of(_SERVICE, _record())["identity"] == {"type": "SystemAssigned"}
        assert [(each["SEMANTEST_HUB_PRINCIPAL"], each["SEMANTEST_HUB_TENANT"]) for each in settings] == [
            ("the service", "tenant")
        ] * 2

    def test_accepts_no_key(self) -> None:
        assert inputs_of(_SERVICE, _record())["disableLocalAuth"] is True


class TestHub:
    def test_sends_connect_events_to_the_authorizer(self) -> None:
        connect, rest = to_cloud_value(inputs_of(_HUB, _record())["properties"])["eventHandlers"]

        assert connect["systemEvents"] == ["connect"]
        assert connect["urlTemplate"] == f"https://{APP}:authorizer/events/{{event}}"
        assert (rest["systemEvents"], rest["userEventPattern"]) == (["connected", "disconnected"], "*")
        assert rest["urlTemplate"] == f"https://{APP}:function/events/{{event}}"

    def test_sends_connect_events_to_the_service_without_an_authorizer(self) -> None:
        connect, rest = to_cloud_value(inputs_of(_HUB, _record("open"))["properties"])["eventHandlers"]

        assert connect["urlTemplate"] == rest["urlTemplate"]

    @pytest.mark.parametrize("variant", VARIANTS)
    def test_authenticates_to_every_app(self, variant: str) -> None:
        handlers = to_cloud_value(inputs_of(_HUB, _record(variant))["properties"])["eventHandlers"]

        resource = {"resource": "https://webpubsub.azure.com"}
        assert [each["auth"] for each in handlers] == [{"type": "ManagedIdentity", "managedIdentity": resource}] * 2

    def test_is_deferred_until_code_runs(self) -> None:
        assert of_type(_HUB, _record(deferred=Deferred.ALL)) == []
        assert len(_record(deferred=Deferred.ALL)) == len(_record()) - 1


class TestFunctions:
    def test_get_the_endpoints_that_they_use(self) -> None:
        settings = _settings("function", _record())

        assert settings["SEMANTEST_HUB_ENDPOINT"] == f"https://{_SERVICE}:address/api/hubs/semantest"
        assert settings["SEMANTEST_CONNECTIONS_TABLE"] == "azure-native:storage:Table:connections"
        assert settings["SEMANTEST_TABLES_ENDPOINT"] == "https://packages.table.example"

    def test_have_the_signing_secret_only_if_they_check_tokens(self) -> None:
        assert "JWT_SECRET" not in _settings("function", _record())
        assert _settings("authorizer", _record())["JWT_SECRET"].startswith("@Microsoft.KeyVault(")

    def test_have_the_allowed_origins(self) -> None:
        names = [_settings(name, _record())["ALLOWED_ORIGINS"] for name in ("authorizer", "function")]

        assert names == ["https://app.example.org"] * 2

    def test_run_their_own_packages(self) -> None:
        digests = {inputs_named(APP, name, _record())["tags"]["Package"] for name in ("authorizer", "function")}

        assert len(digests) == 2


class TestPermissions:
    def test_are_limited_to_the_resources_in_use(self) -> None:
        hub, tables = (inputs_named(_ROLE, name, _record()) for name in ("hub-address", "tables-connections"))

        assert hub["roleDefinitionId"].endswith(ROLES["hub"])
        assert tables["roleDefinitionId"].endswith(ROLES["tables"])
        assert hub["principalId"] == tables["principalId"]

    def test_of_the_authorizer_are_limited_to_its_package_its_secret_and_the_hub(self) -> None:
        own = {each.name for each in of_type(_ROLE, _record()) if each.name.endswith("-authorizer")}

        roles = ("blobs", "queues", "tables", "telemetry", "secrets-secret-jwt", "hub-address")
        assert own == {f"{role}-authorizer" for role in roles}
