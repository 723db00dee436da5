"""Queues on SQS, topics on SNS; a subscription is a queue of its own, to which the topic delivers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pulumi
import pulumi_aws as aws

from semantest_iac.domain.messaging.message_filters import AttributeCondition, AttributeValue, MessageFilter
from semantest_iac.domain.messaging.queues import (
    LIFETIMES_S,
    MessageBroker,
    MessageDelivery,
    MessageQueue,
    MessageTopic,
    TopicSubscription,
    receive_variable,
    send_variable,
)
from semantest_iac.infrastructure.cloud_programs.aws.foundation import allow_actions, aws_name
from semantest_iac.infrastructure.cloud_programs.context import Outputs, ProgramContext

_RECEIVE_ACTIONS = [
    "sqs:ChangeMessageVisibility",
    "sqs:DeleteMessage",
    "sqs:GetQueueAttributes",
    "sqs:ReceiveMessage",
]
_FIFO_SUFFIX = ".fifo"


def use_account_as_broker(broker: MessageBroker, context: ProgramContext) -> Outputs:
    """Create nothing: the queues and topics of an account and region are in no resource."""
    return {}


def create_message_queue(queue: MessageQueue, context: ProgramContext) -> Outputs:
    """Create a queue and the one of its dead letters."""
    is_fifo = queue.ordered or queue.rejects_duplicates
    created, dead = _create_queue_pair(queue, queue.queue, is_fifo, context)
    return {
        **_describe_queue(queue.queue, created),
        "dead_letter_name": dead.name,
        "variables": {send_variable(queue.queue): created.url},
        "statements": [allow_actions(["sqs:SendMessage"], [created.arn])],
    }


def _create_queue_pair(
    delivery: MessageDelivery, purpose: str, is_fifo: bool, context: ProgramContext
) -> tuple[aws.sqs.Queue, aws.sqs.Queue]:
    """Create a queue of dead letters, the queue itself, and let only the latter use the former."""
    shared = {"fifo_queue": is_fifo or None, "sqs_managed_sse_enabled": True, "tags": context.tags}
    dead = aws.sqs.Queue(
        f"{delivery.name}-dead-letters",
        name=_name_fifo("queue", f"{purpose}-dead-letters", is_fifo, context),
        message_retention_seconds=LIFETIMES_S[-1],
        opts=context.options(),
        **shared,
    )
    redrive = {"deadLetterTargetArn": dead.arn, "maxReceiveCount": delivery.max_deliveries}
    created = aws.sqs.Queue(
        delivery.name,
        name=_name_fifo("queue", purpose, is_fifo, context),
        message_retention_seconds=delivery.lifetime_s,
        visibility_timeout_seconds=delivery.lock_s,
        redrive_policy=pulumi.Output.json_dumps(redrive, sort_keys=True),
        opts=context.options(),
        **shared,
    )
    allowed = {"redrivePermission": "byQueue", "sourceQueueArns": [created.arn]}
    aws.sqs.RedriveAllowPolicy(
        delivery.name,
        queue_url=dead.url,
        redrive_allow_policy=pulumi.Output.json_dumps(allowed, sort_keys=True),
        opts=context.options(),
    )
    return created, dead


def _name_fifo(kind: str, purpose: str, is_fifo: bool, context: ProgramContext) -> str:
    return aws_name(f"fifo {kind}", context, purpose) + _FIFO_SUFFIX if is_fifo else aws_name(kind, context, purpose)


def _describe_queue(source: str, created: aws.sqs.Queue) -> dict[str, Any]:
    return {
        "arn": created.arn,
        "name": created.name,
        "address": created.url,
        "receive_statements": [allow_actions(_RECEIVE_ACTIONS, [created.arn])],
        "receive_variables": {receive_variable(source): created.url},
    }


def create_message_topic(topic: MessageTopic, context: ProgramContext) -> Outputs:
    """Create a topic; it keeps no message itself, so that the lifetime is that of its subscriptions."""
    is_fifo = topic.ordered or topic.rejects_duplicates
    created = aws.sns.Topic(
        topic.name,
        name=_name_fifo("topic", topic.topic, is_fifo, context),
        fifo_topic=is_fifo or None,
        tags=context.tags,
        opts=context.options(),
    )
    return {
        "arn": created.arn,
        "name": created.name,
        "address": created.arn,
        "variables": {send_variable(topic.topic): created.arn},
        "statements": [allow_actions(["sns:Publish"], [created.arn])],
    }


def create_topic_subscription(subscription: TopicSubscription, context: ProgramContext) -> Outputs:
    """Create the queue of the subscription, and subscribe it with messages as they were sent."""
    topic = context.outputs[subscription.topic]
    queue, _ = _create_queue_pair(subscription, subscription.subscription, subscription.ordered, context)
    policy = aws.sqs.QueuePolicy(
        subscription.name,
        queue_url=queue.url,
        policy=pulumi.Output.json_dumps(_build_delivery_policy(queue.arn, topic["arn"]), sort_keys=True),
        opts=context.options(),
    )
    conditions = build_filter_policy(subscription.filter)
    aws.sns.TopicSubscription(
        subscription.name,
        topic=topic["arn"],
        protocol="sqs",
        endpoint=queue.arn,
        raw_message_delivery=True,
        filter_policy=json.dumps(conditions, sort_keys=True) if conditions else None,
        filter_policy_scope="MessageAttributes" if conditions else None,
        opts=context.options(depends_on=[policy]),
    )
    return _describe_queue(subscription.subscription, queue)


def _build_delivery_policy(queue: pulumi.Input[str], topic: pulumi.Input[str]) -> dict[str, Any]:
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": queue,
        "Condition": {"ArnEquals": {"aws:SourceArn": topic}},
    }
    return {"Version": "2012-10-17", "Statement": [statement]}


def build_filter_policy(message_filter: MessageFilter) -> dict[str, list[Any]]:
    """Return the filter in the notation of SNS, for the attributes of messages."""
    return {name: _build_matches(condition) for name, condition in message_filter.conditions.items()}


def _build_matches(condition: AttributeCondition) -> list[Any]:
    if condition.any_of:
        return [_build_equal(value) for value in condition.any_of]
    if condition.none_of:
        return [{"anything-but": [*condition.none_of]}]
    if condition.prefix:
        return [{"prefix": condition.prefix}]
    if condition.is_range:
        bounds = ((">=", condition.minimum), ("<=", condition.maximum))
        return [{"numeric": [part for bound in bounds if bound[1] is not None for part in bound]}]
    return [{"exists": condition.exists}]


def _build_equal(value: AttributeValue) -> str | Mapping[str, Any]:
    return value if isinstance(value, str) else {"numeric": ["=", value]}
