"""A worker that is killed at a seam of its run: another one takes over, and all is as promised.

`make campaign seams` kills 30 at each seam and database. SEMANTEST_SEAMS_SEED draws others, SEMANTEST_SEAMS sets how
many at each seam.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.campaigns.interrupted_home import Target, ignore_moment, write_sources
from tests.campaigns.queued_home import QueuedHome
from tests.campaigns.seam_runner import POSTGRESQL, SEAMS, SQLITE, SeamJob
from tests.campaigns.seams import run_seam_job
from tests.postgresql_server import MISSING_REASON, find_postgresql

_SEED = int(os.environ.get("SEMANTEST_SEAMS_SEED", "1"))
_COUNT = int(os.environ.get("SEMANTEST_SEAMS", "1"))
_FIRST, _LAST = SEAMS[: len(SEAMS) // 2], SEAMS[len(SEAMS) // 2 :]
_JOBS = {
    "update": (SQLITE, "aws", SEAMS),
    "way-back": (POSTGRESQL, "azure", SEAMS),
    "canary": (SQLITE, "aws", _FIRST),
    "returned-canary": (POSTGRESQL, "aws", _LAST),
    "canary on azure": (SQLITE, "azure", _LAST),
    "returned-canary on azure": (SQLITE, "azure", _FIRST),
}
"""The database, the cloud and the seams; a canary has each seam on one of the clouds."""


@pytest.mark.timeout(900)
@pytest.mark.parametrize("scenario", _JOBS)
def test_kills_at_each_seam(tmp_path: Path, scenario: str) -> None:
    database, cloud, seams = _JOBS[scenario]
    if database == POSTGRESQL and not find_postgresql():
        pytest.skip(MISSING_REASON)

    name = scenario.partition(" ")[0]
    result = run_seam_job(SeamJob(str(tmp_path), database, "sandbox", cloud, _SEED, _COUNT, seams, (name,)))

    assert not list(result.describe()), "\n".join([f"SEMANTEST_SEAMS_SEED={_SEED}", *result.describe()])
    killed = [report for report in result.reports if ":" in report.point]
    assert (len(killed), all(report.was_killed for report in killed)) == (len(seams) * _COUNT, True)


def test_what_is_not_as_promised_is_found(home: Path, tmp_path: Path) -> None:
    write_sources(tmp_path / "sources")
    planted = QueuedHome(home, Target("sandbox", "aws", "rest-api"), tmp_path / "sources")
    deployment = planted.submit(planted.build_request("v1"), ignore_moment)["deployment"]
    waiting = planted.find_faults(deployment, "completed", "v1", resumed=0)
    planted.work("v1", ignore_moment)
    ended = planted.find_faults(deployment, "completed", "v1", resumed=0)
    other = planted.find_faults(deployment, "rolled_back", "v2", resumed=1)
    planted.close()

    assert {"it has 0 terminal events: []", "it ended as pending: None"} <= {*waiting}
    assert f"still in the queue: {deployment} waiting" in waiting
    assert ended == []
    assert {"it ended as completed: None", "it was resumed 0 times, not 1"} <= {*other}
    assert any(each.endswith(" is still to be done") for each in other)
