"""The packages of a site in the ledger."""

from __future__ import annotations

from typing import Any

from semantest_iac.application.queries.site_packages import list_site_digests
from tests.fakes.memory_ledger import MemoryLedger, an_event

STACK = "platform.aws.development.us-east-1"


def built(digest: str, runtime: str, **companions: dict[str, str]) -> dict[str, Any]:
    return {"digest": digest, "runtime": runtime, "companions": companions}


async def test_are_those_of_all_deployments_newest_first(ledger: MemoryLedger) -> None:
    packages = [
        built("one", "static"),
        built("functions", "nodejs24.x", site={"digest": "two", "runtime": "static"}),
        built("functions", "nodejs24.x", site={"digest": "one", "runtime": "static"}),
        built("functions", "nodejs24.x", other={"digest": "more functions", "runtime": "python3.13"}),
    ]
    for number, package in enumerate(packages):
        event = an_event("journal.package.built", f"d{number}", stack=STACK, data=package)
        await ledger.append(STACK, None, [event])

    assert list_site_digests(ledger, STACK) == ["one", "two"]
    assert list_site_digests(ledger, "platform.aws.staging.us-east-1") == []
