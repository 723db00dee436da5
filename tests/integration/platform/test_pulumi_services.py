"""Pulumi's own CLI deploys services, changes and destroys them; on Azure they come and go with a platform."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.integration.platform.places import PlatformPlace
from tests.integration.pulumi_engine.engine_home import cli_variables
from tests.pulumi_cli import require_pulumi_cli


async def test_services_come_change_and_go(tmp_path: Path) -> None:
    variables = cli_variables()
    require_pulumi_cli(variables)
    place = PlatformPlace(tmp_path, "services", "aws", "development", variables)

    await place.deploy(**_write("1.4"))
    again = await place.preview(refresh=True, **_write("1.4"))
    newer = await place.deploy(**_write("1.5"))
    await place.destroy()

    assert again.is_empty, [(it.op, it.urn, it.why) for it in again.mutations]
    assert newer.mutations
    assert all("orders-api" in it.urn for it in newer.mutations), [it.urn for it in newer.mutations]


def _write(tag: str) -> dict[str, Any]:
    orders = {"image": f"ghcr.io/acme/orders:{tag}", "bindings": {"sends_to": ["jobs"], "calls": ["users-api"]}}
    services = {"orders-api": orders, "users-api": {"image": "ghcr.io/acme/users:2.0"}}
    return {"components": {"services": {"queues": {"jobs": {}}, "services": services}}}
