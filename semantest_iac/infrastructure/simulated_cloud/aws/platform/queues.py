"""SQS queues and their policies."""

from __future__ import annotations

from typing import Final

from semantest_iac.infrastructure.simulated_cloud.aws.resource_type import AwsType
from semantest_iac.infrastructure.simulated_cloud.schema.properties import API, DOC, Length, Pattern, ValueKind
from semantest_iac.infrastructure.simulated_cloud.schema.published import change_kind, refine
from semantest_iac.infrastructure.simulated_cloud.schema.refusals import Refusal
from semantest_iac.infrastructure.simulated_cloud.schema.rules import GuardContext, RequestGuard, TypeRule

QUEUE_TYPE: Final = "aws:sqs/queue:Queue"
QUEUE_POLICY_TYPE: Final = "aws:sqs/queuePolicy:QueuePolicy"


def _misnames_fifo_queue(context: GuardContext) -> bool:
    return bool(context.facts["fifoQueue"]) != str(context.facts["name"]).endswith(".fifo")


QUEUE_TYPES: Final[dict[str, TypeRule]] = {
    QUEUE_TYPE: AwsType(QUEUE_TYPE).rule(
        {
            "name": refine(Length(1, 80, DOC), Pattern(r"^[a-zA-Z0-9_-]{1,80}$|^[a-zA-Z0-9_-]{1,75}\.fifo$", DOC)),
            "policy": change_kind(ValueKind.JSON),
        },
        name_suffix=lambda inputs: ".fifo" if inputs.get("fifoQueue") else "",  # source: Pulumi's provider for AWS
        computed={"url": "https://sqs.{region}.amazonaws.com/{account}/{name}"},
        exists=Refusal("QueueAlreadyExists", "A queue already exists with the same name and a different value"),
        guards=(
            RequestGuard(
                _misnames_fifo_queue,
                Refusal("InvalidParameterValue", "The name of a FIFO queue can only end with '.fifo', and must."),
                API,
            ),
        ),
    ),
    QUEUE_POLICY_TYPE: AwsType(QUEUE_POLICY_TYPE, "{queueUrl}").rule(
        {"queueUrl": refine(force_new=True)}, create_overwrites=True
    ),
}
