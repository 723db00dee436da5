"""The generator of the contract, and the files that it has written."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="session")
def generator() -> Any:
    """The tool as a module: it is a script and has no package."""
    spec = importlib.util.spec_from_file_location("event_contract", ROOT / "tools/generate_event_contract.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def published() -> dict[str, dict[str, Any]]:
    """Every generated JSON file by its path within `events/`."""
    folder = ROOT / "events"
    files = [*folder.glob("schemas/*.json"), *folder.glob("conformance/*.json")]
    return {file.relative_to(folder).as_posix(): json.loads(file.read_text()) for file in files}


@pytest.fixture(scope="session")
def asyncapi_text() -> str:
    """The AsyncAPI document as it stands."""
    return (ROOT / "events/asyncapi.yaml").read_text()
