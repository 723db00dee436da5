"""Private endpoints, and the private DNS zones that give their addresses to names."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_network
from typing import Any, Final
from zlib import crc32

from semantest_iac.infrastructure.simulated_cloud.azure.networking import (
    NETWORK_NAME,
    OPTIONAL_ID,
    SUBNET_TYPE,
    VIRTUAL_NETWORK_TYPE,
    network_type,
    subnet_delegations,
)
from semantest_iac.infrastructure.simulated_cloud.azure.resource_type import (
    PROVIDERS_ID_PREFIX,
    SUCCEEDED_STATE,
    ArmType,
    id_reference,
    parent_reference,
    refine,
    stable_guid,
)
from semantest_iac.infrastructure.simulated_cloud.schema.properties import (
    DOC,
    GENERAL,
    TERRAFORM,
    Length,
    OneOf,
    Pattern,
    Range,
)
from semantest_iac.infrastructure.simulated_cloud.schema.refusals import Refusal
from semantest_iac.infrastructure.simulated_cloud.schema.rules import GuardContext, OnDelete, RequestGuard, TypeRule
from semantest_iac.infrastructure.simulated_cloud.schema.values import RequestFacts

PRIVATE_ENDPOINT_TYPE: Final = "azure-native:network:PrivateEndpoint"
ZONE_GROUP_TYPE: Final = "azure-native:network:PrivateDnsZoneGroup"
PRIVATE_ZONE_TYPE: Final = "azure-native:privatedns:PrivateZone"
RECORD_SET_TYPE: Final = "azure-native:privatedns:PrivateRecordSet"
NETWORK_LINK_TYPE: Final = "azure-native:privatedns:VirtualNetworkLink"

_ENDPOINTS_ID: Final = f"{PROVIDERS_ID_PREFIX}Microsoft.Network/privateEndpoints"
_ZONES_ID: Final = f"{PROVIDERS_ID_PREFIX}Microsoft.Network/privateDnsZones"
_IN_NO_REGION: Final = {"location": refine(OneOf(("global", "Global"), TERRAFORM))}
_RESERVED_ADDRESSES: Final = 4  # the first addresses of every subnet are Azure's own; so is the last


def _is_in_delegated_subnet(context: GuardContext) -> bool:
    return bool(context.facts["delegated"]) and bool(subnet_delegations(context.facts["delegated"]))


def _interfaces(facts: RequestFacts) -> list[dict[str, str]]:
    name = facts["customNetworkInterfaceName"] or f"{facts['privateEndpointName']}.nic.{facts['uuid']}"
    prefix = PROVIDERS_ID_PREFIX.format_map(facts)
    return [{"id": f"{prefix}Microsoft.Network/networkInterfaces/{name}"}]


def _addresses(facts: RequestFacts) -> list[dict[str, Any]]:
    """Return an address in the subnet, the same in every run."""
    prefix = (facts["delegated"] or {}).get("addressPrefix")
    if not prefix:
        return []
    block = ip_network(prefix)
    place = _RESERVED_ADDRESSES + crc32(facts["uuid"].encode()) % (block.num_addresses - _RESERVED_ADDRESSES - 1)
    return [{"ipAddresses": [str(block[place])]}]


PRIVATE_ENDPOINT_TYPES: Final[dict[str, TypeRule]] = {
    PRIVATE_ENDPOINT_TYPE: network_type(PRIVATE_ENDPOINT_TYPE, "privateEndpoints", "privateEndpointName").rule(
        {
            "privateEndpointName": NETWORK_NAME,
            "subnet.id": refine(force_new=True),
            "privateLinkServiceConnections.privateLinkServiceId": refine(force_new=True),
            "privateLinkServiceConnections.groupIds": refine(force_new=True),
            "customNetworkInterfaceName": refine(force_new=True),
            "customDnsConfigs": refine(computed_default=True),
            **OPTIONAL_ID,
        },
        computed={
            **SUCCEEDED_STATE,
            "etag": stable_guid("etag"),
            "networkInterfaces": _interfaces,
            "customDnsConfigs": _addresses,
        },
        references=(
            id_reference("subnet.id", SUBNET_TYPE, fact_name="delegated", on_delete=OnDelete.REFUSE),
            id_reference("privateLinkServiceConnections.*.privateLinkServiceId"),
        ),
        guards=(
            RequestGuard(
                _is_in_delegated_subnet,
                Refusal("BadRequest", "Subnet '{delegated[name]}' is delegated and takes no private endpoint."),
                GENERAL,
            ),
        ),
        latency_seconds=60,
    ),
    ZONE_GROUP_TYPE: ArmType(
        ZONE_GROUP_TYPE, f"{_ENDPOINTS_ID}/{{privateEndpointName}}/privateDnsZoneGroups/{{privateDnsZoneGroupName}}"
    ).rule(
        {"name": refine(computed_default=True), **OPTIONAL_ID},
        computed={**SUCCEEDED_STATE, "name": "{privateDnsZoneGroupName}", "etag": stable_guid("etag")},
        references=(id_reference("privateDnsZoneConfigs.*.privateDnsZoneId", PRIVATE_ZONE_TYPE),),
        latency_seconds=10,
    ),
    PRIVATE_ZONE_TYPE: ArmType(PRIVATE_ZONE_TYPE, f"{_ZONES_ID}/{{privateZoneName}}").rule(
        {
            "privateZoneName": refine(
                Length(1, 253, DOC), Pattern(r"^([a-zA-Z0-9_-]{1,63}\.){1,33}[a-zA-Z0-9_-]{1,63}\Z", DOC)
            ),
            **_IN_NO_REGION,
        },
        computed={
            **SUCCEEDED_STATE,
            "etag": stable_guid("etag"),
            "internalId": stable_guid("private zone"),
            "maxNumberOfRecordSets": lambda _: 25000,
            "maxNumberOfVirtualNetworkLinks": lambda _: 1000,
            "maxNumberOfVirtualNetworkLinksWithRegistration": lambda _: 100,
            "numberOfRecordSets": lambda _: 1,
            **dict.fromkeys(
                ("numberOfVirtualNetworkLinks", "numberOfVirtualNetworkLinksWithRegistration"), lambda _: 0
            ),
        },
        planned={},
        in_use_refusal=Refusal(
            "CannotDeleteResource",
            "Cannot delete resource while nested resources exist. Some existing nested resource IDs include: "
            "'{dependents}'. Please delete all nested resources before deleting this resource.",
            409,
        ),
        latency_seconds=30,
    ),
    RECORD_SET_TYPE: ArmType(
        RECORD_SET_TYPE, f"{_ZONES_ID}/{{privateZoneName}}/{{recordType}}/{{relativeRecordSetName}}"
    ).rule(
        {"ttl": refine(Range(1, 2_147_483_647, TERRAFORM)), "recordType": refine(force_new=True)},
        computed={
            "fqdn": "{relativeRecordSetName}.{privateZoneName}.",
            "isAutoRegistered": lambda _: False,
        },
        latency_seconds=3,
    ),
    NETWORK_LINK_TYPE: ArmType(
        NETWORK_LINK_TYPE, f"{_ZONES_ID}/{{privateZoneName}}/virtualNetworkLinks/{{virtualNetworkLinkName}}"
    ).rule(
        {
            "virtualNetworkLinkName": refine(Length(1, 80, DOC), Pattern(r"^[a-zA-Z0-9_.-]*\Z", DOC)),
            "virtualNetwork.id": refine(force_new=True),
            **_IN_NO_REGION,
        },
        computed={**SUCCEEDED_STATE, "etag": stable_guid("etag"), "virtualNetworkLinkState": "Completed"},
        planned={},
        references=(
            replace(parent_reference("privateZoneName", PRIVATE_ZONE_TYPE, _ZONES_ID), on_delete=OnDelete.REFUSE),
            id_reference("virtualNetwork.id", VIRTUAL_NETWORK_TYPE),
        ),
        latency_seconds=30,
    ),
}
