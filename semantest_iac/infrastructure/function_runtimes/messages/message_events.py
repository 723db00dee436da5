"""Builds what each cloud gives a function for messages and ticks, and reads which messages it names as failed."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from semantest_iac.domain.messaging.message_filters import AttributeValue
from semantest_iac.domain.messaging.messages import DeliveredMessage


def build_sqs_event(messages: Sequence[DeliveredMessage], queue_arn: str, region: str) -> dict[str, Any]:
    """Return the event with which Lambda calls a function for a batch of messages."""
    return {"Records": [_build_record(message, queue_arn, region) for message in messages]}


def _build_record(message: DeliveredMessage, queue_arn: str, region: str) -> dict[str, Any]:
    attributes = {
        "ApproximateReceiveCount": str(message.deliveries),
        "SentTimestamp": str(int(message.sent_at.timestamp() * 1000)),
    }
    return {
        "messageId": message.id,
        "receiptHandle": message.receipt,
        "body": message.body,
        "attributes": attributes | ({"MessageGroupId": message.group} if message.group else {}),
        "messageAttributes": {name: _describe_value(value) for name, value in message.attributes.items()},
        "md5OfBody": hashlib.md5(message.body.encode(), usedforsecurity=False).hexdigest(),
        "eventSource": "aws:sqs",
        "eventSourceARN": queue_arn,
        "awsRegion": region,
    }


def _describe_value(value: AttributeValue) -> dict[str, Any]:
    kind = "String" if isinstance(value, str) else "Number"
    return {"stringValue": str(value), "stringListValues": [], "binaryListValues": [], "dataType": kind}


def find_failed_messages(result: Any, ids: Collection[str]) -> frozenset[str]:
    """Return the messages of a batch that are delivered again by the result of a function on AWS.

    None without a list or with an empty one; all of them, if the list names what is not in the batch. Source: Lambda's
    guide on partial batch responses for SQS.
    """
    failures = result.get("batchItemFailures") if isinstance(result, Mapping) else None
    if not failures:
        return frozenset()
    named = [it.get("itemIdentifier") if isinstance(it, Mapping) else None for it in failures]
    return frozenset(str(it) for it in named) if all(it in ids for it in named) else frozenset(ids)


def build_bus_event(function: str, message: DeliveredMessage) -> dict[str, Any]:
    """Return the event with which Azure's host calls a function of an app for one message."""
    return {
        "function": function,
        "message": {
            "id": message.id,
            "body": base64.b64encode(message.body.encode()).decode("ascii"),
            "attributes": dict(message.attributes),
            "deliveries": message.deliveries,
            "sent": message.sent_at.timestamp(),
            "group": message.group,
            "lock": message.receipt,
        },
    }


def build_timer_event(function: str, planned: datetime) -> dict[str, Any]:
    """Return the event with which Azure's host calls a function of an app for a tick of its timer."""
    return {"function": function, "timer": {"planned": planned.astimezone(UTC).isoformat()}}
