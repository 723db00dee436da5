"""Networks for functions, on EC2."""

from __future__ import annotations

import ipaddress

import pulumi
import pulumi_aws as aws

from semantest_iac.domain.networking.networks import ExistingNetwork, PrivateNetwork
from semantest_iac.infrastructure.cloud_programs.aws.foundation import aws_name
from semantest_iac.infrastructure.cloud_programs.context import Outputs, ProgramContext

_HTTPS_PORT = 443
_SUBNET_BITS = 8
_ZONES_WITHOUT_LAMBDA = ["use1-az3"]  # Lambda refuses functions in subnets of these zones


def use_existing_network(network: ExistingNetwork, context: ProgramContext) -> Outputs:
    """Create nothing: the network is managed elsewhere."""
    return {"subnet_ids": list(network.subnet_ids), "security_group_ids": list(network.security_group_ids)}


def create_private_network(network: PrivateNetwork, context: ProgramContext) -> Outputs:
    """Create a VPC with one subnet per zone and a security group that only allows HTTPS out."""
    vpc = aws.ec2.Vpc(
        network.name,
        cidr_block=network.cidr,
        enable_dns_hostnames=True,
        enable_dns_support=True,
        tags={**context.tags, "Name": aws_name("tag", context)},
        opts=context.options(),
    )
    subnets = _create_subnets(network, vpc, context)
    group = _create_security_group(network, vpc, context)
    if network.reaches_secrets:
        _create_secrets_endpoint(network, vpc, subnets, group, context)
    return {"subnet_ids": [subnet.id for subnet in subnets], "security_group_ids": [group.id]}


def find_zones(context: ProgramContext) -> pulumi.Output[aws.GetAvailabilityZonesResult]:
    """Ask for the zones of the region that functions can be in."""
    zones: pulumi.Output[aws.GetAvailabilityZonesResult] = aws.get_availability_zones_output(
        state="available",
        exclude_zone_ids=_ZONES_WITHOUT_LAMBDA,
        filters=[  # a Local Zone would come first, and has to be opted into
            {"name": "opt-in-status", "values": ["opt-in-not-required"]},
            {"name": "zone-type", "values": ["availability-zone"]},
        ],
        opts=pulumi.InvokeOutputOptions(parent=context.parent),
    )
    return zones


def _create_subnets(network: PrivateNetwork, vpc: aws.ec2.Vpc, context: ProgramContext) -> list[aws.ec2.Subnet]:
    zones = find_zones(context)
    block = ipaddress.ip_network(network.cidr)
    ranges = list(block.subnets(prefixlen_diff=min(_SUBNET_BITS, 28 - block.prefixlen)))[: network.zones]
    return [
        aws.ec2.Subnet(
            f"{network.name}-{number}",
            vpc_id=vpc.id,
            cidr_block=str(cidr),
            availability_zone=zones.names[number],
            tags=context.tags,
            opts=context.options(),
        )
        for number, cidr in enumerate(ranges)
    ]


def _create_security_group(network: PrivateNetwork, vpc: aws.ec2.Vpc, context: ProgramContext) -> aws.ec2.SecurityGroup:
    group = aws.ec2.SecurityGroup(
        network.name,
        name=aws_name("security group", context),
        description="Semantest functions: HTTPS out, nothing in",
        vpc_id=vpc.id,
        tags=context.tags,
        # Only another VPC replaces it, where the name is free; what uses the old group needs it until then.
        opts=context.options(delete_before_replace=False),
    )
    aws.vpc.SecurityGroupEgressRule(
        network.name,
        security_group_id=group.id,
        ip_protocol="tcp",
        from_port=_HTTPS_PORT,
        to_port=_HTTPS_PORT,
        cidr_ipv4="0.0.0.0/0",
        tags=context.tags,
        opts=context.options(),
    )
    return group


def _create_secrets_endpoint(
    network: PrivateNetwork,
    vpc: aws.ec2.Vpc,
    subnets: list[aws.ec2.Subnet],
    group: aws.ec2.SecurityGroup,
    context: ProgramContext,
) -> None:
    """Create a private endpoint of the secret store that only members of the group can reach."""
    aws.vpc.SecurityGroupIngressRule(
        network.name,
        security_group_id=group.id,
        referenced_security_group_id=group.id,
        ip_protocol="tcp",
        from_port=_HTTPS_PORT,
        to_port=_HTTPS_PORT,
        tags=context.tags,
        opts=context.options(),
    )
    aws.ec2.VpcEndpoint(
        network.name,
        vpc_id=vpc.id,
        service_name=f"com.amazonaws.{context.stack.region}.secretsmanager",
        vpc_endpoint_type="Interface",
        private_dns_enabled=True,
        subnet_ids=[subnet.id for subnet in subnets],
        security_group_ids=[group.id],
        tags=context.tags,
        opts=context.options(),
    )
