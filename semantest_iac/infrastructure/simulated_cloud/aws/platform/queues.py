"""SQS queues and their policies.

Source of what is `OBSERVED`: answers of AWS in reports of its users, which name them word by word.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from semantest_iac.infrastructure.simulated_cloud.aws.resource_type import AwsType
from semantest_iac.infrastructure.simulated_cloud.schema.properties import (
    API,
    DOC,
    Length,
    Pattern,
    ValueKind,
)
from semantest_iac.infrastructure.simulated_cloud.schema.published import change_kind, refine
from semantest_iac.infrastructure.simulated_cloud.schema.refusals import Refusal
from semantest_iac.infrastructure.simulated_cloud.schema.rules import (
    GuardContext,
    NameReservation,
    RequestGuard,
    TypeRule,
)
from semantest_iac.infrastructure.simulated_cloud.schema.values import ResourceProperties

QUEUE_TYPE: Final = "aws:sqs/queue:Queue"
QUEUE_POLICY_TYPE: Final = "aws:sqs/queuePolicy:QueuePolicy"
REDRIVE_ALLOW_POLICY_TYPE: Final = "aws:sqs/redriveAllowPolicy:RedriveAllowPolicy"

_QUEUE_URL: Final = "https://sqs.{region}.amazonaws.com/{account}/{name}"
_NAME_KEPT_S: Final = 60


def _read_document(value: Any) -> Mapping[str, Any]:
    """Return a policy that may be given as text or as data; what is no object is empty."""
    try:
        document = json.loads(value) if isinstance(value, str) and value else value
    except ValueError:
        return {}
    return document if isinstance(document, Mapping) else {}


def _misnames_fifo_queue(context: GuardContext) -> bool:
    return str(context.facts["name"]).endswith(".fifo") != bool(context.facts["fifoQueue"])


def _dead_letter_queue(context: GuardContext) -> ResourceProperties | None:
    arn = _read_document(context.facts["redrivePolicy"]).get("deadLetterTargetArn")
    return next((row for row in context.resources_of(QUEUE_TYPE) if row["arn"] == arn), None)


def _lacks_dead_letter_queue(context: GuardContext) -> bool:
    return bool(context.facts["redrivePolicy"]) and _dead_letter_queue(context) is None


def _has_dead_letters_of_other_order(context: GuardContext) -> bool:
    target = _dead_letter_queue(context)
    return target is not None and bool(target["fifoQueue"]) != bool(context.facts["fifoQueue"])


def _receives_too_often(context: GuardContext) -> bool:
    count = _read_document(context.facts["redrivePolicy"]).get("maxReceiveCount")
    return bool(context.facts["redrivePolicy"]) and not (str(count).isdecimal() and 1 <= int(str(count)) <= 1000)


def _invalid_redrive(applies: Any, reason: str) -> RequestGuard:
    message = f"Value for parameter RedrivePolicy is invalid. Reason: {reason}"
    return RequestGuard(applies, Refusal("InvalidParameterValue", message), DOC)


QUEUE_TYPES: Final[dict[str, TypeRule]] = {
    QUEUE_TYPE: AwsType(QUEUE_TYPE).rule(
        {
            "name": refine(Length(1, 80, DOC), Pattern(r"^[a-zA-Z0-9_-]{1,80}$|^[a-zA-Z0-9_-]{1,75}\.fifo$", DOC)),
            "policy": change_kind(ValueKind.JSON),
        },
        name_suffix=lambda inputs: ".fifo" if inputs.get("fifoQueue") else "",  # source: Pulumi's provider for AWS
        computed={"url": _QUEUE_URL},
        exists=Refusal("QueueAlreadyExists", "A queue already exists with the same name and a different value"),
        # SQS answers QueueDeletedRecently, and Pulumi's provider for AWS asks again until it does not
        name_reservation=NameReservation(lambda _: _NAME_KEPT_S, None),
        guards=(
            RequestGuard(
                _misnames_fifo_queue,
                Refusal("InvalidParameterValue", "The name of a FIFO queue can only end with '.fifo', and must."),
                API,
            ),
            _invalid_redrive(_lacks_dead_letter_queue, "Dead letter target does not exist."),
            _invalid_redrive(_has_dead_letters_of_other_order, "Dead-letter queue must be same type of queue."),
            _invalid_redrive(_receives_too_often, "Invalid value for maxReceiveCount."),
        ),
    ),
    QUEUE_POLICY_TYPE: AwsType(QUEUE_POLICY_TYPE, "{queueUrl}").rule(
        {"queueUrl": refine(force_new=True)}, create_overwrites=True
    ),
    REDRIVE_ALLOW_POLICY_TYPE: AwsType(REDRIVE_ALLOW_POLICY_TYPE, "{queueUrl}").rule(
        {"redriveAllowPolicy": change_kind(ValueKind.JSON), "queueUrl": refine(force_new=True)}, create_overwrites=True
    ),
}
