"""The Python API does what the commands do."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from semantest_iac import (
    DeploymentStatus,
    RefusedError,
    ValidationError,
    approve,
    deploy,
    preview,
    reject,
    scale,
    status,
)
from semantest_iac.application.operators.user_names import read_user_name

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

    def test_scales_what_is_deployed(self, folder: Path) -> None:
        deploy("rest-api", "azure", home=folder / "home")

        row = scale("rest-api", "azure", maximum=80, home=folder / "home", reason="a sale")

        assert (row.kind, row.state) == ("scale", DeploymentStatus.COMPLETED)
        with pytest.raises(ValidationError) as raised:
            scale("rest-api", "azure", minimum=90, home=folder / "home")
        assert [fault.path for fault in raised.value.faults] == ["min"]

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

    def test_approves_and_rejects_what_waits(self, folder: Path) -> None:
        configuration: dict[str, object] = {"approvals": {"required": True, "approvers": ["ana"]}}
        first = deploy("rest-api", home=folder / "home", configuration=configuration)
        with pytest.raises(RefusedError, match=f"'{read_user_name()}' is none of its approvers"):
            approve(first.deployment, home=folder / "home")
        with pytest.raises(ValidationError, match="is no name"):
            approve(first.deployment, by="ana\n", home=folder / "home")
        approved = approve(first.deployment, by="ana", home=folder / "home")
        configuration["components"] = {"rest-api": {"memory": 1024}}
        second = deploy("rest-api", home=folder / "home", configuration=configuration)
        rejected = reject(second.deployment, by="ana", reason="not on a Friday", home=folder / "home")

        assert (first.state, approved.state) == (DeploymentStatus.AWAITING_APPROVAL, DeploymentStatus.COMPLETED)
        assert (second.state, rejected.state) == (DeploymentStatus.AWAITING_APPROVAL, DeploymentStatus.REJECTED)
        assert approve(first.deployment, by="ben", home=folder / "home") == approved


class TestImport:
    def test_loads_no_heavy_library(self) -> None:
        program = "import sys, semantest_iac; print({'pydantic', 'pulumi', 'asyncio'} & set(sys.modules))"

        printed = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout

        assert printed == "set()\n"
