"""Decides what a received event asks for, by itself or by the subscriptions of the configuration, and says why."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any, cast

from semantest_iac.application.intake.received_events import ReceivedEvent
from semantest_iac.application.intake.source_rules import parse_limit
from semantest_iac.application.ports.request_sources import RequestLimit
from semantest_iac.domain.compute.scaling import ScalingChange, ScalingDirection
from semantest_iac.domain.deployment.status import DEPLOYMENT_KINDS
from semantest_iac.domain.environments.event_sections import (
    COMPARISONS,
    PAYLOAD_PREFIX,
    SubscriptionAction,
    SubscriptionSection,
)
from semantest_iac.domain.environments.names import make_printable
from semantest_iac_events.event import StackRequest
from semantest_iac_events.triggers import ServiceDeploymentNeeded

_LONGEST_SHOWN = 80
_ABSENT = object()
_COMPARE: Mapping[str, Callable[[float, float], bool]] = dict(
    zip(
        COMPARISONS,
        (lambda a, b: a > b, lambda a, b: a >= b, lambda a, b: a < b, lambda a, b: a <= b),
        strict=True,
    )
)


@dataclass(frozen=True, slots=True)
class RequestedChange:
    """What an event asks for one component.

    `request` is the event itself where it is a request. `subscription` is the name of the rule that asks for it, empty
    for none. `values` is the configuration that the event brings, in the form of the file. What is None is up to the
    configuration. `limit` holds instead of the usual one.
    """

    action: SubscriptionAction
    component: str
    environment: str | None = None
    request: StackRequest | None = None
    subscription: str = ""
    values: Mapping[str, Any] = field(default_factory=dict, repr=False)
    limit: RequestLimit | None = None
    scaling: ScalingChange | None = None


@dataclass(frozen=True, slots=True)
class EventDecision:
    """The changes that an event asks for, and a line for each rule that was looked at."""

    changes: tuple[RequestedChange, ...]
    reasons: tuple[str, ...]


def decide_changes(event: ReceivedEvent, subscriptions: Mapping[str, SubscriptionSection]) -> EventDecision:
    """Return what an event leads to; without changes it leads to nothing."""
    changes, reasons = list[RequestedChange](), list[str]()
    if (own := _read_request(event)) is not None:
        changes.append(own)
        reasons.append(f"'{event.type}' is a request.")
    named = {name: it for name, it in subscriptions.items() if fnmatchcase(event.type, it.event)}
    for name, subscription in named.items():
        mismatch = next(_find_mismatches(event, subscription), "")
        if mismatch:
            reasons.append(f"Subscription '{name}' does not match: {mismatch}.")
            continue
        change = _build_change(event, name, subscription)
        if isinstance(change, str):
            reasons.append(f"Subscription '{name}' matches, but {change}.")
        else:
            changes.append(change)
            reasons.append(f"Subscription '{name}' matches.")
    if not reasons:
        reasons.append(f"No subscription is for '{_shorten(event.type)}', and it is no request.")
    return EventDecision(tuple(changes), tuple(reasons))


def list_subscribed_types(subscriptions: Mapping[str, SubscriptionSection], own_types: tuple[str, ...]) -> list[str]:
    """Return the exact types of events that can lead to something; a pattern names none."""
    patterns = (it.event for it in subscriptions.values())
    return list(dict.fromkeys((*own_types, *(name for name in patterns if "*" not in name))))


def _read_request(event: ReceivedEvent) -> RequestedChange | None:
    match event.event:
        case ServiceDeploymentNeeded() as needed:
            component = needed.service_type.strip().lower()
            values = {"components": {component: needed.service_config}} if needed.service_config else {}
            return RequestedChange("deploy", component, needed.environment, values=values)
        case StackRequest() as request:
            action = cast("SubscriptionAction", DEPLOYMENT_KINDS.get(request.type_name, "deploy"))
            values = getattr(request, "configuration", {})
            return RequestedChange(action, request.component, request.environment, request, values=values)
    return None


def _build_change(event: ReceivedEvent, name: str, subscription: SubscriptionSection) -> RequestedChange | str:
    """Return the change, or why the event does not say enough for it."""
    component = _resolve(subscription.component, event)
    environment = _resolve(subscription.environment, event)
    for key, found in (("component", component), ("environment", environment)):
        if found is _ABSENT:
            return f"the event has no text at {getattr(subscription, key)}"
    scaling = _read_scaling(event, subscription) if subscription.action == "scale" else None
    if isinstance(scaling, str):
        return scaling
    return RequestedChange(
        subscription.action,
        str(component or "").strip().lower(),
        str(environment) if environment else None,
        subscription=name,
        limit=parse_limit(subscription.limit) if subscription.limit else None,
        scaling=scaling,
    )


ALARM_STATES: Mapping[str, ScalingDirection] = {"alarm": "out", "fired": "out", "ok": "in", "resolved": "in"}
"""The states of alarms, in lower case, with the direction of a step; others, such as a lack of data, have none.

Sources: CloudWatch's guide (the states of an alarm), Azure Monitor's common alert schema (`monitorCondition`).
"""

_WRITTEN_DIRECTIONS: Mapping[str, ScalingDirection] = {"out": "out", "in": "in"}
_ALARM_STATE_PATHS = (
    "detail.state.value",  # CloudWatch through EventBridge ("CloudWatch Alarm State Change")
    "NewStateValue",  # CloudWatch through SNS
    "data.essentials.monitorCondition",  # Azure Monitor
    "essentials.monitorCondition",
    "state",
)


def _read_scaling(event: ReceivedEvent, subscription: SubscriptionSection) -> ScalingChange | str:
    """Return what is to change, steps with the direction that the event or the subscription says; else why not."""
    low, high = subscription.min_step or 0, subscription.max_step or 0
    if low or high:
        direction = _find_direction(event, subscription.direction)
        if direction is None:
            return "the event says no direction: it has no alarm that went on or off"
        low, high = (low, high) if direction == "out" else (-low, -high)
    return ScalingChange(subscription.min_instances, subscription.max_instances, low, high)


def _find_direction(event: ReceivedEvent, written: str | None) -> ScalingDirection | None:
    if direction := _WRITTEN_DIRECTIONS.get(written or ""):
        return direction
    paths = (written.removeprefix(PAYLOAD_PREFIX),) if written else _ALARM_STATE_PATHS
    states = (_look_up(event.payload, path) for path in paths)
    known = {**ALARM_STATES, **_WRITTEN_DIRECTIONS}
    return next((known[it.lower()] for it in states if isinstance(it, str) and it.lower() in known), None)


def _resolve(written: str | None, event: ReceivedEvent) -> Any:
    """Return a value as written, or the text at the path of the payload that it names."""
    if written is None or not written.startswith(PAYLOAD_PREFIX):
        return written
    found = _look_up(event.payload, written.removeprefix(PAYLOAD_PREFIX))
    return found if isinstance(found, str) and found else _ABSENT


def _find_mismatches(event: ReceivedEvent, subscription: SubscriptionSection) -> Iterator[str]:
    if subscription.sources is not None and event.source not in subscription.sources:
        yield f"it is for {', '.join(subscription.sources)}, and the event came from {_shorten(event.source)}"
    for path, wanted in subscription.match.items():
        found = _look_up(event.payload, path)
        if found is _ABSENT:
            yield f"{path} is missing"
        elif not _is_matching(found, wanted):
            yield f"{path} is {_shorten(repr(found))}, not {_describe(wanted)}"


def _look_up(payload: Mapping[str, Any], path: str) -> Any:
    """Return the value at a dotted path; a key that has dots itself comes first."""
    value: Any = payload
    if path in payload:
        return payload[path]
    for step in path.split("."):
        if not isinstance(value, Mapping) or step not in value:
            return _ABSENT
        value = value[step]
    return value


def _is_matching(found: Any, wanted: Any) -> bool:
    if isinstance(wanted, Mapping):
        is_number = isinstance(found, int | float) and not isinstance(found, bool)
        return is_number and all(_COMPARE[name](found, limit) for name, limit in wanted.items())
    if isinstance(wanted, list | tuple):
        return any(_is_matching(found, one) for one in wanted)
    return (type(found) is type(wanted) and found == wanted) or _is_same_number(found, wanted)


def _is_same_number(found: Any, wanted: Any) -> bool:
    numbers = (int, float)
    is_number = isinstance(found, numbers) and isinstance(wanted, numbers)
    return is_number and not isinstance(found, bool) and not isinstance(wanted, bool) and found == wanted


def _describe(wanted: Any) -> str:
    if isinstance(wanted, Mapping):
        return " and ".join(f"{name.replace('_', ' ')} {limit}" for name, limit in wanted.items())
    if isinstance(wanted, list | tuple):
        return " or ".join(_shorten(repr(one)) for one in wanted)
    return _shorten(repr(wanted))


def _shorten(text: str) -> str:
    return make_printable(text, _LONGEST_SHOWN)
