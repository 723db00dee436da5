"""A layer of the platform in every environment on every cloud, from its first deployment to the one after its removal.

Every layer that can be deployed is in it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from semantest_iac.domain.blueprints.platform.layers import build_platform
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.environments.configuration import DeploymentConfiguration, resolve_component
from semantest_iac.domain.environments.names import ENVIRONMENTS
from semantest_iac.domain.ports.provisioner import ApplyResult, Removal, SettledResource, Work, ignore_progress
from semantest_iac.infrastructure.clouds.registry import CLOUDS
from semantest_iac.infrastructure.sandbox_engine.engine import SandboxEngine
from semantest_iac.infrastructure.sandbox_engine.state.store import StateStore
from semantest_iac.infrastructure.simulated_cloud.runtime.cloud import SimulatedCloud
from semantest_iac.infrastructure.simulated_cloud.runtime.inventory import Inventory
from semantest_iac.infrastructure.simulated_cloud.runtime.providers import open_simulated_cloud
from semantest_iac_events.values import ChangeCounts

_LAYERS = ("security", "observability")
EVERY_LAYER = pytest.mark.parametrize("layer", _LAYERS)
EVERY_CLOUD = pytest.mark.parametrize("provider", ("aws", "azure"))
EVERY_ENVIRONMENT = pytest.mark.parametrize("environment", ENVIRONMENTS)


class LayerStack:
    """One layer's stack in the sandbox."""

    def __init__(self, folder: Path, layer: str, provider: str, environment: str) -> None:
        self.stack = Stack(layer, provider, environment, CLOUDS[provider].regions[0])
        self._inventory = Inventory(folder / "cloud.db")
        state = StateStore(folder / "sandbox")
        self.engine = SandboxEngine(state, self._open, lambda _, secret: f"value of {secret.key}")

    def _open(self, package: str, region: str) -> SimulatedCloud:
        return open_simulated_cloud(package, self._inventory, region=region)

    def work(self, configuration: Mapping[str, Any] | None = None, generation: int = 1) -> Work:
        """Return the work of deploying the layer with these values of a configuration."""
        written = DeploymentConfiguration.model_validate(configuration or {})
        settings = resolve_component(written, self.stack.component, self.stack.environment)
        return Work("deployment", build_platform(self.stack, generation, settings), None)

    async def deploy(self, work: Work) -> ApplyResult:
        return await self.engine.apply(work, await self.engine.preview(work), _discard, ignore_progress)

    async def destroy(self) -> ChangeCounts:
        return await self.engine.destroy(Removal("removal", self.stack, 1), ignore_progress)

    async def list_types(self) -> list[str]:
        """Return the types of everything that the cloud has."""
        cloud = self._open(CLOUDS[self.stack.provider].package, self.stack.region)
        return sorted(type_ for type_, _ in await asyncio.to_thread(cloud.list_resources))


async def _discard(_: SettledResource) -> None:
    """Nobody listens for events here."""


@pytest.fixture
def stack(tmp_path: Path, layer: str, provider: str, environment: str) -> LayerStack:
    return LayerStack(tmp_path, layer, provider, environment)


@EVERY_LAYER
@EVERY_CLOUD
@EVERY_ENVIRONMENT
class TestLayer:
    async def test_is_deployed_once_destroyed_but_for_its_log_and_deployed_again(
        self, stack: LayerStack, environment: str
    ) -> None:
        created = (await stack.deploy(stack.work())).changes
        again = await stack.engine.preview(replace(stack.work(), refresh=True))
        plan = await stack.engine.preview_destroy(stack.stack)
        removed = await stack.destroy()
        left = await stack.list_types()
        second = (await stack.deploy(stack.work(generation=2))).changes

        assert created == ChangeCounts(create=created.create)
        assert (again.mutations, again.drift) == ((), ())
        assert (removed, len(left)) == (plan.changes, removed.keep)
        assert bool(left) is (environment == "production" and stack.stack.component == "observability")
        assert second == created


@pytest.mark.parametrize("environment", ["qa"])
@EVERY_CLOUD
class TestSettings:
    @pytest.mark.parametrize("layer", ["observability"])
    async def test_without_monitoring_take_the_alarms_and_the_dashboard_and_nothing_else(
        self, stack: LayerStack
    ) -> None:
        await stack.deploy(stack.work())
        before = await stack.list_types()

        await stack.deploy(stack.work({"monitoring": {"enabled": False}}))
        without = await stack.list_types()
        await stack.deploy(stack.work())

        gone = {type_.rpartition(":")[2] for type_ in before} - {type_.rpartition(":")[2] for type_ in without}
        assert gone in (
            {"Dashboard", "MetricAlarm", "Topic"},
            {"ActionGroup", "ScheduledQueryRule", "Workbook"},
        )
        assert await stack.list_types() == before

    @pytest.mark.parametrize("layer", ["observability"])
    async def test_of_the_log_change_it_in_place(self, stack: LayerStack) -> None:
        await stack.deploy(stack.work())

        plan = await stack.engine.preview(stack.work({"monitoring": {"log_retention_days": 90, "daily_quota_gb": 3}}))

        changed = {(it.name, it.op) for it in plan.mutations}
        assert {("workspace", "update"), ("alarm-log-volume", "update")} <= changed
        assert {op for _, op in changed} == {"update"}
