"""VPCs and subnets, and how the other parts of a network refer to each other."""

from __future__ import annotations

from ipaddress import IPv4Network
from typing import Final

from semantest_iac.infrastructure.simulated_cloud.aws.every_type import (
    REGION,
    REGIONAL_AND_TAGGED,
    TAGS,
)
from semantest_iac.infrastructure.simulated_cloud.limits import (
    Evidence,
    Network,
    OneOf,
    Range,
)
from semantest_iac.infrastructure.simulated_cloud.properties import (
    Property,
    alike,
    flag,
    integer,
    text,
)
from semantest_iac.infrastructure.simulated_cloud.refusal import Refusal
from semantest_iac.infrastructure.simulated_cloud.rules import (
    Choice,
    Guard,
    OnDelete,
    Reference,
    Surroundings,
    TypeRule,
)

VPC: Final = "aws:ec2/vpc:Vpc"
SUBNET: Final = "aws:ec2/subnet:Subnet"
SECURITY_GROUP: Final = "aws:ec2/securityGroup:SecurityGroup"

CFN, API, DOC, OBSERVED = Evidence.CFN, Evidence.API, Evidence.DOC, Evidence.OBSERVED
IN_VPC: Final = Reference(
    "vpcId",
    (VPC,),
    Refusal("InvalidVpcID.NotFound", "The vpc ID '{value}' does not exist"),
    OBSERVED,
    named="vpc",
    on_delete=OnDelete.REFUSE,
)


def arn(resource: str) -> str:
    """The template of an EC2 ARN."""
    return f"arn:aws:ec2:{{region}}:{{account}}:{resource}"


def in_use(noun: str) -> Refusal:
    """EC2's answer to the deletion of something that others stand on."""
    return Refusal("DependencyViolation", f"The {noun} '{{id}}' has dependencies and cannot be deleted.")


def refers(path: str, type_: str, code: str, noun: str, on_delete: OnDelete, pattern: str = "") -> Reference:
    """A reference to another part of the network, with EC2's answer where it is missing; its noun names the facts."""
    refusal = Refusal(code, f"The {noun} '{{value}}' does not exist")
    found = noun.removesuffix(" ID")
    return Reference(path, (type_,), refusal, OBSERVED, named=found, pattern=pattern, on_delete=on_delete)


def in_subnet(path: str) -> Reference:
    """A reference to a subnet that must stay while the referrer does."""
    return refers(path, SUBNET, "InvalidSubnetID.NotFound", "subnet ID", OnDelete.REFUSE)


def in_group(path: str, on_delete: OnDelete = OnDelete.REFUSE) -> Reference:
    """A reference to a security group."""
    return refers(path, SECURITY_GROUP, "InvalidGroup.NotFound", "security group", on_delete)


def _leaves_the_vpc(around: Surroundings) -> bool:
    wanted, whole = around.facts["cidrBlock"], around.facts["vpc"]["cidrBlock"]
    return bool(wanted and whole) and not IPv4Network(wanted).subnet_of(IPv4Network(whole))


def _overlaps_another(around: Surroundings) -> bool:
    wanted = around.facts["cidrBlock"]
    others = (row for row in around.rows(SUBNET) if row["vpcId"] == around.facts["vpcId"] and row["cidrBlock"])
    return bool(wanted) and any(IPv4Network(wanted).overlaps(IPv4Network(row["cidrBlock"])) for row in others)


def _subnet_properties() -> dict[str, Property]:
    flags = (
        *("assignIpv6AddressOnCreation", "enableDns64", "enableResourceNameDnsARecordOnLaunch"),
        *("enableResourceNameDnsAaaaRecordOnLaunch", "mapPublicIpOnLaunch"),
    )
    return {
        "vpcId": text(required=True, replaces=True),
        **alike(flag(default=False), *flags),
        "ipv6Native": flag(default=False, replaces=True),
        "mapCustomerOwnedIpOnLaunch": flag(),
        "availabilityZone": text(replaces=True, settled=True),
        "availabilityZoneId": text(replaces=True, settled=True),
        "cidrBlock": text(Network(16, 28, DOC), replaces=True, settled=True),
        "enableLniAtDeviceIndex": integer(),
        **alike(integer(replaces=True), "ipv4NetmaskLength", "ipv6NetmaskLength"),
        **alike(text(replaces=True), "ipv4IpamPoolId", "ipv6IpamPoolId", "outpostArn"),
        "ipv6CidrBlock": text(Network(44, 64, DOC)),
        "privateDnsHostnameTypeOnLaunch": text(OneOf(("ip-name", "resource-name"), DOC), settled=True),
        "customerOwnedIpv4Pool": text(),
        **REGION,
        **TAGS,
    }


TYPES: Final = {
    VPC: TypeRule(
        properties={
            "cidrBlock": text(Network(16, 28, DOC), replaces=True, settled=True),
            "enableDnsHostnames": flag(settled=True),
            "enableDnsSupport": flag(default=True),
            **alike(flag(settled=True), "assignGeneratedIpv6CidrBlock", "enableNetworkAddressUsageMetrics"),
            "instanceTenancy": text(OneOf(("dedicated", "default", "host"), CFN), default="default"),
            "ipv4IpamPoolId": text(replaces=True),
            "ipv4NetmaskLength": integer(Range(16, 28, DOC), replaces=True),
            "ipv6NetmaskLength": integer(Range(44, 60, DOC)),
            **alike(text(settled=True), "ipv6CidrBlock", "ipv6CidrBlockNetworkBorderGroup"),
            "ipv6IpamPoolId": text(),
            **REGION,
            **TAGS,
        },
        identity="vpc-{hex17}",
        planned=REGIONAL_AND_TAGGED,
        computed={
            "arn": arn("vpc/vpc-{hex17}"),
            "ownerId": "{account}",
            "defaultNetworkAclId": "acl-{hex17}",
            "defaultRouteTableId": "rtb-{hex17}",
            "mainRouteTableId": "rtb-{hex17}",
            "defaultSecurityGroupId": "sg-{hex17}",
            "dhcpOptionsId": "dopt-{hex17}",
            "ipv6AssociationId": "",
            "enableDnsHostnames": lambda _: False,
        },
        conditions=(
            Choice(1, 1, ("cidrBlock", "ipv4IpamPoolId"), CFN),
            Choice(0, 1, ("assignGeneratedIpv6CidrBlock", "ipv6IpamPoolId"), DOC),
        ),
        in_use=in_use("vpc"),
        latency=2,
    ),
    SUBNET: TypeRule(
        properties=_subnet_properties(),
        identity="subnet-{hex17}",
        planned=REGIONAL_AND_TAGGED,
        computed={
            "arn": arn("subnet/subnet-{hex17}"),
            "ownerId": "{account}",
            "availabilityZone": "{region}a",
            "availabilityZoneId": "{region}-az1",
            "ipv6CidrBlockAssociationId": "",
            "privateDnsHostnameTypeOnLaunch": "ip-name",
        },
        references=(IN_VPC,),
        conditions=(
            Choice(0, 1, ("availabilityZone", "availabilityZoneId"), CFN),
            Choice(0, 1, ("cidrBlock", "ipv4IpamPoolId"), CFN),
            Choice(1, 4, ("cidrBlock", "ipv4IpamPoolId", "ipv6IpamPoolId", "ipv6CidrBlock"), CFN),
        ),
        guards=(
            Guard(
                _leaves_the_vpc,
                Refusal("InvalidSubnet.Range", "The CIDR '{cidrBlock}' is invalid."),
                OBSERVED,
            ),
            Guard(
                _overlaps_another,
                Refusal("InvalidSubnet.Conflict", "The CIDR '{cidrBlock}' conflicts with another subnet"),
                OBSERVED,
            ),
        ),
        in_use=in_use("subnet"),
    ),
}
