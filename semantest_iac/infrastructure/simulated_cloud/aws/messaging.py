"""SNS topics and their subscriptions."""

from __future__ import annotations

from typing import Final

from semantest_iac.infrastructure.simulated_cloud.aws.resource_type import (
    REGION_AND_TAGS_OUTPUTS,
    REGION_OUTPUT,
    REGION_PROPERTY,
    TAGS_PROPERTY,
)
from semantest_iac.infrastructure.simulated_cloud.schema.properties import (
    API,
    CFN,
    DOC,
    Length,
    OneOf,
    Pattern,
    Range,
    flag,
    for_each,
    integer,
    json_document,
    text,
)
from semantest_iac.infrastructure.simulated_cloud.schema.refusals import Refusal
from semantest_iac.infrastructure.simulated_cloud.schema.rules import (
    Choice,
    OnDelete,
    ResourceReference,
    TypeRule,
    UniqueHandle,
)
from semantest_iac.infrastructure.simulated_cloud.schema.values import RequestFacts

TOPIC_TYPE: Final = "aws:sns/topic:Topic"
TOPIC_SUBSCRIPTION_TYPE: Final = "aws:sns/topicSubscription:TopicSubscription"

_FEEDBACK_PROTOCOLS: Final = ("application", "firehose", "http", "lambda", "sqs")
_PROTOCOLS: Final = (*("application", "email", "email-json", "firehose", "http", "https", "lambda", "sms", "sqs"),)


def _waits_for_confirmation(facts: RequestFacts) -> bool:
    return str(facts["protocol"]).startswith(("email", "http"))


MESSAGING_TYPES: Final = {
    TOPIC_TYPE: TypeRule(
        properties={
            **for_each(text(), *(f"{name}FailureFeedbackRoleArn" for name in _FEEDBACK_PROTOCOLS)),
            **for_each(text(), *(f"{name}SuccessFeedbackRoleArn" for name in _FEEDBACK_PROTOCOLS)),
            **for_each(
                integer(Range(0, 100, DOC)), *(f"{name}SuccessFeedbackSampleRate" for name in _FEEDBACK_PROTOCOLS)
            ),
            **for_each(json_document(), "archivePolicy", "deliveryPolicy"),
            "contentBasedDeduplication": flag(default=False),
            "displayName": text(),
            "fifoThroughputScope": text(computed_default=True),
            "fifoTopic": flag(default=False, force_new=True),
            "kmsMasterKeyId": text(),
            "maximumMessageSize": integer(Range(1024, 1048576, CFN), computed_default=True),
            "name": text(
                Length(None, 256, CFN),
                Pattern(r"^[a-zA-Z0-9_-]{1,251}(\.fifo|[a-zA-Z0-9_-]{0,5})$", API),
                force_new=True,
                computed_default=True,
            ),
            "namePrefix": text(force_new=True),
            "policy": json_document(computed_default=True),
            "signatureVersion": integer(OneOf((1, 2), DOC), computed_default=True),
            "tracingConfig": text(OneOf(("Active", "PassThrough"), DOC), computed_default=True),
            **REGION_PROPERTY,
            **TAGS_PROPERTY,
        },
        identity="{arn}",
        name_input="name",
        planned=REGION_AND_TAGS_OUTPUTS,
        computed={
            "arn": "arn:aws:sns:{region}:{account}:{name}",
            "owner": "{account}",
            "beginningArchiveTime": "",
            "policy": "",
            "signatureVersion": lambda _: 1,
            "tracingConfig": "PassThrough",
        },
        handles=("{arn}",),
        unique=(UniqueHandle("{name}", Refusal("InvalidParameter", "Topic already exists with different attributes")),),
        conditions=(Choice(0, 1, ("name", "namePrefix"), DOC),),
        create_overwrites=True,
    ),
    TOPIC_SUBSCRIPTION_TYPE: TypeRule(
        properties={
            "endpoint": text(required=True, force_new=True),
            "protocol": text(OneOf(_PROTOCOLS, DOC), required=True, force_new=True),
            "topic": text(required=True, force_new=True),
            "confirmationTimeoutInMinutes": integer(default=1),
            **for_each(json_document(), "deliveryPolicy", "filterPolicy", "redrivePolicy", "replayPolicy"),
            "endpointAutoConfirms": flag(default=False),
            "filterPolicyScope": text(OneOf(("MessageAttributes", "MessageBody"), DOC), computed_default=True),
            "rawMessageDelivery": flag(default=False),
            "subscriptionRoleArn": text(),
            **REGION_PROPERTY,
        },
        identity="{arn}",
        planned=REGION_OUTPUT,
        computed={
            "arn": "{topic}:{uuid}",
            "ownerId": "{account}",
            "confirmationWasAuthenticated": lambda facts: not _waits_for_confirmation(facts),
            "pendingConfirmation": _waits_for_confirmation,
            "filterPolicyScope": "",
        },
        references=(
            ResourceReference(
                "topic",
                (TOPIC_TYPE,),
                Refusal("NotFoundException", "Topic does not exist", 404),
                API,
                on_delete=OnDelete.CASCADE,
            ),
        ),
    ),
}
