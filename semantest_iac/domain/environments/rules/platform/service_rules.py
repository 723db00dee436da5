"""Validation rules for services that run containers; paths are relative to the component."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace

from semantest_iac.domain.compute.containers import HealthProbe
from semantest_iac.domain.environments.names import PLATFORM_TYPE, make_printable, suggest_known
from semantest_iac.domain.environments.platform.layer_settings import PlatformSettings
from semantest_iac.domain.environments.platform.service_sections import ServiceScaleSection, ServiceSection
from semantest_iac.domain.environments.rules.build_commands import (
    ASSIGNMENT_PROBLEM,
    COMMAND_SEPARATOR,
    split_build_commands,
)
from semantest_iac.domain.environments.rules.findings import Finding, Rule, RuleSubject, advise, refuse
from semantest_iac.domain.environments.rules.messaging_rules import check_ranges, is_resource_name, refuse_name

_PORT_VARIABLE = "PORT"
PORTS = range(1, 65_535 + 1)
CPU_STEP, LARGEST_CPU = 0.25, 4.0
SERVICE_MEMORY_MB = range(512, 8192 + 1)  # the largest container of every cloud
INSTANCES = range(100 + 1)
_RANGES: Mapping[str, range] = {
    "min": INSTANCES,
    "max": range(1, INSTANCES[-1] + 1),
    "concurrent_requests": range(1, 1000 + 1),
    "cpu": range(10, 95 + 1),
    "memory": range(10, 95 + 1),
    "interval_s": range(5, 240 + 1),
    "timeout_s": range(2, 60 + 1),
    "failures": range(2, 10 + 1),
    "start_s": range(1, 300 + 1),
}
"""What every cloud takes; of scaling, cpu and memory are percents."""
MESSAGE_COUNTS = range(1, 10_000 + 1)
_IMAGE = re.compile(
    r"([a-z0-9]+([.-][a-z0-9]+)*(:[0-9]+)?/)?[a-z0-9]+([._-]+[a-z0-9]+)*(/[a-z0-9]+([._-]+[a-z0-9]+)*)*"
    r"(:[\w][\w.-]{0,127})?(@sha256:[0-9a-f]{64})?",
    re.ASCII,
)
_UNUSED_DATA = {
    "database": ("the SQL server", "enable_sql_database"),
    "cache": ("the cache", "enable_redis_cache"),
    "documents": ("the document database", "enable_cosmos_db"),
}


def check_services(subject: RuleSubject) -> Iterator[Finding]:
    """Each service has a name, something to run, and numbers that every cloud takes."""
    for name, service in (subject.section.services or {}).items():
        at = f"services.{make_printable(name)}"
        if not is_resource_name(name):
            yield refuse_name(at, name)
        yield from _check_what_runs(at, service)
        yield from _check_base(at, service)
        if _PORT_VARIABLE in service.environment:
            hint = "Write the number as port: the service finds it in this variable."
            yield refuse(f"{at}.environment.{_PORT_VARIABLE}", "is what the key port says", hint)
        yield from _check_numbers(at, service)
        yield from _check_health(at, service)
        yield from _check_scale(f"{at}.scale", service.scale)


def _check_what_runs(at: str, service: ServiceSection) -> Iterator[Finding]:
    """A cloud runs an image, which may be made of a folder, and this machine a command in it; one there must be."""
    if service.image is None and service.source is None:
        hint = "Name an image such as ghcr.io/acme/orders:1.4, or a source with the command that starts it."
        yield refuse(at, "nothing says what it runs", hint)
    if service.image is not None and not _IMAGE.fullmatch(service.image):
        hint = "Such as ghcr.io/acme/orders:1.4."
        yield refuse(f"{at}.image", f"'{make_printable(service.image)}' is not an image", hint)
    elif service.image is not None and _is_moving(service.image):
        reason = "has no tag that stays: what runs may change without a deployment, and going back brings nothing back"
        yield advise(f"{at}.image", reason, "Name a version such as :1.4, or a digest.")
    if service.source is not None and service.start is None:
        yield refuse(f"{at}.start", "missing: nothing says how to start the source", "Such as node server.js.")
    elif service.start is not None and service.source is None:
        yield refuse(f"{at}.source", "missing: there is no folder in which start is run", "Such as ./orders-api.")
    elif service.start is not None:
        yield from _check_start(f"{at}.start", service.start)


def _check_start(at: str, text: str) -> Iterator[Finding]:
    """It is one program with its arguments: what only a shell could do would be passed to it as plain text."""
    found = split_build_commands(text)
    hint = "Put it into a script, such as start of package.json, and write `npm start` or the script's command here."
    if found.problem == ASSIGNMENT_PROBLEM:
        yield refuse(at, found.problem, "Write it under environment of the service.")
    elif found.problem:
        yield refuse(at, found.problem, hint if text.strip() else "Such as node server.js.")
    elif len(found.commands) > 1:
        yield refuse(at, f"no shell runs it, so '{COMMAND_SEPARATOR}' has no meaning", hint)


def _check_base(at: str, service: ServiceSection) -> Iterator[Finding]:
    """There is a base where an image is made of a source."""
    if service.base is not None and not _IMAGE.fullmatch(service.base):
        hint = "Such as python:3.13-slim."
        yield refuse(f"{at}.base", f"'{make_printable(service.base)}' is not an image", hint)
    elif service.base is not None and (service.source is None or service.image is not None):
        reason = "nothing stands on it: no image is made where there is one, or without a source"
        yield refuse(f"{at}.base", reason, "Leave it out, or leave image out and name a source.")


def _is_moving(image: str) -> bool:
    """Whether the same text may name another image tomorrow: it has the tag `latest`, or none."""
    tag = image.rpartition("/")[2].partition(":")[2]
    return "@" not in image and tag in ("", "latest")


def _check_numbers(at: str, service: ServiceSection) -> Iterator[Finding]:
    if service.port is not None and service.port not in PORTS:
        yield refuse(f"{at}.port", f"port must be {PORTS[0]} to {PORTS[-1]}, not {service.port}")
    cpu = service.cpu
    if cpu is not None and not (CPU_STEP <= cpu <= LARGEST_CPU and (cpu / CPU_STEP).is_integer()):
        reason = f"cpu must be {CPU_STEP} to {LARGEST_CPU:g} in quarters, not {cpu:g}"
        yield refuse(f"{at}.cpu", reason, "Such as 0.5.")
    if service.memory is not None and service.memory not in SERVICE_MEMORY_MB:
        yield refuse(
            f"{at}.memory", f"memory must be {SERVICE_MEMORY_MB[0]} to {SERVICE_MEMORY_MB[-1]} MB, not {service.memory}"
        )
    yield from check_ranges(f"{at}.health", service.health, _RANGES)
    yield from check_ranges(f"{at}.scale", service.scale, _RANGES)


def _check_health(at: str, service: ServiceSection) -> Iterator[Finding]:
    path = service.health.path
    probe = replace(HealthProbe(), **service.health.model_dump(exclude_none=True))
    if probe.timeout_s >= probe.interval_s:
        reason = f"a probe waits for {probe.timeout_s} s, and the next one comes after {probe.interval_s} s"
        yield refuse(f"{at}.health", reason, "Write a timeout_s below interval_s.")
    if path is not None and (not path.startswith("/") or not path.isprintable() or " " in path):
        yield refuse(f"{at}.health.path", f"'{make_printable(path)}' is not a path", "Such as /health.")


def _check_scale(at: str, scale: ServiceScaleSection) -> Iterator[Finding]:
    """Limits fit together, and a service without an instance has something that brings one back."""
    if scale.min is not None and scale.max is not None and scale.min > scale.max:
        yield refuse(at, f"min {scale.min} is above max {scale.max}", "Exchange them.")
    for name, count in scale.queue.items():
        if count not in MESSAGE_COUNTS:
            reason = f"must be {MESSAGE_COUNTS[0]} to {MESSAGE_COUNTS[-1]} waiting messages, not {count}"
            yield refuse(f"{at}.queue.{make_printable(name)}", reason)
    measured = scale.cpu is not None or scale.memory is not None
    if scale.min == 0 and measured and scale.concurrent_requests is None and not scale.queue:
        reason = "without an instance nothing uses a processor or memory, so it would never start again"
        yield refuse(f"{at}.min", reason, "Write 1, or scale by concurrent_requests or a queue as well.")


def check_service_bindings(subject: RuleSubject) -> Iterator[Finding]:
    """What a service uses is in its component, and not turned off while services are there."""
    platform = subject.platform
    if platform is None:
        return
    queues, topics = tuple(platform.messaging.queues), tuple(platform.messaging.topics)
    services = tuple(subject.section.services or {})
    stores = subject.settings.stores if subject.settings else None
    for name, service in (subject.section.services or {}).items():
        shown, bindings = make_printable(name), service.bindings
        at, at_scale = f"services.{shown}.bindings", f"services.{shown}.scale.queue"
        for path, used, known, what in (
            (f"{at}.sends_to", bindings.sends_to, (*queues, *topics), "queue or topic"),
            (f"{at}.receives_from", bindings.receives_from, queues, "queue"),
            (at_scale, tuple(service.scale.queue), queues, "queue"),
        ):
            yield from _check_names(path, used, known, what)
            if {*used} & {*known} and "services" in platform.layers and "messaging" not in platform.layers:
                yield refuse(path, "messaging is turned off", "Turn on features.enable_service_bus.")
        yield from _check_names(f"{at}.calls", bindings.calls, services, "service")
        if name in bindings.calls:
            yield refuse(f"{at}.calls", f"'{shown}' would call itself", "Leave it out.")
        yield from _check_names(f"{at}.tables", bindings.tables, stores.tables if stores else (), "table")
        yield from _check_names(f"{at}.buckets", bindings.buckets, stores.buckets if stores else (), "bucket")
        if "services" in platform.layers:
            yield from _check_data(at, service, platform, subject.type)


def _check_names(at: str, names: Collection[str], known: tuple[str, ...], what: str) -> Iterator[Finding]:
    for name in names:
        if name not in known:
            hint = suggest_known(name, known) if known else f"The component has no {what}."
            yield refuse(at, f"there is no {what} '{make_printable(name)}'", hint)


def _check_data(at: str, service: ServiceSection, platform: PlatformSettings, component_type: str) -> Iterator[Finding]:
    has_layer, features = "database" in platform.layers, platform.environment.features
    there = {
        "database": has_layer and bool(platform.database.databases),
        "cache": has_layer and platform.database.redis_cache,
        "documents": has_layer and platform.database.document_database,
    }
    for key, (what, flag) in _UNUSED_DATA.items():
        if not getattr(service.bindings, key) or there[key]:
            continue
        if component_type != PLATFORM_TYPE:
            reason, hint = "the component has no database layer", "Write it in a component of type platform."
        elif getattr(features, flag):
            reason, hint = f"{what} is not in the component", "Name a database in database.names."
        else:
            reason, hint = f"{what} is turned off", f"Turn on features.{flag}."
        yield refuse(f"{at}.{key}", reason, hint)


def check_public_services(subject: RuleSubject) -> Iterator[Finding]:
    """Nobody reaches a service from outside where everything is reached through the network alone."""
    platform = subject.platform
    if platform is None or not platform.environment.security.private_endpoints:
        return
    for name, service in (subject.section.services or {}).items():
        if service.public:
            reason = "security.private_endpoints closes what services run in, whose addresses the network alone knows"
            hint = "Leave it out and let the gateway call it, or turn off security.private_endpoints."
            yield refuse(f"services.{make_printable(name)}.public", reason, hint)


SERVICE_RULES: tuple[Rule, ...] = (check_services, check_service_bindings, check_public_services)
