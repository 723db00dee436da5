"""Validation rules for domains of one's own and their zones; paths are relative to the component."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Protocol

from semantest_iac.domain.environments.names import make_printable
from semantest_iac.domain.environments.rules.findings import Finding, RuleSubject, advise, refuse
from semantest_iac.domain.environments.sections import ComponentSection

LONGEST_DOMAIN = 64
"""The longest name that a certificate of every cloud is made for (RFC 5280, the common name)."""
_DOMAIN = re.compile(r"(?=.{4,253}\Z)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}")
_DOMAIN_HINT = "Such as api.example.com: in lower case, without https:// and without a path."


class DomainKeys(Protocol):
    """A section with the keys of a domain."""

    @property
    def domain(self) -> str | None: ...

    @property
    def dns_zone(self) -> str | None: ...


def check_domain(subject: RuleSubject) -> Iterator[Finding]:
    """An API or a gateway has a domain of its own, and the zone of that domain."""
    for prefix, section in _list_sections(subject.section):
        if prefix == "site.":
            continue  # the rules of sites look at it
        yield from check_domain_keys(section, prefix)
        if section.domain and not section.dns_zone and section.domain.count(".") == 1:
            reason = "an apex takes no CNAME, which is the record that you will have to set"
            hint = "Name a dns_zone, have a registrar that makes an alias of it, or choose a name below it."
            yield advise(f"{prefix}domain", reason, hint)
        if section.dns_zone and not section.domain and subject.is_layer is bool(prefix):
            hint = "Then write the domain."
            yield advise(f"{prefix}dns_zone", "the zone alone: nothing answers at a domain of it yet", hint)


def check_domain_keys(section: DomainKeys, prefix: str) -> Iterator[Finding]:
    """Both keys are domains, and the zone contains the domain."""
    written = {"domain": section.domain, "dns_zone": section.dns_zone}
    wrong = {key: value for key, value in written.items() if value is not None and not _DOMAIN.fullmatch(value)}
    for key, value in wrong.items():
        yield refuse(f"{prefix}{key}", f"'{make_printable(value)}' is not a domain", _DOMAIN_HINT)
    if wrong:
        return
    if section.domain and len(section.domain) > LONGEST_DOMAIN:
        reason = f"has {len(section.domain)} characters: certificates are made for {LONGEST_DOMAIN} at most"
        yield refuse(f"{prefix}domain", reason, "Choose a shorter name.")
    if section.domain and section.dns_zone and not f".{section.domain}".endswith(f".{section.dns_zone}"):
        yield refuse(
            f"{prefix}dns_zone", f"{make_printable(section.domain)} is not in it", "Name the domain that ends it."
        )


def find_shared_domains(components: Mapping[str, ComponentSection]) -> Iterator[Finding]:
    """Yield a finding for each domain that two components of a file have: it leads to one of them alone."""
    taken: dict[str, str] = {}
    for name, section in components.items():
        for prefix, keys in _list_sections(section):
            at = f"components.{make_printable(name)}.{prefix}domain"
            if not keys.domain:
                continue
            if keys.domain in taken:
                reason = f"{make_printable(keys.domain)} is that of {taken[keys.domain]} already"
                yield refuse(at, reason, "A domain leads to one component: give each its own.")
            taken.setdefault(keys.domain, at)


def _list_sections(section: ComponentSection) -> Iterator[tuple[str, DomainKeys]]:
    """Yield what may have a domain, with what its keys begin with."""
    yield "", section
    if section.gateway is not None:
        yield "gateway.", section.gateway
    if section.site is not None:
        yield "site.", section.site
