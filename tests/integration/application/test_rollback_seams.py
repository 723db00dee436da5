"""A worker that is killed at a seam of a rollback: another one goes on, and the rollback ends as promised.

`make campaign rollback` kills more of them. SEMANTEST_SEAMS_SEED draws others, SEMANTEST_SEAMS sets how many at each
seam.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.campaigns.queued_home import ENDED, OBSERVED, RECORDED, STARTED
from tests.campaigns.seam_runner import POSTGRESQL, SQLITE, SeamJob
from tests.campaigns.seams import run_seam_job
from tests.postgresql_server import MISSING_REASON, find_postgresql

_SEED = int(os.environ.get("SEMANTEST_SEAMS_SEED", "1"))
_COUNT = int(os.environ.get("SEMANTEST_SEAMS", "1"))
_JOBS = {
    SQLITE: ("aws", "code-rollback", (STARTED, ENDED, OBSERVED)),
    POSTGRESQL: ("azure", "rollback", (ENDED, RECORDED)),
}


@pytest.mark.timeout(900)
@pytest.mark.parametrize("database", _JOBS)
def test_kills_in_the_middle(tmp_path: Path, database: str) -> None:
    if database == POSTGRESQL and not find_postgresql():
        pytest.skip(MISSING_REASON)
    cloud, scenario, seams = _JOBS[database]

    result = run_seam_job(SeamJob(str(tmp_path), database, "sandbox", cloud, _SEED, _COUNT, seams, (scenario,)))

    assert not list(result.describe()), "\n".join([f"SEMANTEST_SEAMS_SEED={_SEED}", *result.describe()])
    killed = [report for report in result.reports if ":" in report.point]
    assert (len(killed), all(report.was_killed for report in killed)) == (len(seams) * _COUNT, True)
