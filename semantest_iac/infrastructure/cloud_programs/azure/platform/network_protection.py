"""Azure Firewall, Azure Bastion and plans against floods of traffic."""

from __future__ import annotations

from pulumi_azure_native import network as azure

from semantest_iac.domain.networking.virtual_networks import BastionHost, DdosProtectionPlan, NetworkFirewall
from semantest_iac.infrastructure.cloud_programs.azure.foundation import azure_name, common_arguments
from semantest_iac.infrastructure.cloud_programs.azure.platform.virtual_networks import (
    add_subnet,
    create_public_address,
)
from semantest_iac.infrastructure.cloud_programs.cloud import FOUNDATION
from semantest_iac.infrastructure.cloud_programs.context import Outputs, ProgramContext

FIREWALL_SUBNET, BASTION_SUBNET = "AzureFirewallSubnet", "AzureBastionSubnet"  # the services look for these names
_RULES_PRIORITY = 200


def create_ddos_protection_plan(plan: DdosProtectionPlan, context: ProgramContext) -> Outputs:
    """Create a plan, unless there is one: a single one serves all networks, and costs by the month."""
    if plan.existing_id:
        return {"plan_id": plan.existing_id}
    created = azure.DdosProtectionPlan(
        plan.name,
        ddos_protection_plan_name=azure_name("ddos plan", context),
        **common_arguments(context),
        opts=context.options(),
    )
    return {"plan_id": created.id}


def create_network_firewall(firewall: NetworkFirewall, context: ProgramContext) -> Outputs:
    """Create a firewall, and the route table by which subnets send it their traffic; it leaves by the NAT gateway."""
    subnet = add_subnet(
        firewall.name,
        context.outputs[firewall.network],
        context,
        subnet_name=FIREWALL_SUBNET,
        address_prefix=firewall.cidr,
        nat_gateway={"id": context.outputs[firewall.egress]["nat_gateway_id"]},
    )
    policy, rules = _create_policy(firewall, context)
    address = create_public_address(firewall.name, context)
    created = azure.AzureFirewall(
        firewall.name,
        azure_firewall_name=azure_name("firewall", context),
        sku={"name": "AZFW_VNet", "tier": "Standard"},
        firewall_policy={"id": policy.id},
        ip_configurations=[{"name": "outgoing", "subnet": {"id": subnet.id}, "public_ip_address": {"id": address.id}}],
        **common_arguments(context),
        opts=context.options(depends_on=[rules], replace_on_changes=["ipConfigurations"]),
    )
    return {"id": created.id, "route_table_id": _create_route_table(firewall, created, context).id}


def _create_policy(
    firewall: NetworkFirewall, context: ProgramContext
) -> tuple[azure.FirewallPolicy, azure.FirewallPolicyRuleCollectionGroup]:
    """Create a policy that allows HTTPS to the hosts; a policy refuses what no rule allows."""
    policy = azure.FirewallPolicy(
        firewall.name,
        firewall_policy_name=azure_name("firewall policy", context),
        sku={"tier": "Standard"},
        threat_intel_mode="Deny",
        **common_arguments(context),
        opts=context.options(),
    )
    allowed = azure.ApplicationRuleArgs(
        rule_type="ApplicationRule",
        name="https",
        source_addresses=list(firewall.sources),
        target_fqdns=list(firewall.allowed_hosts) or ["*"],
        protocols=[{"protocol_type": "Https", "port": 443}],
    )
    collection = azure.FirewallPolicyFilterRuleCollectionArgs(
        rule_collection_type="FirewallPolicyFilterRuleCollection",
        name="outgoing",
        priority=_RULES_PRIORITY,
        action={"type": "Allow"},
        rules=[allowed],
    )
    rules = azure.FirewallPolicyRuleCollectionGroup(
        firewall.name,
        rule_collection_group_name="outgoing",
        firewall_policy_name=policy.name,
        resource_group_name=context.outputs[FOUNDATION]["group"],
        priority=_RULES_PRIORITY,
        rule_collections=[collection],
        opts=context.options(),
    )
    return policy, rules


def _create_route_table(
    firewall: NetworkFirewall, created: azure.AzureFirewall, context: ProgramContext
) -> azure.RouteTable:
    table = azure.RouteTable(
        firewall.name,
        route_table_name=azure_name("route table", context),
        **common_arguments(context),
        opts=context.options(ignore_changes=["routes"]),
    )
    azure.Route(
        firewall.name,
        route_name="outgoing",
        route_table_name=table.name,
        resource_group_name=context.outputs[FOUNDATION]["group"],
        address_prefix="0.0.0.0/0",
        next_hop_type="VirtualAppliance",
        next_hop_ip_address=created.ip_configurations.apply(lambda found: found[0].private_ip_address),
        opts=context.options(),
    )
    return table


def create_bastion_host(bastion: BastionHost, context: ProgramContext) -> Outputs:
    """Create a host that reaches every machine of the network whose subnet lets it in."""
    subnet = add_subnet(
        bastion.name,
        context.outputs[bastion.network],
        context,
        subnet_name=BASTION_SUBNET,
        address_prefix=bastion.cidr,
    )
    address = create_public_address(bastion.name, context)
    created = azure.BastionHost(
        bastion.name,
        bastion_host_name=azure_name("bastion", context),
        sku={"name": "Basic"},
        ip_configurations=[{"name": "incoming", "subnet": {"id": subnet.id}, "public_ip_address": {"id": address.id}}],
        **common_arguments(context),
        opts=context.options(replace_on_changes=["ipConfigurations"]),
    )
    return {"id": created.id, "name": created.name}
