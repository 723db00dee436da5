from __future__ import annotations

import pytest

from tests.integration.platform.shared_platforms import SharedPlatforms


@pytest.fixture(scope="module")
def platforms(tmp_path_factory: pytest.TempPathFactory) -> SharedPlatforms:
    """Deployed platforms for the tests of a module."""
    return SharedPlatforms(tmp_path_factory.mktemp)
