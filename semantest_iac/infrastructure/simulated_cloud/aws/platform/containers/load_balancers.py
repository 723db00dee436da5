"""Load balancers with their listeners, rules and target groups, and names of services in Cloud Map.

Source of what is `OBSERVED`: answers of AWS in reports of its users, which name them word by word; of what is `API`:
the references of Elastic Load Balancing and Cloud Map; of what is `DOC`: the guide to Application Load Balancers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from semantest_iac.infrastructure.simulated_cloud.aws.networking import SUBNET_TYPE, VPC_TYPE
from semantest_iac.infrastructure.simulated_cloud.aws.resource_type import AwsType
from semantest_iac.infrastructure.simulated_cloud.schema.properties import (
    API,
    DOC,
    OBSERVED,
    Evidence,
    Length,
    Pattern,
    Range,
)
from semantest_iac.infrastructure.simulated_cloud.schema.published import REPLACES, refine, refine_elements
from semantest_iac.infrastructure.simulated_cloud.schema.refusals import Refusal
from semantest_iac.infrastructure.simulated_cloud.schema.rules import (
    GuardContext,
    OnDelete,
    RequestGuard,
    ResourceReference,
    TypeRule,
    UniqueHandle,
)
from semantest_iac.infrastructure.simulated_cloud.schema.values import RequestFacts

LOAD_BALANCER_TYPE: Final = "aws:lb/loadBalancer:LoadBalancer"
TARGET_GROUP_TYPE: Final = "aws:lb/targetGroup:TargetGroup"
ATTACHMENT_TYPE: Final = "aws:lb/targetGroupAttachment:TargetGroupAttachment"
LISTENER_TYPE: Final = "aws:lb/listener:Listener"
LISTENER_RULE_TYPE: Final = "aws:lb/listenerRule:ListenerRule"
NAMESPACE_TYPE: Final = "aws:servicediscovery/privateDnsNamespace:PrivateDnsNamespace"
DISCOVERED_SERVICE_TYPE: Final = "aws:servicediscovery/service:Service"
DISCOVERED_INSTANCE_TYPE: Final = "aws:servicediscovery/instance:Instance"

_APPLICATION: Final = "application"
_KINDS: Final = {_APPLICATION: "app", "network": "net", "gateway": "gwy"}
_BALANCER_NAME: Final = (Length(1, 32, API), Pattern(r"^(?!internal-)[a-zA-Z0-9](-*[a-zA-Z0-9])*$", API))
_MOST_VALUES: Final = 5  # of the conditions of a rule
_SECONDS_PER_BALANCER: Final = 120


def _refuse(
    applies: Callable[[GuardContext], bool], code: str, message: str, evidence: Evidence = OBSERVED
) -> RequestGuard:
    return RequestGuard(applies, Refusal(code, message), evidence)


def _short_id(facts: RequestFacts) -> str:
    return str(facts["hex17"])[:16]


def _kind(facts: RequestFacts) -> str:
    return str(facts["loadBalancerType"] or _APPLICATION)


def _balancer_suffix(facts: RequestFacts) -> str:
    return f"{_KINDS[_kind(facts)]}/{facts['name']}/{_short_id(facts)}"


def _balancer_arn(facts: RequestFacts) -> str:
    place = f"{facts['region']}:{facts['account']}"
    return f"arn:aws:elasticloadbalancing:{place}:loadbalancer/{_balancer_suffix(facts)}"


def _balancer_host(facts: RequestFacts) -> str:
    """Return the name as AWS forms it: of a balancer of HTTP, a number is behind its name."""
    inside = "internal-" if facts["internal"] else ""
    if _kind(facts) != _APPLICATION:
        return f"{facts['name']}-{_short_id(facts)}.elb.{facts['region']}.amazonaws.com"
    return f"{inside}{facts['name']}-{int(_short_id(facts)[:8], 16) % 10**9}.{facts['region']}.elb.amazonaws.com"


def _spans_one_zone(context: GuardContext) -> bool:
    facts = context.facts
    subnets = {*(facts["subnets"] or ())}
    zones = {row["availabilityZone"] for row in context.resources_of(SUBNET_TYPE) if row["id"] in subnets}
    return _kind(facts) == _APPLICATION and bool(subnets) and len(zones) < 2


def _group_suffix(facts: RequestFacts) -> str:
    return f"targetgroup/{facts['name']}/{_short_id(facts)}"


def _checks_too_slowly(context: GuardContext) -> bool:
    check = context.facts["healthCheck"] or {}
    interval, timeout = check.get("interval"), check.get("timeout")
    return interval is not None and timeout is not None and int(timeout) >= int(interval)


def _lacks_network(context: GuardContext) -> bool:
    return context.facts["targetType"] != "lambda" and not context.facts["vpcId"]


def _is_of_other_kind(context: GuardContext) -> bool:
    """Whether a group of balancers gets something else."""
    group = context.facts["group"]
    is_of_balancers = isinstance(group, Mapping) and bool(group) and group["targetType"] == "alb"
    return is_of_balancers and ":loadbalancer/app/" not in str(context.facts["targetId"])


def _lacks_certificate(context: GuardContext) -> bool:
    return context.facts["protocol"] in ("HTTPS", "TLS") and not context.facts["certificateArn"]


def _balances_http(context: GuardContext) -> bool:
    """Whether a balancer of HTTP gets a listener of another protocol."""
    balancer = context.facts["balancer"]
    is_application = (
        isinstance(balancer, Mapping) and (balancer.get("loadBalancerType") or _APPLICATION) == _APPLICATION
    )
    return is_application and bool(balancer) and context.facts["protocol"] not in ("HTTP", "HTTPS")


def _listener_arn(facts: RequestFacts) -> str:
    return f"{str(facts['loadBalancerArn']).replace(':loadbalancer/', ':listener/')}/{_short_id(facts)}"


def _rule_arn(facts: RequestFacts) -> str:
    return f"{str(facts['listenerArn']).replace(':listener/', ':listener-rule/')}/{_short_id(facts)}"


def _other_rules(context: GuardContext) -> Iterator[Mapping[str, Any]]:
    listener = context.facts["listenerArn"]
    return (row for row in context.resources_of(LISTENER_RULE_TYPE) if row["listenerArn"] == listener)


def _has_taken_priority(context: GuardContext) -> bool:
    """Note the next free priority, which a rule without its own gets."""
    taken = {int(row["priority"]) for row in _other_rules(context)}
    context.facts["next_priority"] = max(taken, default=0) + 1
    return bool(context.facts["priority"]) and int(context.facts["priority"]) in taken


def _condition_values(context: GuardContext) -> Iterator[Any]:
    for condition in context.facts["conditions"] or ():
        for part in condition.values():
            if isinstance(part, Mapping):
                yield from (*(part.get("values") or ()), *(part.get("regexValues") or ()))
            else:
                yield from part or ()


def _has_too_many_values(context: GuardContext) -> bool:
    return len([*_condition_values(context)]) > _MOST_VALUES


def forwards_to(context: GuardContext, group: str) -> bool:
    """Return whether a listener or a rule sends requests to a target group."""
    rows = [
        *(action for row in context.resources_of(LISTENER_TYPE) for action in row["defaultActions"] or ()),
        *(action for row in context.resources_of(LISTENER_RULE_TYPE) for action in row["actions"] or ()),
    ]
    forwards = (it for row in rows for it in (row.get("forward") or {}).get("targetGroups") or ())
    return any(row.get("targetGroupArn") == group for row in rows) or any(it.get("arn") == group for it in forwards)


def _group_references(actions: str) -> tuple[ResourceReference, ...]:
    refusal = Refusal("TargetGroupNotFound", "Target groups '{value}' not found")
    return tuple(
        ResourceReference(f"{actions}.*.{path}", (TARGET_GROUP_TYPE,), refusal, API, on_delete=OnDelete.REFUSE)
        for path in ("targetGroupArn", "forward.targetGroups.*.arn")
    )


LOAD_BALANCER_TYPES: Final[dict[str, TypeRule]] = {
    LOAD_BALANCER_TYPE: AwsType(LOAD_BALANCER_TYPE, "{arn}").rule(
        {
            "idleTimeout": refine(Range(1, 4000, API), default=60),
            "internal": refine(force_new=True),
            "name": refine(*_BALANCER_NAME, force_new=True),
        },
        computed={
            "arn": _balancer_arn,
            "arnSuffix": _balancer_suffix,
            "dnsName": _balancer_host,
            "internal": lambda _: False,
            "ipAddressType": "ipv4",
            "enablePrefixForIpv6SourceNat": "",
            "enforceSecurityGroupInboundRulesOnPrivateLinkTraffic": "",
            "vpcId": "{subnet[vpcId]}",
            "zoneId": "Z35SXDOTRQ7X7K",
        },
        exists=Refusal(
            "DuplicateLoadBalancerName",
            "A load balancer with the same name '{name}' exists, but with different settings",
        ),
        unique=(
            UniqueHandle(
                "{name}",
                Refusal(
                    "DuplicateLoadBalancerName",
                    "A load balancer with the same name '{name}' exists, but with different settings",
                ),
            ),
        ),
        guards=(
            _refuse(
                _spans_one_zone,
                "ValidationError",
                "At least two subnets in two different Availability Zones must be specified",
            ),
        ),
        deletion_protection=(
            "enableDeletionProtection",
            Refusal(
                "OperationNotPermitted",
                "Load balancer '{arn}' cannot be deleted because deletion protection is enabled",
            ),
        ),
        latency_seconds=_SECONDS_PER_BALANCER,
    ),
    TARGET_GROUP_TYPE: AwsType(TARGET_GROUP_TYPE, "{arn}").rule(
        {
            "name": refine(*_BALANCER_NAME, force_new=True),
            "deregistrationDelay": refine(Range(0, 3600, API)),
            "healthCheck.interval": refine(Range(5, 300, API)),
            "healthCheck.timeout": refine(Range(2, 120, API)),
            "healthCheck.healthyThreshold": refine(Range(2, 10, API)),
            "healthCheck.unhealthyThreshold": refine(Range(2, 10, API)),
            "healthCheck.matcher": refine(Pattern(r"^\d{1,3}([,-]\d{1,3})*$", API)),
        },
        computed={
            "arn": lambda facts: (
                f"arn:aws:elasticloadbalancing:{facts['region']}:{facts['account']}:{_group_suffix(facts)}"
            ),
            "arnSuffix": _group_suffix,
            "ipAddressType": "ipv4",
            "loadBalancingAlgorithmType": "round_robin",
            "loadBalancingAnomalyMitigation": "off",
            "loadBalancingCrossZoneEnabled": "use_load_balancer_configuration",
            "preserveClientIp": "",
            "protocolVersion": "HTTP1",
            "healthCheck": lambda _: {"enabled": True, "path": "/", "matcher": "200"},
        },
        unique=(
            UniqueHandle(
                "{name}",
                Refusal(
                    "DuplicateTargetGroupName",
                    "A target group with the same name '{name}' exists, but with different settings",
                ),
            ),
        ),
        guards=(
            _refuse(_lacks_network, "ValidationError", "A VPC ID must be specified", API),
            _refuse(_checks_too_slowly, "ValidationError", "Health check interval must be greater than the timeout."),
        ),
        in_use_refusal=Refusal("ResourceInUse", "Target group '{arn}' is currently in use by a listener or a rule"),
    ),
    ATTACHMENT_TYPE: AwsType(ATTACHMENT_TYPE, "{targetGroupArn}-{uuid}").rule(
        dict.fromkeys(("availabilityZone", "port", "targetGroupArn", "targetId"), REPLACES),
        references=(
            ResourceReference(
                "targetGroupArn",
                (TARGET_GROUP_TYPE,),
                Refusal("TargetGroupNotFound", "Target groups '{value}' not found"),
                API,
                fact_name="group",
                on_delete=OnDelete.CASCADE,
            ),
            ResourceReference(
                "targetId",
                (LOAD_BALANCER_TYPE,),
                Refusal("InvalidTarget", "The following targets are not valid: '{value}'"),
                API,
                pattern=r"^(arn:aws:elasticloadbalancing:.+)$",
                on_delete=OnDelete.CASCADE,
            ),
        ),
        guards=(
            _refuse(
                _is_of_other_kind,
                "ValidationError",
                "Target '{targetId}' must be the ARN of an Application Load Balancer",
                API,
            ),
        ),
    ),
    LISTENER_TYPE: AwsType(LISTENER_TYPE, "{arn}").rule(
        computed={"arn": _listener_arn, "protocol": "HTTP", "sslPolicy": ""},
        unique=(
            UniqueHandle(
                "{loadBalancerArn}:{port}",
                Refusal(
                    "DuplicateListener",
                    "A listener already exists on this port for this load balancer '{loadBalancerArn}'",
                ),
            ),
        ),
        references=(
            ResourceReference(
                "loadBalancerArn",
                (LOAD_BALANCER_TYPE,),
                Refusal("LoadBalancerNotFound", "One or more load balancers not found"),
                API,
                fact_name="balancer",
                on_delete=OnDelete.CASCADE,
            ),
            *_group_references("defaultActions"),
        ),
        guards=(
            _refuse(_lacks_certificate, "ValidationError", "A certificate must be specified for HTTPS listeners"),
            _refuse(
                _balances_http,
                "ValidationError",
                "Listener protocol '{protocol}' must be one of 'HTTPS, HTTP'",
            ),
        ),
    ),
    LISTENER_RULE_TYPE: AwsType(LISTENER_RULE_TYPE, "{arn}").rule(
        {
            "conditions.hostHeader.values": refine_elements(
                Length(1, 128, DOC), Pattern(r"^[A-Za-z0-9*?_.-]+\.[A-Za-z*?]+$", DOC)
            ),
        },
        computed={"arn": _rule_arn, "priority": lambda facts: facts["next_priority"]},
        references=(
            ResourceReference(
                "listenerArn",
                (LISTENER_TYPE,),
                Refusal("ListenerNotFound", "One or more listeners not found"),
                API,
                on_delete=OnDelete.CASCADE,
            ),
            *_group_references("actions"),
        ),
        guards=(
            _refuse(_has_taken_priority, "PriorityInUse", "Priority '{priority}' is currently in use"),
            _refuse(_has_too_many_values, "ValidationError", "A rule can only have '5' condition values"),
        ),
    ),
}


def _names_alias_without_weights(context: GuardContext) -> bool:
    """Whether an instance has the name of a load balancer, in a service whose records have no weights."""
    service = context.facts["service_found"]
    policy = (service.get("dnsConfig") or {}).get("routingPolicy") if isinstance(service, Mapping) else None
    is_alias = "AWS_ALIAS_DNS_NAME" in (context.facts["attributes"] or {})
    return is_alias and bool(service) and policy != "WEIGHTED"


def _namespace_of(facts: RequestFacts) -> str:
    return str((facts["dnsConfig"] or {}).get("namespaceId") or facts["namespaceId"] or "")


def _namespace_reference(path: str) -> ResourceReference:
    refusal = Refusal("NamespaceNotFound", "No namespace exists with the specified ID: {value}")
    return ResourceReference(path, (NAMESPACE_TYPE,), refusal, API, on_delete=OnDelete.REFUSE)


DISCOVERY_TYPES: Final[dict[str, TypeRule]] = {
    NAMESPACE_TYPE: AwsType(
        NAMESPACE_TYPE, "ns-{hex17}", arn="arn:aws:servicediscovery:{region}:{account}:namespace/ns-{hex17}"
    ).rule(
        computed={"hostedZone": "Z{large17}"},
        unique=(
            UniqueHandle(
                "{vpc}/{name}",
                Refusal("NamespaceAlreadyExists", "The namespace that you're trying to create already exists."),
            ),
        ),
        handles=("ns-{hex17}", "{arn}"),
        references=(
            ResourceReference(
                "vpc",
                (VPC_TYPE,),
                Refusal("InvalidInput", "VPC {value} does not exist"),
                API,
                on_delete=OnDelete.REFUSE,
            ),
        ),
        in_use_refusal=Refusal("ResourceInUse", "Namespace has associated services: {dependents}"),
        latency_seconds=60,
    ),
    DISCOVERED_SERVICE_TYPE: AwsType(
        DISCOVERED_SERVICE_TYPE, "srv-{hex17}", arn="arn:aws:servicediscovery:{region}:{account}:service/srv-{hex17}"
    ).rule(
        {"namespaceId": REPLACES, "dnsConfig.namespaceId": REPLACES, "dnsConfig.routingPolicy": REPLACES},
        computed={"namespaceId": _namespace_of, "type": "DNS_HTTP"},
        unique=(
            UniqueHandle(
                "{dnsConfig[namespaceId]}/{name}",
                Refusal("ServiceAlreadyExists", "Service already exists."),
            ),
        ),
        handles=("srv-{hex17}", "{arn}"),
        references=(_namespace_reference("namespaceId"), _namespace_reference("dnsConfig.namespaceId")),
        in_use_refusal=Refusal(
            "ResourceInUse",
            "Service contains registered instances; delete the instances before deleting the service",
        ),
    ),
    DISCOVERED_INSTANCE_TYPE: AwsType(DISCOVERED_INSTANCE_TYPE, "{instanceId}").rule(
        unique_within=("serviceId",),
        unique=(
            UniqueHandle("{serviceId}/{instanceId}", Refusal("DuplicateRequest", "The instance is being registered.")),
        ),
        create_overwrites=True,  # as the reference of RegisterInstance says
        references=(
            ResourceReference(
                "serviceId",
                (DISCOVERED_SERVICE_TYPE,),
                Refusal("ServiceNotFound", "No service exists with the specified ID: {value}"),
                API,
                fact_name="service_found",
                on_delete=OnDelete.REFUSE,
            ),
        ),
        guards=(
            _refuse(
                _names_alias_without_weights,
                "InvalidInput",
                "AWS_ALIAS_DNS_NAME requires a service with the routing policy WEIGHTED",
                API,
            ),
        ),
        latency_seconds=30,
    ),
}
