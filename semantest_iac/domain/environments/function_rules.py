"""What clouds demand of a function: size, time, runtime, code, instances and network.

Paths start at the component.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from ipaddress import IPv4Network

from semantest_iac.domain.environments.judging import Finding, Rule, Subject, advise, refuse
from semantest_iac.domain.environments.names import shown
from semantest_iac.domain.environments.runtimes import runtime_fault
from semantest_iac.domain.environments.settings import GATEWAY_TIMEOUT

MEMORY = range(128, 10240 + 1)
LONGEST_RUN = 900  # seconds
GATEWAY_LIMIT = 30  # seconds; our 29 leave the function one to answer for itself
NETWORK_PREFIXES = range(16, 24 + 1)  # the network is cut into subnets, so the clouds' /28 is too small
LONGEST_PATH = 1024
PATTERNS = {
    "subnet_ids": re.compile(r"subnet-[0-9a-f]{8,17}"),
    "security_group_ids": re.compile(r"sg-[0-9a-f]{8,17}"),
}

_GATEWAYS = {"aws": "API Gateway", "azure": "the gateway"}  # which is told the same limit on every cloud
_HANDLER = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_./-]*\.[A-Za-z_$][A-Za-z0-9_$]*")
_DRIVE = re.compile(r"[A-Za-z]:")


def memory(subject: Subject) -> Iterator[Finding]:
    """Whole megabytes from 128 to 10240."""
    asked = subject.section.memory
    if asked is not None and asked not in MEMORY:
        yield refuse("memory", f"memory must be 128 to 10240 MB, not {asked}", "Such as 512 or 1024.")


def timeout(subject: Subject) -> Iterator[Finding]:
    """From 1 s on; up to 29 s in front of HTTP requests, 900 s behind a WebSocket."""
    asked = subject.section.timeout
    if asked is None:
        return
    if asked < 1:
        yield refuse("timeout", f"timeout must be 1 s or more, not {asked}")
    elif subject.serves_http:
        yield from _http_timeout(asked, _GATEWAYS.get(subject.provider, "the API"))
    elif asked > LONGEST_RUN:
        yield refuse("timeout", f"timeout must be {LONGEST_RUN} s at most, not {asked}")


def _http_timeout(asked: int, gateway: str) -> Iterator[Finding]:
    if asked > GATEWAY_LIMIT:
        reason = f"{gateway} ends the request after {GATEWAY_LIMIT} s"
        hint = "Move work of up to 300 s to a queue-triggered function."
        yield refuse("timeout", f"timeout must be {GATEWAY_TIMEOUT} s at most, not {asked}: {reason}", hint)
    elif asked > GATEWAY_TIMEOUT:
        hint = f"Write {GATEWAY_TIMEOUT} to silence this."
        yield advise("timeout", f"{asked} s becomes {GATEWAY_TIMEOUT} s, before {gateway} gives up", hint)


def runtime(subject: Subject) -> Iterator[Finding]:
    """One that the provider still supports today."""
    name = subject.section.runtime
    if name is not None and (fault := runtime_fault(subject.functions, name, subject.today)):
        yield Finding(fault, blocks=True)


def code(subject: Subject) -> Iterator[Finding]:
    """The source is a readable path; entry and handler stay inside it."""
    section = subject.section
    if section.source is not None and not _is_path(section.source):
        yield refuse("source", f"'{shown(section.source)}' is not a path")
    if section.entry is not None and not _stays_inside(section.entry):
        hint = "Name a file inside the source, such as dist/start-server.js."
        yield refuse("entry", f"'{shown(section.entry)}' does not stay inside the source", hint)
    if section.handler is not None and not (_HANDLER.fullmatch(section.handler) and _stays_inside(section.handler)):
        yield refuse("handler", f"'{shown(section.handler)}' is not a handler", "Such as index.handler.")


def _is_path(text: str) -> bool:
    return 0 < len(text) <= LONGEST_PATH and text.isprintable()


def _stays_inside(text: str) -> bool:
    if not _is_path(text) or "\\" in text or _DRIVE.match(text):
        return False
    return all(part not in ("", ".", "..") for part in text.split("/"))


def instances(subject: Subject) -> Iterator[Finding]:
    """`min` from 0 to `max`, `max` from 1 on."""
    asked = subject.section.instances
    if asked.min is not None and asked.min < 0:
        yield refuse("instances.min", f"min must be 0 or more, not {asked.min}")
    if asked.max is not None and asked.max < 1:
        yield refuse("instances.max", f"max must be 1 or more, not {asked.max}", "Leave it out for no limit.")
    elif asked.max is not None and (asked.min or 0) > asked.max:
        yield refuse("instances", f"min ({asked.min}) is above max ({asked.max})")
    if asked.min and asked.min > 0 and subject.environment in ("development", "qa"):
        yield advise("instances.min", f"{asked.min} instances are kept warm and paid for around the clock")


def network(subject: Subject) -> Iterator[Finding]:
    """A usable range or existing subnets, and a word on the way out that a private network lacks."""
    asked = subject.section.network
    yield from _range_findings(asked.cidr)
    yield from _id_findings(subject)
    if asked.private and not asked.subnet_ids:
        hint = "Name subnets with a way out under network.subnet_ids, or leave private off."
        yield advise("network.private", "function in private subnets: no egress route", hint)
    if asked.cidr and (asked.subnet_ids or not asked.private):
        yield advise("network.cidr", "without effect: no network is made", "Set private, without subnet_ids.")
    if subject.provider == "aws" and bool(asked.subnet_ids) != bool(asked.security_group_ids):
        yield refuse("network", "subnet_ids and security_group_ids need each other")


def _range_findings(cidr: str | None) -> Iterator[Finding]:
    if cidr is None:
        return
    try:
        prefix = IPv4Network(cidr).prefixlen
    except ValueError:
        yield refuse("network.cidr", f"'{shown(cidr)}' is not a network", "Such as 10.10.0.0/16.")
        return
    if prefix not in NETWORK_PREFIXES:
        yield refuse("network.cidr", f"a network must be /16 to /24, not /{prefix}")


def _id_findings(subject: Subject) -> Iterator[Finding]:
    for key, pattern in PATTERNS.items() if subject.provider == "aws" else ():
        for place, identifier in enumerate(getattr(subject.section.network, key) or ()):
            if not pattern.fullmatch(identifier):
                yield refuse(f"network.{key}[{place}]", f"'{shown(identifier)}' is not such an id")


RULES: tuple[Rule, ...] = (memory, timeout, runtime, code, instances, network)
