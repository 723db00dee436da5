"""Every test runs for both clouds."""

from __future__ import annotations

import pytest

from tests.contract.managed_gateway.gateways import CLOUDS


@pytest.fixture(params=list(CLOUDS))
def cloud(request: pytest.FixtureRequest) -> str:
    return str(request.param)
