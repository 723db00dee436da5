"""The promises of the port on a cloud that another distribution brings, found as it would be by anybody."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from semantest_iac.infrastructure.sandbox_engine.engine import SandboxEngine
from semantest_iac.infrastructure.sandbox_engine.state.store import StateStore
from semantest_iac.infrastructure.simulated_cloud.runtime.cloud import SimulatedCloud
from semantest_iac.infrastructure.simulated_cloud.runtime.inventory import Inventory
from semantest_iac.infrastructure.simulated_cloud.runtime.providers import open_simulated_cloud
from tests.contract.provisioner.provisioner_contract import Bench, ProvisionerContract
from tests.integration.pulumi_engine.engine_home import EngineHome, cli_variables
from tests.pulumi_cli import needed


@pytest.fixture(autouse=True)
def installed(third_cloud: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Beside us for as long as the test runs."""
    monkeypatch.syspath_prepend(third_cloud)
    yield


class TestSandboxOnThirdCloud(ProvisionerContract):
    """The engine that needs no account."""

    @pytest.fixture
    def inventory(self, tmp_path: Path) -> Inventory:
        """What exists in the cloud."""
        return Inventory(tmp_path / "cloud.db")

    @pytest.fixture
    def bench(self, tmp_path: Path, inventory: Inventory) -> Bench:
        """The sandbox's engine in an empty home."""
        package = tmp_path / "package.zip"
        package.write_bytes(b"a package")

        def clouds(name: str, region: str) -> SimulatedCloud:
            return open_simulated_cloud(name, inventory, region=region)

        engine = SandboxEngine(StateStore(tmp_path / "sandbox"), clouds, lambda name: f"value of {name}")
        return Bench(engine, package, "meadow")

    async def test_leaves_nothing_alive_behind(self, bench: Bench, inventory: Inventory) -> None:
        await bench.deploy(bench.work())
        await bench.destroy()

        assert await asyncio.to_thread(open_simulated_cloud("meadow", inventory, region="north").list_resources) == []


class TestPulumiEngineOnThirdCloud(ProvisionerContract):
    """Pulumi's own engine with the simulated cloud attached."""

    @pytest.fixture
    def bench(self, tmp_path: Path) -> Bench:
        """The engine in an empty home; without a CLI the test is skipped."""
        variables = cli_variables()
        needed(variables)
        engine_home = EngineHome(tmp_path / "home", variables)
        return Bench(engine_home.engine, engine_home.package, "meadow")
