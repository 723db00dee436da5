"""Pulumi's own engine deploys a site, changes it and destroys it; on Azure it comes and goes with a platform."""

from __future__ import annotations

from pathlib import Path

from tests.integration.platform.places import PlatformPlace
from tests.integration.pulumi_engine.engine_home import cli_variables
from tests.pulumi_cli import require_pulumi_cli


async def test_site_comes_changes_and_goes(tmp_path: Path) -> None:
    variables = cli_variables()
    require_pulumi_cli(variables)
    place = PlatformPlace(tmp_path, "site", "aws", "production", variables)
    site = {"source": "./site", "domain": "app.semantest.com", "dns_zone": "semantest.com", "variables": {"A": "1"}}
    changed = {**site, "variables": {"A": "2"}}

    created = await place.deploy(components={"site": {"site": site}})
    again = await place.preview(components={"site": {"site": site}})
    change = await place.deploy(components={"site": {"site": changed}})
    await place.destroy()

    assert created.changes.create > 0
    assert again.is_empty, [(it.op, it.urn, it.why) for it in again.mutations]
    assert (change.changes.create, change.changes.replace, change.changes.delete) == (0, 0, 0)
    assert change.changes.update > 0
    assert place.list_cloud() == []
