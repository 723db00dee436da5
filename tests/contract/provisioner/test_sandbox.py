from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from semantest_iac.infrastructure.sandbox_engine.engine import SandboxEngine
from semantest_iac.infrastructure.sandbox_engine.state.store import StateStore
from semantest_iac.infrastructure.simulated_cloud.runtime.inventory import Inventory
from semantest_iac.infrastructure.simulated_cloud.runtime.providers import open_simulated_cloud
from semantest_iac_events.event import StackEvent
from semantest_iac_events.infrastructure import HttpApiDeployed
from tests.contract.provisioner.aws_contract import AwsContract
from tests.contract.provisioner.azure_contract import AzureContract
from tests.contract.provisioner.provisioner_contract import EngineFixture, ProvisionerContract


@pytest.fixture
def inventory(tmp_path: Path) -> Inventory:
    return Inventory(tmp_path / "cloud.db")


@pytest.fixture
def fixture(tmp_path: Path, inventory: Inventory) -> EngineFixture:
    """The sandbox engine in an empty home."""
    package = tmp_path / "package.zip"
    package.write_bytes(b"a package")

    def clouds(name: str, region: str) -> Any:
        return open_simulated_cloud(name, inventory, region=region)

    return EngineFixture(
        SandboxEngine(StateStore(tmp_path / "sandbox"), clouds, lambda _, secret: f"canary of {secret.key}"),
        package,
        clouds,
    )


class TestSandbox(ProvisionerContract, AwsContract):
    """Everything, on AWS."""


class TestSandboxOnAzure(ProvisionerContract, AzureContract):
    last_event: type[StackEvent] = HttpApiDeployed

    @pytest.fixture
    def fixture(self, fixture: EngineFixture) -> EngineFixture:
        """The sandbox engine, for stacks on Azure."""
        return replace(fixture, provider="azure")

    async def test_refresh_sees_and_repairs_what_was_deleted_in_the_cloud(self, fixture: EngineFixture) -> None:
        await fixture.deploy(fixture.work())
        cloud = fixture.cloud("azure-native", fixture.east.region)
        app = next(it for it in cloud.list_resources() if it[0] == "azure-native:web:WebApp")
        await asyncio.to_thread(cloud.delete, *app)
        work = replace(fixture.work(), refresh=True)

        plan = await fixture.engine.preview(work)
        await fixture.deploy(work)

        assert ("azure-native:web:WebApp", "delete") in [(it.type, it.op) for it in plan.drift]
        assert plan.lacks_code
        assert app[0] in [it[0] for it in cloud.list_resources()]
        after = await fixture.engine.preview(work)
        assert (after.drift, after.is_empty) == ((), True)
