"""Reads queues, topics, subscriptions and the triggers of the app from the resources of a stack on Azure."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from semantest_iac.domain.compute.cron_times import CronTimes
from semantest_iac.domain.compute.scheduled_calls import DueTick, KeptSchedule
from semantest_iac.domain.compute.triggers import UTC_ZONE
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
from semantest_iac.infrastructure.function_runtimes.messages.message_events import build_bus_event, build_timer_event
from semantest_iac.infrastructure.local_service.api_frontend import DeployedResources, UnpackPackage
from semantest_iac.infrastructure.local_service.azure.api_frontend import (
    read_app_settings,
    read_function_spec,
    read_function_timeout,
    resources_of_type,
)
from semantest_iac.infrastructure.local_service.azure.served_apps import find_served_apps
from semantest_iac.infrastructure.local_service.messaging.deployed_messaging import (
    EXTRA_LOCK_S,
    CalledFunction,
    DeployedMessaging,
    DeployedQueue,
    DeployedTopic,
    QueueTrigger,
    TimerTrigger,
)

_QUEUE, _TOPIC = "azure-native:servicebus:Queue", "azure-native:servicebus:Topic"
_SUBSCRIPTION, _RULE = "azure-native:servicebus:Subscription", "azure-native:servicebus:DefaultRule"
_DEAD_LETTERS = "/$deadletterqueue"
_TRIGGERS_SETTING, _MAIN = "SEMANTEST_TRIGGERS", "semantest"
_REQUESTS = "requests"
_DURATION = re.compile(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?")
_NAME, _TEXT, _NUMBER = r"user\.\[(?P<name>\w+)\]", r"'(?:[^']|'')*'", r"-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?"
_VALUE = rf"(?:{_TEXT}|{_NUMBER})"
_PREDICATE = re.compile(
    rf"(?:{_NAME} (?P<operator>(?:NOT )?IN) \((?P<values>{_VALUE}(?:, {_VALUE})*)\)"
    rf"|{_NAME.replace('name', 'liked')} LIKE (?P<pattern>{_TEXT}) ESCAPE '!'"
    rf"|{_NAME.replace('name', 'compared')} (?P<sign>>=|<=) (?P<bound>{_NUMBER})"
    rf"|(?P<absent>NOT )?EXISTS\({_NAME.replace('name', 'existing')}\))(?: AND |$)"
)


def read_deployed_messaging(stack: str, resources: DeployedResources, unpack: UnpackPackage) -> DeployedMessaging:
    """Read what a stack has of queues, topics, triggers and schedules."""
    faults: list[str] = []
    queues = [_read_queue(stack, it) for it in resources_of_type(resources, _QUEUE)]
    subscriptions = {it.id: _read_subscription(stack, it) for it in resources_of_type(resources, _SUBSCRIPTION)}
    topics = [_read_topic(stack, it, subscriptions, resources, faults) for it in resources_of_type(resources, _TOPIC)]
    holders = [*queues, *subscriptions.values()]
    app = find_served_apps(resources).live
    if app is None or not app.code:
        return DeployedMessaging(holders, topics, faults=faults)
    triggers = json.loads(read_app_settings(app).get(_TRIGGERS_SETTING) or "[]")
    call = partial(_call_function, app, resources, unpack)
    return DeployedMessaging(
        holders,
        topics,
        list(_read_queue_triggers(triggers, holders, call)),
        list(_read_timers(stack, triggers, app, call, faults)),
        faults,
        dict(_read_called_functions(triggers, app, resources, unpack)),
    )


def _read_queue(stack: str, queue: DeployedResource) -> DeployedQueue:
    address = f"{queue.inputs['namespaceName']}/{queue.inputs['queueName']}"
    holder, dead = _read_holder(stack, queue), MessageHolder(f"{queue.id}{_DEAD_LETTERS}", stack)
    name = str(queue.inputs["queueName"])
    route = route_to_holder(holder, duplicate_window_s=_read_duplicate_window(queue), keeps_identifiers=True)
    dead_letters = DeployedQueue(f"{name}{_DEAD_LETTERS}", f"{address}{_DEAD_LETTERS}", dead)
    return DeployedQueue(name, address, holder, route, dead_letters=dead_letters)


def _read_subscription(stack: str, subscription: DeployedResource) -> DeployedQueue:
    topic, name = str(subscription.inputs["topicName"]), str(subscription.inputs["subscriptionName"])
    address = f"{subscription.inputs['namespaceName']}/{topic}/subscriptions/{name}"
    dead = MessageHolder(f"{subscription.id}{_DEAD_LETTERS}", stack)
    return DeployedQueue(
        name,
        address,
        _read_holder(stack, subscription),
        topic=topic,
        dead_letters=DeployedQueue(f"{name}{_DEAD_LETTERS}", f"{address}{_DEAD_LETTERS}", dead, topic=topic),
    )


def _read_holder(stack: str, entity: DeployedResource) -> MessageHolder:
    """Read a queue or subscription; its dead letters stay until they are received."""
    given = entity.inputs
    rules = HoldingRules(
        lock_s=parse_iso_duration(given["lockDuration"]),
        lifetime_s=parse_iso_duration(given["defaultMessageTimeToLive"]),
        max_deliveries=int(given["maxDeliveryCount"]),
        dead_letters=f"{entity.id}{_DEAD_LETTERS}",
        ordered=bool(given.get("requiresSession")),
    )
    return MessageHolder(entity.id, stack, rules)


def _read_duplicate_window(entity: DeployedResource) -> float:
    if not entity.inputs.get("requiresDuplicateDetection"):
        return 0
    return parse_iso_duration(entity.outputs["duplicateDetectionHistoryTimeWindow"])


def parse_iso_duration(text: Any) -> float:
    """Return the seconds of a duration of ISO 8601 in days and smaller units; raises ValueError for another text."""
    match = _DURATION.fullmatch(str(text))
    if match is None:
        raise ValueError(f"'{text}' is no duration")
    days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return float(((days * 24 + hours) * 60 + minutes) * 60 + seconds)


def _read_topic(
    stack: str,
    topic: DeployedResource,
    subscriptions: Mapping[str, DeployedQueue],
    resources: DeployedResources,
    faults: list[str],
) -> DeployedTopic:
    rules = {it.id.rpartition("/rules/")[0]: it for it in resources_of_type(resources, _RULE)}
    holders = []
    for id_, subscription in subscriptions.items():
        if id_.startswith(f"{topic.id}/"):
            rule = rules[id_].inputs["sqlFilter"]["sqlExpression"] if id_ in rules else "1=1"
            try:
                holders.append((subscription.holder, parse_sql_filter(str(rule))))
            except ValueError as error:
                faults.append(f"the subscription '{subscription.address}' gets nothing: {error}")
    name = str(topic.inputs["topicName"])
    route = MessageRoute(topic.id, stack, holders, _read_duplicate_window(topic), keeps_identifiers=True)
    is_ordered = any(holder.rules.ordered for holder, _ in holders)
    return DeployedTopic(name, f"{topic.inputs['namespaceName']}/{name}", route, is_ordered)


def parse_sql_filter(expression: str) -> MessageFilter:
    """Return the filter of a rule; raises ValueError for one that is not of this tool's programs."""
    conditions: dict[str, AttributeCondition] = {}
    position = 0 if expression != "1=1" else len(expression)
    while position < len(expression):
        match = _PREDICATE.match(expression, position)
        if match is None:
            raise ValueError(f"its filter is not understood here from '{expression[position:][:80]}' on")
        name, condition = _parse_predicate(match)
        before = conditions.get(name)
        if before is not None:  # the other bound of a range
            condition = replace(condition, minimum=before.minimum) if condition.minimum is None else condition
        conditions[name], position = condition, match.end()
    return MessageFilter(conditions)


def _parse_predicate(match: re.Match[str]) -> tuple[str, AttributeCondition]:
    if match["name"]:
        values = tuple(_parse_value(it) for it in re.findall(_VALUE, match["values"]))
        is_any = match["operator"] == "IN"
        return match["name"], AttributeCondition(any_of=values) if is_any else AttributeCondition(none_of=values)
    if match["liked"]:
        prefix = re.sub(r"!(.)", r"\1", str(_parse_value(match["pattern"])).removesuffix("%"))
        return match["liked"], AttributeCondition(prefix=prefix)
    if match["compared"]:
        bound = float(match["bound"])
        minimum, maximum = (bound, None) if match["sign"] == ">=" else (None, bound)
        return match["compared"], AttributeCondition(minimum=minimum, maximum=maximum)
    return match["existing"], AttributeCondition(exists=not match["absent"])


def _parse_value(text: str) -> AttributeValue:
    if text.startswith("'"):
        return text[1:-1].replace("''", "'")
    return float(text) if re.search(r"[.eE]", text) else int(text)


_CallFunction = Callable[[str], CalledFunction]


def _call_function(
    app: DeployedResource, resources: DeployedResources, unpack: UnpackPackage, name: str
) -> CalledFunction:
    """Return a function of the live app: a new version beside it has no triggers."""
    return CalledFunction(name, {"": partial(_load_app, app, resources, unpack)}, lambda: "")


def _load_app(app: DeployedResource, resources: DeployedResources, unpack: UnpackPackage) -> FunctionSpec:
    """Load the app for calls that no load balancer waits for, and that may take as long as the host allows."""
    return replace(read_function_spec(resources, app, unpack), timeout_s=read_function_timeout(app))


def _read_queue_triggers(
    triggers: Sequence[Mapping[str, Any]], holders: Sequence[DeployedQueue], call: _CallFunction
) -> Iterator[QueueTrigger]:
    for trigger in triggers:
        wanted = (trigger.get("topic", ""), trigger.get("subscription") or trigger.get("queue"))
        queue = next((it for it in holders if (it.topic, it.name) == wanted), None)
        if queue is not None:
            name = str(trigger["function"] or _MAIN)
            yield QueueTrigger(
                queue,
                call(name),
                1,  # the host settles a batch as a whole, so the package asks for single messages
                0,
                None,
                partial(_build_message_event, name),
                _find_failed_receipts,
                gives_back=True,
            )


def _build_message_event(function: str, messages: Sequence[DeliveredMessage]) -> dict[str, Any]:
    (message,) = messages
    return build_bus_event(function, message)


def _find_failed_receipts(invocation: Invocation, messages: Sequence[DeliveredMessage]) -> Collection[str]:
    return [it.receipt for it in messages] if invocation.error is not None else ()


def _read_called_functions(
    triggers: Sequence[Mapping[str, Any]], app: DeployedResource, resources: DeployedResources, unpack: UnpackPackage
) -> Iterator[tuple[str, CalledFunction]]:
    """Yield the functions that others of the app call, by app and path; they share processes as they share instances.

    Source: the page on event-driven scaling (functions with HTTP triggers scale together).
    """
    for name in (str(it["function"] or _MAIN) for it in triggers if "http" in it):
        versions = {_REQUESTS: partial(read_function_spec, resources, app, unpack)}
        yield f"{app.outputs['name']}/api/{name}", CalledFunction(name, versions, lambda: _REQUESTS)


def _read_timers(
    stack: str,
    triggers: Sequence[Mapping[str, Any]],
    app: DeployedResource,
    call: _CallFunction,
    faults: list[str],
) -> Iterator[TimerTrigger]:
    for trigger in triggers:
        if "timer" not in trigger:
            continue
        name = str(trigger["function"] or _MAIN)
        try:
            expression = parse_timer_expression(str(trigger["timer"]))
        except ValueError as error:
            faults.append(f"the timer of '{name}' calls nothing: {error}")
            continue
        lock_s = read_function_timeout(app) + EXTRA_LOCK_S
        schedule = KeptSchedule(f"{app.id}/timers/{name}", stack, expression, UTC_ZONE, lock_s, runs_alone=True)
        yield TimerTrigger(schedule, call(name), partial(_build_tick_event, name))


def parse_timer_expression(timer: str) -> str:
    """Return the cron expression of five fields of a timer of six, whose seconds are 0; raises ValueError."""
    seconds, _, expression = timer.partition(" ")
    if seconds != "0":
        raise ValueError(f"its expression '{timer}' is not understood here")
    CronTimes.parse(expression)
    return expression


def _build_tick_event(function: str, tick: DueTick) -> dict[str, Any]:
    return build_timer_event(function, tick.planned)
