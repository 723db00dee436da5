"""Pulumi's own engine, with a simulated cloud attached, fulfils the contract."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from semantest_iac.infrastructure.pulumi_engine.operations.engine import PulumiEngine
from semantest_iac.infrastructure.sandbox_engine.simulated_clouds import create_code_publisher
from tests.contract.provisioner.aws_contract import AwsContract
from tests.contract.provisioner.azure_contract import AzureContract
from tests.contract.provisioner.provisioner_contract import EngineFixture, ProvisionerContract
from tests.integration.pulumi_engine.engine_home import SECRET, EngineHome, cli_variables
from tests.pulumi_cli import require_pulumi_cli


@pytest.fixture
def engine_home(tmp_path: Path) -> EngineHome:
    """The engine in an empty home; without a CLI the test is skipped."""
    variables = cli_variables()
    require_pulumi_cli(variables)
    return EngineHome(tmp_path / "home", variables)


@pytest.fixture
def fixture(engine_home: EngineHome) -> EngineFixture:
    """The engine with the contract's package."""
    return EngineFixture(engine_home.engine, engine_home.package, engine_home.cloud, canary=SECRET)


class TestPulumiEngine(ProvisionerContract, AwsContract):
    """Everything, on AWS."""


class TestPulumiEngineOnAzure(AzureContract):
    """The Azure contract only; the general one is tested on AWS."""

    @pytest.fixture
    def fixture(self, engine_home: EngineHome) -> EngineFixture:
        """The engine, with the simulated cloud's service for packages."""
        publisher = partial(create_code_publisher, engine_home.cloud)
        engine = PulumiEngine(engine_home.supervisor, engine_home.find_created, publisher)
        return EngineFixture(engine, engine_home.package, engine_home.cloud, "azure", SECRET)
