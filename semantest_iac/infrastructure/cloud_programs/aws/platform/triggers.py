"""What calls functions: Lambda's pollers of queues, EventBridge Scheduler, and other functions."""

from __future__ import annotations

import json

import pulumi_aws as aws

from semantest_iac.domain.compute.cron_times import CronTimes, format_cron_numbers
from semantest_iac.domain.compute.triggers import (
    LARGEST_BATCH_WITHOUT_WINDOW,
    MessageTrigger,
    RequestTrigger,
    ScheduleTrigger,
    call_variable,
)
from semantest_iac.infrastructure.cloud_programs.aws.foundation import (
    allow_actions,
    attach_policy,
    aws_name,
    create_role,
)
from semantest_iac.infrastructure.cloud_programs.context import Outputs, ProgramContext

_COLLECTING_S = 1  # seconds; Lambda requires some for more than ten messages
_LATEST_S, _RETRIES = 3600, 3  # a call that the function refused is repeated for an hour at most

SCHEDULE_EVENT = {
    "version": "0",
    "id": "<aws.scheduler.execution-id>",
    "detail-type": "Scheduled Event",
    "source": "semantest.schedule",
    "time": "<aws.scheduler.scheduled-time>",
    "resources": ["<aws.scheduler.schedule-arn>"],
    "detail": {},
}
"""The event of a schedule. EventBridge Scheduler replaces the words in angle brackets.

Source: its page on context attributes.
"""


def create_message_trigger(trigger: MessageTrigger, context: ProgramContext) -> Outputs:
    """Let Lambda poll the queue for the live version, once its role may."""
    live, source = context.outputs[trigger.target], context.outputs[trigger.source]
    window = _COLLECTING_S if trigger.batch_size > LARGEST_BATCH_WITHOUT_WINDOW else None
    created = aws.lambda_.EventSourceMapping(
        trigger.name,
        event_source_arn=source["arn"],
        function_name=live["arn"],
        batch_size=trigger.batch_size,
        maximum_batching_window_in_seconds=window,
        function_response_types=["ReportBatchItemFailures"],
        scaling_config={"maximum_concurrency": trigger.maximum} if trigger.maximum else None,
        tags=context.tags,
        opts=context.options(depends_on=[context.outputs[trigger.function]["rights"]]),
    )
    return {"id": created.id}


def create_schedule_trigger(trigger: ScheduleTrigger, context: ProgramContext) -> Outputs:
    """Create a schedule, and the role with which it may call the live version and do nothing else."""
    live = context.outputs[trigger.target]
    role = create_role(trigger.name, f"{trigger.purpose}-schedule", "scheduler.amazonaws.com", context)
    statement = {"Effect": "Allow", "Action": "lambda:InvokeFunction", "Resource": live["arn"]}
    policy = attach_policy(trigger.name, role.name, [statement], context, policy_name="schedule")
    created = aws.scheduler.Schedule(
        trigger.name,
        name=aws_name("schedule", context, trigger.purpose),
        schedule_expression=build_schedule_expression(trigger.schedule),
        schedule_expression_timezone=trigger.time_zone,
        flexible_time_window={"mode": "OFF"},
        target={
            "arn": live["arn"],
            "role_arn": role.arn,
            "input": json.dumps(SCHEDULE_EVENT, sort_keys=True),
            "retry_policy": {"maximum_event_age_in_seconds": _LATEST_S, "maximum_retry_attempts": _RETRIES},
        },
        opts=context.options(depends_on=[policy]),
    )
    return {"arn": created.arn, "name": created.name}


def use_alias_for_calls(trigger: RequestTrigger, context: ProgramContext) -> Outputs:
    """Create nothing: the function has no address, and the roles of its callers alone may invoke the alias.

    Source: Lambda's guide, "Fine-tuning the Resources and Conditions sections of policies" (restricted by alias ARN).
    """
    live = context.outputs[trigger.target]
    return {
        "arn": live["arn"],
        "variables": {call_variable(trigger.purpose): live["arn"]},
        "statements": [allow_actions(["lambda:InvokeFunction"], [live["arn"]])],
    }


def build_schedule_expression(cron: str) -> str:
    """Return the expression of a schedule: days of the week are 1 (Sunday) to 7, and one of both kinds of day is `?`.

    Validation has refused expressions that choose both kinds.
    """
    times = CronTimes.parse(cron)
    week_days = format_cron_numbers((day + 1 for day in times.week_days), range(1, 8))
    month_days = format_cron_numbers(times.month_days, range(1, 32))
    month_days, week_days = ("?", week_days) if week_days != "*" else (month_days, "?")
    minutes, hours = format_cron_numbers(times.minutes, range(60)), format_cron_numbers(times.hours, range(24))
    return f"cron({minutes} {hours} {month_days} {format_cron_numbers(times.months, range(1, 13))} {week_days} *)"
