"""Validation rules for queues, topics, and what calls the functions of the platform; paths are in the component."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from semantest_iac.domain.compute.cron_times import CronTimes
from semantest_iac.domain.compute.triggers import BATCH_SIZES, MAXIMUM_CALLS_RANGE
from semantest_iac.domain.environments.names import make_printable, suggest_known
from semantest_iac.domain.environments.platform.layer_sections import TriggerSection
from semantest_iac.domain.environments.platform.layer_settings import PlatformSettings
from semantest_iac.domain.environments.rules.findings import Finding, Rule, RuleSubject, advise, refuse
from semantest_iac.domain.environments.section_types import FUNCTION_NAME, Section
from semantest_iac.domain.environments.sections import FunctionSection
from semantest_iac.domain.environments.settings import FunctionSettings
from semantest_iac.domain.messaging.message_filters import find_filter_faults
from semantest_iac.domain.messaging.queues import DELIVERIES, LOCKS_S

LONGEST_NAME = 50
MESSAGE_DAYS, BACKUP_DAYS, STAGING_DAYS = range(1, 14 + 1), range(1, 35 + 1), range(1, 365 + 1)
LARGEST_ORDERED_BATCH = 10  # on the narrowest cloud
_RANGES: Mapping[str, range] = {
    "max_deliveries": DELIVERIES,
    "lock_s": LOCKS_S,
    "retention_days": MESSAGE_DAYS,
    "backup_days": BACKUP_DAYS,
    "staging_days": STAGING_DAYS,
    "pipeline_hour": range(24),
    "batch": BATCH_SIZES,
    "max_concurrency": MAXIMUM_CALLS_RANGE,
}
DEAD_LETTERS_SUFFIX = "-dead-letters"
"""Ends the name of the queue in which a cloud without a part of queues for them keeps dead letters."""

_OTHER_NAME = "Choose another name."
_CALLERS = ("queue", "topic", "schedule", "http")
_KEYS_OF_CALLERS = {
    "batch": ("queue", "topic"),
    "max_concurrency": ("queue", "topic"),
    "filter": ("topic",),
    "time_zone": ("schedule",),
}
"""The keys of a trigger that only some callers have."""
_MESSAGING_OFF = ("messaging is turned off", "Turn on features.enable_service_bus.")


def is_resource_name(name: str) -> bool:
    """Whether every cloud takes the name of a queue, topic, subscription, function or database."""
    return len(name) <= LONGEST_NAME and FUNCTION_NAME.fullmatch(name) is not None


def refuse_name(at: str, name: str) -> Finding:
    """Say which names every cloud takes, with the nearest one."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    near = re.sub(r"[^a-z0-9]+", "-", plain).lstrip("-0123456789")[:LONGEST_NAME].rstrip("-")
    rule = f"lower-case letters, digits and single hyphens, {LONGEST_NAME} characters at most."
    return refuse(at, f"'{make_printable(name)}' is not a name", f"Such as {near or 'orders'}: {rule}")


def check_ranges(at: str, section: Section | None, ranges: Mapping[str, range] = _RANGES) -> Iterator[Finding]:
    """Yield the numbers of a section that no cloud takes."""
    for key, value in (section.model_dump(exclude_none=True) if section else {}).items():
        allowed = ranges.get(key)
        if allowed is not None and value not in allowed:
            yield refuse(f"{at}.{key}", f"{key} must be {allowed[0]} to {allowed[-1]}, not {value}")


def check_messaging(subject: RuleSubject) -> Iterator[Finding]:
    """Queues, topics and subscriptions have names and numbers that every cloud takes."""
    section = subject.section
    yield from _check_cloud_names(section.queues or {}, list(_list_subscriptions(subject)))
    taken: set[str] = set()
    for key, entries in (("queues", section.queues or {}), ("topics", section.topics or {})):
        for name, entry in entries.items():
            yield from _check_entry(f"{key}.{make_printable(name)}", name, entry)
            if name in taken:
                shown = make_printable(name)
                yield refuse(f"{key}.{shown}", f"there is a queue '{shown}' already", "Choose another name.")
            taken.add(name)
    called = {(it.trigger.topic, it.name) for it in _list_functions(subject) if it.trigger and it.trigger.topic}
    for name, topic in (section.topics or {}).items():
        for subscription, its_section in topic.subscriptions.items():
            at = f"topics.{make_printable(name)}.subscriptions.{make_printable(subscription)}"
            yield from _check_entry(at, subscription, its_section)
            yield from _check_filter(f"{at}.filter", its_section.filter)
            if (name, subscription) in called:
                reason = f"the function '{make_printable(subscription)}' has this subscription already"
                yield refuse(at, reason, "Choose another name.")


def _list_subscriptions(subject: RuleSubject) -> Iterator[tuple[str, str, str]]:
    """Yield topic, name and place of each subscription, those of functions too."""
    for name, topic in (subject.section.topics or {}).items():
        for one in topic.subscriptions:
            yield name, one, f"topics.{make_printable(name)}.subscriptions.{make_printable(one)}"
    for function in _list_functions(subject):
        if function.trigger and function.trigger.topic:
            yield function.trigger.topic, function.name, f"functions.{make_printable(function.name)}"


def _check_cloud_names(queues: Collection[str], subscriptions: Sequence[tuple[str, str, str]]) -> Iterator[Finding]:
    """Yield queues and subscriptions (topic, name and place) whose names in the cloud are those of others."""
    yield from _check_dead_letters({name: f"queues.{make_printable(name)}" for name in queues})
    joined: dict[str, tuple[str, str]] = {}
    by_topic: dict[str, dict[str, str]] = {}
    for topic, name, at in subscriptions:
        by_topic.setdefault(topic, {})[name] = at
        other_topic, other = joined.setdefault(f"{topic}-{name}", (topic, name))
        if other_topic != topic:
            reason = f"the subscription '{make_printable(other)}' of '{make_printable(other_topic)}' has the same name"
            yield refuse(at, f"{reason} in the cloud", _OTHER_NAME)
    for places in by_topic.values():
        yield from _check_dead_letters(places)


def _check_dead_letters(places: Mapping[str, str]) -> Iterator[Finding]:
    for name, at in places.items():
        other = name.removesuffix(DEAD_LETTERS_SUFFIX)
        if other != name and other in places:
            yield refuse(at, f"the dead letters of '{make_printable(other)}' have this name", _OTHER_NAME)


def _check_entry(at: str, name: str, entry: Section) -> Iterator[Finding]:
    if not is_resource_name(name):
        yield refuse_name(at, name)
    yield from check_ranges(at, entry)


def _check_filter(at: str, written: Mapping[str, Any]) -> Iterator[Finding]:
    for fault in find_filter_faults(written, at):
        yield refuse(fault.path, fault.message, fault.hint)


def _list_functions(subject: RuleSubject) -> tuple[FunctionSettings, ...]:
    return subject.settings.functions if subject.settings else ()


def check_triggers(subject: RuleSubject) -> Iterator[Finding]:
    """Each function of the platform has one trigger, of a queue or topic that is there, and a handler."""
    for name, function in subject.section.functions.items():
        at = f"functions.{make_printable(name)}"
        if not is_resource_name(name):
            yield refuse_name(at, name)
        yield from _check_code(at, function, subject)
        yield from _check_destinations(f"{at}.sends_to", function, subject)
        yield from _check_calls(f"{at}.calls", name, function, subject)
        yield from _check_outbound(f"{at}.outbound", function, subject)
        if function.trigger is None:
            yield refuse(f"{at}.trigger", "missing: nothing would call it", "Such as trigger: {queue: orders-queue}.")
            continue
        yield from _check_trigger(f"{at}.trigger", function.trigger, subject)


def _check_code(at: str, function: FunctionSection, subject: RuleSubject) -> Iterator[Finding]:
    """A function of a source has a handler; without a source all of them run the bundled worker."""
    if function.app is not None:
        reason = "an ASGI or WSGI application answers the requests of an API, and takes no messages, ticks or calls"
        yield refuse(f"{at}.app", reason, "Name a handler in its place.")
    if function.payload == "1.0":
        yield refuse(f"{at}.payload", "messages, ticks and calls have one form", "Leave payload out.")
    if subject.section.source is None and function.handler is not None:
        yield refuse(f"{at}.handler", "there is no source that holds it", "Name the folder as source.")
    elif subject.section.source is not None and function.handler is None and function.app is None:
        yield refuse(f"{at}.handler", "missing", "Such as workers/orders.handler.")


def _check_destinations(at: str, function: FunctionSection, subject: RuleSubject) -> Iterator[Finding]:
    platform = subject.platform
    if platform is None or not function.sends_to:
        return
    known = (*platform.messaging.queues, *platform.messaging.topics)
    for index, name in enumerate(function.sends_to):
        if name not in known:
            hint = suggest_known(name, known) if known else "Add it to queues or topics."
            yield refuse(f"{at}[{index}]", f"there is no queue or topic '{make_printable(name)}'", hint)
        elif _lacks_messaging(platform):
            yield refuse(f"{at}[{index}]", *_MESSAGING_OFF)


def _lacks_messaging(platform: PlatformSettings) -> bool:
    """Whether functions have no queue or topic to use; what is turned off itself uses nothing."""
    return platform.environment.features.enable_functions and "messaging" not in platform.layers


def _check_calls(at: str, name: str, function: FunctionSection, subject: RuleSubject) -> Iterator[Finding]:
    """What a function calls is another one of the component, which answers requests."""
    functions = subject.section.functions
    known = [other for other, it in functions.items() if _answers_calls(it) and other != name]
    for index, called in enumerate(function.calls or ()):
        path = f"{at}[{index}]"
        if called == name:
            yield refuse(path, f"'{make_printable(name)}' would call itself", "Leave it out.")
        elif called not in functions:
            hint = suggest_known(called, known) if known else "Write one with the trigger {http: internal}."
            yield refuse(path, f"there is no function '{make_printable(called)}'", hint)
        elif not _answers_calls(functions[called]):
            hint = "Give it the trigger {http: internal}, or name its queue in sends_to."
            yield refuse(path, f"'{make_printable(called)}' answers no calls: it has another trigger", hint)


def _answers_calls(function: FunctionSection) -> bool:
    return function.trigger is not None and function.trigger.http is not None


def check_call_chains(subject: RuleSubject) -> Iterator[Finding]:
    """Calls lead to an end, and what answers calls alone is called by somebody."""
    functions = subject.section.functions
    in_circles: set[str] = set()
    for name in functions:
        circle = [] if name in in_circles else _find_circle(name, functions)
        if len(circle) > 1:
            in_circles.update(circle)
            chain = " calls ".join(f"'{make_printable(it)}'" for it in (*circle, name))
            hint = "Let one of them send to a queue: a caller waits, and is paid for, until the answer comes."
            yield refuse(f"functions.{make_printable(name)}.calls", f"goes in a circle: {chain}", hint)
    called = {it for function in functions.values() for it in function.calls or ()}
    for name, function in functions.items():
        if _answers_calls(function) and name not in called:
            shown = make_printable(name)
            hint = f"Name it in calls of another function: calls: [{shown}]."
            yield advise(f"functions.{shown}.trigger.http", "no function calls it", hint)


def _find_circle(start: str, functions: Mapping[str, FunctionSection]) -> list[str]:
    """Return the functions on a way of calls from `start` back to it; nothing without one."""
    ways, seen = [[start]], {start}
    while ways:
        way = ways.pop()
        for called in functions[way[-1]].calls or ():
            if called == start:
                return way
            if called in functions and called not in seen:
                seen.add(called)
                ways.append([*way, called])
    return []


def _check_outbound(at: str, function: FunctionSection, subject: RuleSubject) -> Iterator[Finding]:
    """A fixed address needs the NAT gateway of the network that the function is in."""
    platform = subject.platform
    if platform is None or function.outbound is None:
        return
    if "network" not in platform.layers:
        reason = f"a component of type {subject.type} has no network with a NAT gateway"
        yield refuse(at, reason, "Write the function in a component of type platform.")
    elif not platform.environment.network.nat_gateway:
        yield refuse(at, "the NAT gateway is turned off", "Turn on network.nat_gateway.")


def _check_trigger(at: str, trigger: TriggerSection, subject: RuleSubject) -> Iterator[Finding]:
    written: dict[str, Any] = trigger.model_dump(exclude_none=True, exclude_defaults=True)
    callers = [key for key in _CALLERS if key in written]
    if len(callers) != 1:
        yield refuse(at, f"names {' and '.join(callers) or 'nothing'}", f"Name one of {', '.join(_CALLERS)}.")
        return
    for key, allowed in _KEYS_OF_CALLERS.items():
        if key in written and callers[0] not in allowed:
            reason = f"a {callers[0]} has no {key}" if callers[0] != "http" else f"requests have no {key}"
            yield refuse(f"{at}.{key}", reason, f"Leave it out: it is for {' and '.join(allowed)}.")
    yield from check_ranges(at, trigger)
    yield from _check_filter(f"{at}.filter", trigger.filter)
    if trigger.schedule is not None:
        yield from _check_schedule(f"{at}.schedule", trigger.schedule)
    yield from _check_source(at, trigger, subject)


def _check_schedule(at: str, schedule: str) -> Iterator[Finding]:
    hint = "Five fields of cron: minute, hour, day of month, month, day of week, such as 0 3 * * *."
    try:
        times = CronTimes.parse(schedule)
    except ValueError as error:
        reason = f"'{make_printable(schedule)}' is no cron expression: {make_printable(str(error))}"
        yield refuse(at, reason, hint)
        return
    if times.restricts_both_days:
        reason = "chooses days of the month and days of the week, of which some schedulers take one kind only"
        yield refuse(at, reason, "Write * for one of them, or two functions.")


def _check_source(at: str, trigger: TriggerSection, subject: RuleSubject) -> Iterator[Finding]:
    """The queue or topic is there, and fits the batch and the timeout of the function."""
    platform = subject.platform
    if platform is None:
        return
    for key, names in (("queue", platform.messaging.queues), ("topic", platform.messaging.topics)):
        name = getattr(trigger, key)
        if name is None:
            continue
        if name not in names:
            hint = suggest_known(name, names) if names else f"Add it to {key}s."
            yield refuse(f"{at}.{key}", f"there is no {key} '{make_printable(name)}'", hint)
        elif _lacks_messaging(platform):
            yield refuse(f"{at}.{key}", *_MESSAGING_OFF)
        elif names[name].ordered and (trigger.batch or 0) > LARGEST_ORDERED_BATCH:
            reason = f"'{make_printable(name)}' is ordered, and gives {LARGEST_ORDERED_BATCH} messages at once at most"
            yield refuse(f"{at}.batch", reason, f"Write {LARGEST_ORDERED_BATCH} or less.")


def check_locks(subject: RuleSubject) -> Iterator[Finding]:
    """A message is hidden from others for as long as its function may run, at least."""
    platform = subject.platform
    if platform is None:
        return
    for function in _list_functions(subject):
        queue = function.trigger.queue if function.trigger else ""
        lock = platform.messaging.queues[queue].lock_s if queue in platform.messaging.queues else None
        if lock is not None and lock < function.timeout:
            taker = make_printable(function.name)
            reason = f"{lock} s are less than the {function.timeout} s that '{taker}' may take for a message"
            yield refuse(f"queues.{make_printable(queue)}.lock_s", reason, "Leave it out, and it is six times that.")


MESSAGING_RULES: tuple[Rule, ...] = (check_messaging, check_triggers, check_call_chains, check_locks)
