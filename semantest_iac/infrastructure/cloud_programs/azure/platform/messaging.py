"""Queues, topics and subscriptions on Service Bus, in a namespace that takes no keys."""

from __future__ import annotations

from typing import Any

import pulumi
from pulumi_azure_native import servicebus

from semantest_iac.domain.messaging.message_filters import AttributeCondition, AttributeValue, MessageFilter
from semantest_iac.domain.messaging.queues import (
    MessageBroker,
    MessageDelivery,
    MessageQueue,
    MessageTopic,
    TopicSubscription,
    receive_variable,
    send_variable,
)
from semantest_iac.infrastructure.cloud_programs.azure.foundation import common_arguments, globally_unique_name
from semantest_iac.infrastructure.cloud_programs.cloud import FOUNDATION
from semantest_iac.infrastructure.cloud_programs.context import Outputs, ProgramContext
from semantest_iac.infrastructure.clouds.azure_rules import LONGEST_LOCK_S
from semantest_iac.infrastructure.clouds.plan.azure_departures import choose_broker_tier

_DUPLICATE_WINDOW = "PT5M"  # as long as SQS remembers messages
_LEAST_UNITS = {"premium": 1}  # the other tiers have none


def create_message_broker(broker: MessageBroker, context: ProgramContext) -> Outputs:
    """Create a namespace of the lowest tier that has what is asked for."""
    tier = choose_broker_tier(broker)
    units = _LEAST_UNITS.get(tier)
    created = servicebus.Namespace(
        broker.name,
        namespace_name=globally_unique_name("broker", context),
        sku={"name": tier.title(), "tier": tier.title(), **({"capacity": units} if units else {})},
        premium_messaging_partitions=units,
        disable_local_auth=True,
        minimum_tls_version="1.2",
        public_network_access="Disabled" if broker.private else "Enabled",
        **common_arguments(context),
        opts=context.options(),
    )
    return {
        "arn": created.id,
        "id": created.id,
        "name": created.name,
        "host": pulumi.Output.concat(created.name, ".servicebus.windows.net"),
    }


def create_message_queue(queue: MessageQueue, context: ProgramContext) -> Outputs:
    """Create a queue; its dead letters are in a part of it that every queue has."""
    broker = context.outputs[queue.broker]
    created = servicebus.Queue(
        queue.name,
        queue_name=queue.queue,
        namespace_name=broker["name"],
        resource_group_name=context.outputs[FOUNDATION]["group"],
        requires_duplicate_detection=queue.rejects_duplicates,
        duplicate_detection_history_time_window=_DUPLICATE_WINDOW if queue.rejects_duplicates else None,
        opts=context.options(),
        **_describe_delivery(queue),
    )
    outputs = _describe_entity(created, queue, broker)
    return outputs | {
        "receive_grants": [("receive", created.id)],
        "receive_variables": {receive_variable(queue.queue): outputs["address"]},
    }


def _describe_delivery(delivery: MessageDelivery) -> dict[str, Any]:
    """Return what queues and subscriptions have alike; the host renews a lock while a function runs."""
    return {
        "lock_duration": _format_duration(min(delivery.lock_s, LONGEST_LOCK_S)),
        "max_delivery_count": delivery.max_deliveries,
        "default_message_time_to_live": _format_duration(delivery.lifetime_s),
        "dead_lettering_on_message_expiration": False,  # as on SQS, where messages that are too old are gone
        "requires_session": delivery.ordered,
    }


def _format_duration(seconds: int) -> str:
    """Return the duration as Azure reports it, in ISO 8601 with each part below the next larger one."""
    minutes, second = divmod(seconds, 60)
    hours, minute = divmod(minutes, 60)
    days, hour = divmod(hours, 24)
    clock = "".join(f"{number}{unit}" for number, unit in ((hour, "H"), (minute, "M"), (second, "S")) if number)
    return f"P{f'{days}D' if days else ''}{f'T{clock}' if clock else ''}"


def _describe_entity(
    created: servicebus.Queue | servicebus.Topic, kind: MessageQueue | MessageTopic, broker: Outputs
) -> dict[str, Any]:
    """Return what others use; a sender learns from the address whether each message needs a group."""
    name = kind.queue if isinstance(kind, MessageQueue) else kind.topic
    address = pulumi.Output.concat("https://", broker["host"], "/", created.name)
    return {
        "arn": created.id,
        "id": created.id,
        "name": created.name,
        "metrics_scope": broker["id"],
        "address": address,
        "broker_host": broker["host"],
        "broker_name": broker["name"],
        "variables": {send_variable(name): pulumi.Output.concat(address, "#ordered") if kind.ordered else address},
        "grants": [("send", created.id)],
    }


def create_message_topic(topic: MessageTopic, context: ProgramContext) -> Outputs:
    """Create a topic, which keeps messages as long as its subscriptions may."""
    broker = context.outputs[topic.broker]
    created = servicebus.Topic(
        topic.name,
        topic_name=topic.topic,
        namespace_name=broker["name"],
        resource_group_name=context.outputs[FOUNDATION]["group"],
        default_message_time_to_live=_format_duration(topic.lifetime_s),
        support_ordering=topic.ordered,
        requires_duplicate_detection=topic.rejects_duplicates,
        duplicate_detection_history_time_window=_DUPLICATE_WINDOW if topic.rejects_duplicates else None,
        opts=context.options(),
    )
    return _describe_entity(created, topic, broker)


def create_topic_subscription(subscription: TopicSubscription, context: ProgramContext) -> Outputs:
    """Create a subscription, and give the rule that Azure creates with it the filter.

    The rule is given even where the filter takes everything: a subscription whose rule is deleted takes nothing.
    """
    topic, group = context.outputs[subscription.topic], context.outputs[FOUNDATION]["group"]
    created = servicebus.Subscription(
        subscription.name,
        subscription_name=subscription.subscription,
        topic_name=topic["name"],
        namespace_name=topic["broker_name"],
        resource_group_name=group,
        opts=context.options(),
        **_describe_delivery(subscription),
    )
    servicebus.DefaultRule(
        subscription.name,
        subscription_name=created.name,
        topic_name=topic["name"],
        namespace_name=topic["broker_name"],
        resource_group_name=group,
        filter_type="SqlFilter",
        sql_filter={"sql_expression": build_sql_filter(subscription.filter)},
        opts=context.options(),
    )
    return {
        "arn": created.id,
        "name": created.name,
        "broker_host": topic["broker_host"],
        "receive_grants": [("receive", created.id)],
    }


def build_sql_filter(message_filter: MessageFilter) -> str:
    """Return the filter in the notation of Service Bus."""
    conditions = [_build_predicate(name, condition) for name, condition in sorted(message_filter.conditions.items())]
    return " AND ".join(conditions) or "1=1"


def _build_predicate(name: str, condition: AttributeCondition) -> str:
    attribute = f"user.[{name}]"
    if condition.any_of:
        return f"{attribute} IN ({', '.join(map(_quote, condition.any_of))})"
    if condition.none_of:
        return f"{attribute} NOT IN ({', '.join(map(_quote, condition.none_of))})"
    if condition.prefix:
        escaped = "".join(f"!{sign}" if sign in "!%_[]^" else sign for sign in condition.prefix)
        return f"{attribute} LIKE {_quote(f'{escaped}%')} ESCAPE '!'"
    if condition.is_range:
        bounds = ((">=", condition.minimum), ("<=", condition.maximum))
        return " AND ".join(f"{attribute} {sign} {bound}" for sign, bound in bounds if bound is not None)
    return f"EXISTS({attribute})" if condition.exists else f"NOT EXISTS({attribute})"


def _quote(value: AttributeValue) -> str:
    return "'" + value.replace("'", "''") + "'" if isinstance(value, str) else str(value)
