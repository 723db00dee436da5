"""An engine with Pulumi's real CLI, if this machine has one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.pulumi_engine.engine_home import EngineHome, cli_variables
from tests.pulumi_cli import require_pulumi_cli


@pytest.fixture
def variables() -> dict[str, str]:
    """The variables of an engine; skips the test without a CLI."""
    found = cli_variables()
    require_pulumi_cli(found)
    return found


@pytest.fixture
def engine_home(tmp_path: Path, variables: dict[str, str]) -> Iterator[EngineHome]:
    """An engine in a home folder whose name needs quoting."""
    engine_home = EngineHome(tmp_path / "a home#1", variables)
    yield engine_home
    engine_home.inventory.close()
