"""The application of the tests here."""

from __future__ import annotations

import pytest

from tests.fakes.application import InMemoryApp


@pytest.fixture
def app() -> InMemoryApp:
    return InMemoryApp()
