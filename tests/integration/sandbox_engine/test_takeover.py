"""Pulumi's own CLI, where this machine has one, as the judge of a state that the sandbox wrote."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.integration.sandbox_engine.rest_api import STACK, House
from tests.pulumi_cli import needed

_SECRET = "canary-91c0e"


class Cli:
    """Pulumi with a backend in a folder and the passphrase of a sandbox."""

    def __init__(self, path: Path, folder: Path, house: House) -> None:
        (folder / "backend").mkdir(parents=True)
        (folder / "Pulumi.yaml").write_text("name: semantest-infrastructure\nruntime: python\n")
        self._path = path
        self._folder = folder
        self._environment = {
            "PATH": os.defpath,
            "HOME": str(folder),
            "PULUMI_HOME": str(folder / "home"),
            "PULUMI_BACKEND_URL": f"file://{folder / 'backend'}",
            "PULUMI_CONFIG_PASSPHRASE": (house.folder / "sandbox" / "passphrase").read_text(),
            "PULUMI_SKIP_UPDATE_CHECK": "true",
        }

    def run(self, *arguments: str) -> str:
        """What a command prints; a failing one fails the test."""
        command = [str(self._path), "--non-interactive", *arguments]
        done = subprocess.run(
            command, cwd=self._folder, env=self._environment, capture_output=True, text=True, check=True
        )
        return done.stdout


@pytest.fixture
def house(tmp_path: Path) -> House:
    """A home with a deployed stack that has a secret."""
    house = House(tmp_path / "house", secret=_SECRET)
    section = {"environment": {"TOKEN": "${secrets.token}"}}
    asyncio.run(house.deploy(house.work({"components": {"rest-api": section}})))
    return house


@pytest.fixture
def cli(tmp_path: Path, house: House) -> Cli:
    """Pulumi; without it the test is skipped."""
    return Cli(needed().path, tmp_path / "pulumi", house)


class TestPulumi:
    def test_takes_the_state_over_and_opens_its_secrets(self, house: House, cli: Cli) -> None:
        cli.run("stack", "init", str(STACK))
        cli.run("stack", "import", "--file", str(house.folder / "sandbox" / f"{STACK}.json"))

        told = json.loads(cli.run("stack", "export", "--show-secrets"))["deployment"]

        ours = house.engine.export(STACK)["deployment"]["resources"]
        assert [resource["urn"] for resource in told["resources"]] == [resource["urn"] for resource in ours]
        [version] = [each for each in told["resources"] if each["type"].endswith(":SecretVersion")]
        assert version["outputs"]["secretString"]["plaintext"] == json.dumps(_SECRET)
