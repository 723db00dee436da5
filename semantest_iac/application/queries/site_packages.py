"""Finds the packages with the files of a stack's site, of this deployment and of earlier ones."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from semantest_iac.application.ports.ledger import LedgerReader
from semantest_iac.domain.deployment.events import PackageBuilt
from semantest_iac.domain.networking.sites import SITE_RUNTIME


def list_site_digests(ledger: LedgerReader, stack: str) -> list[str]:
    """Return the digests of the packages that hold the files of a stack's site, newest first, each once."""
    built = (it.event["data"] for it in reversed(ledger.stream(stack)) if it.type == PackageBuilt.type_name)
    return list(dict.fromkeys(digest for package in built for digest in _list_static(package)))


def _list_static(package: dict[str, Any]) -> Iterator[str]:
    for record in (package, *(package.get("companions") or {}).values()):
        if record["runtime"] == SITE_RUNTIME:
            yield record["digest"]
