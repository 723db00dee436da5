"""The Python API does what the commands do."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from semantest_iac import DeploymentStatus, RefusedError, ValidationError, deploy, preview, status

# Importing the SDK raises deprecation warnings, and warnings are errors in tests.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:pulumi_aws.*")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


class TestPythonApi:
    def test_deploys_and_returns_the_row(self, folder: Path) -> None:
        configuration = {"components": {"rest-api": {"memory": 1024}}, "monitoring": {"alerts": ()}}

        row = deploy("rest-api", "aws", home=folder / "home", configuration=configuration)
        plan = preview("rest-api", home=folder / "home", configuration=configuration)

        assert (row.state, row.endpoint is not None) == (DeploymentStatus.COMPLETED, True)
        assert plan.is_empty
        assert status(home=folder / "home") == [row]

    def test_reads_the_same_configuration_as_the_command(self, folder: Path) -> None:
        (folder / "semantest.yaml").write_text("region: eu-west-1\ncomponents: {rest-api: {memory: 64}}\n")

        with pytest.raises(ValidationError) as raised:
            preview("rest-api", home=folder / "home", configuration={"components": {"rest-api": {"timeout": 900}}})

        found = [(fault.path, fault.file) for fault in raised.value.faults]
        assert found == [
            ("components.rest-api.memory", "semantest.yaml"),
            ("components.rest-api.timeout", "configuration"),
        ]
        assert not (folder / "home").exists()

    def test_refuses_what_the_command_refuses(self, folder: Path) -> None:
        with pytest.raises(RefusedError):
            deploy("rest-api", environment="prod", home=folder / "home")

        assert status(home=folder / "home") == []


class TestImport:
    def test_loads_no_heavy_library(self) -> None:
        program = "import sys, semantest_iac; print({'pydantic', 'pulumi', 'asyncio'} & set(sys.modules))"

        printed = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout

        assert printed == "set()\n"
