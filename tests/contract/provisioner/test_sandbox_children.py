"""The sandbox in a child process fulfils the contract of the one in this process."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from semantest_iac.infrastructure.sandbox_engine.child.engine import ChildSandboxEngine
from semantest_iac.infrastructure.sandbox_engine.child.processes import SandboxChildren
from semantest_iac.infrastructure.simulated_cloud.runtime.inventory import Inventory
from semantest_iac.infrastructure.simulated_cloud.runtime.providers import open_simulated_cloud
from tests.contract.provisioner.aws_contract import AwsContract
from tests.contract.provisioner.azure_contract import AzureContract
from tests.contract.provisioner.provisioner_contract import EngineFixture, ProvisionerContract


@pytest.fixture
async def fixture(tmp_path: Path) -> AsyncIterator[EngineFixture]:
    """The engine with one child, in an empty home."""
    package = tmp_path / "package.zip"
    package.write_bytes(b"a package")
    inventory = Inventory(tmp_path / "cloud.db")

    def clouds(name: str, region: str) -> Any:
        return open_simulated_cloud(name, inventory, region=region)

    children = SandboxChildren(tmp_path, 1)
    yield EngineFixture(ChildSandboxEngine(children, lambda _, secret: f"canary of {secret.key}"), package, clouds)
    await children.close()


class TestSandboxChild(ProvisionerContract, AwsContract):
    """Everything, on AWS."""


class TestSandboxChildOnAzure(AzureContract):
    """The Azure contract only, where code is published in a step of its own; the general one is tested on AWS."""

    @pytest.fixture
    def fixture(self, fixture: EngineFixture) -> EngineFixture:
        """The engine, for stacks on Azure."""
        return replace(fixture, provider="azure")
