"""What the rest-api's program asks of Azure, and the traps that it keeps clear of."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest

from semantest_iac.infrastructure.cloud_programs.azure.security import ROLES
from semantest_iac.infrastructure.sandbox_engine.protocol.values import Secret, contains_secret, to_cloud_value
from semantest_iac.infrastructure.simulated_cloud.azure.catalogue import AZURE_TYPES
from tests.unit.cloud_programs.azure_asking import APP, ROLE, all_of, asked_for, settings_of, the
from tests.unit.cloud_programs.recorder import SECRET, urn
from tests.unit.cloud_programs.variants import ENVIRONMENTS, VARIANTS

_VAULT = "azure-native:keyvault:Vault"
_WORKSPACE = "azure-native:operationalinsights:Workspace"
_GROUP = "azure-native:resources:ResourceGroup"


@pytest.mark.parametrize(("variant", "environment"), list(product(VARIANTS, ENVIRONMENTS)))
class TestEveryVariant:
    def test_asks_for_types_that_the_sandbox_has_rules_for(self, variant: str, environment: str) -> None:
        asked = {each.type for each in asked_for(variant, environment)}

        assert {type_ for type_ in asked if type_.startswith("azure-native:")} <= AZURE_TYPES.keys()

    def test_uses_the_provider_of_its_region_for_all_under_a_component(self, variant: str, environment: str) -> None:
        asked = asked_for(variant, environment, "westeurope")

        [provider] = all_of("pulumi:providers:azure-native", asked)
        assert provider.inputs["location"] == "westeurope"
        ours = [each for each in asked if each.type.startswith("azure-native:")]
        assert {each.provider.rpartition("::")[0] for each in ours} == {urn(provider.type, "azure")}
        assert all(each.parent.startswith("urn:pulumi:s::p::semantest:") for each in ours)
        assert {each.inputs.get("location", "global") for each in ours} == {"westeurope", "global"}

    def test_tells_a_secret_to_the_vault_only(self, variant: str, environment: str) -> None:
        asked = [each for each in asked_for(variant, environment) if each.type.startswith("azure-native:")]

        told = {each.type: each.inputs for each in asked if SECRET in str(to_cloud_value(each.inputs))}
        assert told.keys() <= {"azure-native:keyvault:Secret"}
        assert all(isinstance(inputs["properties"]["value"], Secret) for inputs in told.values())
        sealed = {each.type for each in asked if contains_secret(each.inputs)} - told.keys()
        assert sealed <= {APP, "azure-native:apimanagement:NamedValue"}  # the key between gateway and app


class TestGround:
    def test_gives_names_that_no_other_subscription_gives(self) -> None:
        account = the("azure-native:storage:StorageAccount", asked_for())["accountName"]
        names = {the(APP, asked_for())["name"], the(_VAULT, asked_for("secrets"))["vaultName"]}

        assert account.isalnum()
        assert (len(account) <= 24, account.islower()) == (True, True)
        assert not any(name.endswith(the(_GROUP, asked_for())["resourceGroupName"][-6:]) for name in names)

    def test_has_a_vault_for_secrets_alone(self) -> None:
        assert all_of(_VAULT, asked_for()) == []
        assert the(_VAULT, asked_for("secrets"))["properties"]["enableRbacAuthorization"] is True

    def test_protects_the_vault_of_production_and_never_says_false(self) -> None:
        def protection(environment: str) -> object:
            return the(_VAULT, asked_for("secrets", environment))["properties"].get("enablePurgeProtection")

        assert (protection("production"), protection("staging")) == (True, None)

    def test_keeps_deleted_secrets_for_as_long_as_a_vault_must(self) -> None:
        days = [
            the(_VAULT, asked_for("secrets", environment))["properties"]["softDeleteRetentionInDays"]
            for environment in ("development", "production")
        ]

        assert days == [7, 30]

    def test_outlives_production_with_the_logs_in_it(self) -> None:
        def retained(environment: str) -> set[bool]:
            return {
                each.retained
                for type_ in (_GROUP, _WORKSPACE)
                for each in all_of(type_, asked_for("plain", environment))
            }

        assert (retained("production"), retained("staging")) == ({True}, {False})


class TestFunction:
    def test_has_its_rights_its_package_store_and_its_secrets_before_it(self) -> None:
        [app] = all_of(APP, asked_for("secrets"))

        roles = ("blobs", "queues", "tables", "telemetry", "secrets")
        assert app.needs >= {urn(ROLE, role) for role in roles}
        assert urn("azure-native:storage:BlobContainer", "function") in app.needs
        assert urn("azure-native:keyvault:Secret", "secret-token") in app.needs

    def test_uses_no_key_of_its_storage(self) -> None:
        account = the("azure-native:storage:StorageAccount", asked_for())

        assert (account["allowSharedKeyAccess"], account["allowBlobPublicAccess"]) == (False, False)
        assert settings_of(asked_for())["AzureWebJobsStorage__credential"] == "managedidentity"
        assert settings_of(asked_for())["AzureWebJobsStorage__blobServiceUri"] == "https://packages.blob.example/"

    def test_names_no_setting_and_no_property_that_its_plan_refuses(self) -> None:
        site = the(APP, asked_for())["siteConfig"]

        assert site.keys() <= {"appSettings", "cors", "http20Enabled", "minTlsVersion"}
        assert not any(name.startswith(("FUNCTIONS_", "WEBSITE_")) for name in settings_of(asked_for()))
        assert the("azure-native:web:AppServicePlan", asked_for())["sku"] == {"name": "FC1", "tier": "FlexConsumption"}

    def test_is_marked_with_the_package_that_it_is_to_run(self) -> None:
        assert the(APP, asked_for())["tags"]["Package"] == "ab" * 32

    def test_learns_where_its_secrets_are_and_not_what_they_are(self) -> None:
        settings = settings_of(asked_for("secrets"))

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
    def test_has_instances_that_azure_has(self, variant: str, environment: str, scale: dict[str, Any]) -> None:
        config = the(APP, asked_for(variant, environment))["functionAppConfig"]

        assert config["scaleAndConcurrency"] == scale
        assert config["runtime"] == {"name": "python", "version": "3.13"}

    def test_is_placed_in_a_subnet_that_is_handed_to_it(self) -> None:
        asked = asked_for("network")

        subnet = the("azure-native:network:Subnet", asked)
        assert [each["serviceName"] for each in subnet["delegations"]] == ["Microsoft.App/environments"]
        assert subnet["addressPrefix"] == "10.10.0.0/24"
        assert the(APP, asked)["virtualNetworkSubnetId"] == "id of network"
        assert the(APP, asked_for("network of others"))["virtualNetworkSubnetId"] == "subnet-1"


class TestRights:
    def test_are_four_roles_and_one_more_for_secrets(self) -> None:
        def given(variant: str) -> set[str]:
            roles = {value: name for name, value in ROLES.items()}
            return {
                roles[each.inputs["roleDefinitionId"].rpartition("/")[2]] for each in all_of(ROLE, asked_for(variant))
            }

        assert given("plain") == {"blobs", "queues", "tables", "telemetry"}
        assert given("secrets") - given("plain") == {"secrets"}

    def test_say_what_kind_of_principal_they_are_for(self) -> None:
        assert {each.inputs["principalType"] for each in all_of(ROLE, asked_for("secrets"))} == {"ServicePrincipal"}

    def test_reach_no_further_than_single_resources(self) -> None:
        scopes = {each.inputs["scope"] for each in all_of(ROLE, asked_for("secrets"))}

        assert scopes == {"id of function", "id of function-logs", "id of ground"}


class TestWatching:
    def test_metrics_are_those_of_what_clients_call(self) -> None:
        def scopes(environment: str) -> set[str]:
            alarms = all_of("azure-native:monitor:MetricAlert", asked_for("plain", environment))
            return {scope for each in alarms for scope in each.inputs["scopes"]}

        assert (scopes("development"), scopes("staging")) == ({"id of function-logs"}, {"id of api"})

    def test_shares_percentiles_and_instances_are_queries(self) -> None:
        rules = all_of("azure-native:monitor:ScheduledQueryRule", asked_for())

        assert {each.name for each in rules} == {"alarm-error-rate", "alarm-latency", "alarm-concurrency"}
        conditions = [each.inputs["criteria"]["allOf"][0] for each in rules]
        assert {each["operator"] for each in conditions} == {"GreaterThanOrEqual"}
        assert all(each["query"].startswith("requests | summarize value = ") for each in conditions)

    @pytest.mark.parametrize(
        ("variant", "threshold"), [("plain", 80), ("limited", 8), ("one alarm", 5)], ids=["default", "limited", "asked"]
    )
    def test_as_many_instances_as_there_can_be_are_an_alarm(self, variant: str, threshold: int) -> None:
        rules = all_of("azure-native:monitor:ScheduledQueryRule", asked_for(variant))

        [rule] = [each.inputs for each in rules if each.name == "alarm-concurrency"]
        assert rule["criteria"]["allOf"][0]["threshold"] == threshold

    def test_everybody_named_is_told(self) -> None:
        group = the("azure-native:monitor:ActionGroup", asked_for("told"))

        assert [each["emailAddress"] for each in group["emailReceivers"]] == ["a@example.org", "b@example.org"]
        assert (group["location"], len(group["groupShortName"]) <= 12) == ("global", True)

    def test_logs_are_kept_for_as_long_as_azure_can(self) -> None:
        def days(environment: str) -> set[int]:
            return {each.inputs["retentionInDays"] for each in all_of(_WORKSPACE, asked_for("plain", environment))}

        assert (days("development"), days("production")) == ({30}, {90})

    def test_there_is_an_access_log_where_there_is_a_gateway(self) -> None:
        def workspaces(variant: str, environment: str) -> set[str]:
            return {each.name for each in all_of(_WORKSPACE, asked_for(variant, environment))}

        assert workspaces("plain", "development") == workspaces("no access log", "staging") == {"function-logs"}
        assert workspaces("plain", "staging") == {"function-logs", "access-logs"}
