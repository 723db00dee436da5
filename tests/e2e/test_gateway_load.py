"""Exactly what is allowed passes a gateway that `serve` plays; a sample of `make campaign gateway`.

SEMANTEST_GATEWAY_SEED draws another order of requests, SEMANTEST_GATEWAY sets how many.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.campaigns.gateway import REGIONS, GatewayJob, run_gateway_job

_SEED = int(os.environ.get("SEMANTEST_GATEWAY_SEED", "1"))
_COUNT = int(os.environ.get("SEMANTEST_GATEWAY", "300"))


@pytest.mark.timeout(900)
@pytest.mark.parametrize("cloud", REGIONS)
def test_exactly_what_is_allowed_passes(tmp_path: Path, cloud: str) -> None:
    result = run_gateway_job(GatewayJob(tmp_path / "project", cloud, _COUNT, _SEED))

    assert result.faults == [], f"SEMANTEST_GATEWAY_SEED={_SEED}: {result.describe()}"
    assert result.passed["web"] < result.job.find_calls("web", 1)
