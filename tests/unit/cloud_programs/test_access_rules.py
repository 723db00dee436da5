"""The rules that the programs create let through what the table allows, and nothing else: both are evaluated here."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address, ip_network
from itertools import product
from typing import Any

import pytest

from semantest_iac.domain.blueprints.blueprint import Blueprint
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.networking.access_rules import (
    ACCESS_TABLE,
    SUBNET_PARTS,
    AccessRules,
    NetworkPart,
    list_access,
)
from semantest_iac.domain.networking.virtual_networks import VirtualNetwork
from semantest_iac.domain.resource import Ref
from tests.unit.cloud_programs.recorder import Registration, of_type, record_program

_CIDRS = dict(zip(SUBNET_PARTS, map(str, ip_network("10.0.0.0/16").subnets(new_prefix=24)), strict=False))
_BASTION_CIDR = "10.0.6.64/26"
_OUTSIDE = {NetworkPart.INTERNET, NetworkPart.CLOUD_SERVICES}
_PORTS = (22, 80, 443, 1433, 3389, 5671, 6379, 8080, 10000)
_PLAN = {  # the table of the architecture, as it was ordered
    ("internet", "gateway", 443),
    ("gateway", "app", 443),
    ("app", "integration", 5671),
    ("app", "data", 1433),
    ("functions", "integration", 5671),
    ("functions", "internet", 443),
}
Connection = tuple[NetworkPart, NetworkPart, int]


def _record(provider: str, *, private: bool) -> list[Registration]:
    region = "us-east-1" if provider == "aws" else "eastus"
    network = VirtualNetwork(name=Ref("network"), cidr="10.0.0.0/16", public_cidr="10.0.6.128/26")
    rules = AccessRules(
        name=Ref("access"),
        network=Ref("network"),
        cidrs={**_CIDRS, NetworkPart.BASTION: _BASTION_CIDR},
        has_private_endpoints=private,
    )
    return record_program(Blueprint(Stack("network", provider, "development", region), 1, (network, rules), {}))


def _connections() -> Iterator[Connection]:
    for source, target in product(NetworkPart, NetworkPart):
        if target is not NetworkPart.BASTION and not {source, target} <= _OUTSIDE:
            yield from ((source, target, port) for port in _PORTS)


def _allowed_by_table(*, private: bool) -> set[Connection]:
    rows = list(list_access(has_private_endpoints=private))
    return {
        (source, target, port)
        for source, target, port in _connections()
        for row in rows
        if (row.source, row.target) == (source, target) and (port in row.ports or not row.ports)
    }


def _is_in(prefix: str, part: NetworkPart) -> bool:
    """Whether an address of the part is one of those that a rule names; the internet contains the cloud's services."""
    if prefix == "*":
        return True
    if prefix in ("Internet", "AzureCloud"):
        return part is NetworkPart.CLOUD_SERVICES or (prefix == "Internet" and part is NetworkPart.INTERNET)
    if prefix == "AzureLoadBalancer" or part in _OUTSIDE:
        return False
    range_ = {**_CIDRS, NetworkPart.BASTION: _BASTION_CIDR}[part]
    return ip_address(ip_network(range_)[10]) in ip_network(prefix)


def _passes_group(rules: list[dict[str, Any]], direction: str, connection: Connection) -> bool:
    """Whether a network security group lets a connection through: the first rule that fits decides."""
    source, target, port = connection
    for rule in sorted(rules, key=lambda it: int(it["priority"])):
        ports = rule.get("destinationPortRanges") or [rule["destinationPortRange"]]
        fits = _is_in(rule["sourceAddressPrefix"], source) and _is_in(rule["destinationAddressPrefix"], target)
        if rule["direction"] == direction and fits and ("*" in ports or str(port) in ports):
            return bool(rule["access"] == "Allow")
    return False


def _allowed_on_azure(*, private: bool) -> set[Connection]:
    found = of_type("azure-native:network:NetworkSecurityGroup", _record("azure", private=private))
    groups = {NetworkPart(it.name.removeprefix("access-")): it.inputs["securityRules"] for it in found}
    return {
        it
        for it in _connections()
        if not (it[0] is NetworkPart.BASTION and it[1] in _OUTSIDE)  # the service's own traffic, which Azure rules
        if (it[0] not in groups or _passes_group(groups[it[0]], "Outbound", it))
        and (it[1] not in groups or _passes_group(groups[it[1]], "Inbound", it))
    }


def _passes_security_group(rules: list[dict[str, Any]], owner: NetworkPart, other: NetworkPart, port: int) -> bool:
    return any(
        rule["securityGroupId"] == f"id of access-{owner}"
        and rule["fromPort"] <= port <= rule["toPort"]
        and (rule.get("cidrIpv4") == "0.0.0.0/0" or rule.get("referencedSecurityGroupId") == f"id of access-{other}")
        for rule in rules
    )


def _allowed_on_aws(*, private: bool) -> set[Connection]:
    registrations = _record("aws", private=private)
    incoming, outgoing = (
        [it.inputs for it in of_type(f"aws:vpc/securityGroup{way}Rule:SecurityGroup{way}Rule", registrations)]
        for way in ("Ingress", "Egress")
    )
    return {
        (source, target, port)
        for source, target, port in _connections()
        if (source in _OUTSIDE or _passes_security_group(outgoing, source, target, port))
        and (target in _OUTSIDE or _passes_security_group(incoming, target, source, port))
    }


def _with_cloud_in_internet(allowed: set[Connection]) -> set[Connection]:
    """Add the services of the cloud wherever the internet is: their addresses are public ones."""
    swap = {NetworkPart.INTERNET: NetworkPart.CLOUD_SERVICES}
    return allowed | {(swap.get(source, source), swap.get(target, target), port) for source, target, port in allowed}


class TestTable:
    def test_has_every_row_of_the_architecture(self) -> None:
        assert {(str(a), str(b), c) for a, b, c in _allowed_by_table(private=True)} >= _PLAN

    def test_has_each_pair_once(self) -> None:
        pairs = [(row.source, row.target) for row in ACCESS_TABLE]

        assert len(pairs) == len(set(pairs))

    def test_lets_nobody_in_from_outside_but_to_the_gateway(self) -> None:
        entered = {target for source, target, _ in _allowed_by_table(private=False) if source in _OUTSIDE}

        assert entered == {NetworkPart.GATEWAY}

    def test_reaches_services_at_public_addresses_only_where_they_have_no_private_ones(self) -> None:
        more = _allowed_by_table(private=False) - _allowed_by_table(private=True)

        assert more == {
            *((NetworkPart.APP, NetworkPart.CLOUD_SERVICES, port) for port in (1433, 5671, 6379, 10000)),
            (NetworkPart.FUNCTIONS, NetworkPart.CLOUD_SERVICES, 5671),
        }


@pytest.mark.parametrize("private", [True, False], ids=["private endpoints", "public addresses"])
class TestRules:
    def test_on_azure_allow_the_table_and_nothing_else(self, private: bool) -> None:
        assert _allowed_on_azure(private=private) == _with_cloud_in_internet(_allowed_by_table(private=private))

    def test_on_aws_allow_the_table_and_nothing_else(self, private: bool) -> None:
        """Services of AWS have no group of addresses: who may reach them may reach every address by HTTPS.

        That includes the gateway, which every address may reach.
        """
        table = _with_cloud_in_internet(_allowed_by_table(private=private))
        expected = {it for it in table if it[1] not in _OUTSIDE or it[2] == 443}
        for source, target, port in tuple(expected):
            if target is NetworkPart.CLOUD_SERVICES:
                expected |= {(source, NetworkPart.INTERNET, port), (source, NetworkPart.GATEWAY, port)}

        assert _allowed_on_aws(private=private) == expected

    def test_have_a_deny_of_all_else_on_azure(self, private: bool) -> None:
        for group in of_type("azure-native:network:NetworkSecurityGroup", _record("azure", private=private)):
            last = [it for it in group.inputs["securityRules"] if it["priority"] == 4096]
            assert {(it["direction"], it["access"]) for it in last} == {("Inbound", "Deny"), ("Outbound", "Deny")}
