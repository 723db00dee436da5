"""What Azure refuses about public addresses, gateways, firewalls, bastion hosts and private endpoints."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from semantest_iac.infrastructure.simulated_cloud.runtime.cloud import SimulatedCloud
from semantest_iac.infrastructure.simulated_cloud.schema.refusals import CloudRefusal, CreatedResource
from tests.unit.simulated_cloud.azure.network_samples import ip_configurations
from tests.unit.simulated_cloud.azure.samples import SAMPLES
from tests.unit.simulated_cloud.azure.tokens import (
    BASTION,
    DDOS_PLAN,
    FIREWALL,
    FIREWALL_POLICY,
    NAT_GATEWAY,
    NETWORK,
    PRIVATE_ENDPOINT,
    PRIVATE_ZONE,
    PUBLIC_ADDRESS,
    ROUTE,
    ROUTE_TABLE,
    SECURITY_GROUP,
    SUBNET,
    World,
)

Make = Callable[..., CreatedResource]
Refused = Callable[..., CloudRefusal]


def _refuse_delete(cloud: SimulatedCloud, type_: str, id_: str) -> CloudRefusal:
    with pytest.raises(CloudRefusal) as caught:
        cloud.delete(type_, id_)
    return caught.value


def _failures(cloud: SimulatedCloud, type_: str, world: World, **changes: Any) -> Iterator[str]:
    yield from (it.property for it in cloud.check(type_, {**SAMPLES[type_](world), **changes}) if not it.warning)


class TestWhatIsInUse:
    @pytest.mark.parametrize(
        ("field", "type_", "code"),
        [
            ("natGateway", NAT_GATEWAY, "CannotDeleteNatGatewayAssociatedToSubnet"),
            ("routeTable", ROUTE_TABLE, "InUseRouteTableCannotBeDeleted"),
        ],
        ids=["nat gateway", "route table"],
    )
    def test_by_a_subnet_cannot_be_deleted_before_it_lets_go(
        self, field: str, type_: str, code: str, cloud: SimulatedCloud, world: World, make: Make
    ) -> None:
        own = {"subnetName": "other", "addressPrefix": "10.0.2.0/24"}
        subnet = make(SUBNET, **own, **{field: {"id": world[type_].id}})

        refusal = _refuse_delete(cloud, type_, world[type_].id)
        cloud.update(SUBNET, subnet.id, {**SAMPLES[SUBNET](world), **own})
        cloud.delete(type_, world[type_].id)

        assert (refusal.code, subnet.id in refusal.message) == (code, True)

    def test_as_a_public_address_cannot_be_deleted(self, cloud: SimulatedCloud, world: World) -> None:
        refusal = _refuse_delete(cloud, PUBLIC_ADDRESS, world[PUBLIC_ADDRESS].id)

        assert refusal.code == "PublicIPAddressCannotBeDeleted"
        assert world[NAT_GATEWAY].id in refusal.message

    def test_as_a_plan_cannot_be_deleted(self, cloud: SimulatedCloud, world: World) -> None:
        protected = {"ddosProtectionPlan": {"id": world[DDOS_PLAN].id}, "enableDdosProtection": True}
        cloud.update(NETWORK, world[NETWORK].id, {**SAMPLES[NETWORK](world), **protected})

        assert _refuse_delete(cloud, DDOS_PLAN, world[DDOS_PLAN].id).code == "InUseDdosProtectionPlanCannotBeDeleted"

    def test_as_a_policy_cannot_be_deleted(self, cloud: SimulatedCloud, world: World) -> None:
        refusal = _refuse_delete(cloud, FIREWALL_POLICY, world[FIREWALL_POLICY].id)

        assert world[FIREWALL].id in refusal.message

    def test_as_a_linked_zone_cannot_be_deleted(self, cloud: SimulatedCloud, world: World) -> None:
        assert _refuse_delete(cloud, PRIVATE_ZONE, world[PRIVATE_ZONE].id).code == "CannotDeleteResource"

    def test_as_the_subnet_of_a_private_endpoint_cannot_be_deleted(
        self, cloud: SimulatedCloud, world: World, make: Make
    ) -> None:
        subnet = make(SUBNET, subnetName="data", addressPrefix="10.0.4.0/24", delegations=None)
        make(PRIVATE_ENDPOINT, privateEndpointName="pep-other", subnet={"id": subnet.id})

        assert _refuse_delete(cloud, SUBNET, subnet.id).code == "InUseSubnetCannotBeDeleted"


class TestPublicAddresses:
    def test_of_the_basic_kind_are_no_longer_created(self, cloud: SimulatedCloud, world: World) -> None:
        assert list(_failures(cloud, PUBLIC_ADDRESS, world, sku={"name": "Basic"})) == ["sku.name"]

    def test_of_the_standard_kind_are_static(self, refused: Refused) -> None:
        refusal = refused(PUBLIC_ADDRESS, publicIpAddressName="other", publicIPAllocationMethod="Dynamic")

        assert "must be static" in refusal.message


class TestRoutes:
    @pytest.mark.parametrize(
        "changes", [{"nextHopIpAddress": None}, {"nextHopType": "Internet"}], ids=["without address", "with address"]
    )
    def test_name_an_address_only_of_an_appliance(self, changes: dict[str, Any], refused: Refused) -> None:
        assert "next hop address" in refused(ROUTE, routeName="other", **changes).message


class TestSubnets:
    def test_have_room_for_addresses(self, refused: Refused) -> None:
        refusal = refused(SUBNET, subnetName="tiny", addressPrefix="10.0.9.0/30", delegations=None)

        assert refusal.code == "NetcfgInvalidSubnet"


class TestSecurityGroups:
    def test_have_one_rule_for_a_priority_and_direction(self, refused: Refused) -> None:
        rule = {"name": "a", "priority": 100, "direction": "Inbound", "access": "Allow", "protocol": "Tcp"}
        other = {**rule, "name": "b"}

        refusal = refused(SECURITY_GROUP, networkSecurityGroupName="other", securityRules=[rule, other])

        assert refusal.code == "SecurityRuleConflict"

    def test_have_priorities_in_a_range(self, cloud: SimulatedCloud, world: World) -> None:
        rule = {"name": "a", "priority": 99, "direction": "Inbound", "access": "Allow", "protocol": "Tcp"}

        assert list(_failures(cloud, SECURITY_GROUP, world, securityRules=[rule])) == ["securityRules.0.priority"]


class TestFirewalls:
    def test_are_only_in_a_subnet_of_their_name(self, cloud: SimulatedCloud, world: World) -> None:
        wrong = ip_configurations(world, "functions")

        assert list(_failures(cloud, FIREWALL, world, ipConfigurations=wrong)) == ["ipConfigurations.0.subnet.id"]

    def test_get_the_first_free_address_of_their_subnet(self, world: World, make: Make) -> None:
        make(SUBNET, subnetName="AzureFirewallSubnet", addressPrefix="10.0.6.0/26", delegations=None)
        address = make(PUBLIC_ADDRESS, publicIpAddressName="pip-firewall")

        created = make(
            FIREWALL,
            azureFirewallName="other",
            ipConfigurations=ip_configurations(world, "AzureFirewallSubnet", address.id),
        )

        assert created.outputs["ipConfigurations"][0]["privateIPAddress"] == "10.0.6.4"


class TestBastionHosts:
    def test_are_only_in_a_subnet_of_their_name(self, world: World, refused: Refused) -> None:
        refusal = refused(BASTION, bastionHostName="other", ipConfigurations=ip_configurations(world, "functions"))

        assert refusal.code == "SubnetNameMustBeAzureBastionSubnet"

    def test_keep_the_addresses_of_their_subnet(self, cloud: SimulatedCloud, world: World, make: Make) -> None:
        own = {"subnetName": "AzureBastionSubnet", "addressPrefix": "10.0.6.64/26", "delegations": None}
        subnet = make(SUBNET, **own)
        address = make(PUBLIC_ADDRESS, publicIpAddressName="pip-bastion")
        placed = ip_configurations(world, "AzureBastionSubnet", address.id)
        make(BASTION, bastionHostName="other", sku={"name": "Basic"}, ipConfigurations=placed)
        moved = {**SAMPLES[SUBNET](world), **own, "addressPrefix": "10.0.7.0/26"}
        del moved["delegations"]

        with pytest.raises(CloudRefusal, match="is being used"):
            cloud.update(SUBNET, subnet.id, moved)

    def test_need_room_in_it(self, world: World, make: Make, refused: Refused) -> None:
        make(SUBNET, subnetName="AzureBastionSubnet", addressPrefix="10.0.6.64/27", delegations=None)
        configurations = ip_configurations(world, "AzureBastionSubnet")

        assert "/26" in refused(BASTION, bastionHostName="other", ipConfigurations=configurations).message


class TestPrivateEndpoints:
    def test_point_at_what_exists(self, refused: Refused) -> None:
        connection = {"name": "vault", "privateLinkServiceId": "/none", "groupIds": ["vault"]}

        refusal = refused(PRIVATE_ENDPOINT, privateEndpointName="other", privateLinkServiceConnections=[connection])

        assert refusal.code == "ResourceNotFound"

    def test_warn_of_a_delegated_subnet(self, world: World, make: Make) -> None:
        created = make(PRIVATE_ENDPOINT, privateEndpointName="other", subnet={"id": world[SUBNET].id})

        assert any("delegated" in it for it in created.warnings)

    def test_get_an_address_in_their_subnet(self, make: Make) -> None:
        subnet = make(SUBNET, subnetName="data", addressPrefix="10.0.4.0/24", delegations=None)
        created = make(PRIVATE_ENDPOINT, privateEndpointName="other", subnet={"id": subnet.id})

        [configuration] = created.outputs["customDnsConfigs"]
        assert configuration["ipAddresses"][0].startswith("10.0.4.")
