"""A house with Pulumi's real CLI, where this machine has one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from semantest_iac.domain.errors import RefusedError
from semantest_iac.infrastructure.pulumi_engine.cli_location import locate
from tests.integration.pulumi_engine.house import House, cli_variables


@pytest.fixture
def variables() -> dict[str, str]:
    """The variables of an engine whose CLI can be found; without one the test is skipped."""
    found = cli_variables()
    try:
        locate(found)
    except RefusedError as error:
        pytest.skip(f"no Pulumi CLI: {error.hint}")
    return found


@pytest.fixture
def house(tmp_path: Path, variables: dict[str, str]) -> Iterator[House]:
    """An engine with a home whose name needs care."""
    house = House(tmp_path / "a home#1", variables)
    yield house
    house.inventory.close()
