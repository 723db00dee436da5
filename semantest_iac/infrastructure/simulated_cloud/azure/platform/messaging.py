"""Service Bus: namespaces, queues, topics and subscriptions with the rule that each has from its beginning.

Source of what is `TERRAFORM`: the validators and the replacements of Terraform's provider for Azure; of what is `DOC`:
Azure's pages on the tiers and quotas of Service Bus.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

from semantest_iac.infrastructure.simulated_cloud.azure.resource_type import (
    PROVIDERS_ID_PREFIX,
    SUCCEEDED_STATE,
    ArmType,
    refine,
)
from semantest_iac.infrastructure.simulated_cloud.schema.properties import (
    DOC,
    TERRAFORM,
    Length,
    OneOf,
    Pattern,
    Range,
)
from semantest_iac.infrastructure.simulated_cloud.schema.refusals import Refusal
from semantest_iac.infrastructure.simulated_cloud.schema.rules import (
    GuardContext,
    OutputSource,
    RequestGuard,
    TypeRule,
    UniqueHandle,
)
from semantest_iac.infrastructure.simulated_cloud.schema.values import RequestFacts

BUS_NAMESPACE_TYPE: Final = "azure-native:servicebus:Namespace"
BUS_QUEUE_TYPE: Final = "azure-native:servicebus:Queue"
BUS_TOPIC_TYPE: Final = "azure-native:servicebus:Topic"
BUS_SUBSCRIPTION_TYPE: Final = "azure-native:servicebus:Subscription"
BUS_RULE_TYPE: Final = "azure-native:servicebus:DefaultRule"

_NAMESPACES_ID: Final = f"{PROVIDERS_ID_PREFIX}Microsoft.ServiceBus/namespaces"
_TOPICS_ID: Final = f"{_NAMESPACES_ID}/{{namespaceName}}/topics"
_SUBSCRIPTIONS_ID: Final = f"{_TOPICS_ID}/{{topicName}}/subscriptions"
_FOREVER: Final = "P10675199DT2H48M5.4775807S"
_LONGEST_BASIC_S: Final = 14 * 86_400
_DURATION: Final = re.compile(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)(?:\.\d+)?S)?)?")

_ENTITY_NAME: Final = refine(
    Length(1, 260, TERRAFORM), Pattern(r"^[a-zA-Z0-9]([\w./~-]*[a-zA-Z0-9])?\Z", TERRAFORM), force_new=True
)
_CHOSEN: Final = refine(computed_default=True)


def _seconds_of(duration: str) -> int | None:
    match = _DURATION.fullmatch(duration)
    if match is None or not any(match.groups()):
        return None
    days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return ((days * 24 + hours) * 60 + minutes) * 60 + seconds


class _DurationRange:
    """A duration in ISO 8601 between two numbers of seconds."""

    evidence = TERRAFORM

    def __init__(self, least: int, most: int | None = None) -> None:
        self._least, self._most = least, most

    def violation(self, value: Any) -> str:
        seconds = _seconds_of(str(value))
        if seconds is None:
            return "must be a duration such as PT5M"
        is_inside = self._least <= seconds and (self._most is None or seconds <= self._most)
        return "" if is_inside else f"must be {self._least} to {self._most or 'any number of'} seconds"


def _tier_of(facts: Any) -> str:
    return str((facts.get("sku") or {}).get("name") or "Standard")


def _is_basic(context: GuardContext) -> bool:
    return _tier_of(context.facts["namespace"] or {}) == "Basic"


def _has_units_without_premium(context: GuardContext) -> bool:
    facts = context.facts
    return _tier_of(facts) != "Premium" and bool((facts["sku"] or {}).get("capacity"))


def _moves_to_or_from_premium(context: GuardContext) -> bool:
    tiers = {_tier_of(context.facts), _tier_of(context.previous)}
    return bool(context.previous) and len(tiers) == 2 and "Premium" in tiers


def _asks_basic_for(*names: str) -> Callable[[GuardContext], bool]:
    return lambda context: _is_basic(context) and any(context.facts[name] for name in names)


def _lives_too_long_for_basic(context: GuardContext) -> bool:
    lifetime = _seconds_of(str(context.facts["defaultMessageTimeToLive"] or ""))
    return _is_basic(context) and lifetime is not None and lifetime > _LONGEST_BASIC_S


def _has_name_of(other: str, name_input: str) -> Callable[[GuardContext], bool]:
    """Whether an entity of another type has the name: queues and topics of a namespace share theirs."""

    def applies(context: GuardContext) -> bool:
        facts = context.facts
        beginning = f"/namespaces/{facts['namespaceName']}/".lower()
        taken = {str(it["name"]).lower() for it in context.resources_of(other) if beginning in str(it["id"]).lower()}
        return str(facts[name_input]).lower() in taken

    return applies


def _refuse(applies: Callable[[GuardContext], bool], message: str, *, on_update: bool = True) -> RequestGuard:
    return RequestGuard(applies, Refusal("MessagingGatewayBadRequest", message), DOC, on_update=on_update)


_NAME_IS_TAKEN: Final = "SubCode=40901. A queue or topic with the name is in the namespace."
_NO_COUNTS: Final = dict.fromkeys(
    (
        *("activeMessageCount", "deadLetterMessageCount", "scheduledMessageCount", "transferDeadLetterMessageCount"),
        "transferMessageCount",
    ),
    0,
)
_TIMES: Final[dict[str, OutputSource]] = dict.fromkeys(("accessedAt", "createdAt", "updatedAt"), "{now}")
_ENTITY_OUTPUTS: Final[dict[str, OutputSource]] = {
    **_TIMES,
    "countDetails": lambda _: {**_NO_COUNTS},
    "location": "{region}",
    "status": "Active",
    "defaultMessageTimeToLive": _FOREVER,
    "autoDeleteOnIdle": _FOREVER,
    "enableBatchedOperations": lambda _: True,
}
_SIZE_OUTPUTS: Final[dict[str, OutputSource]] = {
    "sizeInBytes": lambda _: 0,
    "maxSizeInMegabytes": lambda _: 1024,
    "maxMessageSizeInKilobytes": lambda _: 256,
    "duplicateDetectionHistoryTimeWindow": "PT10M",
    **dict.fromkeys(("enableExpress", "enablePartitioning", "requiresDuplicateDetection"), lambda _: False),
}
_DELIVERY_OUTPUTS: Final[dict[str, OutputSource]] = {
    "lockDuration": "PT1M",
    "maxDeliveryCount": lambda _: 10,
    "messageCount": lambda _: 0,
    **dict.fromkeys(("deadLetteringOnMessageExpiration", "requiresSession"), lambda _: False),
}
_DELIVERY: Final = {
    "lockDuration": refine(_DurationRange(1, 300), computed_default=True),
    "maxDeliveryCount": refine(Range(1, 2000, TERRAFORM), computed_default=True),
    "deadLetteringOnMessageExpiration": _CHOSEN,
    "requiresSession": refine(force_new=True, computed_default=True),
}
_LIFETIMES: Final = {
    "autoDeleteOnIdle": refine(_DurationRange(300), computed_default=True),
    "defaultMessageTimeToLive": refine(_DurationRange(1), computed_default=True),
    **dict.fromkeys(("enableBatchedOperations", "status"), _CHOSEN),
}
_SIZES: Final = {
    "duplicateDetectionHistoryTimeWindow": refine(_DurationRange(20, 7 * 86_400), computed_default=True),
    "requiresDuplicateDetection": refine(force_new=True, computed_default=True),
    "enablePartitioning": refine(force_new=True, computed_default=True),
    **dict.fromkeys(("enableExpress", "maxMessageSizeInKilobytes", "maxSizeInMegabytes"), _CHOSEN),
}


def _namespace_sku(facts: RequestFacts) -> dict[str, Any]:
    sku = {"name": "Standard", **(facts["sku"] or {})}
    units = {"capacity": sku.get("capacity") or 1} if sku["name"] == "Premium" else {}
    return {"name": sku["name"], "tier": sku.get("tier") or sku["name"], **units}


MESSAGE_BROKER_TYPES: Final[dict[str, TypeRule]] = {
    BUS_NAMESPACE_TYPE: ArmType(BUS_NAMESPACE_TYPE, f"{_NAMESPACES_ID}/{{namespaceName}}").rule(
        {
            "namespaceName": refine(
                Pattern(r"^[a-zA-Z][a-zA-Z0-9-]{4,48}[a-zA-Z0-9]\Z", TERRAFORM),
                Pattern(r"(?<!-sb)(?<!-mgmt)\Z", TERRAFORM),
            ),
            "sku": refine(computed_default=True, reported_differently=True),
            "sku.capacity": refine(OneOf((0, 1, 2, 4, 8, 16), TERRAFORM), computed_default=True),
            "sku.tier": _CHOSEN,
            "premiumMessagingPartitions": refine(OneOf((0, 1, 2, 4), TERRAFORM), force_new=True, computed_default=True),
            "minimumTlsVersion": refine(OneOf(("1.0", "1.1", "1.2", "1.3"), DOC), computed_default=True),
            "publicNetworkAccess": refine(
                OneOf(("Enabled", "Disabled", "SecuredByPerimeter"), DOC), computed_default=True
            ),
            **dict.fromkeys(("disableLocalAuth", "zoneRedundant"), _CHOSEN),
        },
        rendered={"sku": _namespace_sku},
        computed={
            **SUCCEEDED_STATE,
            "status": "Active",
            "createdAt": "{now}",
            "updatedAt": "{now}",
            "metricId": "{account}:{namespaceName}",
            "serviceBusEndpoint": "https://{namespaceName}.servicebus.windows.net:443/",
            "minimumTlsVersion": "1.2",
            "publicNetworkAccess": "Enabled",
            "premiumMessagingPartitions": lambda facts: 1 if _tier_of(facts) == "Premium" else 0,
            "disableLocalAuth": lambda _: False,
            "zoneRedundant": lambda _: True,
            "privateEndpointConnections": lambda _: [],
        },
        unique=(
            UniqueHandle(
                "{namespaceName}",
                Refusal("NamespaceUnavailable", "The specified service namespace is not available.", 409),
            ),
        ),
        guards=(
            _refuse(_has_units_without_premium, "The property 'capacity' is for the Premium tier only."),
            RequestGuard(
                _moves_to_or_from_premium,
                Refusal("BadRequest", "A namespace cannot be moved to or from the Premium tier."),
                TERRAFORM,
            ),
        ),
        latency_seconds=60,
    ),
    BUS_QUEUE_TYPE: ArmType(BUS_QUEUE_TYPE, f"{_NAMESPACES_ID}/{{namespaceName}}/queues/{{queueName}}").rule(
        {"queueName": _ENTITY_NAME, **_LIFETIMES, **_SIZES, **_DELIVERY},
        computed={**_ENTITY_OUTPUTS, **_SIZE_OUTPUTS, **_DELIVERY_OUTPUTS},
        guards=(
            _refuse(
                _asks_basic_for("requiresSession", "requiresDuplicateDetection"),
                "Sessions and duplicate detection need the Standard tier.",
            ),
            _refuse(_lives_too_long_for_basic, "Messages live for 14 days at most in the Basic tier."),
            _refuse(_has_name_of(BUS_TOPIC_TYPE, "queueName"), _NAME_IS_TAKEN, on_update=False),
        ),
    ),
    BUS_TOPIC_TYPE: ArmType(BUS_TOPIC_TYPE, f"{_TOPICS_ID}/{{topicName}}").rule(
        {"topicName": _ENTITY_NAME, **_LIFETIMES, **_SIZES, "supportOrdering": _CHOSEN},
        computed={
            **_ENTITY_OUTPUTS,
            **_SIZE_OUTPUTS,
            "subscriptionCount": lambda _: 0,
            "supportOrdering": lambda _: False,
        },
        guards=(
            _refuse(_is_basic, "Topics need the Standard tier.", on_update=False),
            _refuse(_has_name_of(BUS_QUEUE_TYPE, "topicName"), _NAME_IS_TAKEN, on_update=False),
        ),
    ),
    BUS_SUBSCRIPTION_TYPE: ArmType(BUS_SUBSCRIPTION_TYPE, f"{_SUBSCRIPTIONS_ID}/{{subscriptionName}}").rule(
        {
            "subscriptionName": refine(
                Length(1, 50, TERRAFORM), Pattern(r"^[a-zA-Z0-9]([\w.-]*[a-zA-Z0-9])?\Z", TERRAFORM)
            ),
            **_LIFETIMES,
            **_DELIVERY,
            **dict.fromkeys(("deadLetteringOnFilterEvaluationExceptions", "isClientAffine"), _CHOSEN),
            "duplicateDetectionHistoryTimeWindow": _CHOSEN,
        },
        computed={
            **_ENTITY_OUTPUTS,
            **_DELIVERY_OUTPUTS,
            "deadLetteringOnFilterEvaluationExceptions": lambda _: True,
            "isClientAffine": lambda _: False,
            "duplicateDetectionHistoryTimeWindow": "PT10M",
        },
    ),
    BUS_RULE_TYPE: ArmType(BUS_RULE_TYPE, f"{_SUBSCRIPTIONS_ID}/{{subscriptionName}}/rules/$Default").rule(
        {"filterType": _CHOSEN, "sqlFilter": refine(reported_differently=True)},
        computed={"name": "$Default", "location": "{region}", "filterType": "SqlFilter"},
    ),
}
