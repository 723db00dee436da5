"""The promises of the port, tried on the sandbox, and those that only an engine with a cloud's resources can make."""

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
from tests.contract.provisioner.provisioner_contract import Bench, ProvisionerContract


@pytest.fixture
def inventory(tmp_path: Path) -> Inventory:
    """What exists in the cloud."""
    return Inventory(tmp_path / "cloud.db")


@pytest.fixture
def bench(tmp_path: Path, inventory: Inventory) -> Bench:
    """The sandbox's engine in an empty home."""
    package = tmp_path / "package.zip"
    package.write_bytes(b"a package")

    def clouds(name: str, region: str) -> Any:
        return open_simulated_cloud(name, inventory, region=region)

    return Bench(SandboxEngine(StateStore(tmp_path / "sandbox"), clouds, lambda name: f"value of {name}"), package)


class TestSandbox(ProvisionerContract, AwsContract):
    """The engine that needs no account."""

    async def test_leaves_nothing_alive_behind(self, bench: Bench, inventory: Inventory) -> None:
        await bench.deploy(bench.work())
        await bench.destroy()

        assert await asyncio.to_thread(open_simulated_cloud("aws", inventory, region="us-east-1").list_resources) == []


class TestSandboxOnAzure(ProvisionerContract, AzureContract):
    """The same engine on the other cloud, where the code comes last."""

    last: type[StackEvent] = HttpApiDeployed

    @pytest.fixture
    def bench(self, bench: Bench) -> Bench:
        """The sandbox's engine, for stacks on Azure."""
        return replace(bench, provider="azure")

    async def test_leaves_nothing_alive_behind(self, bench: Bench, inventory: Inventory) -> None:
        await bench.deploy(bench.work(environment={"TOKEN": "${secrets.token}"}))
        await bench.destroy()

        assert (
            await asyncio.to_thread(open_simulated_cloud("azure-native", inventory, region="eastus").list_resources)
            == []
        )
