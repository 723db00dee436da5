"""A house with Pulumi's real CLI, where this machine has one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.pulumi_engine.house import House, cli_variables
from tests.pulumi_cli import needed


@pytest.fixture
def variables() -> dict[str, str]:
    """The variables of an engine whose CLI can be found; without one the test is skipped."""
    found = cli_variables()
    needed(found)
    return found


@pytest.fixture
def house(tmp_path: Path, variables: dict[str, str]) -> Iterator[House]:
    """An engine with a home whose name needs care."""
    house = House(tmp_path / "a home#1", variables)
    yield house
    house.inventory.close()
