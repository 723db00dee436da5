"""What the rest-api's program registers on Azure, and the pitfalls that it avoids."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest

from semantest_iac.infrastructure.cloud_programs.azure.security import ROLES
from semantest_iac.infrastructure.sandbox_engine.protocol.values import Secret, contains_secret, to_cloud_value
from semantest_iac.infrastructure.simulated_cloud.azure.catalogue import AZURE_TYPES
from tests.unit.cloud_programs.azure_registrations import APP, ROLE, record_api, settings_of
from tests.unit.cloud_programs.recorder import SECRET, inputs_of, of_type, urn
from tests.unit.cloud_programs.variants import ENVIRONMENTS, VARIANTS

_VAULT = "azure-native:keyvault:Vault"
_WORKSPACE = "azure-native:operationalinsights:Workspace"
_GROUP = "azure-native:resources:ResourceGroup"


@pytest.mark.parametrize(("variant", "environment"), list(product(VARIANTS, ENVIRONMENTS)))
class TestEveryVariant:
    def test_has_only_types_that_the_sandbox_simulates(self, variant: str, environment: str) -> None:
        registrations = {each.type for each in record_api(variant, environment, "westeurope")}

        assert {type_ for type_ in registrations if type_.startswith("azure-native:")} <= AZURE_TYPES.keys()

    def test_uses_the_provider_of_its_region_for_every_resource(self, variant: str, environment: str) -> None:
        registrations = record_api(variant, environment, "westeurope")

        [provider] = of_type("pulumi:providers:azure-native", registrations)
        assert provider.inputs["location"] == "westeurope"
        ours = [each for each in registrations if each.type.startswith("azure-native:")]
        assert {each.provider.rpartition("::")[0] for each in ours} == {urn(provider.type, "azure")}
        assert all(each.parent.startswith("urn:pulumi:s::p::semantest:") for each in ours)
        assert {each.inputs.get("location", "global") for each in ours} == {"westeurope", "global"}

    def test_passes_a_secret_to_the_vault_only(self, variant: str, environment: str) -> None:
        registrations = [
            each for each in record_api(variant, environment, "westeurope") if each.type.startswith("azure-native:")
        ]

        secret_inputs = {each.type: each.inputs for each in registrations if SECRET in str(to_cloud_value(each.inputs))}
        assert secret_inputs.keys() <= {"azure-native:keyvault:Secret"}
        assert all(isinstance(inputs["properties"]["value"], Secret) for inputs in secret_inputs.values())
        sealed = {each.type for each in registrations if contains_secret(each.inputs)} - secret_inputs.keys()
        assert sealed <= {APP, "azure-native:apimanagement:NamedValue"}  # the key of the gateway


class TestFoundation:
    def test_gives_worldwide_unique_names(self) -> None:
        account = inputs_of("azure-native:storage:StorageAccount", record_api())["accountName"]
        names = {inputs_of(APP, record_api())["name"], inputs_of(_VAULT, record_api("secrets"))["vaultName"]}

        assert account.isalnum()
        assert (len(account) <= 24, account.islower()) == (True, True)
        assert not any(name.endswith(inputs_of(_GROUP, record_api())["resourceGroupName"][-6:]) for name in names)

    def test_has_a_vault_only_if_there_are_secrets(self) -> None:
        assert of_type(_VAULT, record_api()) == []
        assert inputs_of(_VAULT, record_api("secrets"))["properties"]["enableRbacAuthorization"] is True

    def test_protects_the_vault_in_production_and_is_silent_otherwise(self) -> None:
        def protection(environment: str) -> object:
            return inputs_of(_VAULT, record_api("secrets", environment))["properties"].get("enablePurgeProtection")

        assert (protection("production"), protection("staging")) == (True, None)

    def test_keeps_deleted_secrets_for_at_least_a_vault_s_minimum(self) -> None:
        days = [
            inputs_of(_VAULT, record_api("secrets", environment))["properties"]["softDeleteRetentionInDays"]
            for environment in ("development", "production")
        ]

        assert days == [7, 30]

    def test_is_retained_in_production_with_its_logs(self) -> None:
        def retained(environment: str) -> set[bool]:
            return {
                each.retained
                for type_ in (_GROUP, _WORKSPACE)
                for each in of_type(type_, record_api("plain", environment))
            }

        assert (retained("production"), retained("staging")) == ({True}, {False})


class TestFunction:
    def test_depends_on_its_permissions_its_package_storage_and_its_secrets(self) -> None:
        [app] = of_type(APP, record_api("secrets"))

        roles = ("blobs", "queues", "tables", "telemetry", "secrets-secret-token")
        assert app.needs >= {urn(ROLE, role) for role in roles}
        assert urn("azure-native:storage:BlobContainer", "function") in app.needs
        assert urn("azure-native:keyvault:Secret", "secret-token") in app.needs

    def test_uses_no_storage_key(self) -> None:
        account = inputs_of("azure-native:storage:StorageAccount", record_api())

        assert (account["allowSharedKeyAccess"], account["allowBlobPublicAccess"]) == (False, False)
        assert settings_of(record_api())["AzureWebJobsStorage__credential"] == "managedidentity"
        assert settings_of(record_api())["AzureWebJobsStorage__blobServiceUri"] == "https://packages.blob.example/"

    @pytest.mark.parametrize(("environment", "level"), [("development", "Debug"), ("production", None)])
    def test_logs_from_the_level_of_its_code_on(self, environment: str, level: str | None) -> None:
        settings = settings_of(record_api("plain", environment))

        assert settings.get("AzureFunctionsJobHost__logging__logLevel__Function") == level

    def test_has_no_setting_or_property_that_its_plan_refuses(self) -> None:
        site = inputs_of(APP, record_api())["siteConfig"]

        assert site.keys() <= {"appSettings", "cors", "http20Enabled", "minTlsVersion"}
        assert not any(name.startswith(("FUNCTIONS_", "WEBSITE_")) for name in settings_of(record_api()))
        assert inputs_of("azure-native:web:AppServicePlan", record_api())["sku"] == {
            "name": "FC1",
            "tier": "FlexConsumption",
        }

    def test_is_tagged_with_its_package(self) -> None:
        assert inputs_of(APP, record_api())["tags"]["Package"] == "ab" * 32

    def test_gets_references_to_its_secrets_and_no_values(self) -> None:
        settings = settings_of(record_api("secrets"))

        assert (settings["PLAIN"], settings["SHIM"]) == ("seen", "1")
        assert settings["TOKEN"] == "@Microsoft.KeyVault(SecretUri=https://vault.example/secrets/token/1)"

    @pytest.mark.parametrize(
        ("variant", "environment", "scale"),
        [
            ("plain", "development", {"instanceMemoryMB": 512, "maximumInstanceCount": 100}),
            ("plain", "staging", {"instanceMemoryMB": 2048, "maximumInstanceCount": 100}),
            (
                "limited",
                "development",
                {
                    "instanceMemoryMB": 512,
                    "maximumInstanceCount": 10,
                    "alwaysReady": [{"name": "http", "instanceCount": 2}],
                },
            ),
        ],
        ids=["as small as it gets", "the next size up", "limited and kept warm"],
    )
    def test_has_sizes_that_azure_offers(self, variant: str, environment: str, scale: dict[str, Any]) -> None:
        config = inputs_of(APP, record_api(variant, environment))["functionAppConfig"]

        assert config["scaleAndConcurrency"] == scale
        assert config["runtime"] == {"name": "python", "version": "3.13"}

    def test_is_placed_in_a_delegated_subnet(self) -> None:
        registrations = record_api("network")

        subnet = inputs_of("azure-native:network:Subnet", registrations)
        assert [each["serviceName"] for each in subnet["delegations"]] == ["Microsoft.App/environments"]
        assert subnet["addressPrefix"] == "10.10.0.0/24"
        assert inputs_of(APP, registrations)["virtualNetworkSubnetId"] == "id of network"
        assert inputs_of(APP, record_api("existing network"))["virtualNetworkSubnetId"] == "subnet-1"


class TestPermissions:
    def test_are_four_roles_and_one_more_for_secrets(self) -> None:
        def given(variant: str) -> set[str]:
            roles = {value: name for name, value in ROLES.items()}
            return {
                roles[each.inputs["roleDefinitionId"].rpartition("/")[2]] for each in of_type(ROLE, record_api(variant))
            }

        assert given("plain") == {"blobs", "queues", "tables", "telemetry"}
        assert given("secrets") - given("plain") == {"secrets"}

    def test_name_the_type_of_their_principal(self) -> None:
        assert {each.inputs["principalType"] for each in of_type(ROLE, record_api("secrets"))} == {"ServicePrincipal"}

    def test_are_limited_to_single_resources(self) -> None:
        scopes = {each.inputs["scope"] for each in of_type(ROLE, record_api("secrets"))}

        assert scopes == {"id of function", "id of function-logs", "id of secret-token"}


class TestMonitoring:
    def test_metrics_are_those_of_the_endpoint(self) -> None:
        def scopes(environment: str) -> set[str]:
            alarms = of_type("azure-native:monitor:MetricAlert", record_api("plain", environment))
            return {scope for each in alarms for scope in each.inputs["scopes"]}

        assert (scopes("development"), scopes("staging")) == ({"id of function-logs"}, {"id of api"})

    def test_shares_percentiles_and_instances_are_queries(self) -> None:
        rules = of_type("azure-native:monitor:ScheduledQueryRule", record_api())

        assert {each.name for each in rules} == {"alarm-error-rate", "alarm-latency", "alarm-concurrency"}
        conditions = [each.inputs["criteria"]["allOf"][0] for each in rules]
        assert {each["operator"] for each in conditions} == {"GreaterThanOrEqual"}
        assert all(each["query"].startswith("requests | summarize value = ") for each in conditions)

    @pytest.mark.parametrize(
        ("variant", "threshold"),
        [("plain", 80), ("limited", 8), ("one alarm", 5)],
        ids=["default", "limited", "configured"],
    )
    def test_concurrency_threshold_is_at_most_the_maximum_of_instances(self, variant: str, threshold: int) -> None:
        rules = of_type("azure-native:monitor:ScheduledQueryRule", record_api(variant))

        [rule] = [each.inputs for each in rules if each.name == "alarm-concurrency"]
        assert rule["criteria"]["allOf"][0]["threshold"] == threshold

    def test_every_address_is_notified(self) -> None:
        group = inputs_of("azure-native:monitor:ActionGroup", record_api("notified"))

        assert [each["emailAddress"] for each in group["emailReceivers"]] == ["a@example.org", "b@example.org"]
        assert (group["location"], len(group["groupShortName"]) <= 12) == ("global", True)

    def test_logs_have_a_retention_that_azure_offers(self) -> None:
        def days(environment: str) -> set[int]:
            return {each.inputs["retentionInDays"] for each in of_type(_WORKSPACE, record_api("plain", environment))}

        assert (days("development"), days("production")) == ({30}, {90})

    def test_access_log_needs_a_gateway(self) -> None:
        def workspaces(variant: str, environment: str) -> set[str]:
            return {each.name for each in of_type(_WORKSPACE, record_api(variant, environment))}

        assert workspaces("plain", "development") == workspaces("no access log", "staging") == {"function-logs"}
        assert workspaces("plain", "staging") == {"function-logs", "access-logs"}
