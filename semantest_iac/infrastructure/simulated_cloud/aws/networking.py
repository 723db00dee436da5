"""VPCs, subnets, security groups and VPC endpoints, and how parts of a network refer to each other."""

from __future__ import annotations

from ipaddress import IPv4Network
from typing import Final

from semantest_iac.infrastructure.simulated_cloud.aws.resource_type import AwsType
from semantest_iac.infrastructure.simulated_cloud.runtime.naming import hex_suffix
from semantest_iac.infrastructure.simulated_cloud.schema.properties import (
    CFN,
    DOC,
    OBSERVED,
    CidrNetwork,
    Length,
    OneOf,
    Pattern,
    Range,
)
from semantest_iac.infrastructure.simulated_cloud.schema.published import (
    COMPUTED,
    UNORDERED,
    PropertyRefinement,
    correct,
    refine,
)
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

VPC_TYPE: Final = "aws:ec2/vpc:Vpc"
SUBNET_TYPE: Final = "aws:ec2/subnet:Subnet"
SECURITY_GROUP_TYPE: Final = "aws:ec2/securityGroup:SecurityGroup"
NETWORK_FIREWALL_TYPE: Final = "aws:networkfirewall/firewall:Firewall"


def dependency_violation(noun: str) -> Refusal:
    """Return EC2's refusal to delete a resource that others depend on."""
    return Refusal("DependencyViolation", f"The {noun} '{{id}}' has dependencies and cannot be deleted.")


def network_reference(
    path: str, type_: str, code: str, noun: str, on_delete: OnDelete, pattern: str = ""
) -> ResourceReference:
    """Declare a reference to another part of the network; the noun, without its ID, becomes the name of the fact."""
    refusal = Refusal(code, f"The {noun} '{{value}}' does not exist")
    fact_name = noun.removesuffix(" ID")
    return ResourceReference(
        path, (type_,), refusal, OBSERVED, fact_name=fact_name, pattern=pattern, on_delete=on_delete
    )


def security_group_reference(path: str, on_delete: OnDelete = OnDelete.REFUSE) -> ResourceReference:
    return network_reference(path, SECURITY_GROUP_TYPE, "InvalidGroup.NotFound", "security group", on_delete)


def _is_outside_vpc(context: GuardContext) -> bool:
    subnet, vpc = context.facts["cidrBlock"], context.facts["vpc"]["cidrBlock"]
    return bool(subnet and vpc) and not IPv4Network(subnet).subnet_of(IPv4Network(vpc))


def _overlaps_other_subnet(context: GuardContext) -> bool:
    cidr = context.facts["cidrBlock"]
    others = (
        row for row in context.resources_of(SUBNET_TYPE) if row["vpcId"] == context.facts["vpcId"] and row["cidrBlock"]
    )
    return bool(cidr) and any(IPv4Network(cidr).overlaps(IPv4Network(row["cidrBlock"])) for row in others)


_VPC_CIDR: Final = refine(CidrNetwork(16, 28, DOC))

NETWORK_TYPES: Final[dict[str, TypeRule]] = {
    VPC_TYPE: AwsType(VPC_TYPE, "vpc-{hex17}").rule(
        {
            "assignGeneratedIpv6CidrBlock": refine(computed_default=True, default=None),
            "cidrBlock": _VPC_CIDR,
            "ipv4NetmaskLength": refine(Range(16, 28, DOC)),
            "ipv6NetmaskLength": refine(Range(44, 60, DOC)),
        },
        computed={
            "defaultNetworkAclId": "acl-{hex17}",
            "defaultRouteTableId": "rtb-{hex17}",
            "mainRouteTableId": "rtb-{hex17}",
            "defaultSecurityGroupId": "sg-{hex17}",
            "dhcpOptionsId": "dopt-{hex17}",
        },
        conditions=(
            Choice(1, 1, ("cidrBlock", "ipv4IpamPoolId"), CFN),
            Choice(0, 1, ("assignGeneratedIpv6CidrBlock", "ipv6IpamPoolId"), DOC),
        ),
        in_use_refusal=dependency_violation("vpc"),
        latency_seconds=2,
    ),
    SUBNET_TYPE: AwsType(SUBNET_TYPE, "subnet-{hex17}").rule(
        {
            "cidrBlock": _VPC_CIDR,
            "ipv6CidrBlock": refine(CidrNetwork(44, 64, DOC)),
            "privateDnsHostnameTypeOnLaunch": refine(OneOf(("ip-name", "resource-name"), DOC)),
            **dict.fromkeys(
                (
                    *("enableDns64", "enableResourceNameDnsARecordOnLaunch"),
                    *("enableResourceNameDnsAaaaRecordOnLaunch", "ipv6Native"),
                ),
                refine(default=False),
            ),
        },
        computed={
            "availabilityZone": "{region}a",
            "availabilityZoneId": "{region}-az1",
            "privateDnsHostnameTypeOnLaunch": "ip-name",
        },
        conditions=(
            Choice(0, 1, ("availabilityZone", "availabilityZoneId"), CFN),
            Choice(0, 1, ("cidrBlock", "ipv4IpamPoolId"), CFN),
            Choice(1, 4, ("cidrBlock", "ipv4IpamPoolId", "ipv6IpamPoolId", "ipv6CidrBlock"), CFN),
        ),
        guards=(
            RequestGuard(
                _is_outside_vpc,
                Refusal("InvalidSubnet.Range", "The CIDR '{cidrBlock}' is invalid."),
                OBSERVED,
            ),
            RequestGuard(
                _overlaps_other_subnet,
                Refusal("InvalidSubnet.Conflict", "The CIDR '{cidrBlock}' conflicts with another subnet"),
                OBSERVED,
            ),
        ),
        in_use_refusal=dependency_violation("subnet"),
    ),
}

EGRESS_RULE_TYPE: Final = "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule"
INGRESS_RULE_TYPE: Final = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"

_RULE_PEERS: Final = ("cidrIpv4", "cidrIpv6", "prefixListId", "referencedSecurityGroupId")
_RULE_HANDLE: Final = " ".join(
    f"{{{name}}}" for name in ("securityGroupId", "ipProtocol", "fromPort", "toPort", *_RULE_PEERS)
)


def _security_group_rule(token: str) -> TypeRule:
    return AwsType(token, "sgr-{hex17}", arn="arn:aws:ec2:{region}:{account}:security-group-rule/sgr-{hex17}").rule(
        {
            "cidrIpv4": refine(CidrNetwork(0, 32, DOC)),
            "cidrIpv6": refine(CidrNetwork(0, 128, DOC)),
            "description": refine(Length(0, 255, DOC)),
        },
        computed={"securityGroupRuleId": "sgr-{hex17}"},
        unique=(
            UniqueHandle(_RULE_HANDLE, Refusal("InvalidPermission.Duplicate", "the specified rule already exists")),
        ),
        references=(
            security_group_reference("securityGroupId", OnDelete.CASCADE),
            security_group_reference("referencedSecurityGroupId"),
        ),
        conditions=(Choice(1, 1, _RULE_PEERS, CFN),),
    )


def _refine_inline_rules(name: str) -> dict[str, PropertyRefinement]:
    ports = dict.fromkeys((f"{name}.fromPort", f"{name}.toPort"), refine(Range(-1, 65535, DOC)))
    return {name: UNORDERED, **ports, f"{name}.self": refine(default=False)}


SECURITY_GROUP_TYPES: Final[dict[str, TypeRule]] = {
    SECURITY_GROUP_TYPE: AwsType(SECURITY_GROUP_TYPE, "sg-{hex17}").rule(
        {
            "description": refine(computed_default=False, default="Managed by Pulumi"),
            **_refine_inline_rules("egress"),
            **_refine_inline_rules("ingress"),
            "name": refine(Length(1, 255, DOC), Pattern(r"^(?!sg-)", DOC), force_new=True),
            "revokeRulesOnDelete": refine(default=False),
        },
        unique=(
            UniqueHandle(
                "{vpcId}/{name}",
                Refusal("InvalidGroup.Duplicate", "The security group '{name}' already exists for VPC '{vpcId}'"),
            ),
        ),
        in_use_refusal=Refusal("DependencyViolation", "resource {id} has a dependent object"),
    ),
    EGRESS_RULE_TYPE: _security_group_rule(EGRESS_RULE_TYPE),
    INGRESS_RULE_TYPE: _security_group_rule(INGRESS_RULE_TYPE),
}

VPC_ENDPOINT_TYPE: Final = "aws:ec2/vpcEndpoint:VpcEndpoint"


def _duplicates_private_dns(context: GuardContext) -> bool:
    facts = context.facts
    same = ("vpcId", "serviceName", "privateDnsEnabled")
    return bool(facts["privateDnsEnabled"]) and any(
        all(row[name] == facts[name] for name in same) for row in context.resources_of(VPC_ENDPOINT_TYPE)
    )


def _endpoint_interfaces(facts: RequestFacts) -> list[str]:
    """Return one network interface for each subnet of an interface endpoint."""
    return [f"eni-{hex_suffix('-'.join((facts['hex17'], subnet)), 17)}" for subnet in facts["subnetIds"] or ()]


def _endpoint_dns_entries(facts: RequestFacts) -> list[dict[str, str]]:
    """Return the regional name of an interface endpoint, and its private name; source: a recorded answer of AWS."""
    service = str(facts["serviceName"]).removeprefix(f"com.amazonaws.{facts['region']}.")
    if facts["vpcEndpointType"] != "Interface" or "." in service:
        return []
    zone = f"Z{facts['large17'][:13]}"
    name = f"vpce-{facts['hex17']}-{facts['small7']}a.{service}.{facts['region']}.vpce.amazonaws.com"
    private = [{"dnsName": f"{service}.{facts['region']}.amazonaws.com", "hostedZoneId": zone}]
    return [{"dnsName": name, "hostedZoneId": zone}, *(private if facts["privateDnsEnabled"] else [])]


_ENDPOINT_KINDS: Final = ("Gateway", "GatewayLoadBalancer", "Interface", "Resource", "ServiceNetwork")

VPC_ENDPOINT_TYPES: Final[dict[str, TypeRule]] = {
    VPC_ENDPOINT_TYPE: AwsType(VPC_ENDPOINT_TYPE, "vpce-{hex17}").rule(
        {
            **dict.fromkeys(("dnsOptions.dnsRecordIpType", "dnsOptions.privateDnsPreference"), COMPUTED),
            **dict.fromkeys(
                ("dnsOptions.privateDnsSpecifiedDomains", "routeTableIds", "subnetConfigurations"), UNORDERED
            ),
            "ipAddressType": correct(OneOf(("ipv4", "ipv6", "dualstack"), DOC)),
            "vpcEndpointType": correct(OneOf(_ENDPOINT_KINDS, DOC)),
        },
        computed={
            "state": "available",
            "ipAddressType": "ipv4",
            "policy": '{{"Version":"2008-10-17","Statement":[{{"Effect":"Allow","Principal":"*","Action":"*",'
            '"Resource":"*"}}]}}',
            "privateDnsEnabled": lambda _: False,
            "networkInterfaceIds": _endpoint_interfaces,
            "dnsEntries": _endpoint_dns_entries,
        },
        references=(
            network_reference(
                "routeTableIds.*",
                "aws:ec2/routeTable:RouteTable",
                "InvalidRouteTableId.NotFound",
                "routeTable ID",
                OnDelete.ALLOW,
            ),
        ),
        conditions=(Choice(1, 1, ("resourceConfigurationArn", "serviceName", "serviceNetworkArn"), DOC),),
        guards=(
            RequestGuard(
                _duplicates_private_dns,
                Refusal(
                    "InvalidParameter",
                    "private-dns-enabled cannot be set because there is already a conflicting DNS domain for "
                    "{serviceName} in the VPC {vpcId}",
                ),
                OBSERVED,
            ),
        ),
        latency_seconds=60,
    ),
}
