"""How traffic leaves a VPC: route tables, gateways and addresses."""

from __future__ import annotations

from typing import Final
from zlib import crc32

from semantest_iac.infrastructure.simulated_cloud.aws.every_type import (
    REGION,
    REGIONAL,
    REGIONAL_AND_TAGGED,
    TAGS,
)
from semantest_iac.infrastructure.simulated_cloud.aws.networking import IN_VPC, arn, in_subnet, in_use, refers
from semantest_iac.infrastructure.simulated_cloud.limits import Evidence, Network, OneOf, Range
from semantest_iac.infrastructure.simulated_cloud.properties import (
    alike,
    block,
    integer,
    list_of,
    set_of,
    text,
)
from semantest_iac.infrastructure.simulated_cloud.refusal import Refusal
from semantest_iac.infrastructure.simulated_cloud.rules import Choice, OnDelete, Reference, TypeRule, Unique
from semantest_iac.infrastructure.simulated_cloud.values import Facts

ROUTE_TABLE: Final = "aws:ec2/routeTable:RouteTable"
ROUTE_TABLE_ASSOCIATION: Final = "aws:ec2/routeTableAssociation:RouteTableAssociation"
ROUTE: Final = "aws:ec2/route:Route"
INTERNET_GATEWAY: Final = "aws:ec2/internetGateway:InternetGateway"
NAT_GATEWAY: Final = "aws:ec2/natGateway:NatGateway"
EIP: Final = "aws:ec2/eip:Eip"

CFN, DOC, OBSERVED = Evidence.CFN, Evidence.DOC, Evidence.OBSERVED
_DESTINATIONS: Final = ("destinationCidrBlock", "destinationIpv6CidrBlock", "destinationPrefixListId")
_TARGETS: Final = (
    *("carrierGatewayId", "coreNetworkArn", "egressOnlyGatewayId", "gatewayId", "localGatewayId", "natGatewayId"),
    *("networkInterfaceId", "odbNetworkArn", "transitGatewayId", "vpcEndpointId", "vpcPeeringConnectionId"),
)


def _in_table(path: str, on_delete: OnDelete) -> Reference:
    return refers(path, ROUTE_TABLE, "InvalidRouteTableID.NotFound", "routeTable ID", on_delete)


def _by_way_of(path: str, type_: str, code: str, noun: str, pattern: str) -> Reference:
    return refers(path, type_, code, noun, OnDelete.ALLOW, pattern)


def _route_id(facts: Facts) -> str:
    destination = "".join(str(facts[name]) for name in _DESTINATIONS)
    return f"r-{facts['routeTableId']}{crc32(destination.encode())}"


def _public_ip(facts: Facts) -> str:
    return f"52.{facts['octets'].replace('-', '.')}"


def _private_ip(facts: Facts) -> str:
    return f"10.{facts['octets'].replace('-', '.')}"


TYPES: Final = {
    ROUTE_TABLE: TypeRule(
        properties={
            "vpcId": text(required=True, replaces=True),
            "propagatingVgws": set_of(text(), settled=True),
            "routes": set_of(
                block(
                    {
                        "cidrBlock": text(Network(0, 32, DOC)),
                        "ipv6CidrBlock": text(Network(0, 128, DOC)),
                        **alike(text(), "destinationPrefixListId", *_TARGETS),
                    }
                ),
                settled=True,
            ),
            **REGION,
            **TAGS,
        },
        identity="rtb-{hex17}",
        planned=REGIONAL_AND_TAGGED,
        computed={
            "arn": arn("route-table/rtb-{hex17}"),
            "ownerId": "{account}",
            **dict.fromkeys(("propagatingVgws", "routes"), lambda _: []),
        },
        references=(IN_VPC,),
        in_use=in_use("routeTable"),
    ),
    ROUTE_TABLE_ASSOCIATION: TypeRule(
        properties={
            "routeTableId": text(required=True),
            **alike(text(replaces=True), "gatewayId", "subnetId"),
            **REGION,
        },
        identity="rtbassoc-{hex17}",
        planned=REGIONAL,
        unique=(
            Unique(
                "{subnetId}{gatewayId}",
                Refusal(
                    "Resource.AlreadyAssociated",
                    "the specified association for route table {routeTableId} conflicts with an existing association",
                ),
            ),
        ),
        references=(_in_table("routeTableId", OnDelete.REFUSE), in_subnet("subnetId")),
        conditions=(Choice(1, 1, ("subnetId", "gatewayId"), DOC),),
    ),
    ROUTE: TypeRule(
        properties={
            "routeTableId": text(required=True, replaces=True),
            "destinationCidrBlock": text(Network(0, 32, DOC), replaces=True),
            "destinationIpv6CidrBlock": text(Network(0, 128, DOC), replaces=True),
            "destinationPrefixListId": text(replaces=True),
            **alike(text(), *_TARGETS),
            **REGION,
        },
        identity=_route_id,
        planned=REGIONAL,
        computed={"origin": "CreateRoute", "state": "active", "instanceId": "", "instanceOwnerId": ""},
        unique=(
            Unique(
                "{routeTableId} {destinationCidrBlock}{destinationIpv6CidrBlock}{destinationPrefixListId}",
                Refusal(
                    "RouteAlreadyExists",
                    "The route identified by {destinationCidrBlock}{destinationIpv6CidrBlock}"
                    "{destinationPrefixListId} already exists.",
                ),
            ),
        ),
        references=(
            _in_table("routeTableId", OnDelete.CASCADE),
            _by_way_of("gatewayId", INTERNET_GATEWAY, "InvalidGatewayID.NotFound", "gateway ID", r"^(igw-.+)$"),
            _by_way_of("natGatewayId", NAT_GATEWAY, "InvalidNatGatewayID.NotFound", "nat gateway ID", ""),
        ),
        conditions=(Choice(1, 1, _DESTINATIONS, DOC), Choice(1, 1, _TARGETS, DOC)),
    ),
    INTERNET_GATEWAY: TypeRule(
        properties={"vpcId": text(settled=True), **REGION, **TAGS},
        identity="igw-{hex17}",
        planned=REGIONAL_AND_TAGGED,
        computed={"arn": arn("internet-gateway/igw-{hex17}"), "ownerId": "{account}", "vpcId": ""},
        unique=(
            Unique(
                "{vpcId}",
                Refusal("InvalidParameterValue", "Network {vpcId} already has an internet gateway attached"),
            ),
        ),
        references=(IN_VPC,),
    ),
    EIP: TypeRule(
        properties={
            **alike(text(replaces=True), "address", "ipamPoolId"),
            "domain": text(OneOf(("vpc",), DOC), replaces=True, settled=True),
            "networkBorderGroup": text(replaces=True, settled=True),
            "publicIpv4Pool": text(replaces=True, settled=True),
            "customerOwnedIpv4Pool": text(replaces=True),
            "associateWithPrivateIp": text(),
            **alike(text(settled=True), "instance", "networkInterface"),
            **REGION,
            **TAGS,
        },
        identity="eipalloc-{hex17}",
        planned=REGIONAL_AND_TAGGED,
        computed={
            "allocationId": "eipalloc-{hex17}",
            "arn": arn("elastic-ip/eipalloc-{hex17}"),
            "domain": "vpc",
            "networkBorderGroup": "{region}",
            "publicIpv4Pool": "amazon",
            "publicIp": _public_ip,
            "publicDns": "ec2-52-{octets}.{region}.compute.amazonaws.com",
            **dict.fromkeys(
                (
                    *("associationId", "carrierIp", "customerOwnedIp", "instance", "networkInterface"),
                    *("privateDns", "privateIp", "ptrRecord"),
                ),
                "",
            ),
        },
        in_use=Refusal("InvalidIPAddress.InUse", "Address {publicIp} is in use."),
    ),
    NAT_GATEWAY: TypeRule(
        properties={
            **alike(text(replaces=True), "allocationId", "subnetId"),
            "vpcId": text(replaces=True, settled=True),
            "privateIp": text(replaces=True, settled=True),
            "availabilityMode": text(OneOf(("regional", "zonal"), CFN), replaces=True, settled=True),
            "availabilityZoneAddresses": set_of(
                block(
                    {
                        "allocationIds": set_of(text()),
                        **alike(text(settled=True), "availabilityZone", "availabilityZoneId"),
                    }
                ),
                settled=True,
            ),
            "connectivityType": text(OneOf(("private", "public"), CFN), replaces=True, default="public"),
            "secondaryAllocationIds": set_of(text(), settled=True),
            "secondaryPrivateIpAddressCount": integer(Range(1, 31, CFN), settled=True),
            "secondaryPrivateIpAddresses": list_of(text(), settled=True),
            **REGION,
            **TAGS,
        },
        identity="nat-{hex17}",
        planned=REGIONAL_AND_TAGGED,
        computed={
            "publicIp": "{allocation[publicIp]}",
            "availabilityMode": "zonal",
            "networkInterfaceId": "eni-{hex17}",
            "associationId": "eipassoc-{hex17}",
            "vpcId": "{subnet[vpcId]}",
            "privateIp": _private_ip,
            **dict.fromkeys(("autoProvisionZones", "autoScalingIps", "regionalNatGatewayAutoMode", "routeTableId"), ""),
            **dict.fromkeys(
                (
                    *("availabilityZoneAddresses", "regionalNatGatewayAddresses"),
                    *("secondaryAllocationIds", "secondaryPrivateIpAddresses"),
                ),
                lambda _: [],
            ),
            "secondaryPrivateIpAddressCount": lambda _: 0,
        },
        unique=(
            Unique(
                "{allocationId}",
                Refusal("Resource.AlreadyAssociated", "Elastic IP address [{allocationId}] is already associated"),
            ),
        ),
        references=(
            in_subnet("subnetId"),
            refers("allocationId", EIP, "InvalidAllocationID.NotFound", "allocation ID", OnDelete.REFUSE),
        ),
        latency=90,
    ),
}
