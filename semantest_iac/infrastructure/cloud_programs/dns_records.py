"""Asks the name servers of this machine for records that a person was to set with the registrar of a domain."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dns.rdata import Rdata
    from dns.resolver import Resolver

_LOG = logging.getLogger(__name__)


def have_records(records: Sequence[str], resolver: Resolver | None = None) -> bool:
    """Whether every record such as `api.example.com CNAME host` is answered. Blocks.

    Where no server answers, they count as not set: then the deployment lists them once more.
    """
    import dns.resolver

    try:
        resolver = resolver or dns.resolver.Resolver()
    except dns.resolver.NoResolverConfiguration:
        return False
    return all(_has_record(record, resolver) for record in records)


def _has_record(record: str, resolver: Resolver) -> bool:
    import dns.exception

    name, kind, value = record.split(" ", 2)
    try:
        found = [_read_value(it) for it in resolver.resolve(name, kind)]
    except (dns.exception.DNSException, OSError) as error:
        _LOG.info("No name server says anything of '%s': %s.", name, error)
        return False
    return any(it.lower().rstrip(".") == value.lower().rstrip(".") for it in found)


def _read_value(record: Rdata) -> str:
    """Return what a record says; a text in several parts is one."""
    parts = getattr(record, "strings", None)
    return record.to_text() if parts is None else b"".join(parts).decode("utf-8", "replace")
