"""Validation rules for the platform and its layers; paths are relative to the component."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from ipaddress import IPv4Network
from typing import Any

from semantest_iac.domain.environments.environment_settings import SUBNETS, EnvironmentSettings, NetworkSettings
from semantest_iac.domain.environments.names import make_printable, suggest_known
from semantest_iac.domain.environments.platform.layer_sections import PlatformNetworkSection, TriggerSection
from semantest_iac.domain.environments.platform.layer_settings import LAYER_FLAGS
from semantest_iac.domain.environments.rules.findings import Finding, Rule, RuleSubject, refuse
from semantest_iac.domain.environments.section_types import FUNCTION_NAME, Section
from semantest_iac.domain.environments.sections import EnvironmentDefaults
from semantest_iac.domain.messaging.queues import DELIVERIES, LOCKS_S

_ALL_TYPES = frozenset({"type", "tags"})
_CODE_KEYS = frozenset(
    {
        *("source", "runtime", "build", "package", "memory", "timeout", "instances", "scaling", "environment"),
        *("functions", "queues", "topics", "app", "handler"),
    }
)
_KEYS: Mapping[str, frozenset[str]] = {
    "network": frozenset(),
    "security": frozenset(),
    "observability": frozenset(),
    "database": frozenset({"database"}),
    "messaging": frozenset({"queues", "topics"}),
    "functions": _CODE_KEYS - {"app", "handler"},
    "etl": (_CODE_KEYS - {"functions", "queues", "topics"}) | {"etl"},
    "platform": (_CODE_KEYS - {"app", "handler"}) | {"database", "etl"},
}
"""The keys that a component of each type may have, besides those of all types."""
_LAYER_KEYS = ("queues", "topics", "database", "etl")

LONGEST_NAME = 50
MESSAGE_DAYS, BACKUP_DAYS, STAGING_DAYS = range(1, 14 + 1), range(1, 35 + 1), range(1, 365 + 1)
SOFT_DELETE_DAYS = range(7, 90 + 1)
PLATFORM_PREFIXES = range(8, 21 + 1)  # at least eight /24: six subnets, and room for a firewall and a bastion
_CRON = re.compile(r"[\d*/,-]+( [\d*/,A-Za-z-]+){4}")
_RANGES: Mapping[str, range] = {
    "max_deliveries": DELIVERIES,
    "lock_s": LOCKS_S,
    "retention_days": MESSAGE_DAYS,
    "backup_days": BACKUP_DAYS,
    "staging_days": STAGING_DAYS,
}


def check_layer_keys(subject: RuleSubject) -> Iterator[Finding]:
    """A component has the keys of its type alone: what would do nothing is refused."""
    if not subject.is_layer:
        for key in _LAYER_KEYS:
            if getattr(subject.section, key) is not None:
                yield refuse(key, f"a {subject.type} has no {key}", "Write it in a component of the platform.")
        for name, function in subject.section.functions.items():
            if function.trigger is not None:
                reason = "functions of an API are called by its routes"
                yield refuse(f"functions.{name}.trigger", reason, "Write it in a component of type functions.")
        return
    known = _KEYS[subject.type]
    for key in sorted(subject.section.model_fields_set - _ALL_TYPES - known):
        if getattr(subject.section, key) not in (None, (), {}):
            hint = f"It has {', '.join(sorted(known | _ALL_TYPES))}."
            yield refuse(key, f"a component of type {subject.type} has no {key}", hint)


def check_layer_flags(subject: RuleSubject) -> Iterator[Finding]:
    """A layer that is deployed alone is not turned off by its own flags."""
    settings = subject.settings
    if settings is None or settings.platform is None or settings.platform.layers:
        return
    flags = LAYER_FLAGS.get(subject.type, ())
    hint = f"Turn on {' or '.join(f'features.{flag}' for flag in flags)} in {subject.environment}."
    yield refuse("type", f"nothing is left of {subject.type}: all of it is turned off", hint)


def check_messaging(subject: RuleSubject) -> Iterator[Finding]:
    """Queues, topics and subscriptions have names and numbers that every cloud takes."""
    section = subject.section
    taken: set[str] = set()
    for key, entries in (("queues", section.queues or {}), ("topics", section.topics or {})):
        for name, entry in entries.items():
            yield from _check_entry(f"{key}.{make_printable(name)}", name, entry)
            if name in taken:
                yield refuse(f"{key}.{name}", f"there is a queue '{name}' already", "Choose another name.")
            taken.add(name)
    for name, topic in (section.topics or {}).items():
        for subscription, its_section in topic.subscriptions.items():
            at = f"topics.{make_printable(name)}.subscriptions.{make_printable(subscription)}"
            yield from _check_entry(at, subscription, its_section)


def _check_entry(at: str, name: str, entry: Section) -> Iterator[Finding]:
    if not FUNCTION_NAME.fullmatch(name) or len(name) > LONGEST_NAME:
        hint = f"Lower-case letters, digits and single hyphens, {LONGEST_NAME} characters at most."
        yield refuse(at, f"'{make_printable(name)}' is not a name", hint)
    yield from _check_ranges(at, entry)


def _check_ranges(at: str, section: Section | None) -> Iterator[Finding]:
    for key, value in (section.model_dump(exclude_none=True) if section else {}).items():
        allowed = _RANGES.get(key)
        if allowed is not None and value not in allowed:
            yield refuse(f"{at}.{key}", f"{key} must be {allowed[0]} to {allowed[-1]}, not {value}")


def check_data_layers(subject: RuleSubject) -> Iterator[Finding]:
    """Databases have names, and times are within what every cloud takes."""
    database = subject.section.database
    yield from _check_ranges("database", database)
    yield from _check_ranges("etl", subject.section.etl)
    for index, name in enumerate((database.names if database else None) or ()):
        if not FUNCTION_NAME.fullmatch(name) or len(name) > LONGEST_NAME:
            yield refuse(f"database.names[{index}]", f"'{make_printable(name)}' is not a name", "Such as orders.")


def check_triggers(subject: RuleSubject) -> Iterator[Finding]:
    """Each function of the platform has one trigger, of a queue or topic that is there."""
    for name, function in subject.section.functions.items():
        at = f"functions.{make_printable(name)}"
        if not FUNCTION_NAME.fullmatch(name) or len(name) > LONGEST_NAME:
            yield refuse(at, f"'{make_printable(name)}' is not a name", "Such as orders-worker.")
        if function.trigger is None:
            yield refuse(f"{at}.trigger", "missing: nothing would call it", "Such as trigger: {queue: orders-queue}.")
            continue
        yield from _check_trigger(f"{at}.trigger", function.trigger, subject)


def _check_trigger(at: str, trigger: TriggerSection, subject: RuleSubject) -> Iterator[Finding]:
    written: dict[str, Any] = trigger.model_dump(exclude_none=True)
    if len(written) != 1:
        named = " and ".join(written) or "nothing"
        yield refuse(at, f"names {named}", "Name one of queue, topic, schedule and http.")
    if trigger.schedule is not None and not _CRON.fullmatch(trigger.schedule):
        hint = "Five fields of cron in UTC: minute, hour, day of month, month, day of week, such as 0 3 * * *."
        yield refuse(f"{at}.schedule", f"'{make_printable(trigger.schedule)}' is not a schedule", hint)
    platform = subject.settings.platform if subject.settings else None
    if platform is None:
        return
    known = {"queue": platform.messaging.queues, "topic": platform.messaging.topics}
    for key, names in known.items():
        name = written.get(key)
        if name is not None and name not in names:
            hint = suggest_known(name, names) if names else f"Add it to {key}s."
            yield refuse(f"{at}.{key}", f"there is no {key} '{make_printable(name)}'", hint)
        elif name is not None and "messaging" not in platform.layers:
            yield refuse(f"{at}.{key}", "messaging is turned off", "Turn on features.enable_service_bus.")


LAYER_RULES: tuple[Rule, ...] = (
    check_layer_flags,
    check_messaging,
    check_data_layers,
    check_triggers,
)


def check_environment_values(written: EnvironmentDefaults, defaults: EnvironmentSettings) -> Iterator[Finding]:
    """The network and the vault of the platform are possible; paths start at the top of the file."""
    yield from _check_addresses(written.network, defaults.network)
    days = written.security.soft_delete_days
    if days is not None and days not in SOFT_DELETE_DAYS:
        yield refuse("security.soft_delete_days", f"soft_delete_days must be 7 to 90, not {days}")
    quota = written.monitoring.daily_quota_gb
    if quota is not None and quota < 0:
        yield refuse("monitoring.daily_quota_gb", f"daily_quota_gb must be 0 or more, not {quota}", "0 is unlimited.")


def _check_addresses(written: PlatformNetworkSection, default: NetworkSettings) -> Iterator[Finding]:
    """Every subnet lies in the network, and beside the others."""
    cidr = written.cidr or default.cidr
    network = _parse_network(cidr)
    if network is None:
        yield refuse("network.cidr", f"'{make_printable(cidr)}' is not a network", "Such as 10.0.0.0/16.")
        return
    if network.prefixlen not in PLATFORM_PREFIXES:
        reason = f"the platform's network must be /{PLATFORM_PREFIXES[0]} to /{PLATFORM_PREFIXES[-1]}"
        yield refuse("network.cidr", f"{reason}, not /{network.prefixlen}", "Such as 10.0.0.0/16.")
        return
    taken: dict[str, IPv4Network] = {}
    for name, text in replace(default, cidr=cidr, subnet_ranges=written.subnets).subnets.items():
        yield from _check_subnet(name, text, network, taken)


def _check_subnet(name: str, text: str, network: IPv4Network, taken: dict[str, IPv4Network]) -> Iterator[Finding]:
    """Check one subnet, and add it to those that are `taken`."""
    path, subnet = f"network.subnets.{make_printable(name)}", _parse_network(text)
    if name not in SUBNETS:
        yield refuse(path, f"'{make_printable(name)}' is not a subnet", suggest_known(name, SUBNETS))
    elif subnet is None:
        yield refuse(path, f"'{make_printable(text)}' is not a network", "Such as 10.0.1.0/24.")
    elif not subnet.subnet_of(network):
        yield refuse(path, f"{subnet} is not in {network}", "Choose one of its addresses.")
    elif other := next((it for it, known in taken.items() if known.overlaps(subnet)), None):
        yield refuse(path, f"{subnet} overlaps the subnet '{other}'", "Choose other addresses for one of them.")
    if subnet is not None:
        taken[name] = subnet


def _parse_network(text: str) -> IPv4Network | None:
    try:
        return IPv4Network(text)
    except ValueError:
        return None
