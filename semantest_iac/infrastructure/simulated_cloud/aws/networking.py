"""VPCs, subnets, security groups and VPC endpoints, and how parts of a network refer to each other."""

from __future__ import annotations

from ipaddress import IPv4Network
from typing import Final

from semantest_iac.infrastructure.simulated_cloud.aws.resource_type import (
    REGION_AND_TAGS_OUTPUTS,
    REGION_PROPERTY,
    TAGS_PROPERTY,
)
from semantest_iac.infrastructure.simulated_cloud.runtime.naming import hex_suffix
from semantest_iac.infrastructure.simulated_cloud.schema.properties import (
    CFN,
    DOC,
    OBSERVED,
    CidrNetwork,
    Length,
    OneOf,
    Pattern,
    Property,
    Range,
    block,
    flag,
    for_each,
    integer,
    json_document,
    list_of,
    set_of,
    text,
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

VPC_REFERENCE: Final = ResourceReference(
    "vpcId",
    (VPC_TYPE,),
    Refusal("InvalidVpcID.NotFound", "The vpc ID '{value}' does not exist"),
    OBSERVED,
    fact_name="vpc",
    on_delete=OnDelete.REFUSE,
)


def ec2_arn_template(resource: str) -> str:
    """Return the template of an EC2 ARN."""
    return f"arn:aws:ec2:{{region}}:{{account}}:{resource}"


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


def subnet_reference(path: str) -> ResourceReference:
    """Declare a reference to a subnet, which cannot be deleted before the resource that refers to it."""
    return network_reference(path, SUBNET_TYPE, "InvalidSubnetID.NotFound", "subnet ID", OnDelete.REFUSE)


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


def _subnet_properties() -> dict[str, Property]:
    flags = (
        *("assignIpv6AddressOnCreation", "enableDns64", "enableResourceNameDnsARecordOnLaunch"),
        *("enableResourceNameDnsAaaaRecordOnLaunch", "mapPublicIpOnLaunch"),
    )
    return {
        "vpcId": text(required=True, force_new=True),
        **for_each(flag(default=False), *flags),
        "ipv6Native": flag(default=False, force_new=True),
        "mapCustomerOwnedIpOnLaunch": flag(),
        "availabilityZone": text(force_new=True, computed_default=True),
        "availabilityZoneId": text(force_new=True, computed_default=True),
        "cidrBlock": text(CidrNetwork(16, 28, DOC), force_new=True, computed_default=True),
        "enableLniAtDeviceIndex": integer(),
        **for_each(integer(force_new=True), "ipv4NetmaskLength", "ipv6NetmaskLength"),
        **for_each(text(force_new=True), "ipv4IpamPoolId", "ipv6IpamPoolId", "outpostArn"),
        "ipv6CidrBlock": text(CidrNetwork(44, 64, DOC)),
        "privateDnsHostnameTypeOnLaunch": text(OneOf(("ip-name", "resource-name"), DOC), computed_default=True),
        "customerOwnedIpv4Pool": text(),
        **REGION_PROPERTY,
        **TAGS_PROPERTY,
    }


NETWORK_TYPES: Final = {
    VPC_TYPE: TypeRule(
        properties={
            "cidrBlock": text(CidrNetwork(16, 28, DOC), force_new=True, computed_default=True),
            "enableDnsHostnames": flag(computed_default=True),
            "enableDnsSupport": flag(default=True),
            **for_each(flag(computed_default=True), "assignGeneratedIpv6CidrBlock", "enableNetworkAddressUsageMetrics"),
            "instanceTenancy": text(OneOf(("dedicated", "default", "host"), CFN), default="default"),
            "ipv4IpamPoolId": text(force_new=True),
            "ipv4NetmaskLength": integer(Range(16, 28, DOC), force_new=True),
            "ipv6NetmaskLength": integer(Range(44, 60, DOC)),
            **for_each(text(computed_default=True), "ipv6CidrBlock", "ipv6CidrBlockNetworkBorderGroup"),
            "ipv6IpamPoolId": text(),
            **REGION_PROPERTY,
            **TAGS_PROPERTY,
        },
        identity="vpc-{hex17}",
        planned=REGION_AND_TAGS_OUTPUTS,
        computed={
            "arn": ec2_arn_template("vpc/vpc-{hex17}"),
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
        in_use_refusal=dependency_violation("vpc"),
        latency_seconds=2,
    ),
    SUBNET_TYPE: TypeRule(
        properties=_subnet_properties(),
        identity="subnet-{hex17}",
        planned=REGION_AND_TAGS_OUTPUTS,
        computed={
            "arn": ec2_arn_template("subnet/subnet-{hex17}"),
            "ownerId": "{account}",
            "availabilityZone": "{region}a",
            "availabilityZoneId": "{region}-az1",
            "ipv6CidrBlockAssociationId": "",
            "privateDnsHostnameTypeOnLaunch": "ip-name",
        },
        references=(VPC_REFERENCE,),
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


def _inline_rules() -> Property:
    sources = ("cidrBlocks", "ipv6CidrBlocks", "prefixListIds", "securityGroups")
    fields = {
        **for_each(integer(Range(-1, 65535, DOC), required=True), "fromPort", "toPort"),
        "protocol": text(required=True),
        **for_each(list_of(text()), *sources),
        "description": text(),
        "self": flag(default=False),
    }
    return set_of(block(fields), computed_default=True)


def _security_group_rule() -> TypeRule:
    return TypeRule(
        properties={
            "ipProtocol": text(required=True),
            "securityGroupId": text(required=True, force_new=True),
            "cidrIpv4": text(CidrNetwork(0, 32, DOC)),
            "cidrIpv6": text(CidrNetwork(0, 128, DOC)),
            "description": text(Length(0, 255, DOC)),
            **for_each(integer(Range(-1, None, CFN)), "fromPort", "toPort"),
            **for_each(text(), "prefixListId", "referencedSecurityGroupId"),
            **REGION_PROPERTY,
            **TAGS_PROPERTY,
        },
        identity="sgr-{hex17}",
        planned=REGION_AND_TAGS_OUTPUTS,
        computed={"arn": ec2_arn_template("security-group-rule/sgr-{hex17}"), "securityGroupRuleId": "sgr-{hex17}"},
        unique=(
            UniqueHandle(_RULE_HANDLE, Refusal("InvalidPermission.Duplicate", "the specified rule already exists")),
        ),
        references=(
            security_group_reference("securityGroupId", OnDelete.CASCADE),
            security_group_reference("referencedSecurityGroupId"),
        ),
        conditions=(Choice(1, 1, _RULE_PEERS, CFN),),
    )


SECURITY_GROUP_TYPES: Final = {
    SECURITY_GROUP_TYPE: TypeRule(
        properties={
            "description": text(
                Length(0, 255, CFN),
                Pattern(r"^([a-z,A-Z,0-9,. _\-:/()#,@[\]+=&;\{\}!$*])*$", CFN),
                force_new=True,
                default="Managed by Pulumi",
            ),
            **for_each(_inline_rules(), "egress", "ingress"),
            "name": text(Length(1, 255, DOC), Pattern(r"^(?!sg-)", DOC), force_new=True, computed_default=True),
            "namePrefix": text(force_new=True),
            "revokeRulesOnDelete": flag(default=False),
            "vpcId": text(force_new=True, computed_default=True),
            **REGION_PROPERTY,
            **TAGS_PROPERTY,
        },
        identity="sg-{hex17}",
        name_input="name",
        planned=REGION_AND_TAGS_OUTPUTS,
        computed={
            "arn": ec2_arn_template("security-group/sg-{hex17}"),
            "ownerId": "{account}",
            **dict.fromkeys(("egress", "ingress"), lambda _: []),
        },
        unique=(
            UniqueHandle(
                "{vpcId}/{name}",
                Refusal("InvalidGroup.Duplicate", "The security group '{name}' already exists for VPC '{vpcId}'"),
            ),
        ),
        references=(VPC_REFERENCE,),
        conditions=(Choice(0, 1, ("name", "namePrefix"), DOC),),
        in_use_refusal=Refusal("DependencyViolation", "resource {id} has a dependent object"),
    ),
    EGRESS_RULE_TYPE: _security_group_rule(),
    INGRESS_RULE_TYPE: _security_group_rule(),
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


VPC_ENDPOINT_TYPES: Final = {
    VPC_ENDPOINT_TYPE: TypeRule(
        properties={
            "vpcId": text(required=True, force_new=True),
            "autoAccept": flag(),
            "dnsOptions": block(
                {
                    "dnsRecordIpType": text(
                        OneOf(("ipv4", "ipv6", "dualstack", "service-defined", "not-specified"), CFN),
                        computed_default=True,
                    ),
                    "privateDnsOnlyForInboundResolverEndpoint": flag(),
                    **for_each(text(computed_default=True), "privateDnsPreference"),
                    "privateDnsSpecifiedDomains": set_of(text(Length(1, 255, CFN))),
                },
                computed_default=True,
            ),
            "ipAddressType": text(OneOf(("ipv4", "ipv6", "dualstack"), DOC), computed_default=True),
            "policy": json_document(computed_default=True),
            "privateDnsEnabled": flag(computed_default=True),
            **for_each(text(force_new=True), "resourceConfigurationArn", "serviceName", "serviceNetworkArn"),
            "serviceRegion": text(force_new=True, computed_default=True),
            **for_each(set_of(text(), computed_default=True), "routeTableIds", "securityGroupIds", "subnetIds"),
            "subnetConfigurations": set_of(block(for_each(text(), "ipv4", "ipv6", "subnetId")), computed_default=True),
            "vpcEndpointType": text(
                OneOf(("Gateway", "GatewayLoadBalancer", "Interface", "Resource", "ServiceNetwork"), DOC),
                force_new=True,
                default="Gateway",
            ),
            **REGION_PROPERTY,
            **TAGS_PROPERTY,
        },
        identity="vpce-{hex17}",
        planned=REGION_AND_TAGS_OUTPUTS,
        computed={
            "arn": ec2_arn_template("vpc-endpoint/vpce-{hex17}"),
            "ownerId": "{account}",
            "state": "available",
            "prefixListId": "",
            "ipAddressType": "ipv4",
            "policy": '{{"Version":"2008-10-17","Statement":[{{"Effect":"Allow","Principal":"*","Action":"*",'
            '"Resource":"*"}}]}}',
            **dict.fromkeys(("privateDnsEnabled", "requesterManaged"), lambda _: False),
            **dict.fromkeys(
                (
                    *("cidrBlocks", "routeTableIds"),
                    *("securityGroupIds", "subnetIds", "subnetConfigurations"),
                ),
                lambda _: [],
            ),
            "networkInterfaceIds": _endpoint_interfaces,
            "dnsEntries": _endpoint_dns_entries,
        },
        references=(
            VPC_REFERENCE,
            subnet_reference("subnetIds.*"),
            security_group_reference("securityGroupIds.*"),
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
