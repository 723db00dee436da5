"""The ledger of the tests here."""

from __future__ import annotations

import pytest

from tests.fakes.memory_ledger import MemoryLedger


@pytest.fixture
def ledger() -> MemoryLedger:
    return MemoryLedger()
