"""The layers of the platform live in every environment of both simulated clouds, alone and together."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from semantest_iac.domain.environments.names import ENVIRONMENTS, PLATFORM_TYPES
from tests.integration.platform.places import PlatformPlace
from tests.layer_sections import GATEWAY_SECTION, layer_values

_CLOUDS = ("aws", "azure")
_FLAGS = {
    "messaging": ["enable_service_bus"],
    "functions": ["enable_functions"],
    "services": ["enable_container_apps"],
    "database": ["enable_sql_database", "enable_redis_cache", "enable_cosmos_db"],
    "gateway": ["enable_api_management"],
}


@pytest.mark.parametrize("environment", ENVIRONMENTS)
@pytest.mark.parametrize("provider", _CLOUDS)
@pytest.mark.parametrize("component", PLATFORM_TYPES)
async def test_component_is_deployed_planned_again_destroyed_and_deployed(
    component: str, provider: str, environment: str, tmp_path: Path
) -> None:
    place = PlatformPlace(tmp_path, component, provider, environment)
    values = {"components": {"platform": GATEWAY_SECTION}} if component == "platform" else layer_values(component)

    created = await place.deploy(**values)
    first = await place.list_resources()
    again = await place.preview(refresh=True, **values)
    await place.destroy()
    await place.deploy(**values)
    second = await place.list_resources()

    assert created.changes.create == len(created.mutations) >= len(first) > 0
    assert again.is_empty, [(it.op, it.urn, it.why) for it in again.mutations]
    assert [type_ for type_, _ in second] == [type_ for type_, _ in first]


@pytest.mark.parametrize("layer", _FLAGS)
@pytest.mark.parametrize("provider", _CLOUDS)
@pytest.mark.parametrize("environment", ["development", "production"])
async def test_a_layer_goes_and_comes_back_with_its_flags(
    provider: str, environment: str, layer: str, tmp_path: Path
) -> None:
    written = {"components": {"platform": GATEWAY_SECTION}} if layer == "gateway" else {}

    await _turn_off_and_on("platform", provider, environment, _FLAGS[layer], tmp_path, **written)


@pytest.mark.parametrize("provider", _CLOUDS)
@pytest.mark.parametrize("component", ["etl", "platform"])
async def test_the_data_pipeline_goes_and_comes_back_with_its_flag(
    component: str, provider: str, tmp_path: Path
) -> None:
    await _turn_off_and_on(component, provider, "development", ["enable_data_factory"], tmp_path)


@pytest.mark.parametrize("provider", _CLOUDS)
@pytest.mark.parametrize("component", ["site", "platform"])
async def test_the_delivery_of_a_site_goes_and_comes_back_with_its_flag(
    component: str, provider: str, tmp_path: Path
) -> None:
    site = {"source": "./site", "domain": "app.semantest.com", "dns_zone": "semantest.com"}

    await _turn_off_and_on(
        component, provider, "production", ["enable_cdn"], tmp_path, components={component: {"site": site}}
    )


async def _turn_off_and_on(
    component: str, provider: str, environment: str, names: list[str], folder: Path, **written: Any
) -> None:
    """What is left is what a component has that never had the part; nothing else is replaced."""
    flags = {"features": dict.fromkeys(names, False), **written}
    place = PlatformPlace(folder / "one", component, provider, environment)
    other = PlatformPlace(folder / "other", component, provider, environment)

    await place.deploy(**written)
    with_layer = await place.list_resources()
    off = await place.deploy(**flags)
    without_layer = await place.list_resources()
    await other.deploy(**flags)
    place.deployment = "another deployment"  # with names of its own for what clouds reserve after a delete
    back = await place.deploy(**written)

    assert without_layer == await other.list_resources()
    assert off.changes.delete > 0
    assert off.changes.create == off.changes.replace == 0, [(it.op, it.urn) for it in off.mutations]
    assert await place.list_resources() == with_layer
    assert back.changes.delete == back.changes.replace == 0, [(it.op, it.urn) for it in back.mutations]
