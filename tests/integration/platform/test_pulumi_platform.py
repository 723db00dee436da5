"""Pulumi's own CLI does to a platform what the sandbox does; a sample of `make campaign platforms`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.platform.places import PlatformPlace
from tests.integration.pulumi_engine.engine_home import cli_variables
from tests.platform_life import compare_lives, lead_life, open_place
from tests.pulumi_cli import require_pulumi_cli


@pytest.fixture
def variables() -> dict[str, str]:
    """The variables by which the CLI is found; skips the test without one."""
    found = cli_variables()
    require_pulumi_cli(found)
    return found


async def test_platform_comes_and_goes_on_both_engines(variables: dict[str, str], tmp_path: Path) -> None:
    commands = ("create", "destroy")
    sandbox = open_place(tmp_path / "sandbox", "azure", "development")
    pulumi = open_place(tmp_path / "pulumi", "azure", "development", variables)

    ours, theirs = await lead_life(sandbox, commands), await lead_life(pulumi, commands)

    assert compare_lives(ours, theirs) == []
    assert sandbox.list_cloud() == pulumi.list_cloud() == []


async def test_queues_come_again_at_once(variables: dict[str, str], tmp_path: Path) -> None:
    """SQS keeps the name of a deleted queue for a minute, for which Pulumi's provider waits."""
    place = PlatformPlace(tmp_path, "messaging", "aws", "development", variables)

    first = await place.deploy()
    await place.destroy()

    assert (await place.deploy()).changes == first.changes
