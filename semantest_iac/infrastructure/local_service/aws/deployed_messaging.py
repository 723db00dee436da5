"""Reads queues, topics, pollers, schedules and callable functions from the resources of a stack on AWS."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from semantest_iac.domain.compute.cron_times import CronTimes
from semantest_iac.domain.compute.scheduled_calls import DueTick, KeptSchedule
from semantest_iac.domain.messaging.message_filters import AttributeCondition, AttributeValue, MessageFilter
from semantest_iac.domain.messaging.messages import (
    DeliveredMessage,
    HoldingRules,
    MessageHolder,
    MessageRoute,
    route_to_holder,
)
from semantest_iac.domain.resource import DeployedResource
from semantest_iac.infrastructure.function_runtimes.function_spec import FunctionSpec, Invocation
from semantest_iac.infrastructure.function_runtimes.messages.message_events import build_sqs_event, find_failed_messages
from semantest_iac.infrastructure.local_service.api_frontend import DeployedResources, UnpackPackage
from semantest_iac.infrastructure.local_service.aws.api_frontend import read_function_spec
from semantest_iac.infrastructure.local_service.aws.live_versions import ResourceOutputs, find_invoked_function
from semantest_iac.infrastructure.local_service.aws.local_variables import list_called_functions, read_variables
from semantest_iac.infrastructure.local_service.messaging.deployed_messaging import (
    EXTRA_LOCK_S,
    CalledFunction,
    DeployedMessaging,
    DeployedQueue,
    DeployedTopic,
    QueueTrigger,
    TimerTrigger,
    format_utc,
)

_QUEUE, _TOPIC = "aws:sqs/queue:Queue", "aws:sns/topic:Topic"
_SUBSCRIPTION = "aws:sns/topicSubscription:TopicSubscription"
_MAPPING, _SCHEDULE = "aws:lambda/eventSourceMapping:EventSourceMapping", "aws:scheduler/schedule:Schedule"
_DEAD_LETTERS_SUFFIX = "-dead-letters"
_DUPLICATE_WINDOW_S = 300.0  # how long a FIFO queue remembers ids; source: SQS' guide, exactly-once processing
_DEFAULT_BATCH = 10
_RETRY_PAUSES_S = (60.0, 120.0)
"""After how long Lambda repeats an asynchronous call that failed. Source: its guide, error handling."""
_DEFAULT_AGE_S, _DEFAULT_TIMEOUT_S = 86_400, 3
_CRON = re.compile(r"cron\((?P<time>\S+ \S+) (?P<day>\S+) (?P<month>\S+) (?P<week>\S+) \*\)")


def read_deployed_messaging(stack: str, resources: DeployedResources, unpack: UnpackPackage) -> DeployedMessaging:
    """Read what a stack has of queues, topics, triggers and schedules."""
    faults: list[str] = []
    queues = {str(it.outputs["arn"]): it for it in resources if it.type == _QUEUE}
    read = {arn: _read_queue(stack, arn, it, queues) for arn, it in queues.items()}
    dead = {it.dead_letters.holder.key for it in read.values() if it.dead_letters}
    topics = list(_read_topics(stack, resources, read, faults))
    named = {arn: _name_by_topic(it, topics) for arn, it in read.items() if arn not in dead}
    triggers = list(_read_triggers(resources, named, unpack))
    timers = list(_read_timers(stack, resources, unpack, faults))
    found = {arn: _find_function(resources, arn, unpack) for arn in list_called_functions(resources)}
    called = {arn: function for arn, function in found.items() if function}
    return DeployedMessaging([*named.values()], topics, triggers, timers, faults, called)


def _read_queue(stack: str, arn: str, queue: DeployedResource, queues: Mapping[str, DeployedResource]) -> DeployedQueue:
    outputs = queue.outputs
    redrive = json.loads(outputs.get("redrivePolicy") or "{}")
    dead = queues.get(str(redrive.get("deadLetterTargetArn")))
    is_fifo = bool(outputs.get("fifoQueue"))
    rules = HoldingRules(
        lock_s=float(outputs["visibilityTimeoutSeconds"]),
        lifetime_s=float(outputs["messageRetentionSeconds"]),
        max_deliveries=int(redrive.get("maxReceiveCount") or 0) if dead else 0,
        dead_letters=str(dead.outputs["arn"]) if dead else "",
        dead_lifetime_s=float(dead.outputs["messageRetentionSeconds"]) if dead else None,
        ordered=is_fifo,
        delay_s=float(outputs.get("delaySeconds") or 0),
    )
    holder = MessageHolder(arn, stack, rules)
    return DeployedQueue(
        queue.name.removeprefix("queue-"),
        str(outputs["url"]),
        holder,
        route_to_holder(holder, duplicate_window_s=_DUPLICATE_WINDOW_S if is_fifo else 0),
        dead_letters=_read_queue(stack, rules.dead_letters, dead, {}) if dead else None,
        needs_identifier=is_fifo,
    )


def _read_topics(
    stack: str, resources: DeployedResources, queues: Mapping[str, DeployedQueue], faults: list[str]
) -> Iterator[DeployedTopic]:
    subscriptions = [it.outputs for it in resources if it.type == _SUBSCRIPTION and it.outputs["protocol"] == "sqs"]
    for topic in (it for it in resources if it.type == _TOPIC):
        arn, is_fifo = str(topic.outputs["arn"]), bool(topic.outputs.get("fifoTopic"))
        if not topic.name.startswith("topic-"):
            continue  # the destination of alarms, which no function sends to
        holders = []
        for it in subscriptions:
            if it["topic"] == arn and (queue := queues.get(str(it["endpoint"]))):
                try:
                    holders.append((queue.holder, parse_filter_policy(str(it.get("filterPolicy") or "{}"))))
                except ValueError as error:
                    faults.append(f"the subscription of '{queue.address}' gets nothing: {error}")
        route = MessageRoute(arn, stack, holders, _DUPLICATE_WINDOW_S if is_fifo else 0)
        yield DeployedTopic(topic.name.removeprefix("topic-"), arn, route, is_fifo, is_fifo)


def _name_by_topic(queue: DeployedQueue, topics: Sequence[DeployedTopic]) -> DeployedQueue:
    """Return the queue with the names of its subscription and topic, if a topic sends to it."""
    for topic in topics:
        if any(holder.key == queue.holder.key for holder, _ in topic.route.holders):
            name = queue.name.removeprefix(f"subscription-{topic.name}-")
            dead = queue.dead_letters
            return replace(
                queue,
                name=name,
                topic=topic.name,
                dead_letters=replace(dead, name=f"{name}{_DEAD_LETTERS_SUFFIX}") if dead else None,
            )
    return queue


def parse_filter_policy(policy: str) -> MessageFilter:
    """Return the filter of a subscription; raises ValueError for one that is not of this tool's programs."""
    written = json.loads(policy)
    return MessageFilter({name: _parse_matches(name, matches) for name, matches in written.items()})


def _parse_matches(name: str, matches: Sequence[Any]) -> AttributeCondition:
    values = [_parse_equal(it) for it in matches]
    if all(it is not None for it in values):
        return AttributeCondition(any_of=tuple(it for it in values if it is not None))
    if len(matches) == 1 and isinstance(matches[0], Mapping) and len(matches[0]) == 1:
        ((kind, value),) = matches[0].items()
        if kind == "anything-but":
            return AttributeCondition(none_of=tuple(value))
        if kind == "prefix":
            return AttributeCondition(prefix=value)
        if kind == "exists":
            return AttributeCondition(exists=value)
        bounds = dict(zip(value[::2], value[1::2], strict=True)) if kind == "numeric" else {}
        if bounds and bounds.keys() <= {">=", "<="}:
            return AttributeCondition(minimum=bounds.get(">="), maximum=bounds.get("<="))
    raise ValueError(f"its filter of '{name}' is not understood here")


def _parse_equal(match: Any) -> AttributeValue | None:
    if isinstance(match, str):
        return match
    numeric = match.get("numeric") if isinstance(match, Mapping) else None
    return numeric[1] if numeric and len(numeric) == 2 and numeric[0] == "=" else None


def _read_triggers(
    resources: DeployedResources, queues: Mapping[str, DeployedQueue], unpack: UnpackPackage
) -> Iterator[QueueTrigger]:
    for mapping in (it.outputs for it in resources if it.type == _MAPPING):
        queue = queues.get(str(mapping["eventSourceArn"]))
        function = _find_function(resources, str(mapping["functionName"]), unpack)
        if queue is None or function is None or mapping.get("enabled") is False:
            continue
        arn = queue.holder.key
        yield QueueTrigger(
            queue,
            function,
            int(mapping.get("batchSize") or _DEFAULT_BATCH),
            float(mapping.get("maximumBatchingWindowInSeconds") or 0),
            (mapping.get("scalingConfig") or {}).get("maximumConcurrency"),
            partial(build_sqs_event, queue_arn=arn, region=arn.split(":")[3]),
            partial(_find_failed_receipts, "ReportBatchItemFailures" in (mapping.get("functionResponseTypes") or ())),
        )


def _find_failed_receipts(
    reports_failures: bool, invocation: Invocation, messages: Sequence[DeliveredMessage]
) -> Collection[str]:
    if invocation.error is not None:
        return [it.receipt for it in messages]
    named = find_failed_messages(invocation.result, [it.id for it in messages]) if reports_failures else frozenset()
    return [it.receipt for it in messages if it.id in named]


def _find_function(resources: DeployedResources, arn: str, unpack: UnpackPackage) -> CalledFunction | None:
    invoked = find_invoked_function(resources, f"functions/{arn}")
    if invoked is None:
        return None
    versions = {
        key: partial(_load_version, resources, outputs, invoked.qualifier, unpack)
        for key, outputs in invoked.versions.items()
    }
    variables = read_variables(invoked.live) or {}
    name = str(variables.get("SEMANTEST_FUNCTION") or invoked.live.get("name"))
    return CalledFunction(name, versions, invoked.choose)


def _load_version(
    resources: DeployedResources, outputs: ResourceOutputs, qualifier: str, unpack: UnpackPackage
) -> FunctionSpec:
    return replace(read_function_spec(resources, outputs, unpack), qualifier=qualifier)


def _read_timers(
    stack: str, resources: DeployedResources, unpack: UnpackPackage, faults: list[str]
) -> Iterator[TimerTrigger]:
    for schedule in (it.outputs for it in resources if it.type == _SCHEDULE):
        target = schedule["target"]
        function = _find_function(resources, str(target["arn"]), unpack)
        if function is None or schedule.get("state") == "DISABLED":
            continue
        try:
            expression = parse_schedule_expression(str(schedule["scheduleExpression"]))
        except ValueError as error:
            faults.append(f"the schedule '{schedule['name']}' calls nothing: {error}")
            continue
        timeout_s = max((_read_timeout(resources, key) for key in function.versions), default=_DEFAULT_TIMEOUT_S)
        kept = KeptSchedule(
            str(schedule["arn"]),
            stack,
            expression,
            str(schedule.get("scheduleExpressionTimezone") or "UTC"),
            timeout_s + EXTRA_LOCK_S,
            float((target.get("retryPolicy") or {}).get("maximumEventAgeInSeconds") or _DEFAULT_AGE_S),
            retry_pauses_s=_RETRY_PAUSES_S,
        )
        build = partial(_build_scheduled_event, str(target.get("input") or "{}"), str(schedule["arn"]))
        yield TimerTrigger(kept, function, build)


def _read_timeout(resources: DeployedResources, key: str) -> float:
    """Return for how many seconds the function of a key may run."""
    arn = key.partition("#")[0]
    found = (it.outputs.get("timeout") for it in resources if it.outputs.get("arn") == arn)
    return float(next(found, None) or _DEFAULT_TIMEOUT_S)


def parse_schedule_expression(expression: str) -> str:
    """Return the cron expression of five fields that means the same; raises ValueError for another kind."""
    match = _CRON.fullmatch(expression)
    if match is None:
        raise ValueError(f"its expression '{expression}' is not understood here")
    week = "*" if match["week"] in "?*" else _count_from_sunday(match["week"])
    day = "*" if match["day"] == "?" else match["day"]
    written = f"{match['time']} {day} {match['month']} {week}"
    CronTimes.parse(written)
    return written


def _count_from_sunday(days: str) -> str:
    """Return days of the week that are counted from 1 as cron counts them, from 0; names stay."""
    return re.sub(r"\d+", lambda number: str(int(number[0]) - 1), days)


def _build_scheduled_event(template: str, arn: str, tick: DueTick) -> Any:
    """Return the input of a schedule with the words replaced that EventBridge Scheduler replaces."""
    words = {
        "<aws.scheduler.execution-id>": str(uuid5(NAMESPACE_URL, f"{arn}#{format_utc(tick.planned)}")),
        "<aws.scheduler.scheduled-time>": format_utc(tick.planned),
        "<aws.scheduler.schedule-arn>": arn,
        "<aws.scheduler.attempt-number>": "1",
    }
    for word, value in words.items():
        template = template.replace(word, value)
    return json.loads(template)
