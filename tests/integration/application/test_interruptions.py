"""After interruptions at some points, deployments and removals end as if nothing had been interrupted.

`make campaign interruptions` tries every point. SEMANTEST_INTERRUPTIONS_SEED draws other points,
SEMANTEST_INTERRUPTIONS sets how many for each scenario.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.campaigns.interruption_runner import SCENARIOS, InterruptionJob
from tests.campaigns.interruptions import CLOUDS, run_job
from tests.pulumi_cli import require_pulumi_cli

_SEED = int(os.environ.get("SEMANTEST_INTERRUPTIONS_SEED", "1"))
_COUNT = int(os.environ.get("SEMANTEST_INTERRUPTIONS", "2"))
_SCENARIOS_WITH_PULUMI = {"aws": ("update",), "azure": ("destroy",)}


def _require_same(job: InterruptionJob) -> None:
    result = run_job(job)

    assert not list(result.describe()), "\n".join([f"SEMANTEST_INTERRUPTIONS_SEED={_SEED}", *result.describe()])
    interrupted = [report for report in result.reports if report.point]
    assert len(interrupted) == len(job.scenarios) * _COUNT
    assert any(report.was_reached for report in interrupted)


@pytest.mark.parametrize("cloud", CLOUDS)
class TestInterruptedCommands:
    @pytest.mark.timeout(900)
    def test_in_the_sandbox(self, tmp_path: Path, cloud: str) -> None:
        _require_same(InterruptionJob(str(tmp_path), "sandbox", cloud, "rest-api", tuple(SCENARIOS), _SEED, _COUNT))

    @pytest.mark.timeout(900)
    def test_with_pulumi(self, tmp_path: Path, cloud: str) -> None:
        require_pulumi_cli()
        scenarios = _SCENARIOS_WITH_PULUMI[cloud]
        _require_same(InterruptionJob(str(tmp_path), "pulumi", cloud, "rest-api", scenarios, _SEED, _COUNT))
