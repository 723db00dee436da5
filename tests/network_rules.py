"""Evaluates the rules of a network as a cloud does: may a part of it open a connection to another one?"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from itertools import product
from typing import Any

from semantest_iac.domain.networking.access_rules import AccessCondition, NetworkPart, list_access

OUTSIDE = frozenset({NetworkPart.INTERNET, NetworkPart.CLOUD_SERVICES})
PORTS = (22, 80, 443, 1433, 3389, 5671, 6379, 8080, 10000)
_SERVICE_TAGS = ("ApiManagement", "AzureKeyVault", "AzureMonitor", "Sql", "Storage")
Connection = tuple[NetworkPart, NetworkPart, int]
Properties = Mapping[str, Any]


def list_connections(parts: Iterable[NetworkPart] = NetworkPart) -> Iterator[Connection]:
    """Yield every connection between two parts that one of the ports may take; the bastion host calls only."""
    for source, target in product(tuple(parts), repeat=2):
        if target is not NetworkPart.BASTION and not {source, target} <= OUTSIDE:
            yield from ((source, target, port) for port in PORTS)


def list_allowed_by_table(*, private: bool, conditions: Collection[AccessCondition] = ()) -> set[Connection]:
    """Return the connections that the table of the architecture allows."""
    rows = list(list_access(has_private_endpoints=private, conditions=conditions))
    return {
        (source, target, port)
        for source, target, port in list_connections()
        for row in rows
        if (row.source, row.target) == (source, target) and (port in row.ports or not row.ports)
    }


def expect_on_azure(*, private: bool, conditions: Collection[AccessCondition] = ()) -> set[Connection]:
    """Return what the table allows, and the services of the cloud wherever the internet is: they are a part of it."""
    allowed = list_allowed_by_table(private=private, conditions=conditions)
    swap = {NetworkPart.INTERNET: NetworkPart.CLOUD_SERVICES}
    return allowed | {(swap.get(source, source), swap.get(target, target), port) for source, target, port in allowed}


def expect_on_aws(*, private: bool, conditions: Collection[AccessCondition] = ()) -> set[Connection]:
    """Return what the table allows, with what follows from AWS's services having no group of addresses.

    Who may reach them may reach every address by HTTPS, which includes the gateway, which every address may reach.
    """
    allowed = {
        it for it in expect_on_azure(private=private, conditions=conditions) if it[1] not in OUTSIDE or it[2] == 443
    }
    for source, target, port in tuple(allowed):
        if target is NetworkPart.CLOUD_SERVICES:
            allowed |= {(source, NetworkPart.INTERNET, port), (source, NetworkPart.GATEWAY, port)}
    return allowed


@dataclass(frozen=True)
class AzureRules:
    """The rules of network security groups by part: in the group of each end, the first rule that fits decides."""

    groups: Mapping[NetworkPart, Sequence[Properties]]
    cidrs: Mapping[NetworkPart, str]

    def is_allowed(self, connection: Connection) -> bool:
        source, target, _ = connection
        if source is NetworkPart.BASTION and target in OUTSIDE:
            return False  # the service's own traffic, which Azure rules
        return self._passes(source, "Outbound", connection) and self._passes(target, "Inbound", connection)

    def _passes(self, part: NetworkPart, direction: str, connection: Connection) -> bool:
        if part not in self.groups:
            return True
        rules = sorted(self.groups[part], key=lambda it: int(it["priority"]))
        found = next((it for it in rules if it["direction"] == direction and self._fits(it, connection)), None)
        return found is not None and found["access"] == "Allow"

    def _fits(self, rule: Properties, connection: Connection) -> bool:
        source, target, port = connection
        ports = rule.get("destinationPortRanges") or [rule["destinationPortRange"]]
        from_source, to_target = rule["sourceAddressPrefix"], rule["destinationAddressPrefix"]
        return self._is_in(from_source, source) and self._is_in(to_target, target) and bool({"*", str(port)} & {*ports})

    def _is_in(self, prefix: str, part: NetworkPart) -> bool:
        if prefix == "*":
            return True
        if prefix in ("Internet", "AzureCloud"):  # the internet contains the cloud's services
            return part is NetworkPart.CLOUD_SERVICES or (prefix == "Internet" and part is NetworkPart.INTERNET)
        if prefix in _SERVICE_TAGS:
            return part is NetworkPart.CLOUD_SERVICES
        if prefix == "AzureLoadBalancer" or part in OUTSIDE:
            return False
        return ip_address(ip_network(self.cidrs[part])[10]) in ip_network(prefix)


@dataclass(frozen=True)
class AwsRules:
    """The rules of security groups, whose ids are given by part: one that fits is enough at each end."""

    incoming: Sequence[Properties]
    outgoing: Sequence[Properties]
    groups: Mapping[NetworkPart, str]

    def is_allowed(self, connection: Connection) -> bool:
        source, target, port = connection
        return (source in OUTSIDE or self._passes(self.outgoing, source, target, port)) and (
            target in OUTSIDE or self._passes(self.incoming, target, source, port)
        )

    def _passes(self, rules: Sequence[Properties], owner: NetworkPart, other: NetworkPart, port: int) -> bool:
        others = {self.groups.get(other, "none")}
        return any(
            rule["securityGroupId"] == self.groups.get(owner)
            and rule["fromPort"] <= port <= rule["toPort"]
            and (rule.get("cidrIpv4") == "0.0.0.0/0" or rule.get("referencedSecurityGroupId") in others)
            for rule in rules
        )
