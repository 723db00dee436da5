"""Azure Firewall with its policies, Azure Bastion, and plans against floods of traffic."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Any, Final

from semantest_iac.infrastructure.simulated_cloud.azure.networking import (
    DDOS_PLAN_TYPE,
    NETWORK_NAME,
    NETWORK_NAME_PATTERN,
    OPTIONAL_ID,
    PUBLIC_ADDRESS_TYPE,
    SUBNET_TYPE,
    network_type,
)
from semantest_iac.infrastructure.simulated_cloud.azure.platform.routing import unfit_address_guard
from semantest_iac.infrastructure.simulated_cloud.azure.resource_type import (
    PROVIDERS_ID_PREFIX,
    SUCCEEDED_STATE,
    ArmType,
    id_reference,
    refine,
    stable_guid,
)
from semantest_iac.infrastructure.simulated_cloud.schema.properties import (
    DOC,
    OBSERVED,
    TERRAFORM,
    Length,
    OneOf,
    Pattern,
    Range,
)
from semantest_iac.infrastructure.simulated_cloud.schema.refusals import Refusal
from semantest_iac.infrastructure.simulated_cloud.schema.rules import (
    GuardContext,
    OnDelete,
    RequestGuard,
    ResourceReference,
    TypeRule,
)
from semantest_iac.infrastructure.simulated_cloud.schema.values import RequestFacts

FIREWALL_TYPE: Final = "azure-native:network:AzureFirewall"
FIREWALL_POLICY_TYPE: Final = "azure-native:network:FirewallPolicy"
FIREWALL_RULES_TYPE: Final = "azure-native:network:FirewallPolicyRuleCollectionGroup"
BASTION_TYPE: Final = "azure-native:network:BastionHost"

_POLICIES_ID: Final = f"{PROVIDERS_ID_PREFIX}Microsoft.Network/firewallPolicies"
_TIERS: Final = OneOf(("Basic", "Standard", "Premium"), DOC)
_THREAT_MODES: Final = refine(OneOf(("Alert", "Deny", "Off"), DOC), computed_default=True)
_LONGEST_SERVICE_PREFIX: Final = 26
_RESERVED_ADDRESSES: Final = 4  # the first addresses of every subnet are Azure's own

_IN_SUBNET: Final[tuple[ResourceReference, ...]] = (
    id_reference("ipConfigurations.*.subnet.id", SUBNET_TYPE, fact_name="subnet", on_delete=OnDelete.REFUSE),
    id_reference(
        "ipConfigurations.*.publicIPAddress.id", PUBLIC_ADDRESS_TYPE, fact_name="address", on_delete=OnDelete.REFUSE
    ),
)


def _has_small_subnet(context: GuardContext) -> bool:
    prefix = str((context.facts["subnet"] or {}).get("addressPrefix") or "")
    return bool(prefix) and ip_network(prefix).prefixlen > _LONGEST_SERVICE_PREFIX


def _small_subnet_guard(noun: str) -> RequestGuard:
    """Refuse a subnet that is too small; source: the documentation of both services on their subnets."""
    message = f"{noun} requires a subnet with a prefix of /26 or larger; '{{subnet[name]}}' is smaller."
    return RequestGuard(_has_small_subnet, Refusal("BadRequest", message), DOC)


def _is_in_other_subnet(context: GuardContext) -> bool:
    return bool(context.facts["subnet"]) and context.facts["subnet"]["name"] != "AzureBastionSubnet"


def _report_configurations(facts: RequestFacts) -> list[dict[str, Any]]:
    """Return the configurations of a firewall with its first address in the subnet."""
    prefix = (facts["subnet"] or {}).get("addressPrefix")
    address = {"privateIPAddress": str(ip_network(prefix)[_RESERVED_ADDRESSES])} if prefix else {}
    first, *others = facts["ipConfigurations"]
    return [{**first, **address, **SUCCEEDED_STATE}, *({**it, **SUCCEEDED_STATE} for it in others)]


FIREWALL_TYPES: Final[dict[str, TypeRule]] = {
    DDOS_PLAN_TYPE: network_type(DDOS_PLAN_TYPE, "ddosProtectionPlans", "ddosProtectionPlanName").rule(
        {"ddosProtectionPlanName": NETWORK_NAME},
        computed={
            **SUCCEEDED_STATE,
            "etag": stable_guid("etag"),
            "resourceGuid": stable_guid("ddos plan"),
            **dict.fromkeys(("publicIPAddresses", "virtualNetworks"), lambda _: []),
        },
        in_use_refusal=Refusal(
            "InUseDdosProtectionPlanCannotBeDeleted",
            "DDoS Protection Plan {id} cannot be deleted because it is in use with virtual networks {dependents}.",
        ),
        latency_seconds=10,
    ),
    FIREWALL_POLICY_TYPE: network_type(FIREWALL_POLICY_TYPE, "firewallPolicies", "firewallPolicyName").rule(
        {
            "firewallPolicyName": NETWORK_NAME,
            "sku.tier": refine(_TIERS, force_new=True),
            "threatIntelMode": _THREAT_MODES,
            **OPTIONAL_ID,
        },
        computed={
            **SUCCEEDED_STATE,
            "etag": stable_guid("etag"),
            "size": "0.5MB",
            "threatIntelMode": "Alert",
            **dict.fromkeys(("childPolicies", "firewalls", "ruleCollectionGroups"), lambda _: []),
        },
        in_use_refusal=Refusal(
            "FirewallPolicyDeleteNotAllowed",
            "Firewall policy {firewallPolicyName} cannot be deleted: it is in use by {dependents}.",
        ),
        latency_seconds=10,
    ),
    FIREWALL_RULES_TYPE: ArmType(
        FIREWALL_RULES_TYPE, f"{_POLICIES_ID}/{{firewallPolicyName}}/ruleCollectionGroups/{{ruleCollectionGroupName}}"
    ).rule(
        {
            "ruleCollectionGroupName": NETWORK_NAME,
            "priority": refine(Range(100, 65000, DOC)),
            "ruleCollections.priority": refine(Range(100, 65000, DOC)),
            "name": refine(computed_default=True),
            **OPTIONAL_ID,
        },
        computed={**SUCCEEDED_STATE, "name": "{ruleCollectionGroupName}", "etag": stable_guid("etag"), "size": "0.1MB"},
        latency_seconds=20,
    ),
    FIREWALL_TYPE: network_type(FIREWALL_TYPE, "azureFirewalls", "azureFirewallName").rule(
        {
            "azureFirewallName": refine(Length(1, 56, DOC), NETWORK_NAME_PATTERN),
            "sku.name": refine(OneOf(("AZFW_VNet", "AZFW_Hub"), DOC), force_new=True),
            "sku.tier": refine(_TIERS),
            "threatIntelMode": _THREAT_MODES,
            "ipConfigurations": refine(reported_differently=True),
            "ipConfigurations.subnet.id": refine(Pattern(r"/subnets/AzureFirewallSubnet$", TERRAFORM), force_new=True),
            "zones": refine(force_new=True),
            **OPTIONAL_ID,
        },
        computed={
            **SUCCEEDED_STATE,
            "etag": stable_guid("etag"),
            "ipGroups": lambda _: [],
            "threatIntelMode": "Alert",
        },
        rendered={"ipConfigurations": _report_configurations},
        references=(*_IN_SUBNET, id_reference("firewallPolicy.id", FIREWALL_POLICY_TYPE, on_delete=OnDelete.REFUSE)),
        guards=(unfit_address_guard("Azure Firewall"), _small_subnet_guard("Azure Firewall")),
        latency_seconds=480,
    ),
    BASTION_TYPE: network_type(BASTION_TYPE, "bastionHosts", "bastionHostName").rule(
        {
            "bastionHostName": NETWORK_NAME,
            "sku.name": refine(OneOf(("Basic", "Standard", "Developer", "Premium"), DOC)),
            "scaleUnits": refine(Range(2, 50, DOC), computed_default=True),
            "ipConfigurations": refine(force_new=True),
            **OPTIONAL_ID,
        },
        computed={
            **SUCCEEDED_STATE,
            "etag": stable_guid("etag"),
            "dnsName": "bst-{uuid}.bastion.azure.com",
            "scaleUnits": lambda _: 2,
        },
        references=_IN_SUBNET,
        guards=(
            RequestGuard(
                _is_in_other_subnet,
                Refusal(
                    "SubnetNameMustBeAzureBastionSubnet",
                    "Subnet name {subnet[id]} is invalid for Azure Bastion. Azure Bastion can only be created in "
                    "subnet with name 'AzureBastionSubnet'.",
                ),
                OBSERVED,
            ),
            unfit_address_guard("Azure Bastion"),
            _small_subnet_guard("Azure Bastion"),
        ),
        latency_seconds=420,
    ),
}
