from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.campaigns.interrupted_home import Target, write_sources
from tests.campaigns.queued_home import QueuedHome


@pytest.fixture
def queued_home(location: str, home: Path, tmp_path: Path) -> Iterator[QueuedHome]:
    write_sources(tmp_path / "sources")
    is_file = location.endswith(".db")
    opened = QueuedHome(home, Target("sandbox", "aws", "rest-api"), tmp_path / "sources", "" if is_file else location)
    yield opened
    opened.close()
