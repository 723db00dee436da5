"""SNS topics and their subscriptions."""

from __future__ import annotations

from typing import Final

from semantest_iac.infrastructure.simulated_cloud.aws.every_type import (
    REGION,
    REGIONAL,
    REGIONAL_AND_TAGGED,
    TAGS,
)
from semantest_iac.infrastructure.simulated_cloud.limits import Evidence, Length, OneOf, Pattern, Range
from semantest_iac.infrastructure.simulated_cloud.properties import alike, document, flag, integer, text
from semantest_iac.infrastructure.simulated_cloud.refusal import Refusal
from semantest_iac.infrastructure.simulated_cloud.rules import Choice, OnDelete, Reference, TypeRule, Unique
from semantest_iac.infrastructure.simulated_cloud.values import Facts

TOPIC: Final = "aws:sns/topic:Topic"
TOPIC_SUBSCRIPTION: Final = "aws:sns/topicSubscription:TopicSubscription"

CFN, API, DOC = Evidence.CFN, Evidence.API, Evidence.DOC
_FEEDBACK: Final = ("application", "firehose", "http", "lambda", "sqs")
_PROTOCOLS: Final = (*("application", "email", "email-json", "firehose", "http", "https", "lambda", "sms", "sqs"),)


def _waits_for_confirmation(facts: Facts) -> bool:
    return str(facts["protocol"]).startswith(("email", "http"))


TYPES: Final = {
    TOPIC: TypeRule(
        properties={
            **alike(text(), *(f"{name}FailureFeedbackRoleArn" for name in _FEEDBACK)),
            **alike(text(), *(f"{name}SuccessFeedbackRoleArn" for name in _FEEDBACK)),
            **alike(integer(Range(0, 100, DOC)), *(f"{name}SuccessFeedbackSampleRate" for name in _FEEDBACK)),
            **alike(document(), "archivePolicy", "deliveryPolicy"),
            "contentBasedDeduplication": flag(default=False),
            "displayName": text(),
            "fifoThroughputScope": text(settled=True),
            "fifoTopic": flag(default=False, replaces=True),
            "kmsMasterKeyId": text(),
            "maximumMessageSize": integer(Range(1024, 1048576, CFN), settled=True),
            "name": text(
                Length(None, 256, CFN),
                Pattern(r"^[a-zA-Z0-9_-]{1,251}(\.fifo|[a-zA-Z0-9_-]{0,5})$", API),
                replaces=True,
                settled=True,
            ),
            "namePrefix": text(replaces=True),
            "policy": document(settled=True),
            "signatureVersion": integer(OneOf((1, 2), DOC), settled=True),
            "tracingConfig": text(OneOf(("Active", "PassThrough"), DOC), settled=True),
            **REGION,
            **TAGS,
        },
        identity="{arn}",
        name="name",
        planned=REGIONAL_AND_TAGGED,
        computed={
            "arn": "arn:aws:sns:{region}:{account}:{name}",
            "owner": "{account}",
            "beginningArchiveTime": "",
            "policy": "",
            "signatureVersion": lambda _: 1,
            "tracingConfig": "PassThrough",
        },
        handles=("{arn}",),
        unique=(Unique("{name}", Refusal("InvalidParameter", "Topic already exists with different attributes")),),
        conditions=(Choice(0, 1, ("name", "namePrefix"), DOC),),
        overwrites=True,
    ),
    TOPIC_SUBSCRIPTION: TypeRule(
        properties={
            "endpoint": text(required=True, replaces=True),
            "protocol": text(OneOf(_PROTOCOLS, DOC), required=True, replaces=True),
            "topic": text(required=True, replaces=True),
            "confirmationTimeoutInMinutes": integer(default=1),
            **alike(document(), "deliveryPolicy", "filterPolicy", "redrivePolicy", "replayPolicy"),
            "endpointAutoConfirms": flag(default=False),
            "filterPolicyScope": text(OneOf(("MessageAttributes", "MessageBody"), DOC), settled=True),
            "rawMessageDelivery": flag(default=False),
            "subscriptionRoleArn": text(),
            **REGION,
        },
        identity="{arn}",
        planned=REGIONAL,
        computed={
            "arn": "{topic}:{uuid}",
            "ownerId": "{account}",
            "confirmationWasAuthenticated": lambda facts: not _waits_for_confirmation(facts),
            "pendingConfirmation": _waits_for_confirmation,
            "filterPolicyScope": "",
        },
        references=(
            Reference(
                "topic",
                (TOPIC,),
                Refusal("NotFoundException", "Topic does not exist", 404),
                API,
                on_delete=OnDelete.CASCADE,
            ),
        ),
    ),
}
