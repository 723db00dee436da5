"""What calls functions: Azure's host, which reads its triggers from the settings of the app and needs no resource."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from semantest_iac.domain.blueprints.blueprint import Blueprint
from semantest_iac.domain.compute.cron_times import CronTimes, format_cron_numbers
from semantest_iac.domain.compute.functions import ServerlessFunction
from semantest_iac.domain.compute.triggers import MessageTrigger, ScheduleTrigger
from semantest_iac.domain.messaging.queues import MessageQueue, MessageTopic, TopicSubscription
from semantest_iac.domain.resource import Resource

if TYPE_CHECKING:  # the module is read without importing Pulumi
    from semantest_iac.infrastructure.cloud_programs.context import Outputs, ProgramContext

UTC_NAME = "UTC"
ZONE_YEARS = range(2025, 2041)
"""The years of which an app knows the changes of a time zone; a deployment with newer data of zones corrects them."""


def use_app_as_trigger(trigger: MessageTrigger | ScheduleTrigger, context: ProgramContext) -> Outputs:
    """Create nothing: the settings of the app have the trigger, which the package registers."""
    return {"id": context.outputs[trigger.function]["arn"]}


def list_event_triggers(blueprint: Blueprint) -> list[dict[str, Any]]:
    """Return what calls the functions of an app besides requests, by function, the main one without a name.

    A queue and a topic have the names that they have in the namespace of their broker.
    """
    named = {it.name: it for it in blueprint.resources}
    found = [
        {"function": _find_purpose(named[it.function]), **_describe_trigger(it, named)}
        for it in blueprint.resources
        if isinstance(it, MessageTrigger | ScheduleTrigger)
    ]
    return sorted(found, key=lambda it: str(it["function"]))


def _find_purpose(function: Resource) -> str:
    return function.purpose if isinstance(function, ServerlessFunction) else ""


def _describe_trigger(trigger: MessageTrigger | ScheduleTrigger, named: Mapping[str, Resource]) -> dict[str, Any]:
    if isinstance(trigger, ScheduleTrigger):
        return describe_schedule(trigger.schedule, trigger.time_zone)
    source = named[trigger.source]
    if isinstance(source, TopicSubscription) and isinstance(topic := named[source.topic], MessageTopic):
        return {
            "topic": topic.topic,
            "subscription": source.subscription,
            **({"ordered": True} if source.ordered else {}),
        }
    assert isinstance(source, MessageQueue)  # noqa: S101 - the blueprint's own builders
    return {"queue": source.queue, **({"ordered": True} if source.ordered else {})}


def list_trigger_sources(blueprint: Blueprint) -> list[str]:
    """Return the names of the resources whose messages call a function."""
    return [it.source for it in blueprint.resources if isinstance(it, MessageTrigger)]


def describe_schedule(cron: str, time_zone: str) -> dict[str, Any]:
    """Return the timer of a schedule, an expression of six fields in UTC.

    In another zone the timer fires whenever the time may be meant: `meant` has the numbers of its fields, and `zone`
    each change of the zone as seconds since 1970 with the minutes that are added from then on.
    """
    times = CronTimes.parse(cron)
    if time_zone == UTC_NAME:
        return {"timer": f"0 {_format_fields(times)}"}
    changes = list(_list_zone_changes(ZoneInfo(time_zone)))
    minutes = {(minute - offset) % 60 for minute in times.minutes for _, offset in changes}
    fields = ("minutes", "hours", "month_days", "months", "week_days")
    return {
        "timer": f"0 {format_cron_numbers(minutes, range(60))} * * * *",
        "meant": {name: sorted(getattr(times, name)) for name in fields},
        "zone": changes,
    }


def _format_fields(times: CronTimes) -> str:
    fields: Iterable[tuple[Iterable[int], range]] = (
        (times.minutes, range(60)),
        (times.hours, range(24)),
        (times.month_days, range(1, 32)),
        (times.months, range(1, 13)),
        (times.week_days, range(7)),
    )
    return " ".join(format_cron_numbers(numbers, full) for numbers, full in fields)


def _list_zone_changes(zone: tzinfo) -> Iterator[tuple[int, int]]:
    """Yield the start of the first year and each change after it, each with the minutes that hold from then on."""
    moment, end = datetime(ZONE_YEARS[0], 1, 1, tzinfo=UTC), datetime(ZONE_YEARS[-1] + 1, 1, 1, tzinfo=UTC)
    offset = _find_offset(moment, zone)
    yield int(moment.timestamp()), offset
    while (later := moment + timedelta(days=1)) < end:
        if _find_offset(later, zone) != offset:
            change = _find_change(moment, later, zone)
            offset = _find_offset(change, zone)
            yield int(change.timestamp()), offset
        moment = later


def _find_change(before: datetime, after: datetime, zone: tzinfo) -> datetime:
    """Return the first minute that has the offset of `after`."""
    while after - before > timedelta(minutes=1):
        middle = before + timedelta(minutes=(after - before) // timedelta(minutes=2))
        before, after = (before, middle) if _find_offset(middle, zone) == _find_offset(after, zone) else (middle, after)
    return after


def _find_offset(moment: datetime, zone: tzinfo) -> int:
    return int((moment.astimezone(zone).utcoffset() or timedelta()).total_seconds() // 60)
