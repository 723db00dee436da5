"""How traffic leaves a VPC: route tables, gateways and addresses."""

from __future__ import annotations

from ipaddress import IPv4Network
from typing import Final
from zlib import crc32

from semantest_iac.infrastructure.simulated_cloud.aws.networking import (
    NETWORK_FIREWALL_TYPE,
    SUBNET_TYPE,
    VPC_ENDPOINT_TYPE,
    VPC_TYPE,
    dependency_violation,
    network_reference,
)
from semantest_iac.infrastructure.simulated_cloud.aws.resource_type import AwsType
from semantest_iac.infrastructure.simulated_cloud.schema.properties import DOC, OBSERVED, CidrNetwork, OneOf
from semantest_iac.infrastructure.simulated_cloud.schema.published import COMPUTED, REPLACES, UNORDERED, refine
from semantest_iac.infrastructure.simulated_cloud.schema.refusals import Refusal
from semantest_iac.infrastructure.simulated_cloud.schema.rules import (
    Choice,
    GuardContext,
    OnDelete,
    RequestGuard,
    ResourceReference,
    TypeRule,
    UniqueHandle,
)
from semantest_iac.infrastructure.simulated_cloud.schema.values import RequestFacts

ROUTE_TABLE_TYPE: Final = "aws:ec2/routeTable:RouteTable"
ROUTE_TABLE_ASSOCIATION_TYPE: Final = "aws:ec2/routeTableAssociation:RouteTableAssociation"
NETWORK_ROUTE_TYPE: Final = "aws:ec2/route:Route"
INTERNET_GATEWAY_TYPE: Final = "aws:ec2/internetGateway:InternetGateway"
NAT_GATEWAY_TYPE: Final = "aws:ec2/natGateway:NatGateway"
EIP_TYPE: Final = "aws:ec2/eip:Eip"

_DESTINATIONS: Final = ("destinationCidrBlock", "destinationIpv6CidrBlock", "destinationPrefixListId")
_TARGETS: Final = (
    *("carrierGatewayId", "coreNetworkArn", "egressOnlyGatewayId", "gatewayId", "localGatewayId", "natGatewayId"),
    *("networkInterfaceId", "odbNetworkArn", "transitGatewayId", "vpcEndpointId", "vpcPeeringConnectionId"),
)


def _route_table_reference(path: str, on_delete: OnDelete) -> ResourceReference:
    return network_reference(path, ROUTE_TABLE_TYPE, "InvalidRouteTableID.NotFound", "routeTable ID", on_delete)


def _gateway_reference(path: str, type_: str, code: str, noun: str, pattern: str) -> ResourceReference:
    return network_reference(path, type_, code, noun, OnDelete.ALLOW, pattern)


def _route_id(facts: RequestFacts) -> str:
    destination = "".join(str(facts[name]) for name in _DESTINATIONS)
    return f"r-{facts['routeTableId']}{crc32(destination.encode())}"


def _is_in_vpc_but_no_subnet(context: GuardContext) -> bool:
    """Whether a route would lead a part of the VPC elsewhere that is no subnet; source: VPC's user guide on routes."""
    vpc_id, destination = context.facts["routeTable"]["vpcId"], context.facts["destinationCidrBlock"]
    ranges = [row["cidrBlock"] for row in context.resources_of(VPC_TYPE) if row["id"] == vpc_id and row["cidrBlock"]]
    if not destination or not any(IPv4Network(destination).subnet_of(IPv4Network(it)) for it in ranges):
        return False
    return destination not in [row["cidrBlock"] for row in context.resources_of(SUBNET_TYPE) if row["vpcId"] == vpc_id]


def _public_ip(facts: RequestFacts) -> str:
    return f"52.{facts['octets'].replace('-', '.')}"


def _private_ip(facts: RequestFacts) -> str:
    return f"10.{facts['octets'].replace('-', '.')}"


_CIDR: Final = refine(CidrNetwork(0, 32, DOC))
_CIDR_IPV6: Final = refine(CidrNetwork(0, 128, DOC))

ROUTING_TYPES: Final[dict[str, TypeRule]] = {
    ROUTE_TABLE_TYPE: AwsType(ROUTE_TABLE_TYPE, "rtb-{hex17}").rule(
        {
            **dict.fromkeys(("propagatingVgws", "routes"), UNORDERED),
            "routes.cidrBlock": _CIDR,
            "routes.ipv6CidrBlock": _CIDR_IPV6,
        },
        in_use_refusal=dependency_violation("routeTable"),
    ),
    ROUTE_TABLE_ASSOCIATION_TYPE: AwsType(ROUTE_TABLE_ASSOCIATION_TYPE, "rtbassoc-{hex17}").rule(
        {"gatewayId": REPLACES},  # CloudFormation has a type of its own for gateways
        unique=(
            UniqueHandle(
                "{subnetId}{gatewayId}",
                Refusal(
                    "Resource.AlreadyAssociated",
                    "the specified association for route table {routeTableId} conflicts with an existing association",
                ),
            ),
        ),
        references=(_route_table_reference("routeTableId", OnDelete.REFUSE),),
        conditions=(Choice(1, 1, ("subnetId", "gatewayId"), DOC),),
    ),
    NETWORK_ROUTE_TYPE: AwsType(NETWORK_ROUTE_TYPE, _route_id).rule(
        {"destinationCidrBlock": _CIDR, "destinationIpv6CidrBlock": _CIDR_IPV6},
        computed={"origin": "CreateRoute", "state": "active"},
        unique=(
            UniqueHandle(
                "{routeTableId} {destinationCidrBlock}{destinationIpv6CidrBlock}{destinationPrefixListId}",
                Refusal(
                    "RouteAlreadyExists",
                    "The route identified by {destinationCidrBlock}{destinationIpv6CidrBlock}"
                    "{destinationPrefixListId} already exists.",
                ),
            ),
        ),
        references=(
            _route_table_reference("routeTableId", OnDelete.CASCADE),
            _gateway_reference(
                "gatewayId", INTERNET_GATEWAY_TYPE, "InvalidGatewayID.NotFound", "gateway ID", r"^(igw-.+)$"
            ),
            _gateway_reference("natGatewayId", NAT_GATEWAY_TYPE, "InvalidNatGatewayID.NotFound", "nat gateway ID", ""),
            ResourceReference(
                "vpcEndpointId",
                (VPC_ENDPOINT_TYPE, NETWORK_FIREWALL_TYPE),  # a firewall has an endpoint in each of its subnets
                Refusal("InvalidVpcEndpointId.NotFound", "The vpcEndpoint ID '{value}' does not exist"),
                OBSERVED,
            ),
        ),
        guards=(
            RequestGuard(
                _is_in_vpc_but_no_subnet,
                Refusal(
                    "InvalidParameterValue",
                    "The destination CIDR block {destinationCidrBlock} is more specific than the local route, and must "
                    "match the CIDR block of a subnet in the VPC.",
                ),
                DOC,
            ),
        ),
        conditions=(Choice(1, 1, _DESTINATIONS, DOC), Choice(1, 1, _TARGETS, DOC)),
    ),
    INTERNET_GATEWAY_TYPE: AwsType(INTERNET_GATEWAY_TYPE, "igw-{hex17}").rule(
        computed={"vpcId": ""},
        unique=(
            UniqueHandle(
                "{vpcId}",
                Refusal("InvalidParameterValue", "Network {vpcId} already has an internet gateway attached"),
            ),
        ),
    ),
    EIP_TYPE: AwsType(
        EIP_TYPE, "eipalloc-{hex17}", arn="arn:aws:ec2:{region}:{account}:elastic-ip/eipalloc-{hex17}"
    ).rule(
        {
            "domain": refine(OneOf(("vpc",), DOC), force_new=True),  # the provider has no call to change these
            **dict.fromkeys(("publicIpv4Pool", "customerOwnedIpv4Pool"), REPLACES),
        },
        computed={
            "allocationId": "eipalloc-{hex17}",
            "domain": "vpc",
            "networkBorderGroup": "{region}",
            "publicIpv4Pool": "amazon",
            "publicIp": _public_ip,
            "publicDns": "ec2-52-{octets}.{region}.compute.amazonaws.com",
            **dict.fromkeys(("instance", "networkInterface"), ""),
        },
        in_use_refusal=Refusal("InvalidIPAddress.InUse", "Address {publicIp} is in use."),
    ),
    NAT_GATEWAY_TYPE: AwsType(NAT_GATEWAY_TYPE, "nat-{hex17}").rule(
        {
            "secondaryAllocationIds": UNORDERED,
            "availabilityZoneAddresses": COMPUTED,
            **dict.fromkeys(
                ("availabilityZoneAddresses.availabilityZone", "availabilityZoneAddresses.availabilityZoneId"), COMPUTED
            ),
        },
        computed={
            "publicIp": "{allocation[publicIp]}",
            "networkInterfaceId": "eni-{hex17}",
            "associationId": "eipassoc-{hex17}",
            "vpcId": "{subnet[vpcId]}",
            "privateIp": _private_ip,
            "availabilityZoneAddresses": lambda _: [],
            "secondaryPrivateIpAddressCount": lambda _: 0,
        },
        unique=(
            UniqueHandle(
                "{allocationId}",
                Refusal("Resource.AlreadyAssociated", "Elastic IP address [{allocationId}] is already associated"),
            ),
        ),
        references=(
            network_reference(
                "allocationId", EIP_TYPE, "InvalidAllocationID.NotFound", "allocation ID", OnDelete.REFUSE
            ),
        ),
        latency_seconds=90,
    ),
}
