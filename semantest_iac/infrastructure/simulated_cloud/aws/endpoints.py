"""Endpoints that bring services into a VPC."""

from __future__ import annotations

from typing import Final

from semantest_iac.infrastructure.simulated_cloud.aws.every_type import (
    REGION,
    REGIONAL_AND_TAGGED,
    TAGS,
)
from semantest_iac.infrastructure.simulated_cloud.aws.networking import (
    IN_VPC,
    arn,
    in_group,
    in_subnet,
    refers,
)
from semantest_iac.infrastructure.simulated_cloud.limits import (
    Evidence,
    Length,
    OneOf,
)
from semantest_iac.infrastructure.simulated_cloud.properties import (
    alike,
    block,
    document,
    flag,
    set_of,
    text,
)
from semantest_iac.infrastructure.simulated_cloud.refusal import Refusal
from semantest_iac.infrastructure.simulated_cloud.rules import (
    Choice,
    Guard,
    OnDelete,
    Surroundings,
    TypeRule,
)

VPC_ENDPOINT: Final = "aws:ec2/vpcEndpoint:VpcEndpoint"

CFN, DOC, OBSERVED = Evidence.CFN, Evidence.DOC, Evidence.OBSERVED


def _claims_a_taken_domain(around: Surroundings) -> bool:
    facts = around.facts
    same = ("vpcId", "serviceName", "privateDnsEnabled")
    return bool(facts["privateDnsEnabled"]) and any(
        all(row[name] == facts[name] for name in same) for row in around.rows(VPC_ENDPOINT)
    )


TYPES: Final = {
    VPC_ENDPOINT: TypeRule(
        properties={
            "vpcId": text(required=True, replaces=True),
            "autoAccept": flag(),
            "dnsOptions": block(
                {
                    "dnsRecordIpType": text(
                        OneOf(("ipv4", "ipv6", "dualstack", "service-defined", "not-specified"), CFN),
                        settled=True,
                    ),
                    "privateDnsOnlyForInboundResolverEndpoint": flag(),
                    **alike(text(settled=True), "privateDnsPreference"),
                    "privateDnsSpecifiedDomains": set_of(text(Length(1, 255, CFN))),
                },
                settled=True,
            ),
            "ipAddressType": text(OneOf(("ipv4", "ipv6", "dualstack"), DOC), settled=True),
            "policy": document(settled=True),
            "privateDnsEnabled": flag(settled=True),
            **alike(text(replaces=True), "resourceConfigurationArn", "serviceName", "serviceNetworkArn"),
            "serviceRegion": text(replaces=True, settled=True),
            **alike(set_of(text(), settled=True), "routeTableIds", "securityGroupIds", "subnetIds"),
            "subnetConfigurations": set_of(block(alike(text(), "ipv4", "ipv6", "subnetId")), settled=True),
            "vpcEndpointType": text(
                OneOf(("Gateway", "GatewayLoadBalancer", "Interface", "Resource", "ServiceNetwork"), DOC),
                replaces=True,
                default="Gateway",
            ),
            **REGION,
            **TAGS,
        },
        identity="vpce-{hex17}",
        planned=REGIONAL_AND_TAGGED,
        computed={
            "arn": arn("vpc-endpoint/vpce-{hex17}"),
            "ownerId": "{account}",
            "state": "available",
            "prefixListId": "",
            "ipAddressType": "ipv4",
            "policy": '{{"Version":"2008-10-17","Statement":[{{"Effect":"Allow","Principal":"*","Action":"*",'
            '"Resource":"*"}}]}}',
            **dict.fromkeys(("privateDnsEnabled", "requesterManaged"), lambda _: False),
            **dict.fromkeys(
                (
                    *("cidrBlocks", "dnsEntries", "networkInterfaceIds", "routeTableIds"),
                    *("securityGroupIds", "subnetIds", "subnetConfigurations"),
                ),
                lambda _: [],
            ),
        },
        references=(
            IN_VPC,
            in_subnet("subnetIds.*"),
            in_group("securityGroupIds.*"),
            refers(
                "routeTableIds.*",
                "aws:ec2/routeTable:RouteTable",
                "InvalidRouteTableId.NotFound",
                "routeTable ID",
                OnDelete.ALLOW,
            ),
        ),
        conditions=(Choice(1, 1, ("resourceConfigurationArn", "serviceName", "serviceNetworkArn"), DOC),),
        guards=(
            Guard(
                _claims_a_taken_domain,
                Refusal(
                    "InvalidParameter",
                    "private-dns-enabled cannot be set because there is already a conflicting DNS domain for "
                    "{serviceName} in the VPC {vpcId}",
                ),
                OBSERVED,
            ),
        ),
        latency=60,
    ),
}
