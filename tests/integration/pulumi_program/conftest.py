"""Runs `pulumi up` on a checkout of the project, with a simulated cloud attached."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sys
from asyncio.subprocess import DEVNULL, PIPE, STDOUT
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from semantest_iac.infrastructure.clouds.built_in import CLOUD_ENTRIES
from semantest_iac.infrastructure.simulated_cloud.runtime.inventory import Inventory
from semantest_iac.infrastructure.simulated_cloud.runtime.providers import open_simulated_cloud
from semantest_iac.infrastructure.simulated_provider.server import serve_simulated_providers
from tests.pulumi_cli import require_pulumi_cli

_ROOT = Path(__file__).parents[3]
_HOST = Path(__file__).with_name("language_host.py")
_PACKAGES = tuple(it.package for it in CLOUD_ENTRIES.values())
_VARIABLES = {
    "PULUMI_CONFIG_PASSPHRASE": "correct horse battery staple",
    "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
    "PULUMI_SKIP_UPDATE_CHECK": "true",
}


@dataclass(frozen=True)
class Run:
    """The exit code and the output of a command."""

    code: int
    text: str


@dataclass(frozen=True)
class Checkout:
    """The project's Pulumi.yaml and packages, with a separate backend."""

    folder: Path
    cli: str
    inventory: Inventory
    variables: dict[str, str] = field(default_factory=dict)

    async def up(self, stack: str, *options: str) -> Run:
        """Run `pulumi up -s STACK …` for an existing stack."""
        return await self.run("up", "--yes", "--skip-preview", "-s", stack, *options)

    async def run(self, *arguments: str) -> Run:
        """Run `pulumi …` without a terminal."""
        async with serve_simulated_providers(self._cloud, "us-east-1", _PACKAGES) as providers:
            command = await asyncio.create_subprocess_exec(
                self.cli, "--non-interactive", "--color", "never", *arguments,
                cwd=self.folder, env=self._environment(providers), stdin=DEVNULL, stdout=PIPE, stderr=STDOUT,
            )  # fmt: skip
            out, _ = await command.communicate()
        return Run(command.returncode or 0, out.decode())

    def state(self, stack: str) -> dict[str, Any]:
        """Return the stored state of a stack."""
        return read_state(self.folder / "backend", stack)

    def _cloud(self, package: str, region: str) -> Any:
        return open_simulated_cloud(package, self.inventory, region=region)

    def _environment(self, providers: str) -> Mapping[str, str]:
        return {
            **_VARIABLES,
            "HOME": str(self.folder),
            "PATH": f"{self.folder / 'bin'}{os.pathsep}{os.environ['PATH']}",
            "PULUMI_BACKEND_URL": f"file://{self.folder}/backend",
            "PULUMI_DEBUG_PROVIDERS": providers,
            "PULUMI_HOME": str(self.folder / "pulumi-home"),
            "PYTHONPATH": f"{_ROOT}{os.pathsep}{_ROOT / 'events'}",
            **self.variables,
        }


def read_state(backend: Path, stack: str) -> dict[str, Any]:
    """Return the state of a stack of this project in a file backend."""
    file = backend / ".pulumi" / "stacks" / "semantest-infrastructure" / f"{stack}.json"
    state: dict[str, Any] = json.loads(file.read_text())["checkpoint"]["latest"]
    return state


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    """A checkout without deployments; skips the test if there is no Pulumi CLI."""
    cli = require_pulumi_cli().path
    folder = tmp_path / "checkout"
    (folder / "backend").mkdir(parents=True)
    (folder / "semantest_iac").symlink_to(_ROOT / "semantest_iac", target_is_directory=True)
    shutil.copy(_ROOT / "Pulumi.yaml", folder)
    host = folder / "bin" / "pulumi-language-python"
    host.parent.mkdir()
    host.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{_HOST}" "$@"\n')
    host.chmod(0o755)
    return Checkout(folder, str(cli), Inventory(folder / "cloud.db"))
