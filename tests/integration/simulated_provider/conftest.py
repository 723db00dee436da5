"""Stacks that the real CLI deploys into simulated AWS: a home, a backend and an account of their own for each test."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from semantest_iac.infrastructure.simulated_cloud.aws.catalogue import simulated_aws
from semantest_iac.infrastructure.simulated_cloud.runtime.cloud import SimulatedCloud
from semantest_iac.infrastructure.simulated_cloud.runtime.faults import FaultScript
from semantest_iac.infrastructure.simulated_cloud.runtime.inventory import Inventory
from semantest_iac.infrastructure.simulated_provider.server import serve_simulated_providers

_CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
_KEPT = _CACHE / "semantest-iac" / "pulumi-3.250.0" / "pulumi"
# Read here, because each test runs without the variables of whoever started it.
_CLI = os.environ.get("SEMANTEST_PULUMI") or shutil.which("pulumi") or (str(_KEPT) if _KEPT.is_file() else "")
_SECONDS = 60
_PASSPHRASE = "correct horse battery staple"


@dataclass(frozen=True)
class Run:
    """What one command did: `steps` are operations and names in the order in which they began."""

    steps: list[list[str]]
    changes: dict[str, int]
    error: str


@dataclass
class Lab:
    """One stack, and the account that it is deployed to; `faults` are met by the next command."""

    folder: Path
    deployer: Process
    inventory: Inventory
    faults: FaultScript = field(default_factory=FaultScript)

    def cloud(self, region: str = "us-east-1") -> SimulatedCloud:
        """The account as somebody else works in it."""
        return simulated_aws(self.inventory, region=region)

    @property
    def live(self) -> list[str]:
        """The ids of everything alive, sorted."""
        return sorted(id_ for _, id_ in self.cloud().list_resources())

    @property
    def state(self) -> str:
        """The state file as it lies on the disk."""
        return (self.folder / "backend/.pulumi/stacks/proj/dev.json").read_text()

    @property
    def outputs(self) -> dict[str, Any]:
        """What the stack offers; secrets are encrypted."""
        resources = json.loads(self.state)["checkpoint"]["latest"]["resources"]
        return next(found.get("outputs", {}) for found in resources if found["type"] == "pulumi:pulumi:Stack")

    async def up(self, program: str, **arguments: Any) -> Run:
        """Deploy a program of the deployer."""
        return await self._order("up", program, arguments)

    async def preview(self, program: str, **arguments: Any) -> Run:
        """Look what a deployment would do."""
        return await self._order("preview", program, arguments)

    async def refresh(self) -> Run:
        """Take over what the cloud has."""
        return await self._order("refresh", "nothing", {})

    async def destroy(self) -> Run:
        """Remove everything."""
        return await self._order("destroy", "nothing", {})

    async def _order(self, command: str, program: str, arguments: dict[str, Any]) -> Run:
        orders, reports = self.deployer.stdin, self.deployer.stdout
        assert orders and reports
        orders.write(json.dumps([command, program, arguments]).encode() + b"\n")
        report = await asyncio.wait_for(reports.readline(), 2 * _SECONDS)
        assert report, (self.folder / "deployer.log").read_text()
        return Run(**json.loads(report))


def _prepare(folder: Path) -> None:
    """An empty backend, something to deploy, and a CLI that is ended when it hangs."""
    (folder / "backend").mkdir()
    (folder / "app").mkdir()
    (folder / "app" / "index.js").write_text("exports.handler = () => {}")
    (folder / "passphrase").write_text(_PASSPHRASE)
    command = folder / "bin" / "pulumi"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec timeout --kill-after=5 {_SECONDS} "{_CLI}" "$@"\n')
    command.chmod(0o755)


@pytest.fixture
async def lab(tmp_path: Path) -> AsyncIterator[Lab]:
    """A stack that is not deployed yet, in an empty account; its default region is us-east-1."""
    if not _CLI:
        pytest.skip("no Pulumi CLI: SEMANTEST_PULUMI, PATH and the cache have none")
    _prepare(tmp_path)
    inventory = Inventory(":memory:")

    def cloud_of(_package: str, region: str) -> SimulatedCloud:
        return simulated_aws(inventory, region=region, faults=made.faults)

    script = str(Path(__file__).with_name("deployer.py"))
    async with serve_simulated_providers(cloud_of, "us-east-1") as debug_providers:
        with (tmp_path / "deployer.log").open("w") as log:
            deployer = await asyncio.create_subprocess_exec(
                sys.executable, script, str(tmp_path), debug_providers, stdin=PIPE, stdout=PIPE, stderr=log
            )
        made = Lab(tmp_path, deployer, inventory)
        try:
            yield made
        finally:
            with suppress(ProcessLookupError):
                deployer.kill()  # it waits for an order, or hangs
            await deployer.wait()
    inventory.close()
