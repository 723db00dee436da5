"""How traffic leaves a VPC: route tables, gateways and addresses."""

from __future__ import annotations

from typing import Final
from zlib import crc32

from semantest_iac.infrastructure.simulated_cloud.aws.networking import (
    VPC_REFERENCE,
    dependency_violation,
    ec2_arn_template,
    network_reference,
    subnet_reference,
)
from semantest_iac.infrastructure.simulated_cloud.aws.resource_type import (
    REGION_AND_TAGS_OUTPUTS,
    REGION_OUTPUT,
    REGION_PROPERTY,
    TAGS_PROPERTY,
    AwsType,
)
from semantest_iac.infrastructure.simulated_cloud.schema.properties import (
    CFN,
    DOC,
    CidrNetwork,
    OneOf,
    Range,
    block,
    for_each,
    integer,
    list_of,
    set_of,
    text,
)
from semantest_iac.infrastructure.simulated_cloud.schema.refusals import Refusal
from semantest_iac.infrastructure.simulated_cloud.schema.rules import (
    Choice,
    OnDelete,
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


def _public_ip(facts: RequestFacts) -> str:
    return f"52.{facts['octets'].replace('-', '.')}"


def _private_ip(facts: RequestFacts) -> str:
    return f"10.{facts['octets'].replace('-', '.')}"


ROUTING_TYPES: Final = {
    ROUTE_TABLE_TYPE: TypeRule(
        properties={
            "vpcId": text(required=True, force_new=True),
            "propagatingVgws": set_of(text(), computed_default=True),
            "routes": set_of(
                block(
                    {
                        "cidrBlock": text(CidrNetwork(0, 32, DOC)),
                        "ipv6CidrBlock": text(CidrNetwork(0, 128, DOC)),
                        **for_each(text(), "destinationPrefixListId", *_TARGETS),
                    }
                ),
                computed_default=True,
            ),
            **REGION_PROPERTY,
            **TAGS_PROPERTY,
        },
        identity="rtb-{hex17}",
        planned=REGION_AND_TAGS_OUTPUTS,
        computed={
            "arn": ec2_arn_template("route-table/rtb-{hex17}"),
            "ownerId": "{account}",
            **dict.fromkeys(("propagatingVgws", "routes"), lambda _: []),
        },
        references=(VPC_REFERENCE,),
        in_use_refusal=dependency_violation("routeTable"),
    ),
    ROUTE_TABLE_ASSOCIATION_TYPE: TypeRule(
        properties={
            "routeTableId": text(required=True),
            **for_each(text(force_new=True), "gatewayId", "subnetId"),
            **REGION_PROPERTY,
        },
        identity="rtbassoc-{hex17}",
        planned=REGION_OUTPUT,
        unique=(
            UniqueHandle(
                "{subnetId}{gatewayId}",
                Refusal(
                    "Resource.AlreadyAssociated",
                    "the specified association for route table {routeTableId} conflicts with an existing association",
                ),
            ),
        ),
        references=(_route_table_reference("routeTableId", OnDelete.REFUSE), subnet_reference("subnetId")),
        conditions=(Choice(1, 1, ("subnetId", "gatewayId"), DOC),),
    ),
    NETWORK_ROUTE_TYPE: TypeRule(
        properties={
            "routeTableId": text(required=True, force_new=True),
            "destinationCidrBlock": text(CidrNetwork(0, 32, DOC), force_new=True),
            "destinationIpv6CidrBlock": text(CidrNetwork(0, 128, DOC), force_new=True),
            "destinationPrefixListId": text(force_new=True),
            **for_each(text(), *_TARGETS),
            **REGION_PROPERTY,
        },
        identity=_route_id,
        planned=REGION_OUTPUT,
        computed={"origin": "CreateRoute", "state": "active", "instanceId": "", "instanceOwnerId": ""},
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
        ),
        conditions=(Choice(1, 1, _DESTINATIONS, DOC), Choice(1, 1, _TARGETS, DOC)),
    ),
    INTERNET_GATEWAY_TYPE: AwsType(INTERNET_GATEWAY_TYPE, "igw-{hex17}").rule(
        computed={"vpcId": ""},
        references=(VPC_REFERENCE,),
        unique=(
            UniqueHandle(
                "{vpcId}",
                Refusal("InvalidParameterValue", "Network {vpcId} already has an internet gateway attached"),
            ),
        ),
    ),
    EIP_TYPE: TypeRule(
        properties={
            **for_each(text(force_new=True), "address", "ipamPoolId"),
            "domain": text(OneOf(("vpc",), DOC), force_new=True, computed_default=True),
            "networkBorderGroup": text(force_new=True, computed_default=True),
            "publicIpv4Pool": text(force_new=True, computed_default=True),
            "customerOwnedIpv4Pool": text(force_new=True),
            "associateWithPrivateIp": text(),
            **for_each(text(computed_default=True), "instance", "networkInterface"),
            **REGION_PROPERTY,
            **TAGS_PROPERTY,
        },
        identity="eipalloc-{hex17}",
        planned=REGION_AND_TAGS_OUTPUTS,
        computed={
            "allocationId": "eipalloc-{hex17}",
            "arn": ec2_arn_template("elastic-ip/eipalloc-{hex17}"),
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
        in_use_refusal=Refusal("InvalidIPAddress.InUse", "Address {publicIp} is in use."),
    ),
    NAT_GATEWAY_TYPE: TypeRule(
        properties={
            **for_each(text(force_new=True), "allocationId", "subnetId"),
            "vpcId": text(force_new=True, computed_default=True),
            "privateIp": text(force_new=True, computed_default=True),
            "availabilityMode": text(OneOf(("regional", "zonal"), CFN), force_new=True, computed_default=True),
            "availabilityZoneAddresses": set_of(
                block(
                    {
                        "allocationIds": set_of(text()),
                        **for_each(text(computed_default=True), "availabilityZone", "availabilityZoneId"),
                    }
                ),
                computed_default=True,
            ),
            "connectivityType": text(OneOf(("private", "public"), CFN), force_new=True, default="public"),
            "secondaryAllocationIds": set_of(text(), computed_default=True),
            "secondaryPrivateIpAddressCount": integer(Range(1, 31, CFN), computed_default=True),
            "secondaryPrivateIpAddresses": list_of(text(), computed_default=True),
            **REGION_PROPERTY,
            **TAGS_PROPERTY,
        },
        identity="nat-{hex17}",
        planned=REGION_AND_TAGS_OUTPUTS,
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
            UniqueHandle(
                "{allocationId}",
                Refusal("Resource.AlreadyAssociated", "Elastic IP address [{allocationId}] is already associated"),
            ),
        ),
        references=(
            subnet_reference("subnetId"),
            network_reference(
                "allocationId", EIP_TYPE, "InvalidAllocationID.NotFound", "allocation ID", OnDelete.REFUSE
            ),
        ),
        latency_seconds=90,
    ),
}
