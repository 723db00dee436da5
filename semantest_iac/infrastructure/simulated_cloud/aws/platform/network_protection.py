"""Network Firewall, EC2 Instance Connect Endpoints, and Shield Advanced."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from semantest_iac.infrastructure.simulated_cloud.aws.networking import NETWORK_FIREWALL_TYPE, SUBNET_TYPE
from semantest_iac.infrastructure.simulated_cloud.aws.resource_type import AwsType
from semantest_iac.infrastructure.simulated_cloud.runtime.naming import hex_suffix
from semantest_iac.infrastructure.simulated_cloud.schema.properties import API, DOC
from semantest_iac.infrastructure.simulated_cloud.schema.refusals import Refusal
from semantest_iac.infrastructure.simulated_cloud.schema.rules import (
    GuardContext,
    OnDelete,
    RequestGuard,
    ResourceReference,
    TypeRule,
)
from semantest_iac.infrastructure.simulated_cloud.schema.values import RequestFacts

NETWORK_FIREWALL_POLICY_TYPE: Final = "aws:networkfirewall/firewallPolicy:FirewallPolicy"
RULE_GROUP_TYPE: Final = "aws:networkfirewall/ruleGroup:RuleGroup"
CONNECT_ENDPOINT_TYPE: Final = "aws:ec2transitgateway/instanceConnectEndpoint:InstanceConnectEndpoint"
SHIELD_PROTECTION_TYPE: Final = "aws:shield/protection:Protection"
SHIELD_SUBSCRIPTION_TYPE: Final = "aws:shield/subscription:Subscription"

_FIREWALL_ARN: Final = "arn:aws:network-firewall:{region}:{account}:"
_IN_USE: Final = Refusal(
    "InvalidOperationException", "Unable to delete the object because it is still in use: {dependents}"
)


def _firewall_reference(path: str, type_: str) -> ResourceReference:
    refusal = Refusal("ResourceNotFoundException", "Unable to find a resource with the ARN {value}")
    return ResourceReference(path, (type_,), refusal, API, on_delete=OnDelete.REFUSE)


def _rule_group_arn(facts: RequestFacts) -> str:
    kind = f"{str(facts['type']).lower()}-rulegroup"
    return f"{_FIREWALL_ARN}{kind}/{{name}}".format_map(facts)


def _mapped_subnets(facts: RequestFacts) -> list[str]:
    return [str(mapping["subnetId"]) for mapping in facts["subnetMappings"] or ()]


def _has_two_subnets_in_a_zone(context: GuardContext) -> bool:
    """Look up the zones of the subnets, which the answer names too; source: the firewall's developer guide."""
    zones = {row["id"]: str(row["availabilityZone"]) for row in context.resources_of(SUBNET_TYPE)}
    used = {subnet: zones.get(subnet, "") for subnet in _mapped_subnets(context.facts)}
    context.facts["subnet_zones"] = used
    return len(set(used.values())) < len(used)


def _endpoint_id(facts: RequestFacts, subnet: str) -> str:
    return f"vpce-{hex_suffix('-'.join((facts['hex17'], subnet)), 17)}"


def _firewall_statuses(facts: RequestFacts) -> list[dict[str, Any]]:
    """Return the endpoint in each zone."""
    zones = facts["subnet_zones"] or {}
    states = [
        {
            "availabilityZone": zones.get(subnet, ""),
            "attachments": [{"endpointId": _endpoint_id(facts, subnet), "subnetId": subnet}],
        }
        for subnet in _mapped_subnets(facts)
    ]
    return [{"syncStates": states}]


def _list_endpoints(facts: RequestFacts) -> list[str]:
    """Return the ids by which routes name a firewall."""
    return list(_find_endpoints(facts["firewallStatuses"] or []))


def _find_endpoints(statuses: list[dict[str, Any]]) -> Iterator[str]:
    for status in statuses:
        for state in status["syncStates"]:
            yield from (attachment["endpointId"] for attachment in state["attachments"])


def _has_no_subscription(context: GuardContext) -> bool:
    return not context.resources_of(SHIELD_SUBSCRIPTION_TYPE)


NETWORK_PROTECTION_TYPES: Final[dict[str, TypeRule]] = {
    RULE_GROUP_TYPE: AwsType(RULE_GROUP_TYPE, _rule_group_arn).rule(
        computed={"arn": _rule_group_arn, "updateToken": "{uuid}"},
        in_use_refusal=_IN_USE,
        latency_seconds=5,
    ),
    NETWORK_FIREWALL_POLICY_TYPE: AwsType(
        NETWORK_FIREWALL_POLICY_TYPE,
        f"{_FIREWALL_ARN}firewall-policy/{{name}}",
        arn=f"{_FIREWALL_ARN}firewall-policy/{{name}}",
    ).rule(
        computed={"updateToken": "{uuid}"},
        references=(
            _firewall_reference("firewallPolicy.statefulRuleGroupReferences.*.resourceArn", RULE_GROUP_TYPE),
            _firewall_reference("firewallPolicy.statelessRuleGroupReferences.*.resourceArn", RULE_GROUP_TYPE),
        ),
        in_use_refusal=_IN_USE,
        latency_seconds=5,
    ),
    NETWORK_FIREWALL_TYPE: AwsType(
        NETWORK_FIREWALL_TYPE, f"{_FIREWALL_ARN}firewall/{{name}}", arn=f"{_FIREWALL_ARN}firewall/{{name}}"
    ).rule(
        computed={"updateToken": "{uuid}", "firewallStatuses": _firewall_statuses},
        references=(_firewall_reference("firewallPolicyArn", NETWORK_FIREWALL_POLICY_TYPE),),
        handles=("{arn}", _list_endpoints),
        guards=(
            RequestGuard(
                _has_two_subnets_in_a_zone,
                Refusal("InvalidRequestException", "a firewall can have one subnet in each Availability Zone"),
                DOC,
            ),
        ),
        deletion_protection=(
            "deleteProtection",
            Refusal("InvalidOperationException", "Unable to delete the firewall: it is protected against deletion"),
        ),
        latency_seconds=420,
    ),
    CONNECT_ENDPOINT_TYPE: AwsType(CONNECT_ENDPOINT_TYPE, "eice-{hex17}", name_input="").rule(
        computed={
            "arn": "arn:aws:ec2:{region}:{account}:instance-connect-endpoint/eice-{hex17}",
            "availabilityZone": "{subnet[availabilityZone]}",
            "vpcId": "{subnet[vpcId]}",
            "ownerId": "{account}",
            "dnsName": "eice-{hex17}.{hex8}.ec2-instance-connect-endpoint.{region}.amazonaws.com",
            "networkInterfaceIds": lambda facts: [f"eni-{hex_suffix(facts['hex17'], 17)}"],
        },
        latency_seconds=60,
    ),
    SHIELD_PROTECTION_TYPE: AwsType(
        SHIELD_PROTECTION_TYPE, "{uuid}", arn="arn:aws:shield::{account}:protection/{uuid}"
    ).rule(
        guards=(
            RequestGuard(
                _has_no_subscription,
                Refusal("ResourceNotFoundException", "The subscription does not exist."),
                API,
                on_update=False,
            ),
        ),
    ),
    SHIELD_SUBSCRIPTION_TYPE: AwsType(SHIELD_SUBSCRIPTION_TYPE, "{account}", name_input="").rule(
        in_use_refusal=Refusal(
            "LockedSubscriptionException", "You can't delete a subscription before the end of its year."
        ),
    ),
}
