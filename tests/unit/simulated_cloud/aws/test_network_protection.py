"""What AWS refuses about firewalls, routes through them, and Shield Advanced."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from semantest_iac.infrastructure.simulated_cloud.runtime.cloud import SimulatedCloud
from semantest_iac.infrastructure.simulated_cloud.schema.refusals import CloudRefusal, CreatedResource
from tests.unit.simulated_cloud.conftest import SAMPLES, World

Make = Callable[..., CreatedResource]
Refused = Callable[..., CloudRefusal]

FIREWALL = "aws:networkfirewall/firewall:Firewall"
POLICY = "aws:networkfirewall/firewallPolicy:FirewallPolicy"
RULES = "aws:networkfirewall/ruleGroup:RuleGroup"
ROUTE = "aws:ec2/route:Route"
SUBNET = "aws:ec2/subnet:Subnet"


def _endpoint(world: World) -> str:
    [status] = world[FIREWALL].outputs["firewallStatuses"]
    [state] = status["syncStates"]
    assert state["availabilityZone"] == world[SUBNET].outputs["availabilityZone"]
    [attachment] = state["attachments"]
    assert attachment["subnetId"] == world[SUBNET].id
    return str(attachment["endpointId"])


def _refuse_delete(cloud: SimulatedCloud, type_: str, id_: str) -> CloudRefusal:
    with pytest.raises(CloudRefusal) as caught:
        cloud.delete(type_, id_)
    return caught.value


class TestRoutes:
    def test_lead_through_the_endpoint_of_a_firewall(self, world: World, make: Make) -> None:
        created = make(ROUTE, destinationCidrBlock="10.0.1.0/24", natGatewayId=None, vpcEndpointId=_endpoint(world))

        assert created.outputs["state"] == "active"

    def test_lead_to_no_endpoint_that_is_not_there(self, refused: Refused) -> None:
        refusal = refused(ROUTE, destinationCidrBlock="10.0.1.0/24", natGatewayId=None, vpcEndpointId="vpce-0")

        assert refusal.code == "InvalidVpcEndpointId.NotFound"

    @pytest.mark.parametrize("destination", ["10.0.1.0/25", "10.0.9.0/24"], ids=["half of a subnet", "no subnet"])
    def test_lead_whole_subnets_of_the_network_elsewhere(
        self, destination: str, world: World, refused: Refused
    ) -> None:
        changes = {"destinationCidrBlock": destination, "natGatewayId": None, "vpcEndpointId": _endpoint(world)}

        assert "must match the CIDR block of a subnet" in refused(ROUTE, **changes).message


class TestFirewalls:
    def test_have_one_subnet_in_a_zone(self, world: World, make: Make, refused: Refused) -> None:
        other = make(SUBNET, cidrBlock="10.0.2.0/24")
        mappings = [{"subnetId": world[SUBNET].id}, {"subnetId": other.id}]

        assert refused(FIREWALL, name="other", subnetMappings=mappings).code == "InvalidRequestException"

    @pytest.mark.parametrize("changes", [{"firewallPolicyArn": "arn:aws:none"}], ids=["policy"])
    def test_need_what_they_name(self, changes: dict[str, Any], refused: Refused) -> None:
        assert refused(FIREWALL, name="other", **changes).code == "ResourceNotFoundException"

    def test_stay_while_they_are_protected(self, cloud: SimulatedCloud, world: World) -> None:
        cloud.update(FIREWALL, world[FIREWALL].id, {**SAMPLES[FIREWALL](world), "deleteProtection": True})

        assert "protected" in _refuse_delete(cloud, FIREWALL, world[FIREWALL].id).message

    @pytest.mark.parametrize("type_", [POLICY, RULES], ids=["policy", "rules"])
    def test_keep_their_rules(self, type_: str, cloud: SimulatedCloud, world: World) -> None:
        assert _refuse_delete(cloud, type_, world[type_].id).code == "InvalidOperationException"

    def test_keep_their_subnets(self, cloud: SimulatedCloud, world: World) -> None:
        assert _refuse_delete(cloud, SUBNET, world[SUBNET].id).code == "DependencyViolation"


class TestShieldAdvanced:
    def test_protects_nothing_without_a_subscription(
        self, cloud: SimulatedCloud, world: World, refused: Refused
    ) -> None:
        subscription, protection = "aws:shield/subscription:Subscription", "aws:shield/protection:Protection"
        cloud.delete(subscription, world[subscription].id)

        assert "subscription does not exist" in refused(protection, name="other").message
