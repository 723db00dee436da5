"""Pulumi's own CLI, if installed, reads a state that the sandbox wrote."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.integration.sandbox_engine.rest_api import STACK, SandboxHome
from tests.pulumi_cli import require_pulumi_cli

_SECRET = "canary-91c0e"


class Cli:
    """Pulumi with a backend in a folder and the passphrase of a sandbox."""

    def __init__(self, path: Path, folder: Path, home: SandboxHome) -> None:
        (folder / "backend").mkdir(parents=True)
        (folder / "Pulumi.yaml").write_text("name: semantest-infrastructure\nruntime: python\n")
        self._path = path
        self._folder = folder
        self._environment = {
            "PATH": os.defpath,
            "HOME": str(folder),
            "PULUMI_HOME": str(folder / "home"),
            "PULUMI_BACKEND_URL": f"file://{folder / 'backend'}",
            "PULUMI_CONFIG_PASSPHRASE": (home.folder / "sandbox" / "passphrase").read_text(),
            "PULUMI_SKIP_UPDATE_CHECK": "true",
        }

    def run(self, *arguments: str) -> str:
        """Return the output of a command; fail the test if the command fails."""
        command = [str(self._path), "--non-interactive", *arguments]
        done = subprocess.run(
            command, cwd=self._folder, env=self._environment, capture_output=True, text=True, check=True
        )
        return done.stdout


@pytest.fixture
def home(tmp_path: Path) -> SandboxHome:
    """A home with a deployed stack that has a secret."""
    home = SandboxHome(tmp_path / "home", secret=_SECRET)
    section = {"environment": {"TOKEN": "${secrets.token}"}}
    asyncio.run(home.deploy(home.work({"components": {"rest-api": section}})))
    return home


@pytest.fixture
def cli(tmp_path: Path, home: SandboxHome) -> Cli:
    """Pulumi's CLI; the test is skipped without it."""
    return Cli(require_pulumi_cli().path, tmp_path / "pulumi", home)


class TestPulumi:
    def test_imports_the_state_and_decrypts_its_secrets(self, home: SandboxHome, cli: Cli) -> None:
        cli.run("stack", "init", str(STACK))
        cli.run("stack", "import", "--file", str(home.folder / "sandbox" / f"{STACK}.json"))

        exported = json.loads(cli.run("stack", "export", "--show-secrets"))["deployment"]

        ours = home.engine.export(STACK)["deployment"]["resources"]
        assert [resource["urn"] for resource in exported["resources"]] == [resource["urn"] for resource in ours]
        [version] = [each for each in exported["resources"] if each["type"].endswith(":SecretVersion")]
        assert version["outputs"]["secretString"]["plaintext"] == json.dumps(_SECRET)
