"""The rules that the programs create let through what the table allows, and nothing else: both are evaluated here."""

from __future__ import annotations

from ipaddress import ip_network

import pytest

from semantest_iac.domain.blueprints.blueprint import Blueprint
from semantest_iac.domain.costs.tiers import Tier
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.networking.access_rules import ACCESS_TABLE, SUBNET_PARTS, AccessRules, NetworkPart
from semantest_iac.domain.networking.virtual_networks import VirtualNetwork
from semantest_iac.domain.resource import Ref
from tests.network_rules import (
    OUTSIDE,
    AwsRules,
    AzureRules,
    Connection,
    expect_on_aws,
    expect_on_azure,
    list_allowed_by_table,
    list_connections,
)
from tests.unit.cloud_programs.recorder import Registration, of_type, record_program

_CIDRS = dict(zip(SUBNET_PARTS, map(str, ip_network("10.0.0.0/16").subnets(new_prefix=24)), strict=False))
_ALL_CIDRS = {**_CIDRS, NetworkPart.BASTION: "10.0.6.64/26"}
_PLAN = {  # the table of the architecture, as it was ordered
    ("internet", "gateway", 443),
    ("gateway", "app", 443),
    ("app", "integration", 5671),
    ("app", "data", 1433),
    ("functions", "integration", 5671),
    ("functions", "internet", 443),
}


def _record(provider: str, *, private: bool) -> list[Registration]:
    region = "us-east-1" if provider == "aws" else "eastus"
    network = VirtualNetwork(name=Ref("network"), cidr="10.0.0.0/16", public_cidr="10.0.6.128/26")
    rules = AccessRules(name=Ref("access"), network=Ref("network"), cidrs=_ALL_CIDRS, has_private_endpoints=private)
    return record_program(Blueprint(Stack("network", provider, "development", region), 1, (network, rules), {}))


def _allowed_on_azure(*, private: bool) -> set[Connection]:
    found = of_type("azure-native:network:NetworkSecurityGroup", _record("azure", private=private))
    groups = {NetworkPart(it.name.removeprefix("access-")): it.inputs["securityRules"] for it in found}
    return set(filter(AzureRules(groups, _ALL_CIDRS).is_allowed, list_connections()))


def _allowed_on_aws(*, private: bool) -> set[Connection]:
    registrations = _record("aws", private=private)
    incoming, outgoing = (
        [it.inputs for it in of_type(f"aws:vpc/securityGroup{way}Rule:SecurityGroup{way}Rule", registrations)]
        for way in ("Ingress", "Egress")
    )
    groups = {part: f"id of access-{part}" for part in _ALL_CIDRS}
    return set(filter(AwsRules(incoming, outgoing, groups).is_allowed, list_connections()))


class TestGateway:
    @pytest.mark.parametrize(("tier", "count"), [("basic", 4), ("standard", 0), (None, 0)])
    def test_that_is_put_into_its_subnet_is_managed_from_outside(self, tier: Tier | None, count: int) -> None:
        network = VirtualNetwork(name=Ref("network"), cidr="10.0.0.0/16", public_cidr="10.0.6.128/26")
        rules = AccessRules(name=Ref("access"), network=Ref("network"), cidrs=_CIDRS, gateway_tier=tier)
        registrations = record_program(
            Blueprint(Stack("network", "azure", "development", "eastus"), 1, (network, rules), {})
        )
        groups = {it.name: it.inputs["securityRules"] for it in registrations if it.type.endswith("SecurityGroup")}
        added = {
            name: [(it["direction"], it["destinationPortRanges"]) for it in rules if 3000 <= it["priority"] < 4000]
            for name, rules in groups.items()
        }

        assert [len(it) for name, it in added.items() if name != "access-gateway"] == [0] * 5
        assert len(added["access-gateway"]) == count
        assert tier != "basic" or ("Inbound", ["3443"]) in added["access-gateway"]


class TestTable:
    def test_has_every_row_of_the_architecture(self) -> None:
        assert {(str(a), str(b), c) for a, b, c in list_allowed_by_table(private=True)} >= _PLAN

    def test_has_each_pair_once(self) -> None:
        pairs = [(row.source, row.target) for row in ACCESS_TABLE]

        assert len(pairs) == len(set(pairs))

    def test_lets_nobody_in_from_outside_but_to_the_gateway(self) -> None:
        entered = {target for source, target, _ in list_allowed_by_table(private=False) if source in OUTSIDE}

        assert entered == {NetworkPart.GATEWAY}

    def test_reaches_services_at_public_addresses_only_where_they_have_no_private_ones(self) -> None:
        more = list_allowed_by_table(private=False) - list_allowed_by_table(private=True)

        assert more == {
            *((NetworkPart.APP, NetworkPart.CLOUD_SERVICES, port) for port in (1433, 5671, 6379, 10000)),
            (NetworkPart.FUNCTIONS, NetworkPart.CLOUD_SERVICES, 5671),
        }


@pytest.mark.parametrize("private", [True, False], ids=["private endpoints", "public addresses"])
class TestRules:
    def test_on_azure_allow_the_table_and_nothing_else(self, private: bool) -> None:
        assert _allowed_on_azure(private=private) == expect_on_azure(private=private)

    def test_on_aws_allow_the_table_and_nothing_else(self, private: bool) -> None:
        assert _allowed_on_aws(private=private) == expect_on_aws(private=private)

    def test_have_a_deny_of_all_else_on_azure(self, private: bool) -> None:
        for group in of_type("azure-native:network:NetworkSecurityGroup", _record("azure", private=private)):
            last = [it for it in group.inputs["securityRules"] if it["priority"] == 4096]
            assert {(it["direction"], it["access"]) for it in last} == {("Inbound", "Deny"), ("Outbound", "Deny")}
