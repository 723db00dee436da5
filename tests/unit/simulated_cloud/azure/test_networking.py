"""Subnets, security groups, and the faults of concurrent writes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from semantest_iac.infrastructure.simulated_cloud.azure.catalogue import simulated_azure
from semantest_iac.infrastructure.simulated_cloud.runtime.cloud import SimulatedCloud
from semantest_iac.infrastructure.simulated_cloud.runtime.faults import FaultEffect, FaultScript, ScriptedFault
from semantest_iac.infrastructure.simulated_cloud.runtime.inventory import Inventory
from semantest_iac.infrastructure.simulated_cloud.schema.refusals import CloudRefusal
from tests.unit.simulated_cloud.azure.samples import SAMPLES
from tests.unit.simulated_cloud.azure.tokens import APP, GROUP, NETWORK, SECURITY_GROUP, SUBNET, World

Refused = Callable[..., CloudRefusal]

_SIBLING_CONFLICT = ScriptedFault(
    FaultEffect.REFUSE,
    type="azure-native:network:Subnet",
    call=2,
    code="AnotherOperationInProgress",
    message="Another operation on this or dependent resource is in progress.",
    status=409,
)
_THROTTLING = ScriptedFault(
    FaultEffect.THROTTLE,
    type="azure-native:*",
    call=1,
    code="TooManyRequests",
    message="The request is being throttled as the limit has been reached.",
    retry_after=17,
)


class TestSubnets:
    @pytest.mark.parametrize(
        ("prefix", "code"),
        [
            ("10.0.1.128/25", "NetcfgSubnetRangesOverlap"),
            ("10.1.0.0/24", "NetcfgSubnetRangeOutsideVnet"),
            ("10.0.0.0/8", "NetcfgSubnetRangeOutsideVnet"),
        ],
        ids=["taken", "outside", "larger"],
    )
    def test_must_fit_into_free_space_of_their_network(self, prefix: str, code: str, refused: Refused) -> None:
        assert refused(SUBNET, subnetName="other", addressPrefix=prefix).code == code

    @pytest.mark.parametrize("prefix", ["first", "10.0.2.1/24"], ids=["no network", "host bits"])
    @pytest.mark.parametrize(
        ("type_", "path"),
        [(SUBNET, "addressPrefix"), (SUBNET, "addressPrefixes.0"), (NETWORK, "addressSpace.addressPrefixes.0")],
    )
    def test_have_ranges_in_cidr_notation(
        self, type_: str, path: str, prefix: str, cloud: SimulatedCloud, world: World
    ) -> None:
        name, *rest = path.split(".")
        value = {1: prefix, 2: [prefix], 3: {"addressPrefixes": [prefix]}}[len(rest) + 1]

        failures = cloud.check(type_, {**SAMPLES[type_](world), name: value})

        assert [(it.property, it.warning) for it in failures] == [(path, False)]

    def test_cannot_be_deleted_while_an_app_uses_them(self, cloud: SimulatedCloud, world: World) -> None:
        with pytest.raises(CloudRefusal, match="InUseSubnetCannotBeDeleted") as caught:
            cloud.delete(SUBNET, world[SUBNET].id)

        assert f"in use by {world[APP].id}" in caught.value.message

    @pytest.mark.parametrize(
        "changes", [{"delegations": []}, {"addressPrefix": "10.0.2.0/24"}], ids=["delegation", "range"]
    )
    def test_cannot_change_while_an_app_uses_them(
        self, changes: dict[str, Any], cloud: SimulatedCloud, world: World
    ) -> None:
        with pytest.raises(CloudRefusal, match="cannot be changed because it is being used"):
            cloud.update(SUBNET, world[SUBNET].id, {**SAMPLES[SUBNET](world), **changes})

    def test_can_change_after_the_app_is_deleted(self, cloud: SimulatedCloud, world: World) -> None:
        cloud.delete(APP, world[APP].id)

        changed = cloud.update(SUBNET, world[SUBNET].id, {**SAMPLES[SUBNET](world), "delegations": []})

        assert "delegations" not in changed

    def test_require_an_existing_security_group(self, refused: Refused) -> None:
        changes = {"subnetName": "other", "addressPrefix": "10.0.2.0/24", "networkSecurityGroup": {"id": "/none"}}

        assert refused(SUBNET, **changes).code == "ResourceNotFound"


class TestSecurityGroups:
    def test_cannot_be_deleted_while_a_subnet_uses_them(self, cloud: SimulatedCloud, world: World) -> None:
        with pytest.raises(CloudRefusal, match="InUseNetworkSecurityGroupCannotBeDeleted"):
            cloud.delete(SECURITY_GROUP, world[SECURITY_GROUP].id)


class TestAzureFaults:
    def create(self, cloud: SimulatedCloud, type_: str, **changes: Any) -> None:
        cloud.create(type_, {**SAMPLES[type_]({}), **changes}, owner=f"urn:{type_}{changes}")

    def test_refuse_the_second_of_two_sibling_subnets_once(self, inventory: Inventory) -> None:
        cloud = simulated_azure(inventory, region="westeurope", faults=FaultScript((_SIBLING_CONFLICT,)))
        for type_ in (GROUP, NETWORK):
            self.create(cloud, type_)
        plain = {"resourceGroupName": "rg-semantest", "virtualNetworkName": "vnet-semantest"}
        one = {**plain, "subnetName": "one", "addressPrefix": "10.0.1.0/24"}
        two = {**plain, "subnetName": "two", "addressPrefix": "10.0.2.0/24"}

        cloud.create(SUBNET, one, owner="urn:one")
        with pytest.raises(CloudRefusal, match="Another operation on this or dependent resource") as caught:
            cloud.create(SUBNET, two, owner="urn:two")
        again = cloud.create(SUBNET, two, owner="urn:two")

        assert (caught.value.code, caught.value.status) == ("AnotherOperationInProgress", 409)
        assert again.outputs["name"] == "two"

    def test_throttle_with_retry_after(self, inventory: Inventory) -> None:
        cloud = simulated_azure(inventory, region="westeurope", faults=FaultScript((_THROTTLING,)))

        with pytest.raises(CloudRefusal) as caught:
            self.create(cloud, GROUP)

        assert (caught.value.status, caught.value.retryable, caught.value.retry_after) == (429, True, 17)
