"""The source tree as the architecture tests see it."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[2]
_RUN_AS_FILES = ("semantest_iac/payloads/", "semantest_iac/infrastructure/function_runtimes/hosts/")


@pytest.fixture(scope="session")
def root() -> Path:
    """The folder of the whole repository."""
    return _ROOT


@pytest.fixture(scope="session")
def shipped_modules() -> dict[str, ast.Module]:
    """The parsed modules of both import packages, by path from the root."""
    return _parsed("semantest_iac", "events")


@pytest.fixture(scope="session")
def run_as_files(shipped_modules: dict[str, ast.Module]) -> dict[str, ast.Module]:
    """Those of the shipped modules that another process starts as files, so that nothing here may import them."""
    return {path: tree for path, tree in shipped_modules.items() if path.startswith(_RUN_AS_FILES)}


@pytest.fixture(scope="session")
def all_modules(shipped_modules: dict[str, ast.Module]) -> dict[str, ast.Module]:
    """The parsed modules of everything that is kept in this repository, by path from the root."""
    return shipped_modules | _parsed("tests", "tools", "benchmarks")


def _parsed(*folders: str) -> dict[str, ast.Module]:
    paths = sorted(path for folder in folders for path in (_ROOT / folder).rglob("*.py"))
    return {path.relative_to(_ROOT).as_posix(): ast.parse(path.read_text(encoding="utf-8")) for path in paths}
