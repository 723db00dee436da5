"""Workers carry out requests while everything breaks that can; the history is as the model says.

`make campaign nemesis` takes 2,000 requests. SEMANTEST_NEMESIS_SEED draws others, SEMANTEST_NEMESIS sets how many.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.campaigns.full_disk_runner import find_mount_refusal
from tests.campaigns.nemesis import run_nemesis_job
from tests.campaigns.nemesis_runner import NemesisJob
from tests.campaigns.seam_runner import POSTGRESQL, SQLITE
from tests.postgresql_server import MISSING_REASON, find_postgresql

_SEED = int(os.environ.get("SEMANTEST_NEMESIS_SEED", "1"))
_COUNT = int(os.environ.get("SEMANTEST_NEMESIS", "20"))


@pytest.mark.timeout(900)
@pytest.mark.parametrize("database", [SQLITE, POSTGRESQL])
def test_breaks_no_promise(tmp_path: Path, database: str) -> None:
    if database == POSTGRESQL and not find_postgresql():
        pytest.skip(MISSING_REASON)
    job = NemesisJob(str(tmp_path), database, _SEED, _COUNT, workers=3, can_fill_disk=not find_mount_refusal())

    result = run_nemesis_job(job)

    assert result.violations == [], "\n".join([f"SEMANTEST_NEMESIS_SEED={_SEED}", *result.describe()])
    assert sum(result.broken.values()) > 0
