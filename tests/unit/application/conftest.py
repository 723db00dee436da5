"""An application to ask."""

from __future__ import annotations

import pytest

from tests.fakes.house import House


@pytest.fixture
def house() -> House:
    """The application with nothing deployed."""
    return House()
