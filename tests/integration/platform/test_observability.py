"""What of the observability layer changes with its settings, on both simulated clouds."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.platform.places import PlatformPlace


@pytest.fixture(params=["aws", "azure"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> PlatformPlace:
    return PlatformPlace(tmp_path, "observability", request.param, "qa")


async def test_alarms_and_the_dashboard_alone_go_without_monitoring_and_come_back(place: PlatformPlace) -> None:
    await place.deploy()
    before = await place.list_resources()

    await place.deploy(monitoring={"enabled": False})
    without = await place.list_resources()
    await place.deploy()

    assert {name for _, name in {*before} - {*without}} == {
        *("alarm-anomalies", "alarm-log-volume", "dashboard", "notifications")
    }
    assert {*without} < {*before}
    assert await place.list_resources() == before


async def test_retention_and_quota_change_the_log_in_place(place: PlatformPlace) -> None:
    await place.deploy()

    plan = await place.preview(monitoring={"log_retention_days": 90, "daily_quota_gb": 3})

    changed = {(it.name, it.op) for it in plan.mutations}
    assert {("workspace", "update"), ("alarm-log-volume", "update")} <= changed
    assert {op for _, op in changed} == {"update"}
