"""The life of each example in the sandbox, gone through once for all tests of a process."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from tests.contract.kinds.lives import KindLife, live_through
from tests.kind_examples.example import KindExample

FindLife = Callable[[KindExample, str], KindLife]


@pytest.fixture(scope="session")
def find_life(tmp_path_factory: pytest.TempPathFactory) -> FindLife:
    """Return the life of an example on a cloud; a life that failed is tried again by the next test."""
    known: dict[tuple[str, str], KindLife] = {}

    def find(example: KindExample, provider: str) -> KindLife:
        key = str(example), provider
        if key not in known:
            known[key] = asyncio.run(live_through(example, provider, tmp_path_factory.mktemp("life")))
        return known[key]

    return find
