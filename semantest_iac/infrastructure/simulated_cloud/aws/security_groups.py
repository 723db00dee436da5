"""Security groups and the rules in them."""

from __future__ import annotations

from typing import Final

from semantest_iac.infrastructure.simulated_cloud.aws.every_type import (
    REGION,
    REGIONAL_AND_TAGGED,
    TAGS,
)
from semantest_iac.infrastructure.simulated_cloud.aws.networking import (
    IN_VPC,
    SECURITY_GROUP,
    arn,
    in_group,
)
from semantest_iac.infrastructure.simulated_cloud.limits import (
    Evidence,
    Length,
    Network,
    Pattern,
    Range,
)
from semantest_iac.infrastructure.simulated_cloud.properties import (
    Property,
    alike,
    block,
    flag,
    integer,
    list_of,
    set_of,
    text,
)
from semantest_iac.infrastructure.simulated_cloud.refusal import Refusal
from semantest_iac.infrastructure.simulated_cloud.rules import (
    Choice,
    OnDelete,
    TypeRule,
    Unique,
)

EGRESS_RULE: Final = "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule"
INGRESS_RULE: Final = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"

CFN, DOC, OBSERVED = Evidence.CFN, Evidence.DOC, Evidence.OBSERVED
_PEERS: Final = ("cidrIpv4", "cidrIpv6", "prefixListId", "referencedSecurityGroupId")
_RULE_HANDLE: Final = " ".join(
    f"{{{name}}}" for name in ("securityGroupId", "ipProtocol", "fromPort", "toPort", *_PEERS)
)


def _inline_rules() -> Property:
    sources = ("cidrBlocks", "ipv6CidrBlocks", "prefixListIds", "securityGroups")
    fields = {
        **alike(integer(Range(-1, 65535, DOC), required=True), "fromPort", "toPort"),
        "protocol": text(required=True),
        **alike(list_of(text()), *sources),
        "description": text(),
        "self": flag(default=False),
    }
    return set_of(block(fields), settled=True)


def _rule() -> TypeRule:
    return TypeRule(
        properties={
            "ipProtocol": text(required=True),
            "securityGroupId": text(required=True, replaces=True),
            "cidrIpv4": text(Network(0, 32, DOC)),
            "cidrIpv6": text(Network(0, 128, DOC)),
            "description": text(Length(0, 255, DOC)),
            **alike(integer(Range(-1, None, CFN)), "fromPort", "toPort"),
            **alike(text(), "prefixListId", "referencedSecurityGroupId"),
            **REGION,
            **TAGS,
        },
        identity="sgr-{hex17}",
        planned=REGIONAL_AND_TAGGED,
        computed={"arn": arn("security-group-rule/sgr-{hex17}"), "securityGroupRuleId": "sgr-{hex17}"},
        unique=(Unique(_RULE_HANDLE, Refusal("InvalidPermission.Duplicate", "the specified rule already exists")),),
        references=(
            in_group("securityGroupId", OnDelete.CASCADE),
            in_group("referencedSecurityGroupId"),
        ),
        conditions=(Choice(1, 1, _PEERS, CFN),),
    )


TYPES: Final = {
    SECURITY_GROUP: TypeRule(
        properties={
            "description": text(
                Length(0, 255, CFN),
                Pattern(r"^([a-z,A-Z,0-9,. _\-:/()#,@[\]+=&;\{\}!$*])*$", CFN),
                replaces=True,
                default="Managed by Pulumi",
            ),
            **alike(_inline_rules(), "egress", "ingress"),
            "name": text(Length(1, 255, DOC), Pattern(r"^(?!sg-)", DOC), replaces=True, settled=True),
            "namePrefix": text(replaces=True),
            "revokeRulesOnDelete": flag(default=False),
            "vpcId": text(replaces=True, settled=True),
            **REGION,
            **TAGS,
        },
        identity="sg-{hex17}",
        name="name",
        planned=REGIONAL_AND_TAGGED,
        computed={
            "arn": arn("security-group/sg-{hex17}"),
            "ownerId": "{account}",
            **dict.fromkeys(("egress", "ingress"), lambda _: []),
        },
        unique=(
            Unique(
                "{vpcId}/{name}",
                Refusal("InvalidGroup.Duplicate", "The security group '{name}' already exists for VPC '{vpcId}'"),
            ),
        ),
        references=(IN_VPC,),
        conditions=(Choice(0, 1, ("name", "namePrefix"), DOC),),
        in_use=Refusal("DependencyViolation", "resource {id} has a dependent object"),
    ),
    EGRESS_RULE: _rule(),
    INGRESS_RULE: _rule(),
}
