"""Finds out whether PythonEDA can be used in this process, without importing it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib.util import find_spec

from semantest_iac.domain.errors import Fault, RefusedError

PYTHONEDA_MODULES = {
    "pythoneda.shared": "github:pythoneda-shared-pythonlang-def/domain",
    "pythoneda.shared.application": "github:pythoneda-shared-pythonlang-def/application",
    "pythoneda.shared.infrastructure.cli": "github:pythoneda-shared-pythonlang-def/infrastructure",
    "pythoneda.shared.iac.events": "github:pythoneda-shared-iac-def/events",
}
"""What the bridge imports, with the flake that brings it. None of them is on PyPI."""

FIRST_UNSUPPORTED_VERSION = (3, 13)
"""PythonEDA's events cannot be created from this version of Python on: the abstract `entity_type` is enforced there."""


class PythonedaMissingError(RefusedError):
    """PythonEDA is not installed, or does not work with this version of Python."""

    code = "PYTHONEDA_MISSING"


def require_pythoneda(
    version: tuple[int, ...] = sys.version_info[:2], is_importable: Callable[[str], bool] | None = None
) -> None:
    """Raise PythonedaMissingError with everything that PythonEDA applications need and that is not here."""
    is_there = is_importable or _is_importable
    faults = [
        Fault(module, "no module of that name", f"It is in {flake}.")
        for module, flake in PYTHONEDA_MODULES.items()
        if not is_there(module)
    ]
    if version >= FIRST_UNSUPPORTED_VERSION:
        number = ".".join(map(str, version))
        faults.insert(0, Fault("python", f"PythonEDA does not work with Python {number}", "Use Python 3.11 or 3.12."))
    if faults:
        hint = "Put PythonEDA's packages on PYTHONPATH, as docs/pythoneda.md says. None of them is on PyPI."
        raise PythonedaMissingError("Cannot start the PythonEDA application.", hint=hint, faults=faults)


def _is_importable(module: str) -> bool:
    """Parents are imported to look for a module, and may be missing or broken themselves."""
    try:
        return find_spec(module) is not None
    except ImportError:
        return False
