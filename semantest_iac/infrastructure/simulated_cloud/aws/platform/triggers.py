"""What calls functions: Lambda's pollers of queues, and EventBridge Scheduler.

Source of what is `OBSERVED`: answers of AWS in reports of its users, which name them word by word.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from semantest_iac.infrastructure.simulated_cloud.aws.compute_guards.functions import (
    FUNCTION_NAME_PATTERN,
    FUNCTION_TYPE,
    INVALID_PARAMETER,
    function_name,
)
from semantest_iac.infrastructure.simulated_cloud.aws.platform.queues import QUEUE_TYPE
from semantest_iac.infrastructure.simulated_cloud.aws.resource_type import AwsType
from semantest_iac.infrastructure.simulated_cloud.aws.security import ROLE_TYPE, role_allows, role_trusts
from semantest_iac.infrastructure.simulated_cloud.schema.properties import API, DOC, OBSERVED, OneOf
from semantest_iac.infrastructure.simulated_cloud.schema.published import refine
from semantest_iac.infrastructure.simulated_cloud.schema.refusals import Refusal
from semantest_iac.infrastructure.simulated_cloud.schema.rules import (
    GuardContext,
    RequestGuard,
    ResourceReference,
    TypeRule,
)
from semantest_iac.infrastructure.simulated_cloud.schema.values import RequestFacts, ResourceProperties

EVENT_SOURCE_MAPPING_TYPE: Final = "aws:lambda/eventSourceMapping:EventSourceMapping"
SCHEDULE_TYPE: Final = "aws:scheduler/schedule:Schedule"

_RECEIVE_ACTIONS: Final = ("sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage")
_LARGEST_FIFO_BATCH: Final = 10
_LARGEST_BATCH_WITHOUT_WINDOW: Final = 10
_DEFAULT_VISIBILITY_S, _DEFAULT_BATCH, _DEFAULT_TIMEOUT_S = 30, 10, 3


def _source_queue(context: GuardContext) -> ResourceProperties:
    found = context.facts["source_found"]
    return found if isinstance(found, Mapping) else {}


def _called_function(context: GuardContext) -> ResourceProperties:
    name = function_name(str(context.facts["functionName"]))
    return next((row for row in context.resources_of(FUNCTION_TYPE) if row["name"] == name), {})


def _hides_messages_too_briefly(context: GuardContext) -> bool:
    source, function = _source_queue(context), _called_function(context)
    hidden = int(source.get("visibilityTimeoutSeconds", _DEFAULT_VISIBILITY_S))
    timeout = int(function.get("timeout") or _DEFAULT_TIMEOUT_S)
    context.facts["hidden"], context.facts["function_timeout"] = hidden, timeout
    return bool(source) and hidden < timeout


def _may_not_receive(context: GuardContext) -> bool:
    role_arn = _called_function(context).get("role")
    role = next((row for row in context.resources_of(ROLE_TYPE) if row["arn"] == role_arn), None)
    return role is not None and not role_allows(context, role, _RECEIVE_ACTIONS, "SQS")


def _batch_size(context: GuardContext) -> int:
    return int(context.facts["batchSize"] or _DEFAULT_BATCH)


def _has_large_fifo_batch(context: GuardContext) -> bool:
    return bool(_source_queue(context).get("fifoQueue")) and _batch_size(context) > _LARGEST_FIFO_BATCH


def _lacks_batching_window(context: GuardContext) -> bool:
    return _batch_size(context) > _LARGEST_BATCH_WITHOUT_WINDOW and not context.facts["maximumBatchingWindowInSeconds"]


def _target_role_is_not_assumable(context: GuardContext) -> bool:
    role = context.facts["role_found"]
    return isinstance(role, Mapping) and bool(role) and not role_trusts(role, "scheduler.amazonaws.com")


def _has_no_schedule(context: GuardContext) -> bool:
    return re.fullmatch(_SCHEDULE, str(context.facts["scheduleExpression"])) is None


def _function_arn(facts: RequestFacts) -> str:
    name = str(facts["functionName"])
    return name if name.startswith("arn:") else f"arn:aws:lambda:{facts['region']}:{facts['account']}:function:{name}"


_SCHEDULE: Final = r"(rate\(\d+ (minutes?|hours?|days?)\)|at\(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\)|cron\((\S+ ){5}\S+\))"
_CRON_DAYS: Final = re.compile(r"cron\(\S+ \S+ (?P<month>\S+) \S+ (?P<week>\S+) \S+\)")


def _chooses_both_or_no_days(context: GuardContext) -> bool:
    match = _CRON_DAYS.fullmatch(str(context.facts["scheduleExpression"]))
    return match is not None and (match["month"] == "?") == (match["week"] == "?")


def _schedule_id(facts: RequestFacts) -> str:
    """Return the group and the name; the group that every account has is called `default`."""
    return f"{facts['groupName'] or 'default'}/{facts['name']}"


def _schedule_arn(facts: RequestFacts) -> str:
    return f"arn:aws:scheduler:{facts['region']}:{facts['account']}:schedule/{_schedule_id(facts)}"


def _invalid_mapping(applies: Any, message: str, evidence: Any = OBSERVED) -> RequestGuard:
    return RequestGuard(applies, Refusal(INVALID_PARAMETER, message), evidence)


TRIGGER_TYPES: Final[dict[str, TypeRule]] = {
    EVENT_SOURCE_MAPPING_TYPE: AwsType(
        EVENT_SOURCE_MAPPING_TYPE, "{uuid}", arn="arn:aws:lambda:{region}:{account}:event-source-mapping:{uuid}"
    ).rule(
        computed={
            "uuid": "{uuid}",
            "functionArn": _function_arn,
            "state": "Enabled",
            "stateTransitionReason": "USER_INITIATED",
        },
        references=(
            ResourceReference(
                "eventSourceArn",
                (QUEUE_TYPE,),
                Refusal(
                    INVALID_PARAMETER,
                    "Error occurred while ReceiveMessage. SQS Error Code: AWS.SimpleQueueService.NonExistentQueue.",
                ),
                OBSERVED,
                fact_name="source_found",
                pattern=r"^(arn:aws:sqs:.+)$",
            ),
            ResourceReference(
                "functionName",
                (FUNCTION_TYPE,),
                Refusal(INVALID_PARAMETER, "Function does not exist"),
                OBSERVED,
                pattern=FUNCTION_NAME_PATTERN,
            ),
        ),
        guards=(
            _invalid_mapping(
                _hides_messages_too_briefly,
                "Queue visibility timeout: {hidden} seconds is less than Function timeout: {function_timeout} seconds",
            ),
            _invalid_mapping(
                _may_not_receive,
                "The provided execution role does not have permissions to call ReceiveMessage on SQS",
            ),
            _invalid_mapping(_has_large_fifo_batch, "Batch size must be at most 10 for a FIFO queue.", DOC),
            _invalid_mapping(
                _lacks_batching_window,
                "Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10",
            ),
        ),
        latency_seconds=5,
    ),
    SCHEDULE_TYPE: AwsType(SCHEDULE_TYPE, _schedule_id).rule(
        {"groupName": refine(force_new=True), "state": refine(OneOf(("ENABLED", "DISABLED"), API))},
        computed={"groupName": "default", "arn": _schedule_arn},
        exists=Refusal("ConflictException", "Schedule {name} already exists.", 409),
        guards=(
            RequestGuard(
                _has_no_schedule,
                Refusal("ValidationException", "Invalid Schedule Expression {scheduleExpression}."),
                API,
            ),
            RequestGuard(
                _chooses_both_or_no_days,
                Refusal("ValidationException", "Invalid Schedule Expression {scheduleExpression}."),
                DOC,
            ),
            RequestGuard(
                _target_role_is_not_assumable,
                Refusal(
                    "ValidationException",
                    "The execution role you provide must allow AWS EventBridge Scheduler to assume the role.",
                ),
                OBSERVED,
            ),
        ),
    ),
}
