"""Key vaults, their secrets, managed identities and role assignments."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from semantest_iac.infrastructure.simulated_cloud.runtime.clock import SECONDS_PER_DAY, VirtualClock
from semantest_iac.infrastructure.simulated_cloud.runtime.cloud import SimulatedCloud
from semantest_iac.infrastructure.simulated_cloud.schema.refusals import CloudRefusal
from semantest_iac.infrastructure.simulated_cloud.schema.values import UNKNOWN
from tests.unit.simulated_cloud.azure.samples import SAMPLES
from tests.unit.simulated_cloud.azure.tokens import GROUP, IDENTITY, ROLE_ASSIGNMENT, SECRET, VAULT, World

_OTHER = "11111111-1111-4222-8333-444455556666"


def _with(world: World, **changes: Any) -> dict[str, Any]:
    inputs = SAMPLES[VAULT](world)
    return {**inputs, "properties": {**inputs["properties"], **changes}}


class TestVaultNames:
    @pytest.fixture
    def deleted(self, cloud: SimulatedCloud, world: World) -> dict[str, Any]:
        cloud.delete(VAULT, world[VAULT].id)
        return SAMPLES[VAULT](world)

    def test_stay_reserved_after_a_delete(self, cloud: SimulatedCloud, deleted: dict[str, Any]) -> None:
        with pytest.raises(CloudRefusal) as caught:
            cloud.create(VAULT, deleted, owner="urn:two")

        assert caught.value.message == (
            "A vault with the same name already exists in deleted state. You need to either recover or purge existing "
            "key vault."
        )

    def test_are_free_after_the_retention(
        self, cloud: SimulatedCloud, clock: VirtualClock, deleted: dict[str, Any]
    ) -> None:
        clock.advance(7 * SECONDS_PER_DAY + 1)

        assert cloud.create(VAULT, deleted, owner="urn:two").outputs["name"] == "kv-semantest"

    def test_are_free_for_a_recovered_vault(self, cloud: SimulatedCloud, world: World, deleted: dict[str, Any]) -> None:
        made = cloud.create(VAULT, _with(world, createMode="recover"), owner="urn:two")

        assert made.id == world[VAULT].id
        assert "createMode" not in made.outputs["properties"]

    def test_stay_reserved_after_a_delete_of_their_group(self, cloud: SimulatedCloud, world: World) -> None:
        group = "azure-native:resources:ResourceGroup"
        cloud.delete(group, world[group].id)
        cloud.create(group, SAMPLES[group](world), owner="urn:again")

        with pytest.raises(CloudRefusal, match="deleted state"):
            cloud.create(VAULT, SAMPLES[VAULT](world), owner="urn:two")


class TestVaults:
    def test_report_their_url(self, world: World) -> None:
        assert world[VAULT].outputs["properties"]["vaultUri"] == "https://kv-semantest.vault.azure.net/"

    def test_do_not_know_their_url_before_a_create(self, cloud: SimulatedCloud, world: World) -> None:
        assert cloud.preview_create(VAULT, SAMPLES[VAULT](world))["properties"] is UNKNOWN

    def test_cannot_change_their_retention(self, cloud: SimulatedCloud, world: World) -> None:
        with pytest.raises(CloudRefusal, match="has been set already and it can't be modified"):
            cloud.update(VAULT, world[VAULT].id, _with(world, softDeleteRetentionInDays=30))

    def test_cannot_disable_purge_protection(self, cloud: SimulatedCloud, world: World) -> None:
        failures = cloud.check(VAULT, _with(world, enablePurgeProtection=False))

        assert [failure.property for failure in failures] == ["properties.enablePurgeProtection"]

    def test_show_drift(self, cloud: SimulatedCloud, world: World) -> None:
        inputs = SAMPLES[VAULT](world)
        outputs = cloud.update(VAULT, world[VAULT].id, _with(world, enableRbacAuthorization=False))

        found = cloud.diff(VAULT, inputs, outputs, inputs)

        assert list(found.detailed) == ["properties.enableRbacAuthorization"]

    def test_are_replaced_for_another_tenant(self, cloud: SimulatedCloud, world: World) -> None:
        inputs = SAMPLES[VAULT](world)

        found = cloud.diff(VAULT, inputs, world[VAULT].outputs, _with(world, tenantId="other"))

        assert found.replaces == ("properties",)


class TestSecrets:
    def test_do_not_report_their_value(self, world: World) -> None:
        assert "value" not in world[SECRET].outputs["properties"]

    def test_have_a_new_version_for_every_value(self, cloud: SimulatedCloud, world: World) -> None:
        inputs = SAMPLES[SECRET](world)
        before = world[SECRET].outputs["properties"]

        after = cloud.update(SECRET, world[SECRET].id, {**inputs, "properties": {"value": "battery staple"}})

        assert after["properties"]["secretUri"] == before["secretUri"]
        assert after["properties"]["secretUriWithVersion"] != before["secretUriWithVersion"]

    def test_show_a_new_value_as_a_change(self, cloud: SimulatedCloud, world: World) -> None:
        inputs = SAMPLES[SECRET](world)
        new = {**inputs, "properties": {**inputs["properties"], "value": "battery staple"}}

        assert list(cloud.diff(SECRET, inputs, world[SECRET].outputs, new).detailed) == ["properties.value"]

    def test_are_refused_without_their_vault(self, refused: Callable[..., CloudRefusal]) -> None:
        assert refused(SECRET, vaultName="none").code == "ParentResourceNotFound"


class TestNewPrincipals:
    @pytest.fixture
    def principal(self, make: Any) -> str:
        return str(make(IDENTITY, resourceName="id-new").outputs["principalId"])

    def test_are_not_found_without_their_type(self, principal: str, refused: Callable[..., CloudRefusal]) -> None:
        refusal = refused(ROLE_ASSIGNMENT, roleAssignmentName=_OTHER, principalId=principal, principalType=None)

        assert (refusal.code, refusal.retryable) == ("PrincipalNotFound", True)
        assert f"Principal {principal} does not exist in the directory" in refusal.message

    def test_are_found_after_retries(self, principal: str, make: Any, refused: Callable[..., CloudRefusal]) -> None:
        inputs = {"roleAssignmentName": _OTHER, "principalId": principal, "principalType": None}
        for _ in range(4):
            refused(ROLE_ASSIGNMENT, **inputs)

        assert make(ROLE_ASSIGNMENT, **inputs).outputs["principalType"] == "ServicePrincipal"

    def test_are_accepted_with_their_type(self, principal: str, make: Any) -> None:
        assert make(ROLE_ASSIGNMENT, roleAssignmentName=_OTHER, principalId=principal).warnings == ()


class TestRoleAssignments:
    def test_are_unique_under_any_name(self, refused: Callable[..., CloudRefusal]) -> None:
        refusal = refused(ROLE_ASSIGNMENT, roleAssignmentName=_OTHER)

        assert (refusal.code, refusal.message) == ("RoleAssignmentExists", "The role assignment already exists.")

    @pytest.mark.parametrize("name", ["principalId", "roleDefinitionId", "scope", "description"])
    def test_are_replaced_for_any_change(self, name: str, cloud: SimulatedCloud, world: World) -> None:
        inputs = SAMPLES[ROLE_ASSIGNMENT](world)

        found = cloud.diff(ROLE_ASSIGNMENT, inputs, world[ROLE_ASSIGNMENT].outputs, {**inputs, name: "other"})

        assert found.replaces == (name,)

    def test_require_an_existing_scope(self, world: World, refused: Callable[..., CloudRefusal]) -> None:
        refusal = refused(ROLE_ASSIGNMENT, roleAssignmentName=_OTHER, scope=f"{world[GROUP].id}/providers/No/a/b")

        assert refusal.code == "ResourceNotFound"

    def test_may_cover_the_subscription(self, make: Any) -> None:
        made = make(ROLE_ASSIGNMENT, roleAssignmentName=_OTHER, scope="/subscriptions/one")

        assert made.id == f"/subscriptions/one/providers/Microsoft.Authorization/roleAssignments/{_OTHER}"
