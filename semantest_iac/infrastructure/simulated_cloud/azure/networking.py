"""Virtual networks, subnets and network security groups."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any, Final, TypeAlias

from semantest_iac.infrastructure.simulated_cloud.azure.resource_type import (
    PROVIDERS_ID_PREFIX,
    ArmType,
    id_reference,
    refine,
)
from semantest_iac.infrastructure.simulated_cloud.schema.properties import (
    DOC,
    OBSERVED,
    CidrNetwork,
    Length,
    OneOf,
    Pattern,
    Range,
)
from semantest_iac.infrastructure.simulated_cloud.schema.published import refine_elements
from semantest_iac.infrastructure.simulated_cloud.schema.refusals import Refusal
from semantest_iac.infrastructure.simulated_cloud.schema.rules import GuardContext, OnDelete, RequestGuard, TypeRule
from semantest_iac.infrastructure.simulated_cloud.schema.values import ResourceProperties, values_at_path

VIRTUAL_NETWORK_TYPE: Final = "azure-native:network:VirtualNetwork"
SUBNET_TYPE: Final = "azure-native:network:Subnet"
SECURITY_GROUP_TYPE: Final = "azure-native:network:NetworkSecurityGroup"
PUBLIC_ADDRESS_TYPE: Final = "azure-native:network:PublicIPAddress"
AZURE_NAT_TYPE: Final = "azure-native:network:NatGateway"
AZURE_ROUTE_TABLE_TYPE: Final = "azure-native:network:RouteTable"
DDOS_PLAN_TYPE: Final = "azure-native:network:DdosProtectionPlan"

_NETWORKS_ID: Final = f"{PROVIDERS_ID_PREFIX}Microsoft.Network/virtualNetworks"
NETWORK_NAME_PATTERN: Final = Pattern(r"^[a-zA-Z0-9]([\w.-]*\w)?\Z", DOC)
NETWORK_NAME: Final = refine(Length(1, 80, DOC), NETWORK_NAME_PATTERN)
_LONGEST_SUBNET_PREFIX: Final = 29
_ADDRESS_PREFIX: Final = CidrNetwork(0, 128, DOC)
OPTIONAL_ID: Final = {"id": refine(computed_default=True)}

_USES_OF_SUBNETS: Final = {
    "azure-native:app:ManagedEnvironment": "vnetConfiguration.infrastructureSubnetId",
    "azure-native:network:AzureFirewall": "ipConfigurations.*.subnet.id",
    "azure-native:network:BastionHost": "ipConfigurations.*.subnet.id",
    "azure-native:network:PrivateEndpoint": "subnet.id",
    "azure-native:web:WebApp": "virtualNetworkSubnetId",
}
"""The inputs that place a resource in a subnet, by type."""

_IpNetwork: TypeAlias = IPv4Network | IPv6Network


def network_type(token: str, collection: str, name_input: str) -> ArmType:
    """Return a type whose resources lie in a resource group, and nothing else above them."""
    return ArmType(token, f"{PROVIDERS_ID_PREFIX}Microsoft.Network/{collection}/{{{name_input}}}")


def subnet_delegations(subnet: ResourceProperties) -> set[str]:
    """Return the services that a subnet is delegated to."""
    return {str(delegation.get("serviceName")) for delegation in subnet["delegations"] or ()}


def _address_ranges(subnet: ResourceProperties) -> Iterator[_IpNetwork]:
    prefixes = (subnet["addressPrefix"], *(subnet["addressPrefixes"] or ()))
    yield from (ip_network(prefix) for prefix in prefixes if prefix)


def _ranges_overlap(one: _IpNetwork, other: _IpNetwork) -> bool:
    return one.version == other.version and one.overlaps(other)


def _is_outside_network(context: GuardContext) -> bool:
    space = context.facts["virtualNetwork"]["addressSpace"] or {}
    whole = [ip_network(prefix) for prefix in space.get("addressPrefixes", ())]
    return bool(whole) and not all(
        any(_range_contains(space, part) for space in whole) for part in _address_ranges(context.facts)
    )


def _range_contains(space: _IpNetwork, part: _IpNetwork) -> bool:
    return _ranges_overlap(space, part) and space.prefixlen <= part.prefixlen


def _overlaps_sibling(context: GuardContext) -> bool:
    new_ranges = list(_address_ranges(context.facts))
    return any(
        _ranges_overlap(one, other)
        for row in _sibling_subnets(context)
        for other in _address_ranges(row)
        for one in new_ranges
    )


def _sibling_subnets(context: GuardContext) -> list[ResourceProperties]:
    parents = ("resourceGroupName", "virtualNetworkName")
    rows = context.resources_of(SUBNET_TYPE)
    return [row for row in rows if all(row[name] == context.facts[name] for name in parents)]


def _changes_while_used(context: GuardContext) -> bool:
    before = context.previous
    if not before or (
        subnet_delegations(_compared_subnet_fields(before)),
        set(_address_ranges(_compared_subnet_fields(before))),
    ) == (
        subnet_delegations(context.facts),
        set(_address_ranges(context.facts)),
    ):
        return False
    id_ = f"/virtualNetworks/{context.facts['virtualNetworkName']}/subnets/{context.facts['subnetName']}"
    return any(
        str(used).endswith(id_)
        for type_, path in _USES_OF_SUBNETS.items()
        for row in context.resources_of(type_)
        for used in values_at_path(row, path)
    )


def _is_too_small(context: GuardContext) -> bool:
    """Whether no address is left beside those that Azure keeps; source: the FAQ of Virtual Network."""
    return any(it.version == 4 and it.prefixlen > _LONGEST_SUBNET_PREFIX for it in _address_ranges(context.facts))


def _has_conflicting_rules(context: GuardContext) -> bool:
    rules = context.facts["securityRules"] or ()
    places = [(rule.get("direction"), rule.get("priority")) for rule in rules]
    return len(set(places)) < len(places)


def _compared_subnet_fields(outputs: ResourceProperties) -> Mapping[str, Any]:
    names = ("addressPrefix", "addressPrefixes", "delegations")
    return {name: outputs.get(name) for name in names}


NETWORK_TYPES: Final[dict[str, TypeRule]] = {
    SECURITY_GROUP_TYPE: network_type(SECURITY_GROUP_TYPE, "networkSecurityGroups", "networkSecurityGroupName").rule(
        {
            "networkSecurityGroupName": NETWORK_NAME,
            "securityRules.priority": refine(Range(100, 4096, DOC)),
            "securityRules.direction": refine(OneOf(("Inbound", "Outbound"), DOC)),
            "securityRules.access": refine(OneOf(("Allow", "Deny"), DOC)),
            "securityRules.protocol": refine(OneOf(("Tcp", "Udp", "Icmp", "Esp", "Ah", "*"), DOC)),
            **OPTIONAL_ID,
        },
        guards=(
            RequestGuard(
                _has_conflicting_rules,
                Refusal(
                    "SecurityRuleConflict",
                    "Security rules of {networkSecurityGroupName} conflict. Rules cannot have the same Priority and "
                    "Direction.",
                ),
                DOC,
            ),
        ),
        in_use_refusal=Refusal(
            "InUseNetworkSecurityGroupCannotBeDeleted",
            "Network security group {id} cannot be deleted because it is in use by the following resources: "
            "{dependents}. In order to delete the Network security group, remove the association with the resource(s).",
        ),
        latency_seconds=5,
    ),
    VIRTUAL_NETWORK_TYPE: ArmType(VIRTUAL_NETWORK_TYPE, f"{_NETWORKS_ID}/{{virtualNetworkName}}").rule(
        {
            "virtualNetworkName": refine(Length(2, 64, DOC), NETWORK_NAME_PATTERN),
            "addressSpace.addressPrefixes": refine_elements(_ADDRESS_PREFIX),
            "subnets": refine(computed_default=True),
            **OPTIONAL_ID,
        },
        references=(id_reference("ddosProtectionPlan.id", DDOS_PLAN_TYPE, on_delete=OnDelete.REFUSE),),
        latency_seconds=5,
    ),
    SUBNET_TYPE: ArmType(SUBNET_TYPE, f"{_NETWORKS_ID}/{{virtualNetworkName}}/subnets/{{subnetName}}").rule(
        {
            "subnetName": NETWORK_NAME,
            "addressPrefix": refine(_ADDRESS_PREFIX),
            "addressPrefixes": refine_elements(_ADDRESS_PREFIX),
            **dict.fromkeys(("type", "name"), refine(computed_default=True)),
            "defaultOutboundAccess": refine(force_new=True, computed_default=True),
            **dict.fromkeys(
                ("privateEndpointNetworkPolicies", "privateLinkServiceNetworkPolicies"), refine(computed_default=True)
            ),
            **OPTIONAL_ID,
        },
        computed={
            "name": "{subnetName}",
            "purpose": "",
            "privateEndpointNetworkPolicies": "Disabled",
            "privateLinkServiceNetworkPolicies": "Enabled",
        },
        references=(
            id_reference("networkSecurityGroup.id", SECURITY_GROUP_TYPE, on_delete=OnDelete.REFUSE),
            id_reference("natGateway.id", AZURE_NAT_TYPE, on_delete=OnDelete.REFUSE),
            id_reference("routeTable.id", AZURE_ROUTE_TABLE_TYPE, on_delete=OnDelete.REFUSE),
        ),
        guards=(
            RequestGuard(
                _is_too_small,
                Refusal(
                    "NetcfgInvalidSubnet",
                    "Subnet '{subnetName}' is not valid in virtual network '{virtualNetworkName}'.",
                ),
                DOC,
            ),
            RequestGuard(
                _is_outside_network,
                Refusal(
                    "NetcfgSubnetRangeOutsideVnet",
                    "Subnet '{subnetName}' is not valid because its IP address range is outside the IP address range "
                    "of virtual network '{virtualNetworkName}'.",
                ),
                OBSERVED,
            ),
            RequestGuard(
                _overlaps_sibling,
                Refusal(
                    "NetcfgSubnetRangesOverlap",
                    "Subnet '{subnetName}' is not valid because its IP address range overlaps with that of an existing "
                    "subnet in virtual network '{virtualNetworkName}'.",
                ),
                OBSERVED,
            ),
            RequestGuard(
                _changes_while_used,
                Refusal(
                    "InUseSubnetCannotBeUpdated",
                    "Delegations and address range of subnet '{subnetName}' cannot be changed because it is being used "
                    "by a resource.",
                ),
                OBSERVED,
            ),
        ),
        in_use_refusal=Refusal(
            "InUseSubnetCannotBeDeleted",
            "Subnet {subnetName} is in use by {dependents} and cannot be deleted. In order to delete the subnet, "
            "delete all the resources within the subnet.",
        ),
        latency_seconds=4,
    ),
}
