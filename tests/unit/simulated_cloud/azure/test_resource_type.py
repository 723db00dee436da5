"""What all Azure types share: ids, names, parents, resource groups and locations."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from semantest_iac.infrastructure.simulated_cloud.aws.catalogue import AWS_TYPES
from semantest_iac.infrastructure.simulated_cloud.azure.catalogue import AZURE_TYPES
from semantest_iac.infrastructure.simulated_cloud.runtime.cloud import SimulatedCloud
from semantest_iac.infrastructure.simulated_cloud.schema.refusals import CloudRefusal
from tests.unit.simulated_cloud.azure import tokens as azure
from tests.unit.simulated_cloud.azure.samples import SAMPLES
from tests.unit.simulated_cloud.azure.tokens import World

_GROUP = "/subscriptions/00000000-0000-4000-8000-5e3a17e57002/resourceGroups/rg-semantest"
_ACCOUNT = f"{_GROUP}/providers/Microsoft.Storage/storageAccounts/stsemantest"
_SERVICE = f"{_GROUP}/providers/Microsoft.ApiManagement/service/apim-semantest"


class TestIds:
    @pytest.mark.parametrize(
        ("type_", "id_", "kind"),
        [
            (azure.GROUP, _GROUP, "Microsoft.Resources/resourceGroups"),
            (azure.STORAGE, _ACCOUNT, "Microsoft.Storage/storageAccounts"),
            (
                azure.CONTAINER,
                f"{_ACCOUNT}/blobServices/default/containers/app-package-func-semantest",
                "Microsoft.Storage/storageAccounts/blobServices/containers",
            ),
            (
                azure.ROLE_ASSIGNMENT,
                f"{_ACCOUNT}/providers/Microsoft.Authorization/roleAssignments/0d3c1e5a-1111-4222-8333-444455556666",
                "Microsoft.Authorization/roleAssignments",
            ),
            (
                azure.API_POLICY,
                f"{_SERVICE}/apis/rest/policies/policy",
                "Microsoft.ApiManagement/service/apis/policies",
            ),
        ],
        ids=["group", "resource", "child", "extension", "grandchild"],
    )
    def test_name_the_parents(self, type_: str, id_: str, kind: str, world: World) -> None:
        made = world[type_]

        assert (made.id, made.outputs["type"]) == (id_, kind)


class TestNames:
    def test_of_top_level_types_get_eight_digits(self, cloud: SimulatedCloud) -> None:
        assert re.fullmatch("api[0-9a-f]{8}", cloud.add_physical_name(azure.STORAGE, {}, "api")["accountName"])

    def test_of_children_are_the_logical_ones(self, cloud: SimulatedCloud) -> None:
        assert cloud.add_physical_name(azure.CONTAINER, {}, "packages") == {"containerName": "packages"}

    def test_of_role_assignments_are_uuids(self, cloud: SimulatedCloud) -> None:
        assert re.fullmatch(
            "[0-9a-f-]{36}", cloud.add_physical_name(azure.ROLE_ASSIGNMENT, {}, "blobs")["roleAssignmentName"]
        )

    @pytest.mark.parametrize(
        "previous", [{"accountName": "written"}, {"accountName": "a1", "__defaults": ["accountName"]}]
    )
    def test_stay_when_the_program_no_longer_gives_one(self, previous: dict[str, Any], cloud: SimulatedCloud) -> None:
        assert cloud.add_physical_name(azure.STORAGE, {}, "api", previous=previous) == previous

    def test_that_are_given_are_deleted_before_a_replacement(self, cloud: SimulatedCloud, world: World) -> None:
        inputs = SAMPLES[azure.STORAGE](world)

        found = cloud.diff(azure.STORAGE, inputs, world[azure.STORAGE].outputs, {**inputs, "location": "eastus"})

        assert (found.replaces, found.delete_before_replace) == (("location",), True)

    @pytest.mark.parametrize(
        ("type_", "name", "message"),
        [
            (azure.STORAGE, "accountName", "The storage account named stsemantest is already taken."),
            (azure.APP, "name", "Website with given name func-semantest already exists."),
            (azure.SERVICE, "serviceName", "Api service already exists: apim-semantest"),
        ],
        ids=["storage", "app", "gateway"],
    )
    def test_of_endpoints_are_globally_unique(
        self, type_: str, name: str, message: str, make: Any, refused: Callable[..., CloudRefusal]
    ) -> None:
        make(azure.GROUP, resourceGroupName="rg-other")

        refusal = refused(type_, resourceGroupName="rg-other")

        assert (refusal.status, refusal.message) == (409, message)

    def test_of_other_types_are_free_in_another_group(self, make: Any) -> None:
        make(azure.GROUP, resourceGroupName="rg-other")

        assert "/rg-other/" in make(azure.ACTION_GROUP, resourceGroupName="rg-other").id


class TestParents:
    @pytest.mark.parametrize(
        ("type_", "parent", "code"),
        [
            (azure.STORAGE, "resourceGroupName", "ResourceGroupNotFound"),
            (azure.CONTAINER, "accountName", "ParentResourceNotFound"),
            (azure.SUBNET, "virtualNetworkName", "ParentResourceNotFound"),
            (azure.API_POLICY, "apiId", "ParentResourceNotFound"),
            (azure.SECRET, "vaultName", "ParentResourceNotFound"),
            (azure.HUB, "resourceName", "ParentResourceNotFound"),
        ],
        ids=["group", "account", "network", "api", "vault", "service"],
    )
    def test_must_exist(self, type_: str, parent: str, code: str, refused: Callable[..., CloudRefusal]) -> None:
        refusal = refused(type_, **{parent: "none"})

        assert (refusal.code, refusal.status) == (code, 404)
        assert "'none'" in refusal.message

    @pytest.mark.parametrize(
        ("type_", "path"),
        [
            (azure.APP, "serverFarmId"),
            (azure.COMPONENT, "workspaceResourceId"),
            (azure.DIAGNOSTIC_SETTING, "workspaceId"),
            (azure.LOGGER, "resourceId"),
            (azure.API_DIAGNOSTIC, "loggerId"),
        ],
        ids=["plan", "workspace", "sink", "component", "logger"],
    )
    def test_by_id_must_exist_too(self, type_: str, path: str, refused: Callable[..., CloudRefusal]) -> None:
        refusal = refused(type_, **{path: f"{_GROUP}/providers/None/none/none"})

        assert refusal.code == "ResourceNotFound"

    def test_are_deleted_with_their_children(self, cloud: SimulatedCloud, world: World) -> None:
        cloud.delete(azure.SERVICE, world[azure.SERVICE].id)

        assert not [type_ for type_, _ in cloud.list_resources() if "apimanagement" in type_]


class TestLocations:
    @pytest.mark.parametrize("place", ["West Europe", "WestEurope", "westeurope"])
    def test_are_compared_without_case_and_spaces(self, place: str, cloud: SimulatedCloud, world: World) -> None:
        inputs = SAMPLES[azure.VAULT](world)

        found = cloud.diff(azure.VAULT, inputs, world[azure.VAULT].outputs, {**inputs, "location": place})

        assert found.changed == ()

    def test_default_to_that_of_the_provider(self, make: Any) -> None:
        assert make(azure.IDENTITY, resourceName="id-other", location=None).outputs["location"] == "westeurope"

    def test_do_not_filter_account_wide_resources(self, cloud: SimulatedCloud, world: World) -> None:
        assert cloud.list_resources("eastus") == cloud.list_resources()


class TestIdentities:
    def test_are_reported_by_id(self, world: World) -> None:
        identity = world[azure.IDENTITY]

        reported = world[azure.APP].outputs["identity"]["userAssignedIdentities"]

        assert reported == {identity.id: {name: identity.outputs[name] for name in ("clientId", "principalId")}}

    def test_of_the_system_have_a_principal(self, world: World) -> None:
        assert re.fullmatch("[0-9a-f-]{36}", world[azure.SERVICE].outputs["identity"]["principalId"])

    def test_show_a_change_to_another_one(self, cloud: SimulatedCloud, world: World) -> None:
        inputs = SAMPLES[azure.APP](world)
        other = {**inputs, "identity": {"type": "UserAssigned", "userAssignedIdentities": ["other"]}}

        found = cloud.diff(azure.APP, inputs, world[azure.APP].outputs, other)

        assert list(found.detailed) == ["identity.userAssignedIdentities[0]"]


class TestInputs:
    def test_that_do_not_exist_are_refused_with_a_suggestion(self, cloud: SimulatedCloud, world: World) -> None:
        failures = cloud.check(azure.STORAGE, {**SAMPLES[azure.STORAGE](world), "minimumTLSVersion": "TLS1_2"})

        assert failures[0].reason.endswith("did you mean minimumTlsVersion?")

    @pytest.mark.parametrize(
        ("type_", "changes", "path"),
        [
            (azure.STORAGE, {"accountName": "st-semantest"}, "accountName"),
            (azure.STORAGE, {"accessTier": "Warm"}, "accessTier"),
            (azure.VAULT, {"vaultName": "a--b"}, "vaultName"),
            (azure.SECRET, {"secretName": "database_url"}, "secretName"),
            (azure.WORKSPACE, {"retentionInDays": 7}, "retentionInDays"),
            (azure.ACTION_GROUP, {"groupShortName": "more than twelve"}, "groupShortName"),
            (azure.METRIC_ALERT, {"location": "westeurope"}, "location"),
            (azure.METRIC_ALERT, {"severity": 5}, "severity"),
            (azure.METRIC_ALERT, {"evaluationFrequency": "PT2M"}, "evaluationFrequency"),
            (azure.ROLE_ASSIGNMENT, {"roleAssignmentName": "blobs"}, "roleAssignmentName"),
            (azure.API_POLICY, {"policyId": "mine"}, "policyId"),
            (azure.HUB, {"hubName": "a-b"}, "hubName"),
            (azure.SUBNET, {"addressPrefix": "10.0.1.1/24"}, "addressPrefix"),
            (azure.DIAGNOSTIC_SETTING, {"workspaceId": ""}, "workspaceId"),
            (azure.NAMED_VALUE, {"keyVault": {"secretIdentifier": "x"}}, "value"),
        ],
        ids=lambda value: value if isinstance(value, str) and ":" not in value else "",
    )
    def test_are_refused_with_their_path(
        self, type_: str, changes: dict[str, Any], path: str, cloud: SimulatedCloud, world: World
    ) -> None:
        failures = cloud.check(type_, {**SAMPLES[type_](world), **changes})

        assert [(failure.property, failure.warning) for failure in failures] == [(path, False)]

    def test_may_be_empty_where_a_path_is_required(self, cloud: SimulatedCloud, world: World) -> None:
        assert cloud.check(azure.API, {**SAMPLES[azure.API](world), "path": ""}) == []


class TestSecrets:
    @pytest.mark.parametrize(
        ("type_", "name"),
        [
            (azure.APP, "siteConfig"),
            (azure.NAMED_VALUE, "value"),
            (azure.BACKEND, "credentials"),
            (azure.LOGGER, "credentials"),
        ],
        ids=["settings", "named value", "backend", "logger"],
    )
    def test_are_omitted_where_the_caller_does_not_know_them(
        self, type_: str, name: str, cloud: SimulatedCloud, world: World
    ) -> None:
        read = cloud.read(type_, world[type_].id)

        assert read is not None
        assert name not in read

    def test_of_a_vault_are_reported_without_their_value(self, cloud: SimulatedCloud, world: World) -> None:
        secret = world[azure.SECRET]

        assert cloud.read(azure.SECRET, secret.id) == secret.outputs
        assert "value" not in secret.outputs["properties"]

    def test_are_reported_in_another_form_by_the_vault_alone(self) -> None:
        """Such a form is stored as it is: whoever adds one must see that no secret is in it."""
        types = {**AWS_TYPES, **AZURE_TYPES}.items()

        assert {
            (type_, name) for type_, rule in types for name in rule.rendered if rule.properties[name].sensitive
        } == {(azure.SECRET, "properties")}
