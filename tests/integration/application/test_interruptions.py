"""After interruptions, deployments and removals end as if nothing had been interrupted, whatever command follows.

`make campaign interruptions` tries every point, `make campaign kills` every step and random moments.
SEMANTEST_INTERRUPTIONS_SEED draws others, SEMANTEST_INTERRUPTIONS sets how many for each scenario.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.campaigns.interrupted_home import InterruptedHome, Target, write_sources
from tests.campaigns.interruption_runner import SCENARIOS, InterruptionJob
from tests.campaigns.interruptions import CLOUDS, run_job
from tests.pulumi_cli import require_pulumi_cli

_SEED = int(os.environ.get("SEMANTEST_INTERRUPTIONS_SEED", "1"))
_COUNT = int(os.environ.get("SEMANTEST_INTERRUPTIONS", "1"))
_KILLED = ("way-back", "removal")
_INTERRUPTED = tuple(name for name in SCENARIOS if name not in _KILLED)
_SCENARIOS_WITH_PULUMI = {"aws": ("update",), "azure": ("destroy",)}


def _require_same(job: InterruptionJob) -> None:
    result = run_job(job)

    assert not list(result.describe()), "\n".join([f"SEMANTEST_INTERRUPTIONS_SEED={_SEED}", *result.describe()])
    interrupted = [report for report in result.reports if report.point]
    assert len(interrupted) == len(job.scenarios) * _COUNT
    assert any(report.was_reached for report in interrupted)


def test_what_disagrees_is_found(home: Path, tmp_path: Path) -> None:
    write_sources(tmp_path / "sources")
    planted = InterruptedHome(home, Target("sandbox", "aws", "rest-api"), tmp_path / "sources")
    planted.run("v1")

    as_deployed, as_another, as_destroyed = (planted.find_disagreements(version) for version in ("v1", "v2", None))

    assert as_deployed == []
    assert any(" is still to be done" in each for each in as_another)
    assert any(each.startswith("left in the cloud: aws:lambda/function:Function ") for each in as_destroyed)


@pytest.mark.parametrize("cloud", CLOUDS)
class TestInterruptedCommands:
    @pytest.mark.timeout(900)
    def test_in_the_sandbox(self, tmp_path: Path, cloud: str) -> None:
        _require_same(InterruptionJob(str(tmp_path), "sandbox", cloud, "rest-api", _INTERRUPTED, _SEED, _COUNT))

    @pytest.mark.timeout(900)
    def test_killed_at_a_random_moment_and_followed_by_any_command(self, tmp_path: Path, cloud: str) -> None:
        job = InterruptionJob(str(tmp_path), "sandbox", cloud, "rest-api", _KILLED, _SEED, _COUNT, draws_next=True)
        _require_same(job)

    @pytest.mark.timeout(900)
    def test_with_pulumi(self, tmp_path: Path, cloud: str) -> None:
        require_pulumi_cli()
        scenarios = _SCENARIOS_WITH_PULUMI[cloud]
        _require_same(InterruptionJob(str(tmp_path), "pulumi", cloud, "rest-api", scenarios, _SEED, _COUNT))
