"""The import contracts of pyproject.toml hold, and each of them breaks when it is violated."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import grimp
import pytest

_INTRUSIONS = {
    "a layer above": ("inwards", {"semantest_iac/domain/intruder.py": "import semantest_iac.application"}),
    "an undeclared package": ("inwards", {"semantest_iac/intruder.py": ""}),
    "an event that knows the application": (
        "published",
        {"events/semantest_iac_events/intruder.py": "import semantest_iac.domain"},
    ),
    "a sibling adapter": (
        "adapters",
        {"semantest_iac/infrastructure/ledger/intruder.py": "import semantest_iac.infrastructure.artifacts"},
    ),
    "a shared package that imports an adapter": (
        "adapters",
        {
            "semantest_iac/infrastructure/cloud_programs/intruder.py": (
                "import semantest_iac.infrastructure.sandbox_engine"
            )
        },
    ),
    "an undeclared adapter": ("adapters", {"semantest_iac/infrastructure/intruder.py": ""}),
    "a cloud that imports another": (
        "clouds",
        {
            "semantest_iac/infrastructure/cloud_programs/azure/__init__.py": (
                "import semantest_iac.infrastructure.cloud_programs.aws"
            )
        },
    ),
    "a program of services that loads one of platforms": (
        "platform-programs",
        {
            "semantest_iac/infrastructure/cloud_programs/aws/intruder.py": (
                "import semantest_iac.infrastructure.cloud_programs.aws.platform.security"
            )
        },
    ),
    "a presentation package that imports another": (
        "presentation",
        {"semantest_iac/presentation/api/__init__.py": "import semantest_iac.presentation.cli"},
    ),
    "an imported payload": (
        "shipped",
        {"semantest_iac/application/intruder.py": "import semantest_iac.payloads"},
    ),
    "a circle": (
        "siblings",
        {
            "semantest_iac/domain/compute/intruder.py": "import semantest_iac.domain.networking.intruder",
            "semantest_iac/domain/networking/intruder.py": "import semantest_iac.domain.compute.intruder",
        },
    ),
    "a cloud SDK in an engine": (
        "cloud-sdks",
        {"semantest_iac/infrastructure/sandbox_engine/intruder.py": "import pulumi_aws"},
    ),
    "pulumi in the simulated cloud": (
        "pulumi",
        {"semantest_iac/infrastructure/simulated_cloud/intruder.py": "import pulumi"},
    ),
    "a cipher in the ledger": (
        "wire",
        {"semantest_iac/infrastructure/ledger/intruder.py": "import cryptography.fernet"},
    ),
    "a terminal in the domain": ("terminal", {"semantest_iac/domain/intruder.py": "import rich.console"}),
    "structured logs in an adapter": (
        "logs",
        {"semantest_iac/infrastructure/ledger/intruder.py": "import structlog"},
    ),
    "OpenTelemetry in the application": (
        "telemetry",
        {"semantest_iac/application/intruder.py": "import opentelemetry.trace"},
    ),
    "PythonEDA in the application": (
        "pythoneda",
        {"semantest_iac/application/intruder.py": "import pythoneda.shared"},
    ),
    "an HTTP server in an adapter": (
        "http",
        {"semantest_iac/infrastructure/local_service/intruder.py": "import aiohttp"},
    ),
    "a broker in the application": ("transports", {"semantest_iac/application/intruder.py": "import nats"}),
    "PostgreSQL's driver in the ledger": (
        "databases",
        {"semantest_iac/infrastructure/ledger/intruder.py": "import psycopg"},
    ),
    "the client of object stores in the builder of packages": (
        "object-stores",
        {"semantest_iac/infrastructure/artifacts/intruder.py": "import obstore"},
    ),
    "the client of name servers in an engine": (
        "name-servers",
        {"semantest_iac/infrastructure/sandbox_engine/intruder.py": "import dns"},
    ),
    "the client of AWS in an engine": (
        "aws-client",
        {"semantest_iac/infrastructure/sandbox_engine/intruder.py": "import boto3"},
    ),
    "YAML in the domain": ("yaml", {"semantest_iac/domain/intruder.py": "import yaml"}),
    "pydantic at the start": ("pydantic", {"semantest_iac/intruder.py": "import pydantic"}),
}


def _lint_imports(root: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as run; run()"]
    environment = {**os.environ, "PYTHONPATH": f"{root}{os.pathsep}{root / 'events'}"}
    return subprocess.run(
        [*command, "--no-cache", "--no-logo", *options],
        cwd=root,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def copy(root: Path, tmp_path: Path) -> Path:
    """A second checkout that a test may spoil."""
    leave_out = shutil.ignore_patterns("__pycache__", "node_modules")
    for folder in ("semantest_iac", "events"):
        shutil.copytree(root / folder, tmp_path / folder, ignore=leave_out)
    shutil.copy(root / "pyproject.toml", tmp_path)
    return tmp_path


class TestImportContracts:
    def test_hold(self, root: Path) -> None:
        report = _lint_imports(root)

        assert report.returncode == 0, report.stdout + report.stderr

    @pytest.mark.parametrize(("contract", "intruders"), _INTRUSIONS.values(), ids=_INTRUSIONS)
    def test_break_when_violated(self, copy: Path, contract: str, intruders: dict[str, str]) -> None:
        for path, text in intruders.items():
            (copy / path).parent.mkdir(exist_ok=True)
            (copy / path).write_text(text, encoding="utf-8")

        report = _lint_imports(copy, "--contract", contract)

        assert "0 kept, 1 broken" in report.stdout, report.stdout + report.stderr

    def test_are_all_proved_to_break(self, root: Path) -> None:
        proved = {contract for contract, _ in _INTRUSIONS.values()}

        assert proved == {contract["id"] for contract in _contracts(root)}

    def test_name_an_owner_for_every_library(self, root: Path) -> None:
        owned = {library for contract in _contracts(root) for library in contract.get("protected_modules", ())}
        graph = grimp.build_graph(
            "semantest_iac", "semantest_iac_events", include_external_packages=True, cache_dir=None
        )
        imported = {module for module in graph.modules if graph.is_module_squashed(module)}

        assert imported - owned - sys.stdlib_module_names == set()


class TestFilesForOtherProcesses:
    def test_import_nothing_of_the_tool(self, run_as_files: dict[str, ast.Module]) -> None:
        imported = {name for tree in run_as_files.values() for name in _imported(tree)}

        assert {name for name in imported if name.startswith("semantest_iac")} == set()


def _contracts(root: Path) -> list[dict[str, Any]]:
    settings = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    contracts: list[dict[str, Any]] = settings["tool"]["importlinter"]["contracts"]
    return contracts


def _imported(tree: ast.Module) -> set[str]:
    plain = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    return plain | {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
