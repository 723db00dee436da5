from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.platform.shared_platforms import SharedPlatforms

_TIMEOUT_S = 600
"""A platform is deployed several times in a test: on a busy machine that takes longer than the general limit."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give the tests of this folder more time."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.timeout(_TIMEOUT_S))


@pytest.fixture(scope="module")
def platforms(tmp_path_factory: pytest.TempPathFactory) -> SharedPlatforms:
    """Deployed platforms for the tests of a module."""
    return SharedPlatforms(tmp_path_factory.mktemp)
