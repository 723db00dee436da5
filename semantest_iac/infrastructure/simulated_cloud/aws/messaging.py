"""SNS topics and their subscriptions.

Source of what is `OBSERVED`: answers of AWS that the snapshots of LocalStack's tests record.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from math import prod
from typing import Any, Final

from semantest_iac.infrastructure.simulated_cloud.aws.resource_type import AwsType
from semantest_iac.infrastructure.simulated_cloud.schema.properties import API, DOC, OBSERVED, OneOf, Pattern, Range
from semantest_iac.infrastructure.simulated_cloud.schema.published import JSON_TEXT, refine
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

TOPIC_TYPE: Final = "aws:sns/topic:Topic"
TOPIC_SUBSCRIPTION_TYPE: Final = "aws:sns/topicSubscription:TopicSubscription"

_FEEDBACK_PROTOCOLS: Final = ("application", "firehose", "http", "lambda", "sqs")
_PROTOCOLS: Final = (*("application", "email", "email-json", "firehose", "http", "https", "lambda", "sms", "sqs"),)


_TOPIC_ATTRIBUTES: Final = (
    *("archivePolicy", "contentBasedDeduplication", "deliveryPolicy", "displayName", "fifoThroughputScope"),
    *("kmsMasterKeyId", "policy", "signatureVersion", "tracingConfig"),
)
_SUBSCRIPTION_ATTRIBUTES: Final = (
    *("deliveryPolicy", "filterPolicy", "filterPolicyScope", "rawMessageDelivery", "redrivePolicy"),
    *("replayPolicy", "subscriptionRoleArn"),
)
_TOPIC_ACTIONS: Final = (
    *("GetTopicAttributes", "SetTopicAttributes", "AddPermission", "RemovePermission", "DeleteTopic"),
    *("Subscribe", "ListSubscriptionsByTopic", "Publish"),
)


def _default_policy(facts: RequestFacts) -> str:
    statement = {
        "Sid": "__default_statement_ID",
        "Effect": "Allow",
        "Principal": {"AWS": "*"},
        "Action": [f"SNS:{action}" for action in _TOPIC_ACTIONS],
        "Resource": facts["arn"],
        "Condition": {"StringEquals": {"AWS:SourceOwner": facts["account"]}},
    }
    return json.dumps({"Version": "2008-10-17", "Id": "__default_policy_ID", "Statement": [statement]})


def _misnames_fifo(context: GuardContext) -> bool:
    facts = context.facts
    return str(facts["name"]).endswith(".fifo") != bool(facts["fifoTopic"])


def _differs(facts: RequestFacts, row: Mapping[str, Any], names: tuple[str, ...]) -> bool:
    """Return True where a request states an attribute otherwise than what exists; what it leaves out is equal."""
    return any(_normalize_attribute(facts[name]) not in (None, _normalize_attribute(row.get(name))) for name in names)


def _normalize_attribute(value: Any) -> Any:
    """Return a value as SNS compares it: unset ones are equal, and documents are compared without their spelling."""
    if isinstance(value, str) and value.startswith("{"):
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value or None


def _same_topics(context: GuardContext) -> Iterator[Mapping[str, Any]]:
    return (row for row in context.resources_of(TOPIC_TYPE) if row["name"] == context.facts["name"])


def _has_other_tags(context: GuardContext) -> bool:
    tags = (context.facts["tags"] or {}).items()
    return any(not tags <= (row["tags"] or {}).items() for row in _same_topics(context))


def _has_other_attributes(context: GuardContext) -> bool:
    return any(_differs(context.facts, row, _TOPIC_ATTRIBUTES) for row in _same_topics(context))


_ENDPOINT_PATTERNS: Final = {
    "application": r"arn:aws[a-zA-Z-]*:sns:[^:]+:\d{12}:endpoint/.+",
    "email": r"[^@\s]+@[^@\s]+",
    "email-json": r"[^@\s]+@[^@\s]+",
    "firehose": r"arn:aws[a-zA-Z-]*:firehose:[^:]+:\d{12}:deliverystream/.+",
    "http": r"http://.+",
    "https": r"https://.+",
    "lambda": r"arn:aws[a-zA-Z-]*:lambda:[^:]+:\d{12}:function:.+",
    "sms": r"\+?\d([-.\s()/]?\d){4,19}",
    "sqs": r"arn:aws[a-zA-Z-]*:sqs:[^:]+:\d{12}:[\w-]+(\.fifo)?",
}


def _misses_endpoint_form(*protocols: str) -> Any:
    def misses(context: GuardContext) -> bool:
        protocol, endpoint = context.facts["protocol"], str(context.facts["endpoint"])
        return protocol in protocols and not re.fullmatch(_ENDPOINT_PATTERNS[protocol], endpoint)

    return misses


def _subscribes_fifo_queue_to_standard(context: GuardContext) -> bool:
    facts = context.facts
    return (
        facts["protocol"] == "sqs"
        and str(facts["endpoint"]).endswith(".fifo")
        and not str(facts["topic"]).endswith(".fifo")
    )


def _dead_letter_arn(facts: RequestFacts) -> str:
    return str((_normalize_attribute(facts["redrivePolicy"]) or {}).get("deadLetterTargetArn", ""))


def _has_invalid_dead_letter(context: GuardContext) -> bool:
    facts = context.facts
    return bool(facts["redrivePolicy"]) and not re.fullmatch(_ENDPOINT_PATTERNS["sqs"], _dead_letter_arn(facts))


def _lacks_fifo_dead_letter(context: GuardContext) -> bool:
    facts = context.facts
    is_fifo = str(facts["topic"]).endswith(".fifo") and str(facts["endpoint"]).endswith(".fifo")
    return bool(facts["redrivePolicy"]) and is_fifo and not _dead_letter_arn(facts).endswith(".fifo")


def _filter_policy(facts: RequestFacts) -> dict[str, Any]:
    return dict(_normalize_attribute(facts["filterPolicy"]) or {})


def _rules_of(policy: Mapping[str, Any], depth: int = 1) -> Iterator[tuple[int, str, Any]]:
    """Yield every rule of a filter policy with its depth and key."""
    for key, value in policy.items():
        if isinstance(value, Mapping):
            yield from _rules_of(value, depth + 1)
        elif key == "$or" and isinstance(value, list):
            for branch in value:
                yield from _rules_of(branch, depth) if isinstance(branch, Mapping) else ()
        else:
            yield depth, key, value


def _has_rule_without_list(context: GuardContext) -> bool:
    rules = [key for _, key, value in _rules_of(_filter_policy(context.facts)) if not isinstance(value, list)]
    context.facts["filter_key"] = next(iter(rules), "")
    return bool(rules)


def _has_empty_rule(context: GuardContext) -> bool:
    return any(value == [] for _, _, value in _rules_of(_filter_policy(context.facts)))


def _conditions_of(policy: Mapping[str, Any]) -> Iterator[Any]:
    for _, _, value in _rules_of(policy):
        yield from value if isinstance(value, list) else ()


_MATCHES: Final = frozenset(
    {"anything-but", "cidr", "equals-ignore-case", "exists", "numeric", "prefix", "suffix", "wildcard"}
)


def _has_unknown_match(context: GuardContext) -> bool:
    matches = [one for one in _conditions_of(_filter_policy(context.facts)) if isinstance(one, Mapping)]
    unknown = [key for one in matches for key in one if key not in _MATCHES]
    context.facts["match"] = next(iter(unknown), "")
    return bool(unknown)


def _has_several_matches(context: GuardContext) -> bool:
    return any(isinstance(one, Mapping) and len(one) > 1 for one in _conditions_of(_filter_policy(context.facts)))


def _has_listed_value(context: GuardContext) -> bool:
    return any(isinstance(one, list) for one in _conditions_of(_filter_policy(context.facts)))


def _nests_attributes(context: GuardContext) -> bool:
    is_body = context.facts["filterPolicyScope"] == "MessageBody"
    return not is_body and any(depth > 1 for depth, _, _ in _rules_of(_filter_policy(context.facts)))


def _has_too_many_keys(context: GuardContext) -> bool:
    return len({key for _, key, _ in _rules_of(_filter_policy(context.facts))}) > 5


def _count_combinations(policy: Mapping[str, Any], depth: int = 1) -> int:
    return prod(_count_rule_combinations(key, value, depth) for key, value in policy.items())


def _count_rule_combinations(key: str, value: Any, depth: int) -> int:
    if isinstance(value, Mapping):
        return _count_combinations(value, depth + 1)
    if key == "$or":
        return sum(_count_combinations(branch, depth) for branch in value)
    return len(value) * depth


def _is_too_complex(context: GuardContext) -> bool:
    return _count_combinations(_filter_policy(context.facts)) > 150


def _exists_with_other_attributes(context: GuardContext) -> bool:
    facts = context.facts
    identity = ("topic", "protocol", "endpoint")
    return any(
        all(row[name] == facts[name] for name in identity) and _differs(facts, row, _SUBSCRIPTION_ATTRIBUTES)
        for row in context.resources_of(TOPIC_SUBSCRIPTION_TYPE)
    )


def _invalid_parameter_guard(applies: Any, message: str, *, on_update: bool = True) -> RequestGuard:
    return RequestGuard(
        applies, Refusal("InvalidParameter", f"Invalid parameter: {message}"), OBSERVED, on_update=on_update
    )


_FILTER: Final = "Attributes Reason: FilterPolicy: "
_SUBSCRIPTION_GUARDS: Final = (
    _invalid_parameter_guard(_misses_endpoint_form("sqs"), "SQS endpoint ARN", on_update=False),
    RequestGuard(
        _misses_endpoint_form("sms"), Refusal("InvalidParameter", "Invalid SMS endpoint: {endpoint}"), OBSERVED
    ),
    _invalid_parameter_guard(
        _misses_endpoint_form("http", "https"), "Endpoint must match the specified protocol", on_update=False
    ),
    _invalid_parameter_guard(_misses_endpoint_form("application"), "ApplicationEndpoint ARN", on_update=False),
    _invalid_parameter_guard(_misses_endpoint_form("lambda"), "Lambda endpoint ARN", on_update=False),
    _invalid_parameter_guard(_misses_endpoint_form("firehose"), "Kinesis Firehose endpoint ARN", on_update=False),
    _invalid_parameter_guard(_misses_endpoint_form("email", "email-json"), "Email address", on_update=False),
    _invalid_parameter_guard(
        _subscribes_fifo_queue_to_standard,
        "Invalid parameter: Endpoint Reason: FIFO SQS Queues can not be subscribed to standard SNS topics",
        on_update=False,
    ),
    _invalid_parameter_guard(_has_invalid_dead_letter, "RedrivePolicy: deadLetterTargetArn is an invalid arn"),
    _invalid_parameter_guard(
        _lacks_fifo_dead_letter,
        "RedrivePolicy: must use a FIFO queue as DLQ for a FIFO Subscription to a FIFO Topic.",
    ),
    _invalid_parameter_guard(_has_rule_without_list, f'{_FILTER}"{{filter_key}}" must be an object or an array'),
    _invalid_parameter_guard(_has_empty_rule, f"{_FILTER}Empty arrays are not allowed"),
    _invalid_parameter_guard(_has_listed_value, f"{_FILTER}Match value must be String, number, true, false, or null"),
    _invalid_parameter_guard(_has_several_matches, f"{_FILTER}Only one key allowed in match expression"),
    _invalid_parameter_guard(_has_unknown_match, f"{_FILTER}Unrecognized match type {{match}}"),
    _invalid_parameter_guard(
        _nests_attributes, "Filter policy scope MessageAttributes does not support nested filter policy"
    ),
    _invalid_parameter_guard(_has_too_many_keys, f"{_FILTER}Filter policy can not have more than 5 keys"),
    _invalid_parameter_guard(_is_too_complex, f"{_FILTER}Filter policy is too complex"),
    _invalid_parameter_guard(
        _exists_with_other_attributes,
        "Attributes Reason: Subscription already exists with different attributes",
        on_update=False,
    ),
)


def _waits_for_confirmation(facts: RequestFacts) -> bool:
    return str(facts["protocol"]).startswith(("email", "http"))


MESSAGING_TYPES: Final[dict[str, TypeRule]] = {
    TOPIC_TYPE: AwsType(TOPIC_TYPE).rule(
        {
            **dict.fromkeys(
                (f"{name}SuccessFeedbackSampleRate" for name in _FEEDBACK_PROTOCOLS), refine(Range(0, 100, DOC))
            ),
            **dict.fromkeys(("deliveryPolicy", "policy"), JSON_TEXT),
            "contentBasedDeduplication": refine(default=False),
            "name": refine(Pattern(r"^[a-zA-Z0-9_-]{1,251}(\.fifo|[a-zA-Z0-9_-]{0,5})$", API)),
            "signatureVersion": refine(OneOf((1, 2), DOC)),
            "tracingConfig": refine(OneOf(("Active", "PassThrough"), DOC)),
        },
        name_suffix=lambda inputs: ".fifo" if inputs.get("fifoTopic") else "",  # source: Pulumi's provider for AWS
        computed={"policy": _default_policy, "signatureVersion": lambda _: 1, "tracingConfig": "PassThrough"},
        exists=Refusal("InvalidParameter", "Topic already exists with different attributes"),
        guards=(
            _invalid_parameter_guard(_misnames_fifo, "Topic Name"),
            _invalid_parameter_guard(
                _has_other_tags, "Tags Reason: Topic already exists with different tags", on_update=False
            ),
            _invalid_parameter_guard(
                _has_other_attributes,
                "Attributes Reason: Topic already exists with different attributes",
                on_update=False,
            ),
        ),
        create_overwrites=True,
    ),
    TOPIC_SUBSCRIPTION_TYPE: AwsType(TOPIC_SUBSCRIPTION_TYPE, arn="{topic}:{uuid}").rule(
        {
            "protocol": refine(OneOf(_PROTOCOLS, DOC)),
            "filterPolicyScope": refine(OneOf(("MessageAttributes", "MessageBody"), DOC)),
        },
        computed={
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
        unique=(
            UniqueHandle("{topic} {protocol} {endpoint}", Refusal("InvalidParameter", "Invalid parameter: Attributes")),
        ),
        guards=_SUBSCRIPTION_GUARDS,
        create_overwrites=True,
    ),
}
