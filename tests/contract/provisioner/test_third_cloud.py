"""Both engines fulfil the contract on a cloud from another distribution, found through its entry point."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from semantest_iac.infrastructure.sandbox_engine.engine import SandboxEngine
from semantest_iac.infrastructure.sandbox_engine.state.store import StateStore
from semantest_iac.infrastructure.simulated_cloud.runtime.cloud import SimulatedCloud
from semantest_iac.infrastructure.simulated_cloud.runtime.inventory import Inventory
from semantest_iac.infrastructure.simulated_cloud.runtime.providers import open_simulated_cloud
from tests.contract.provisioner.provisioner_contract import EngineFixture, LifecycleContract, ProvisionerContract
from tests.integration.pulumi_engine.engine_home import EngineHome, cli_variables
from tests.pulumi_cli import require_pulumi_cli


@pytest.fixture(autouse=True)
def installed(third_cloud: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Install the distribution for the duration of a test."""
    monkeypatch.syspath_prepend(third_cloud)
    yield


_WITHOUT_SECRETS_AND_TAGS: tuple[dict[str, Any], ...] = ({}, {"components": {"rest-api": {"memory": 1024}}})


class TestSandboxOnThirdCloud(ProvisionerContract):
    configurations = _WITHOUT_SECRETS_AND_TAGS

    @pytest.fixture
    def inventory(self, tmp_path: Path) -> Inventory:
        return Inventory(tmp_path / "cloud.db")

    @pytest.fixture
    def fixture(self, tmp_path: Path, inventory: Inventory) -> EngineFixture:
        """The sandbox engine in an empty home."""
        package = tmp_path / "package.zip"
        package.write_bytes(b"a package")

        def clouds(name: str, region: str) -> SimulatedCloud:
            return open_simulated_cloud(name, inventory, region=region)

        engine = SandboxEngine(StateStore(tmp_path / "sandbox"), clouds, lambda _, secret: f"value of {secret.key}")
        return EngineFixture(engine, package, clouds, "meadow")


class TestPulumiEngineOnThirdCloud(LifecycleContract):
    configurations = _WITHOUT_SECRETS_AND_TAGS

    @pytest.fixture
    def fixture(self, tmp_path: Path) -> EngineFixture:
        """The engine in an empty home; without a CLI the test is skipped."""
        variables = cli_variables()
        require_pulumi_cli(variables)
        engine_home = EngineHome(tmp_path / "home", variables)
        return EngineFixture(engine_home.engine, engine_home.package, engine_home.cloud, "meadow")
