"""Virtual networks, their subnets and what filters them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any, Final, TypeAlias

from semantest_iac.infrastructure.simulated_cloud.azure.every_type import (
    DOC,
    IN_GROUP,
    SEEN,
    SUCCEEDED,
    ArmType,
    guid,
    inside,
    refers,
)
from semantest_iac.infrastructure.simulated_cloud.azure.shapes import known
from semantest_iac.infrastructure.simulated_cloud.limits import Length, Network, Pattern
from semantest_iac.infrastructure.simulated_cloud.refusal import Refusal
from semantest_iac.infrastructure.simulated_cloud.rules import Guard, OnDelete, Surroundings, TypeRule
from semantest_iac.infrastructure.simulated_cloud.values import Properties

VIRTUAL_NETWORK: Final = "azure-native:network:VirtualNetwork"
SUBNET: Final = "azure-native:network:Subnet"
SECURITY_GROUP: Final = "azure-native:network:NetworkSecurityGroup"

_NETWORKS: Final = f"{IN_GROUP}Microsoft.Network/virtualNetworks"
_NAME: Final = Pattern(r"^[a-zA-Z0-9]([\w.-]*\w)?\Z", DOC)
_PREFIX: Final = Network(0, 128, DOC)
_OWN_ID: Final = {"id": known(settled=True)}

_Range: TypeAlias = IPv4Network | IPv6Network


def delegations(subnet: Properties) -> set[str]:
    """The services that a subnet is handed over to."""
    return {str(delegation.get("serviceName")) for delegation in subnet["delegations"] or ()}


def _ranges(subnet: Properties) -> Iterator[_Range]:
    prefixes = (subnet["addressPrefix"], *(subnet["addressPrefixes"] or ()))
    yield from (ip_network(prefix) for prefix in prefixes if prefix)


def _clashes(one: _Range, other: _Range) -> bool:
    return one.version == other.version and one.overlaps(other)


def _is_outside(around: Surroundings) -> bool:
    space = around.facts["network"]["addressSpace"] or {}
    whole = [ip_network(prefix) for prefix in space.get("addressPrefixes", ())]
    return bool(whole) and not all(any(_contains(space, part) for space in whole) for part in _ranges(around.facts))


def _contains(space: _Range, part: _Range) -> bool:
    return _clashes(space, part) and space.prefixlen <= part.prefixlen


def _overlaps(around: Surroundings) -> bool:
    ours = list(_ranges(around.facts))
    return any(_clashes(one, other) for row in _siblings(around) for other in _ranges(row) for one in ours)


def _siblings(around: Surroundings) -> list[Properties]:
    parents = ("resourceGroupName", "virtualNetworkName")
    rows = around.rows(SUBNET)
    return [row for row in rows if all(row[name] == around.facts[name] for name in parents)]


def _moves_under_its_users(around: Surroundings) -> bool:
    before = around.before
    if not before or (delegations(_read(before)), set(_ranges(_read(before)))) == (
        delegations(around.facts),
        set(_ranges(around.facts)),
    ):
        return False
    id_ = f"/virtualNetworks/{around.facts['virtualNetworkName']}/subnets/{around.facts['subnetName']}"
    return any(str(row["virtualNetworkSubnetId"]).endswith(id_) for row in around.rows("azure-native:web:WebApp"))


def _read(outputs: Properties) -> Mapping[str, Any]:
    names = ("addressPrefix", "addressPrefixes", "delegations")
    return {name: outputs.get(name) for name in names}


TYPES: Final[dict[str, TypeRule]] = {
    SECURITY_GROUP: ArmType(
        SECURITY_GROUP, f"{IN_GROUP}Microsoft.Network/networkSecurityGroups/{{networkSecurityGroupName}}"
    ).rule(
        {"networkSecurityGroupName": known(Length(1, 80, DOC), _NAME), **_OWN_ID},
        computed={
            **SUCCEEDED,
            "etag": guid("etag"),
            "resourceGuid": guid("network security group"),
            **dict.fromkeys(("defaultSecurityRules", "flowLogs", "networkInterfaces", "subnets"), lambda _: []),
        },
        in_use=Refusal(
            "InUseNetworkSecurityGroupCannotBeDeleted",
            "Network security group {id} cannot be deleted because it is in use by the following resources: "
            "{dependents}. In order to delete the Network security group, remove the association with the resource(s).",
        ),
        latency=5,
    ),
    VIRTUAL_NETWORK: ArmType(VIRTUAL_NETWORK, f"{_NETWORKS}/{{virtualNetworkName}}").rule(
        {
            "virtualNetworkName": known(Length(2, 64, DOC), _NAME),
            "subnets": known(settled=True),
            **_OWN_ID,
        },
        computed={
            **SUCCEEDED,
            "etag": guid("etag"),
            "resourceGuid": guid("virtual network"),
            "flowLogs": lambda _: [],
        },
        latency=5,
    ),
    SUBNET: ArmType(SUBNET, f"{_NETWORKS}/{{virtualNetworkName}}/subnets/{{subnetName}}").rule(
        {
            "subnetName": known(Length(1, 80, DOC), _NAME),
            "addressPrefix": known(_PREFIX),
            **dict.fromkeys(("type", "name"), known(settled=True)),
            "defaultOutboundAccess": known(replaces=True, settled=True),
            **dict.fromkeys(
                ("privateEndpointNetworkPolicies", "privateLinkServiceNetworkPolicies"), known(settled=True)
            ),
            **_OWN_ID,
        },
        computed={
            **SUCCEEDED,
            "name": "{subnetName}",
            "etag": guid("etag"),
            "purpose": "",
            "privateEndpointNetworkPolicies": "Disabled",
            "privateLinkServiceNetworkPolicies": "Enabled",
            **dict.fromkeys(
                (
                    *("ipConfigurationProfiles", "ipConfigurations", "privateEndpoints"),
                    *("resourceNavigationLinks", "serviceAssociationLinks"),
                ),
                lambda _: [],
            ),
        },
        references=(
            inside("virtualNetworkName", VIRTUAL_NETWORK, _NETWORKS, named="network"),
            refers("networkSecurityGroup.id", SECURITY_GROUP, on_delete=OnDelete.REFUSE),
        ),
        guards=(
            Guard(
                _is_outside,
                Refusal(
                    "NetcfgSubnetRangeOutsideVnet",
                    "Subnet '{subnetName}' is not valid because its IP address range is outside the IP address range "
                    "of virtual network '{virtualNetworkName}'.",
                ),
                SEEN,
            ),
            Guard(
                _overlaps,
                Refusal(
                    "NetcfgSubnetRangesOverlap",
                    "Subnet '{subnetName}' is not valid because its IP address range overlaps with that of an existing "
                    "subnet in virtual network '{virtualNetworkName}'.",
                ),
                SEEN,
            ),
            Guard(
                _moves_under_its_users,
                Refusal(
                    "InUseSubnetCannotBeUpdated",
                    "Delegations and address range of subnet '{subnetName}' cannot be changed because it is being used "
                    "by an app.",
                ),
                SEEN,
            ),
        ),
        in_use=Refusal(
            "InUseSubnetCannotBeDeleted",
            "Subnet {subnetName} is in use by {dependents} and cannot be deleted. In order to delete the subnet, "
            "delete all the resources within the subnet.",
        ),
        latency=4,
    ),
}
