"""Samples of what leads out of a network, protects it, and makes services private in it."""

from __future__ import annotations

from typing import Any

from tests.unit.simulated_cloud.azure.tokens import (
    BASTION,
    DDOS_PLAN,
    FIREWALL,
    FIREWALL_POLICY,
    FIREWALL_RULES,
    IN_GROUP,
    LOCATED,
    NAT_GATEWAY,
    NETWORK,
    NETWORK_LINK,
    PRIVATE_ENDPOINT,
    PRIVATE_ZONE,
    PUBLIC_ADDRESS,
    RECORD_SET,
    ROUTE,
    ROUTE_TABLE,
    VAULT,
    ZONE_GROUP,
    Sample,
    World,
)

_NETWORK_ID = (
    "/subscriptions/00000000-0000-4000-8000-5e3a17e57002/resourceGroups/rg-semantest"
    "/providers/Microsoft.Network/virtualNetworks/vnet-semantest"
)
ZONE = "privatelink.vaultcore.azure.net"


def ip_configurations(world: World, subnet: str, address: str = "") -> list[dict[str, Any]]:
    """Return the configurations of what is placed in a subnet and has a public address."""
    return [
        {
            "name": "one",
            "subnet": {"id": f"{_NETWORK_ID}/subnets/{subnet}"},
            "publicIPAddress": {"id": address or world[PUBLIC_ADDRESS].id},
        }
    ]


SAMPLES: dict[str, Sample] = {
    PUBLIC_ADDRESS: lambda _: {
        **LOCATED,
        "publicIpAddressName": "pip-semantest",
        "sku": {"name": "Standard", "tier": "Regional"},
        "publicIPAllocationMethod": "Static",
    },
    NAT_GATEWAY: lambda world: {
        **LOCATED,
        "natGatewayName": "ng-semantest",
        "sku": {"name": "Standard"},
        "publicIpAddresses": [{"id": world[PUBLIC_ADDRESS].id}],
    },
    ROUTE_TABLE: lambda _: {**LOCATED, "routeTableName": "rt-semantest"},
    ROUTE: lambda _: {
        **IN_GROUP,
        "routeTableName": "rt-semantest",
        "routeName": "outgoing",
        "addressPrefix": "0.0.0.0/0",
        "nextHopType": "VirtualAppliance",
        "nextHopIpAddress": "10.0.6.4",
    },
    DDOS_PLAN: lambda _: {**LOCATED, "ddosProtectionPlanName": "ddos-semantest"},
    FIREWALL_POLICY: lambda _: {
        **LOCATED,
        "firewallPolicyName": "afwp-semantest",
        "sku": {"tier": "Standard"},
        "threatIntelMode": "Deny",
    },
    FIREWALL_RULES: lambda _: {
        **IN_GROUP,
        "firewallPolicyName": "afwp-semantest",
        "ruleCollectionGroupName": "outgoing",
        "priority": 200,
    },
    FIREWALL: lambda world: {
        **LOCATED,
        "azureFirewallName": "afw-semantest",
        "sku": {"name": "AZFW_VNet", "tier": "Standard"},
        "firewallPolicy": {"id": world[FIREWALL_POLICY].id},
    },
    BASTION: lambda _: {**LOCATED, "bastionHostName": "bas-semantest", "sku": {"name": "Developer"}},
    PRIVATE_ENDPOINT: lambda world: {
        **LOCATED,
        "privateEndpointName": "pep-semantest",
        "privateLinkServiceConnections": [
            {"name": "vault", "privateLinkServiceId": world[VAULT].id, "groupIds": ["vault"]}
        ],
    },
    PRIVATE_ZONE: lambda _: {**IN_GROUP, "privateZoneName": ZONE, "location": "global"},
    RECORD_SET: lambda _: {
        **IN_GROUP,
        "privateZoneName": ZONE,
        "recordType": "A",
        "relativeRecordSetName": "*",
        "ttl": 300,
        "aRecords": [{"ipv4Address": "10.0.1.7"}],
    },
    NETWORK_LINK: lambda world: {
        **IN_GROUP,
        "privateZoneName": ZONE,
        "virtualNetworkLinkName": "link-semantest",
        "location": "global",
        "registrationEnabled": False,
        "virtualNetwork": {"id": world[NETWORK].id},
    },
    ZONE_GROUP: lambda world: {
        **IN_GROUP,
        "privateEndpointName": "pep-semantest",
        "privateDnsZoneGroupName": "default",
        "privateDnsZoneConfigs": [{"name": "vault", "privateDnsZoneId": world[PRIVATE_ZONE].id}],
    },
}
