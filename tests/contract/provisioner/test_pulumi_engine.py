"""The promises of the port, tried on Pulumi's own engine with a simulated cloud attached."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from semantest_iac.infrastructure.pulumi_engine.operations.engine import PulumiEngine
from semantest_iac.infrastructure.sandbox_engine.simulated_clouds import create_code_publisher
from tests.contract.provisioner.aws_contract import AwsContract
from tests.contract.provisioner.azure_contract import AzureContract
from tests.contract.provisioner.provisioner_contract import Bench, ProvisionerContract
from tests.integration.pulumi_engine.engine_home import EngineHome, cli_variables
from tests.pulumi_cli import needed


@pytest.fixture
def engine_home(tmp_path: Path) -> EngineHome:
    """The engine in an empty home; without a CLI the test is skipped."""
    variables = cli_variables()
    needed(variables)
    return EngineHome(tmp_path / "home", variables)


@pytest.fixture
def bench(engine_home: EngineHome) -> Bench:
    """The engine with the contract's package."""
    return Bench(engine_home.engine, engine_home.package)


class TestPulumiEngine(ProvisionerContract, AwsContract):
    """The engine for real clouds."""

    async def test_leaves_nothing_alive_behind(self, bench: Bench, engine_home: EngineHome) -> None:
        await bench.deploy(bench.work())
        await bench.destroy()

        left: list[Any] = await asyncio.to_thread(engine_home.live_resources)
        assert (left, list(engine_home.leftover_runs())) == ([], [])


class TestPulumiEngineOnAzure(AzureContract):
    """The same engine on the other cloud; what it promises of every cloud is tried on AWS."""

    @pytest.fixture
    def bench(self, engine_home: EngineHome) -> Bench:
        """The engine, with the simulated cloud's own service for packages."""
        engine = PulumiEngine(
            engine_home.supervisor, engine_home.find_created, partial(create_code_publisher, engine_home.cloud)
        )
        return Bench(engine, engine_home.package, "azure")

    async def test_finds_no_drift_where_nobody_changed_anything(self, bench: Bench) -> None:
        await bench.deploy(bench.work())

        assert isinstance(bench.engine, PulumiEngine)
        assert (await bench.engine.detect_drift(bench.east)).mutations == ()
