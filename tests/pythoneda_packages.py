"""The real packages of PythonEDA, which are not on PyPI: installed ones, or the folders in a variable.

SEMANTEST_PYTHONEDA_PATH has folders as PYTHONPATH has them: checkouts of domain, application, infrastructure, banner of
pythoneda-shared-pythonlang, then of shared and events of pythoneda-shared-iac, and what they need (dbus-next).
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from semantest_iac.infrastructure.pythoneda_bridge.installation import FIRST_UNSUPPORTED_VERSION

_ROOT = Path(__file__).parents[1]
_FOLDERS = os.environ.get("SEMANTEST_PYTHONEDA_PATH", "")  # tests have no such variable
_IMPORTS = "import pythoneda.shared.application, pythoneda.shared.iac.events, pythoneda.shared.infrastructure.cli"
_EXTEND_PATH = '__path__ = __import__("pkgutil").extend_path(__path__, __name__)\n'
_LAYERS = """from enum import Enum


class HexagonalLayer(Enum):
    DOMAIN = 1
    INFRASTRUCTURE = 2
    APPLICATION = 3

    def all_but(self):
        return [layer for layer in HexagonalLayer if layer != self]
"""
"""All that PythonEDA's application takes from `pythoneda.shared.artifact`, which needs git, shells and Nix."""


def require_real_pythoneda(folder: Path) -> Mapping[str, str]:
    """Return the variables for processes that import PythonEDA, or skip the test.

    Where `pythoneda.shared.artifact` is missing, a stand-in for the one class that is used is written to the folder.
    """
    if sys.version_info[:2] >= FIRST_UNSUPPORTED_VERSION:
        pytest.skip("PythonEDA does not work with this version of Python")
    ours = [str(_ROOT), str(_ROOT / "events")]
    without_stand_in = _variables([*_FOLDERS.split(os.pathsep), *ours])
    if _fails("import pythoneda.shared", without_stand_in):
        pytest.skip("PythonEDA is not installed, and SEMANTEST_PYTHONEDA_PATH does not name it")
    if not _fails("import pythoneda.shared.artifact", without_stand_in):
        return without_stand_in
    _write_stand_in(folder)
    variables = _variables([*_FOLDERS.split(os.pathsep), str(folder), *ours])
    if reason := _fails(_IMPORTS, variables):
        pytest.skip(f"PythonEDA cannot be imported: {reason}")
    return variables


def _variables(folders: list[str]) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join(folder for folder in folders if folder)}


def _fails(statement: str, variables: Mapping[str, str]) -> str:
    """Return the last line of what the statement fails with, empty where it does not."""
    command = [sys.executable, "-c", statement]
    ended = subprocess.run(command, env=variables, capture_output=True, text=True, check=False)
    return (ended.stderr.strip().splitlines() or ["?"])[-1] if ended.returncode else ""


def _write_stand_in(folder: Path) -> None:
    contents = {"pythoneda": _EXTEND_PATH, "pythoneda/shared": _EXTEND_PATH, "pythoneda/shared/artifact": _LAYERS}
    for package, text in contents.items():
        (folder / package).mkdir(parents=True, exist_ok=True)
        (folder / package / "__init__.py").write_text(text, encoding="utf-8")
