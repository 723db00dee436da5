"""Stacks that the real CLI deploys to simulated AWS; each test has a home, a backend and an account of its own."""

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
_BUILT = _CACHE / "semantest-iac" / "pulumi-3.250.0" / "pulumi"
# read at import: each test runs without the variables of its caller
_CLI = os.environ.get("SEMANTEST_PULUMI") or shutil.which("pulumi") or (str(_BUILT) if _BUILT.is_file() else "")
_SECONDS = 60
_PASSPHRASE = "correct horse battery staple"


@dataclass(frozen=True)
class CommandResult:
    """The result of one command; `steps` are operations and names in the order in which they started."""

    steps: list[list[str]]
    changes: dict[str, int]
    error: str


@dataclass
class StackLab:
    """One stack and its account; `faults` apply to the next command."""

    folder: Path
    deployer: Process
    inventory: Inventory
    faults: FaultScript = field(default_factory=FaultScript)

    def cloud(self, region: str = "us-east-1") -> SimulatedCloud:
        """The account, for changes that are made outside of the stack."""
        return simulated_aws(self.inventory, region=region)

    @property
    def live_ids(self) -> list[str]:
        """The ids of all resources, sorted."""
        return sorted(id_ for _, id_ in self.cloud().list_resources())

    @property
    def state(self) -> str:
        """The state file."""
        return (self.folder / "backend/.pulumi/stacks/proj/dev.json").read_text()

    @property
    def outputs(self) -> dict[str, Any]:
        """The outputs of the stack, with encrypted secrets."""
        resources = json.loads(self.state)["checkpoint"]["latest"]["resources"]
        return next(found.get("outputs", {}) for found in resources if found["type"] == "pulumi:pulumi:Stack")

    async def up(self, program: str, **arguments: Any) -> CommandResult:
        return await self._run("up", program, arguments)

    async def preview(self, program: str, **arguments: Any) -> CommandResult:
        return await self._run("preview", program, arguments)

    async def refresh(self) -> CommandResult:
        return await self._run("refresh", "nothing", {})

    async def destroy(self) -> CommandResult:
        return await self._run("destroy", "nothing", {})

    async def _run(self, command: str, program: str, arguments: dict[str, Any]) -> CommandResult:
        stdin, stdout = self.deployer.stdin, self.deployer.stdout
        assert stdin and stdout
        stdin.write(json.dumps([command, program, arguments]).encode() + b"\n")
        report = await asyncio.wait_for(stdout.readline(), 2 * _SECONDS)
        assert report, (self.folder / "deployer.log").read_text()
        return CommandResult(**json.loads(report))


def _prepare(folder: Path) -> None:
    """Create an empty backend, an app to deploy, and a CLI with a time limit."""
    (folder / "backend").mkdir()
    (folder / "app").mkdir()
    (folder / "app" / "index.js").write_text("exports.handler = () => {}")
    (folder / "passphrase").write_text(_PASSPHRASE)
    command = folder / "bin" / "pulumi"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec timeout --kill-after=5 {_SECONDS} "{_CLI}" "$@"\n')
    command.chmod(0o755)


@pytest.fixture
async def lab(tmp_path: Path) -> AsyncIterator[StackLab]:
    """A stack that is not deployed yet, in an empty account; its default region is us-east-1."""
    if not _CLI:
        pytest.skip("no Pulumi CLI: SEMANTEST_PULUMI, PATH and the cache have none")
    _prepare(tmp_path)
    inventory = Inventory(":memory:")

    def cloud_of(_package: str, region: str) -> SimulatedCloud:
        return simulated_aws(inventory, region=region, faults=stack_lab.faults)

    script = str(Path(__file__).with_name("deployer.py"))
    async with serve_simulated_providers(cloud_of, "us-east-1") as debug_providers:
        with (tmp_path / "deployer.log").open("w") as log:
            deployer = await asyncio.create_subprocess_exec(
                sys.executable, script, str(tmp_path), debug_providers, stdin=PIPE, stdout=PIPE, stderr=log
            )
        stack_lab = StackLab(tmp_path, deployer, inventory)
        try:
            yield stack_lab
        finally:
            with suppress(ProcessLookupError):
                deployer.kill()  # it waits for a command, or hangs
            await deployer.wait()
    inventory.close()
