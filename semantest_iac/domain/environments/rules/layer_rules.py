"""Validation rules for the platform and its layers; paths are relative to the component."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from ipaddress import IPv4Network

from semantest_iac.domain.environments.environment_settings import SUBNETS, EnvironmentSettings, NetworkSettings
from semantest_iac.domain.environments.names import make_printable, suggest_known
from semantest_iac.domain.environments.platform.layer_sections import PlatformNetworkSection
from semantest_iac.domain.environments.platform.layer_settings import ETL_QUEUE, LAYER_FLAGS, STAGING_BUCKET
from semantest_iac.domain.environments.platform.service_addresses import find_service_addresses
from semantest_iac.domain.environments.rules.domain_rules import check_domain
from semantest_iac.domain.environments.rules.findings import Finding, Rule, RuleSubject, advise, refuse
from semantest_iac.domain.environments.rules.messaging_rules import (
    LONGEST_NAME,
    MESSAGING_RULES,
    check_messaging,
    check_ranges,
    is_resource_name,
    refuse_name,
)
from semantest_iac.domain.environments.rules.platform.gateway_rules import GATEWAY_RULES
from semantest_iac.domain.environments.rules.platform.name_rules import NAME_RULES
from semantest_iac.domain.environments.rules.platform.service_rules import SERVICE_RULES
from semantest_iac.domain.environments.rules.platform.site_rules import check_site
from semantest_iac.domain.environments.sections import ComponentSection, EnvironmentDefaults
from semantest_iac.domain.errors import ValidationError

_ALL_TYPES = frozenset({"type", "tags"})
_CODE_KEYS = frozenset(
    ("source", "runtime", "build", "package", "memory", "timeout", "instances", "scaling", "environment")
)
_MESSAGING_KEYS = frozenset({"queues", "topics"})
_STORE_KEYS = frozenset({"tables", "buckets"})
_FUNCTIONS_KEYS = _CODE_KEYS | _MESSAGING_KEYS | _STORE_KEYS | {"functions"}
_KEYS: Mapping[str, frozenset[str]] = {
    "network": frozenset(),
    "security": frozenset(),
    "observability": frozenset(),
    "database": frozenset({"database"}),
    "messaging": _MESSAGING_KEYS,
    "functions": _FUNCTIONS_KEYS,
    "etl": _CODE_KEYS | _STORE_KEYS | {"functions", "etl"},
    "services": _MESSAGING_KEYS | _STORE_KEYS | {"services"},
    "gateway": frozenset({"gateway"}),
    "site": frozenset({"site"}),
    "platform": _FUNCTIONS_KEYS | {"database", "etl", "services", "gateway", "site"},
}
"""The keys that a component of each type may have, besides those of all types."""
_LAYER_KEYS = ("queues", "topics", "tables", "buckets", "database", "etl", "services", "gateway", "site")
_PLATFORM_HINT = "Write it in a component of the platform."
_FUNCTIONS_HINT = "Write it in a component of type functions."
_KEYS_ELSEWHERE = dict.fromkeys(("queues", "topics", "tables", "buckets"), "Write it below resources.")
_USE_EVERYTHING = ("functions of an API use all of its tables and buckets", "Write them below resources alone.")
_KEYS_OF_PLATFORM_FUNCTIONS = {
    "trigger": ("functions of an API are called by its routes", _FUNCTIONS_HINT),
    "sends_to": (
        "functions of an API may send to all of its resources",
        "Write the queues and topics below resources.",
    ),
    "calls": ("functions of an API are not in one component with those that answer functions alone", _FUNCTIONS_HINT),
    "outbound": ("functions of an API are not in the network of the platform", _PLATFORM_HINT),
    "tables": _USE_EVERYTHING,
    "buckets": _USE_EVERYTHING,
}
"""The keys of functions that only those of the platform have, each with the reason and what to do."""

_FLAGS_OF_KEYS = {
    "queues": "enable_service_bus",
    "topics": "enable_service_bus",
    "database": "enable_sql_database",
    "functions": "enable_functions",
    "services": "enable_container_apps",
    "gateway": "enable_api_management",
}
"""The flags without which keys of a component say what is not deployed."""

SOFT_DELETE_DAYS = range(7, 90 + 1)
SMALLEST_SUBNET_PREFIX = 27  # half of it is in each of two zones, and a network's subnets end at /28
PLATFORM_PREFIXES = range(16, 21 + 1)  # at least eight /24: six subnets, and room for a firewall and a bastion
SHORTEST_STORE_NAME = 3  # letters and digits, on the narrowest cloud
_HOST = re.compile(r"(\*\.)?[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+")


def check_layer_keys(subject: RuleSubject) -> Iterator[Finding]:
    """A component has the keys of its type alone: what would do nothing is refused."""
    if not subject.is_layer:
        yield from _check_api_keys(subject)
        return
    known = _KEYS[subject.type]
    for key in sorted(subject.section.model_fields_set - _ALL_TYPES - known):
        if getattr(subject.section, key) not in (None, (), {}):
            hint = f"It has {', '.join(sorted(known | _ALL_TYPES))}."
            yield refuse(key, f"a component of type {subject.type} has no {key}", hint)


def _check_api_keys(subject: RuleSubject) -> Iterator[Finding]:
    for key in _LAYER_KEYS:
        if getattr(subject.section, key) is not None:
            yield refuse(key, f"a {subject.type} has no {key}", _KEYS_ELSEWHERE.get(key, _PLATFORM_HINT))
    for name, function in subject.section.functions.items():
        for key, (reason, hint) in _KEYS_OF_PLATFORM_FUNCTIONS.items():
            if getattr(function, key) is not None:
                yield refuse(f"functions.{make_printable(name)}.{key}", reason, hint)


def check_resources(subject: RuleSubject) -> Iterator[Finding]:
    """What an API uses is as in a layer of the platform, and is not turned off."""
    written = subject.section.resources
    if written is None or subject.is_layer:
        return
    yield from _check_stores("resources.tables", written.tables)
    yield from _check_stores("resources.buckets", written.buckets)
    used = replace(subject, section=ComponentSection(queues=written.queues, topics=written.topics))
    for finding in check_messaging(used):
        yield finding.move_to(f"resources.{finding.fault.path}")
    settings = subject.settings
    if settings is not None and settings.resources is not None and not settings.resources.layers:
        yield refuse("resources", "queues and topics are turned off", "Turn on features.enable_service_bus.")


def check_layer_stores(subject: RuleSubject) -> Iterator[Finding]:
    """Tables and buckets have names, and functions use those that are there."""
    section, layers = subject.section, subject.platform.layers if subject.platform else ()
    yield from _check_stores("tables", section.tables or ())
    yield from _check_stores("buckets", section.buckets or ())
    if STAGING_BUCKET in (section.buckets or ()) and "etl" in layers:
        hint = f"Choose another name; functions of the queue {ETL_QUEUE} have this bucket without naming it."
        yield refuse("buckets", f"'{STAGING_BUCKET}' is the bucket of the data pipeline", hint)
    for name, function in section.functions.items():
        for key, known, used in (
            ("tables", section.tables, function.tables),
            ("buckets", section.buckets, function.buckets),
        ):
            for index, one in enumerate(used or ()):
                if one not in (known or ()):
                    hint = suggest_known(one, known) if known else f"Add it to {key} of the component."
                    at = f"functions.{make_printable(name)}.{key}[{index}]"
                    yield refuse(at, f"there is no {key.removesuffix('s')} '{make_printable(one)}'", hint)


def _check_stores(key: str, names: Sequence[str]) -> Iterator[Finding]:
    for index, name in enumerate(names):
        at = f"{key}[{index}]"
        if not is_resource_name(name) or len(name.replace("-", "")) < SHORTEST_STORE_NAME:
            hint = f"Lower-case letters, digits and single hyphens, {SHORTEST_STORE_NAME} to {LONGEST_NAME} characters."
            yield refuse(at, f"'{make_printable(name)}' is not a name", hint)
        elif name in names[:index]:
            yield refuse(at, f"'{name}' is there already", "Choose another name.")


def check_layer_flags(subject: RuleSubject) -> Iterator[Finding]:
    """A layer that is deployed alone is not turned off by its own flags, and one of a platform not without a word."""
    if subject.platform is None:
        return
    if subject.platform.layers:
        for key, flag in _FLAGS_OF_KEYS.items():
            is_written = getattr(subject.section, key) not in (None, (), {})
            if is_written and not getattr(subject.platform.environment.features, flag):
                reason = f"has no effect in {subject.environment}, where features.{flag} is off"
                yield advise(key, reason, "Turn it on, or leave this out.")
        return
    flags = LAYER_FLAGS.get(subject.type, ())
    hint = f"Turn on {' or '.join(f'features.{flag}' for flag in flags)} in {subject.environment}."
    yield refuse("type", f"nothing is left of {subject.type}: all of it is turned off", hint)


def check_data_layers(subject: RuleSubject) -> Iterator[Finding]:
    """Databases have names, and times are within what every cloud takes."""
    database = subject.section.database
    yield from check_ranges("database", database)
    yield from check_ranges("etl", subject.section.etl)
    for index, name in enumerate((database.names if database else None) or ()):
        if not is_resource_name(name):
            yield refuse_name(f"database.names[{index}]", name)


def check_source_functions(subject: RuleSubject) -> Iterator[Finding]:
    """A source has functions: those of the plan run the bundled worker, and no code of one's own."""
    takes_functions = "functions" in _KEYS[subject.type]
    if takes_functions and subject.section.source is not None and not subject.section.functions:
        hint = "Such as functions: {orders-worker: {handler: orders.handler, trigger: {queue: orders-queue}}}."
        yield refuse("functions", "missing: nothing says what of the source is called, and by what", hint)


LAYER_RULES: tuple[Rule, ...] = (
    check_layer_flags,
    check_source_functions,
    check_data_layers,
    check_site,
    check_domain,
    check_layer_stores,
    *MESSAGING_RULES,
    *SERVICE_RULES,
    *GATEWAY_RULES,
    *NAME_RULES,
)


def check_environment_values(written: EnvironmentDefaults, defaults: EnvironmentSettings) -> Iterator[Finding]:
    """The network and the vault of the platform are possible; paths start at the top of the file."""
    yield from _check_addresses(written.network, defaults.network)
    yield from _check_way_out(written.network, defaults.network)
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
    try:
        find_service_addresses(str(network), map(str, taken.values()))
    except ValidationError as error:
        yield from (refuse(fault.path, fault.message, fault.hint) for fault in error.faults)


def _check_subnet(name: str, text: str, network: IPv4Network, taken: dict[str, IPv4Network]) -> Iterator[Finding]:
    """Check one subnet, and add it to those that are `taken`."""
    path, subnet = f"network.subnets.{make_printable(name)}", _parse_network(text)
    if name not in SUBNETS:
        yield refuse(path, f"'{make_printable(name)}' is not a subnet", suggest_known(name, SUBNETS))
    elif subnet is None:
        yield refuse(path, f"'{make_printable(text)}' is not a network", "Such as 10.0.1.0/24.")
    elif subnet.prefixlen > SMALLEST_SUBNET_PREFIX:
        yield refuse(path, f"{subnet} is too small: a subnet is /{SMALLEST_SUBNET_PREFIX} or larger")
    elif not subnet.subnet_of(network):
        yield refuse(path, f"{subnet} is not in {network}", "Choose one of its addresses.")
    elif other := next((it for it, known in taken.items() if known.overlaps(subnet)), None):
        yield refuse(path, f"{subnet} overlaps the subnet '{other}'", "Choose other addresses for one of them.")
    if subnet is not None:
        taken[name] = subnet


def _check_way_out(written: PlatformNetworkSection, default: NetworkSettings) -> Iterator[Finding]:
    """What a firewall lets out leaves by the NAT gateway, and its hosts are names."""
    has_firewall = default.firewall if written.firewall is None else written.firewall
    if has_firewall and written.nat_gateway is False:
        reason = "the firewall has no way out without a NAT gateway"
        yield refuse("network.nat_gateway", reason, "Turn off network.firewall too, or leave nat_gateway on.")
    for index, host in enumerate(written.allowed_hosts or ()):
        if not _HOST.fullmatch(host):
            hint = "Such as api.example.org, or *.example.org with all names below it."
            yield refuse(f"network.allowed_hosts[{index}]", f"'{make_printable(host)}' is not a host", hint)


def _parse_network(text: str) -> IPv4Network | None:
    try:
        return IPv4Network(text)
    except ValueError:
        return None
