"""Virtual networks with their subnets, access rules and NAT gateways."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from pulumi_azure_native import network as azure

from semantest_iac.domain.costs.tiers import Tier
from semantest_iac.domain.networking.access_rules import AccessRules, AllowedAccess, NetworkPart
from semantest_iac.domain.networking.virtual_networks import NatGateway, Subnet, VirtualNetwork
from semantest_iac.infrastructure.cloud_programs.azure.foundation import azure_name, common_arguments
from semantest_iac.infrastructure.cloud_programs.cloud import FOUNDATION
from semantest_iac.infrastructure.cloud_programs.context import Outputs, ProgramContext

ENVIRONMENTS_SERVICE, PLANS_SERVICE = "Microsoft.App/environments", "Microsoft.Web/serverFarms"
_DELEGATIONS = {
    NetworkPart.APP: ENVIRONMENTS_SERVICE,  # workload profiles; an environment without them takes no delegation
    NetworkPart.FUNCTIONS: ENVIRONMENTS_SERVICE,  # the Flex Consumption plan
    NetworkPart.GATEWAY: PLANS_SERVICE,  # API Management's v2 tiers
}
"""The service that each subnet belongs to; source: the services' documentation on joining networks."""
INJECTED_TIER: Tier = "basic"
"""The tier of the gateway that is put into its subnet, Developer: a classic tier, whose subnet is delegated to nobody.

Source: Azure's page on the network resources for the injection of API Management.
"""
_INJECTED_RULES: tuple[tuple[str, str, str, int], ...] = (
    # Besides those of the platform, and those to services of Azure by HTTPS; source: the rules that Azure's page on
    # API Management in virtual networks recommends.
    ("managed-by-azure", "Inbound", "ApiManagement", 3443),
    ("certificates", "Outbound", "Internet", 80),
    ("its-own-database", "Outbound", "Sql", 1433),
    ("its-own-metrics", "Outbound", "AzureMonitor", 1886),
)

_NOT_IN_NAMES = re.compile(r"[./]")
_SERVICE_TAGS = {NetworkPart.INTERNET: "Internet", NetworkPart.CLOUD_SERVICES: "AzureCloud"}
_FIRST_PRIORITY, _PRIORITY_STEP, _PROBES_PRIORITY, _LAST_PRIORITY = 100, 10, 4000, 4096
_INJECTED_PRIORITY = 3000
_IDLE_MINUTES = 4


def create_virtual_network(network: VirtualNetwork, context: ProgramContext) -> Outputs:
    """Create the network alone: its subnets are resources of their own, which an update of it must not remove."""
    plan = context.outputs[network.protection]["plan_id"] if network.protection else None
    created = azure.VirtualNetwork(
        network.name,
        virtual_network_name=azure_name("network", context, network.cidr),  # another range means another network
        address_space={"address_prefixes": [network.cidr]},
        ddos_protection_plan={"id": plan} if plan else None,
        enable_ddos_protection=True if plan else None,
        **common_arguments(context),
        opts=context.options(ignore_changes=["subnets"], delete_before_replace=False),
    )
    return {"id": created.id, "name": created.name, "chain": [created]}


def add_subnet(name: str, network: Outputs, context: ProgramContext, **arguments: Any) -> azure.Subnet:
    """Create a subnet once the one before it is there: a network refuses a second change while one is under way."""
    chain = network["chain"]
    created = azure.Subnet(
        name,
        virtual_network_name=network["name"],
        resource_group_name=context.outputs[FOUNDATION]["group"],
        opts=context.options(depends_on=[chain[-1]], delete_before_replace=False),
        **arguments,
    )
    chain.append(created)
    return created


def create_subnet(subnet: Subnet, context: ProgramContext) -> Outputs:
    """Create a subnet that spans all zones, whose rules hold for private endpoints in it too."""
    egress = context.outputs[subnet.egress] if subnet.egress else {}
    is_injected = subnet.part is NetworkPart.GATEWAY and subnet.tier == INJECTED_TIER
    service = None if is_injected else _DELEGATIONS.get(subnet.part)
    created = add_subnet(
        subnet.name,
        context.outputs[subnet.network],
        context,
        subnet_name=f"{subnet.part.value}-{_NOT_IN_NAMES.sub('-', subnet.cidr)}",  # as for the network
        address_prefix=subnet.cidr,
        default_outbound_access=False,
        delegations=[{"name": subnet.part.value, "service_name": service}] if service else None,
        network_security_group={"id": context.outputs[subnet.access][subnet.part.value]},
        nat_gateway={"id": egress["nat_gateway_id"]} if "nat_gateway_id" in egress else None,
        route_table={"id": egress["route_table_id"]} if "route_table_id" in egress else None,
        private_endpoint_network_policies="NetworkSecurityGroupEnabled",
    )
    return {"subnet_id": created.id}


def create_access_rules(rules: AccessRules, context: ProgramContext) -> Outputs:
    """Create one network security group for each part that takes one; the bastion host has rules of its own."""
    return {
        part.value: azure.NetworkSecurityGroup(
            f"{rules.name}-{part.value}",
            network_security_group_name=azure_name("security group", context, part.value),
            security_rules=list(_list_rules(rules, part)),
            **common_arguments(context),
            opts=context.options(),
        ).id
        for part in rules.cidrs
        if part is not NetworkPart.BASTION
    }


def _list_rules(rules: AccessRules, part: NetworkPart) -> Iterator[dict[str, Any]]:
    """Yield what the table allows, then refuse all else, before Azure's own rules, which allow much."""
    for row in rules.allowed:
        priority = _FIRST_PRIORITY + _PRIORITY_STEP * row.number
        if row.target is part:
            yield _allow(rules, row, "Inbound", priority)
        if row.source is part:
            yield _allow(rules, row, "Outbound", priority)
    if part is NetworkPart.GATEWAY and rules.gateway_tier == INJECTED_TIER:
        yield from _list_injected_rules(rules.cidrs[part])
    yield _rule("health-probes", "Inbound", _PROBES_PRIORITY, "Allow", source_address_prefix="AzureLoadBalancer")
    yield _rule("nothing-else-in", "Inbound", _LAST_PRIORITY, "Deny")
    yield _rule("nothing-else-out", "Outbound", _LAST_PRIORITY, "Deny")


def _list_injected_rules(cidr: str) -> Iterator[dict[str, Any]]:
    for number, (name, direction, tag, port) in enumerate(_INJECTED_RULES):
        incoming = direction == "Inbound"
        yield _rule(
            name,
            direction,
            _INJECTED_PRIORITY + _PRIORITY_STEP * number,
            "Allow",
            description="API Management needs it inside of a network",
            protocol="Tcp",
            source_address_prefix=tag if incoming else cidr,
            destination_address_prefix=cidr if incoming else tag,
            destination_port_ranges=[str(port)],
        )


def _allow(rules: AccessRules, row: AllowedAccess, direction: str, priority: int) -> dict[str, Any]:
    return _rule(
        f"{row.source}-to-{row.target}-{direction.lower()}",
        direction,
        priority,
        "Allow",
        description=row.reason,
        protocol="Tcp",
        source_address_prefix=_find_prefix(rules, row.source),
        destination_address_prefix=_find_prefix(rules, row.target),
        **({"destination_port_ranges": [str(it) for it in row.ports]} if row.ports else {}),
    )


def _rule(name: str, direction: str, priority: int, access: str, **limits: Any) -> dict[str, Any]:
    """Build a rule for all traffic that the limits leave."""
    everything = ("protocol", "source_address_prefix", "source_port_range", "destination_address_prefix")
    ports = {} if "destination_port_ranges" in limits else {"destination_port_range": "*"}
    rule = {"name": name, "direction": direction, "priority": priority, "access": access}
    return {**rule, **dict.fromkeys(everything, "*"), **ports, **limits}


def _find_prefix(rules: AccessRules, part: NetworkPart) -> str:
    return _SERVICE_TAGS[part] if part in _SERVICE_TAGS else rules.cidrs[part]


def create_public_address(name: str, context: ProgramContext) -> azure.PublicIPAddress:
    """Create an address of the one kind that gateways, firewalls and bastion hosts take."""
    return azure.PublicIPAddress(
        name,
        public_ip_address_name=azure_name("public address", context, name),
        sku={"name": "Standard", "tier": "Regional"},
        public_ip_allocation_method="Static",
        public_ip_address_version="IPv4",
        **common_arguments(context),
        opts=context.options(),
    )


def create_nat_gateway(gateway: NatGateway, context: ProgramContext) -> Outputs:
    """Create a gateway without a zone: Azure has none that spans them."""
    address = create_public_address(gateway.name, context)
    created = azure.NatGateway(
        gateway.name,
        nat_gateway_name=azure_name("nat gateway", context),
        sku={"name": "Standard"},
        public_ip_addresses=[{"id": address.id}],
        idle_timeout_in_minutes=_IDLE_MINUTES,
        **common_arguments(context),
        opts=context.options(),
    )
    return {"nat_gateway_id": created.id, "public_ip": address.ip_address}
