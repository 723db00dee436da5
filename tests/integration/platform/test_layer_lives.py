"""The layers of the platform live in every environment of both simulated clouds, alone and together."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from semantest_iac.domain.environments.names import ENVIRONMENTS, PLATFORM_TYPES
from tests.integration.platform.places import PlatformPlace
from tests.integration.platform.shared_platforms import (
    CHANGED_ENVIRONMENTS,
    CLOUDS,
    GATEWAY_VALUES,
    SharedPlatforms,
    pair_environments,
)
from tests.layer_sections import layer_values

_FLAGS = {
    "messaging": ["enable_service_bus"],
    "functions": ["enable_functions"],
    "services": ["enable_container_apps"],
    "database": ["enable_sql_database", "enable_redis_cache", "enable_cosmos_db"],
    "gateway": ["enable_api_management"],
}


def _list_lives() -> Iterator[tuple[str, str, str]]:
    """Every component where platforms are changed; elsewhere each layer on one cloud, as tests of the access table
    deploy whole platforms everywhere.
    """
    for place, component in enumerate(PLATFORM_TYPES):
        for number, environment in enumerate(ENVIRONMENTS):
            if environment in CHANGED_ENVIRONMENTS:
                yield from ((component, cloud, environment) for cloud in CLOUDS)
            elif component != "platform":
                yield component, CLOUDS[(place + number) % len(CLOUDS)], environment


@pytest.mark.parametrize(("component", "provider", "environment"), list(_list_lives()))
async def test_component_is_deployed_planned_again_destroyed_and_deployed(
    component: str, provider: str, environment: str, tmp_path: Path
) -> None:
    place = PlatformPlace(tmp_path, component, provider, environment)
    values = GATEWAY_VALUES if component == "platform" else layer_values(component)

    created = await place.deploy(**values)
    first = await place.list_resources()
    again = await place.preview(refresh=True, **values)

    assert created.changes.create == len(created.mutations) >= len(first) > 0
    assert again.is_empty, [(it.op, it.urn, it.why) for it in again.mutations]
    if environment not in CHANGED_ENVIRONMENTS:
        return

    await place.destroy()
    await place.deploy(**values)

    assert [type_ for type_, _ in await place.list_resources()] == [type_ for type_, _ in first]


@pytest.mark.parametrize(
    ("provider", "environment", "layer"),
    [(*pair, layer) for place, layer in enumerate(_FLAGS) for pair in pair_environments(place)],
)
async def test_a_layer_goes_and_comes_back_with_its_flags(
    provider: str, environment: str, layer: str, platforms: SharedPlatforms, tmp_path: Path
) -> None:
    async with platforms.use(provider, environment) as place:
        await _turn_off_and_on(place, _FLAGS[layer], tmp_path, **GATEWAY_VALUES)


@pytest.mark.parametrize("provider", CLOUDS)
async def test_the_data_pipeline_of_a_platform_goes_and_comes_back_with_its_flag(
    provider: str, platforms: SharedPlatforms, tmp_path: Path
) -> None:
    async with platforms.use(provider, "development") as place:
        await _turn_off_and_on(place, ["enable_data_factory"], tmp_path, **GATEWAY_VALUES)


@pytest.mark.parametrize("provider", CLOUDS)
async def test_a_data_pipeline_alone_goes_and_comes_back_with_its_flag(provider: str, tmp_path: Path) -> None:
    place = PlatformPlace(tmp_path / "one", "etl", provider, "development")
    await place.deploy()

    await _turn_off_and_on(place, ["enable_data_factory"], tmp_path)


@pytest.mark.parametrize("provider", CLOUDS)
@pytest.mark.parametrize("component", ["site", "platform"])
async def test_the_delivery_of_a_site_goes_and_comes_back_with_its_flag(
    component: str, provider: str, tmp_path: Path
) -> None:
    site = {"source": "./site", "domain": "app.semantest.com", "dns_zone": "semantest.com"}
    values = {"components": {component: {"site": site}}}
    place = PlatformPlace(tmp_path / "one", component, provider, "production")
    await place.deploy(**values)

    await _turn_off_and_on(place, ["enable_cdn"], tmp_path, **values)


async def _turn_off_and_on(place: PlatformPlace, names: list[str], folder: Path, **written: Any) -> None:
    """What is left is what a component has that never had the part; nothing else is replaced."""
    flags = {"features": dict.fromkeys(names, False), **written}
    stack = place.stack
    never = await PlatformPlace(folder / "never", stack.component, stack.provider, stack.environment).preview(**flags)

    with_layer = await place.list_resources()
    off = await place.deploy(**flags)
    without_layer = await place.list_resources()
    place.deployment = f"without {names[0]}"  # with names of its own for what clouds reserve after a delete
    back = await place.deploy(**written)

    assert without_layer == sorted((it.type, it.name) for it in never.resources if not it.type.startswith("pulumi:"))
    assert off.changes.delete > 0
    assert off.changes.create == off.changes.replace == 0, [(it.op, it.urn) for it in off.mutations]
    assert await place.list_resources() == with_layer
    assert back.changes.delete == back.changes.replace == 0, [(it.op, it.urn) for it in back.mutations]
