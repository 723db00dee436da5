"""Virtual networks with their subnets, access rules and NAT gateways, on EC2."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_network
from typing import NamedTuple

import pulumi
import pulumi_aws as aws

from semantest_iac.domain.networking.access_rules import (
    HTTPS_PORT,
    OUTSIDE_PARTS,
    AccessRules,
    AllowedAccess,
    NetworkPart,
)
from semantest_iac.domain.networking.virtual_networks import NatGateway, Subnet, VirtualNetwork
from semantest_iac.infrastructure.cloud_programs.aws.foundation import aws_name
from semantest_iac.infrastructure.cloud_programs.aws.private_networks import find_zones
from semantest_iac.infrastructure.cloud_programs.context import Outputs, ProgramContext

ANYWHERE = "0.0.0.0/0"


def create_virtual_network(network: VirtualNetwork, context: ProgramContext) -> Outputs:
    """Create a VPC with a public subnet in each zone, whose traffic to the outside goes through an internet gateway."""
    vpc = aws.ec2.Vpc(
        network.name,
        cidr_block=network.cidr,
        enable_dns_hostnames=True,
        enable_dns_support=True,
        tags=name_tags(context, network.name),
        opts=context.options(),
    )
    gateway = aws.ec2.InternetGateway(
        network.name,
        vpc_id=vpc.id,
        tags=context.tags,
        # A network with public addresses does not let its gateway go, so another network gets another one.
        opts=context.options(replace_on_changes=["vpcId"]),
    )
    zones = find_zones(context)
    subnets, tables = [], []
    for number, cidr in enumerate(split_by_zone(network.public_cidr, network.zones)):
        name = f"{network.name}-public-{number}"
        subnet, table = create_zone_subnet(name, vpc.id, zones.names[number], cidr, context)
        aws.ec2.Route(
            name,
            route_table_id=table.id,
            destination_cidr_block=ANYWHERE,
            gateway_id=gateway.id,
            opts=context.options(),
        )
        subnets.append(subnet.id)
        tables.append(table.id)
    return {
        "id": vpc.id,
        "cidr": network.cidr,
        "zone_names": [zones.names[number] for number in range(network.zones)],
        "public_subnet_ids": subnets,
        "public_route_table_ids": tables,
        "internet_gateway": gateway,
    }


def name_tags(context: ProgramContext, purpose: str) -> dict[str, str]:
    """Return the tags of a resource that has no name besides one of them."""
    return {**context.tags, "Name": aws_name("tag", context, purpose)}


def split_by_zone(cidr: str, zones: int) -> list[str]:
    """Return the addresses of each zone: equal parts, of which some are left over unless there are 2, 4 or 8 zones."""
    parts = ip_network(cidr).subnets(prefixlen_diff=(zones - 1).bit_length())
    return [str(part) for part, _ in zip(parts, range(zones), strict=False)]


def create_zone_subnet(
    name: str, vpc_id: pulumi.Input[str], zone: pulumi.Input[str], cidr: str, context: ProgramContext
) -> tuple[aws.ec2.Subnet, aws.ec2.RouteTable]:
    """Create a subnet in one zone with a route table of its own, which at first leads nowhere outside."""
    subnet = aws.ec2.Subnet(
        name,
        vpc_id=vpc_id,
        cidr_block=cidr,
        availability_zone=zone,
        tags=name_tags(context, name),
        opts=context.options(),
    )
    table = aws.ec2.RouteTable(name, vpc_id=vpc_id, tags=name_tags(context, name), opts=context.options())
    aws.ec2.RouteTableAssociation(name, route_table_id=table.id, subnet_id=subnet.id, opts=context.options())
    return subnet, table


def create_subnet(subnet: Subnet, context: ProgramContext) -> Outputs:
    """Create a subnet in each zone, whose traffic to the outside goes through the gateway or firewall of its zone."""
    network = context.outputs[subnet.network]
    zones = network["zone_names"]
    created = []
    for number, cidr in enumerate(split_by_zone(subnet.cidr, len(zones))):
        name = f"{subnet.name}-{number}"
        one, table = create_zone_subnet(name, network["id"], zones[number], cidr, context)
        if subnet.egress:
            _create_egress(name, table, cidr, number, context.outputs[subnet.egress], context)
        created.append((one, table))
    return {
        "subnet_ids": [one.id for one, _ in created],
        "route_table_ids": [table.id for _, table in created],
        "security_group_ids": [context.outputs[subnet.access][subnet.part.value]],
    }


def _create_egress(
    name: str, table: aws.ec2.RouteTable, cidr: str, zone: int, egress: Outputs, context: ProgramContext
) -> None:
    """Route to the outside; through a firewall, the answers have to come back through it, too."""
    if "endpoint_ids" not in egress:
        aws.ec2.Route(
            name,
            route_table_id=table.id,
            destination_cidr_block=ANYWHERE,
            nat_gateway_id=egress["nat_gateway_ids"][zone],
            opts=context.options(),
        )
        return
    there_and_back = {name: (table.id, ANYWHERE), f"{name}-back": (egress["return_table_ids"][zone], cidr)}
    for route, (table_id, destination) in there_and_back.items():
        aws.ec2.Route(
            route,
            route_table_id=table_id,
            destination_cidr_block=destination,
            vpc_endpoint_id=egress["endpoint_ids"][zone],
            opts=context.options(),
        )


class _GroupRule(NamedTuple):
    """One rule of a security group: what it lets in from, or out to, the other part; None is any port."""

    owner: NetworkPart
    other: NetworkPart | None  # None is everywhere
    port: int | None
    is_incoming: bool

    @property
    def name(self) -> str:
        other = self.other or "anywhere"
        way = f"{self.owner}-from-{other}" if self.is_incoming else f"{self.owner}-to-{other}"
        return f"{way}-{self.port}" if self.port else way


def create_access_rules(rules: AccessRules, context: ProgramContext) -> Outputs:
    """Create one security group for each part, whose rules name the groups of the others."""
    vpc_id = context.outputs[rules.network]["id"]
    groups = {
        part: aws.ec2.SecurityGroup(
            f"{rules.name}-{part.value}",
            name=aws_name("security group", context, part.value),
            description=f"Semantest platform: {part.value}",
            vpc_id=vpc_id,
            tags=context.tags,
            # Only another VPC replaces it, where the name is free; what uses the old group needs it until then.
            opts=context.options(delete_before_replace=False),
        )
        for part in rules.cidrs
    }
    for rule in dict.fromkeys(it for row in rules.allowed for it in _list_group_rules(row)):
        _create_group_rule(rules, rule, groups, context)
    return {part.value: group.id for part, group in groups.items()}


def _list_group_rules(row: AllowedAccess) -> Iterator[_GroupRule]:
    """Yield a rule for each end that lies in the network; the services of AWS are reached by HTTPS alone."""
    ports = (HTTPS_PORT,) if row.target is NetworkPart.CLOUD_SERVICES else row.ports
    for port in ports or (None,):
        if row.source not in OUTSIDE_PARTS:
            yield _GroupRule(row.source, None if row.target in OUTSIDE_PARTS else row.target, port, False)
        if row.target not in OUTSIDE_PARTS:
            yield _GroupRule(row.target, None if row.source in OUTSIDE_PARTS else row.source, port, True)


def _create_group_rule(
    rules: AccessRules,
    rule: _GroupRule,
    groups: dict[NetworkPart, aws.ec2.SecurityGroup],
    context: ProgramContext,
) -> None:
    create = aws.vpc.SecurityGroupIngressRule if rule.is_incoming else aws.vpc.SecurityGroupEgressRule
    create(
        f"{rules.name}-{rule.name}",
        security_group_id=groups[rule.owner].id,
        ip_protocol="tcp",
        from_port=0 if rule.port is None else rule.port,
        to_port=65535 if rule.port is None else rule.port,
        cidr_ipv4=None if rule.other else ANYWHERE,
        referenced_security_group_id=groups[rule.other].id if rule.other else None,
        tags=context.tags,
        opts=context.options(),
    )


def create_nat_gateway(gateway: NatGateway, context: ProgramContext) -> Outputs:
    """Create a gateway with an address in one zone, or in each; a zone without one uses that of the first."""
    network = context.outputs[gateway.network]
    zones = len(network["zone_names"])
    count = zones if gateway.high_availability else 1
    created, addresses = [], []
    for number in range(count):
        name = f"{gateway.name}-{number}"
        address = aws.ec2.Eip(
            name,
            domain="vpc",
            tags=name_tags(context, name),
            opts=context.options(depends_on=[network["internet_gateway"]]),
        )
        nat = aws.ec2.NatGateway(
            name,
            subnet_id=network["public_subnet_ids"][number],
            allocation_id=address.id,
            tags=name_tags(context, name),
            # In another network it keeps its address, which one gateway has at a time.
            opts=context.options(depends_on=[network["internet_gateway"]], delete_before_replace=True),
        )
        created.append(nat.id)
        addresses.append(address)
    _protect_addresses(gateway, addresses, context)
    used = [number if number < count else 0 for number in range(zones)]
    return {
        "nat_gateway_ids": [created[number] for number in used],
        "return_table_ids": [network["public_route_table_ids"][number] for number in used],
        "public_ip": addresses[0].public_ip,
    }


def _protect_addresses(gateway: NatGateway, addresses: list[aws.ec2.Eip], context: ProgramContext) -> None:
    """Put the addresses under Shield Advanced, if there is a subscription; all others have Shield Standard."""
    subscription = context.outputs[gateway.protection]["subscription"] if gateway.protection else None
    for number, address in enumerate(addresses if subscription else ()):
        aws.shield.Protection(
            f"{gateway.name}-{number}",
            name=aws_name("protection", context, f"{gateway.name}-{number}"),
            resource_arn=address.arn,
            tags=context.tags,
            opts=context.options(depends_on=[subscription]),
        )
