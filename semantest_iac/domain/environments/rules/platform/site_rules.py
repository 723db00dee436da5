"""Validation rules for static sites; paths are relative to the component."""

from __future__ import annotations

import re
from collections.abc import Iterator

from semantest_iac.domain.environments.names import make_printable
from semantest_iac.domain.environments.platform.site_sections import SiteSection
from semantest_iac.domain.environments.platform.site_settings import FIXED_HEADERS, GATEWAY_REFERENCE
from semantest_iac.domain.environments.rules.build_commands import split_build_commands
from semantest_iac.domain.environments.rules.domain_rules import check_domain_keys
from semantest_iac.domain.environments.rules.findings import Finding, RuleSubject, advise, refuse
from semantest_iac.domain.security.secret_patterns import looks_secret

CACHE_SECONDS = range(365 * 24 * 3600 + 1)
LONGEST_VARIABLE = 256  # on the narrowest cloud, where they are tags
_HEADER = re.compile(r"[A-Za-z0-9-]{1,64}")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
_FRAMES = ("DENY", "SAMEORIGIN")


def check_site(subject: RuleSubject) -> Iterator[Finding]:
    """A site has files, and what is written of it has an effect."""
    if subject.settings is None or subject.platform is None:
        return
    site = subject.section.site
    if site is None or site.source is None:
        if site is not None or subject.type == "site":
            yield refuse("site.source", "missing: nothing says where the files are", "Such as source: ./site.")
        return
    yield from _check_build(site)
    yield from _check_headers(site)
    yield from check_domain_keys(site, "site.")
    yield from _check_variables(site, subject)
    if site.cache_s is not None and site.cache_s not in CACHE_SECONDS:
        yield refuse("site.cache_s", f"cache_s must be 0 to {CACHE_SECONDS[-1]}, not {site.cache_s}")
    if site.geographies == ():
        yield refuse("site.geographies", "names no geography", "Leave it out for north-america and europe.")
    yield from _check_without_cdn(site, subject)


def _check_build(site: SiteSection) -> Iterator[Finding]:
    for index, text in enumerate(site.build):
        found = split_build_commands(text)
        if found.problem:
            yield refuse("site.build" if len(site.build) == 1 else f"site.build[{index}]", found.problem, found.hint)
    if site.output is not None and (".." in site.output.split("/") or site.output.startswith("/") or not site.output):
        yield refuse("site.output", f"'{make_printable(site.output)}' is not below the source", "Such as dist.")


def _check_headers(site: SiteSection) -> Iterator[Finding]:
    for name, value in site.headers.items():
        at = f"site.headers.{make_printable(name)}"
        if not _HEADER.fullmatch(name) or not value.isprintable() or not value:
            yield refuse(at, "is not a header with a value", "Such as Content-Security-Policy: default-src 'self'.")
        elif name.lower() in FIXED_HEADERS:
            yield refuse(at, "is what every site has", "Leave it out.")
        elif name.lower() == "x-frame-options" and value.upper() not in _FRAMES:
            yield refuse(at, f"'{make_printable(value)}' is none of its values", f"One of {', '.join(_FRAMES)}.")
        elif name.lower() == "cache-control":
            yield refuse(at, "differs from file to file", "Set site.cache_s; pages are asked for again anyway.")


def _check_variables(site: SiteSection, subject: RuleSubject) -> Iterator[Finding]:
    """Everybody reads the variables of a site."""
    for name, value in site.variables.items():
        at = f"site.variables.{make_printable(name)}"
        if not _VARIABLE.fullmatch(name):
            yield refuse(at, "is not a name", "Letters, digits and underscores.")
        elif value == GATEWAY_REFERENCE:
            if subject.platform is not None and "gateway" not in subject.platform.layers:
                yield advise(at, f"is left out: {subject.environment} has no gateway", "Write the address of another.")
        elif "${" in value:
            reason = "a site has no secrets: everybody reads its files" if "secrets." in value else "means nothing here"
            yield refuse(at, reason, f"Write a value, or {GATEWAY_REFERENCE}.")
        elif looks_secret(name, value):
            yield refuse(at, "looks like a secret, and everybody reads the files of a site", "Leave it out.")
        elif len(value) > LONGEST_VARIABLE or not value.isprintable():
            yield refuse(at, f"is longer than {LONGEST_VARIABLE} characters, or has several lines")


def _check_without_cdn(site: SiteSection, subject: RuleSubject) -> Iterator[Finding]:
    """Without a CDN nothing has a domain or a firewall."""
    assert subject.platform is not None  # noqa: S101  # the caller has looked
    if subject.platform.environment.features.enable_cdn:
        if site.domain and site.dns_zone:
            hint = "Deploy with dns_zone alone first, and have the registrar name the servers of site_name_servers."
            reason = "its certificate is made once the registrar names the servers of the zone, which is waited for"
            yield advise("site.domain", reason, hint)
        return
    for key in ("domain", "dns_zone"):
        if getattr(site, key):
            reason = f"has no effect in {subject.environment}: it has no CDN"
            yield advise(f"site.{key}", reason, "Turn on features.enable_cdn for it.")
