"""A ledger to ask."""

from __future__ import annotations

import pytest

from tests.fakes.memory_ledger import MemoryLedger


@pytest.fixture
def ledger() -> MemoryLedger:
    """An empty ledger in memory."""
    return MemoryLedger()
