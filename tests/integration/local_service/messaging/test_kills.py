"""No message is lost, whoever is killed; a sample of `make campaign messages`.

SEMANTEST_MESSAGES_SEED draws others, SEMANTEST_MESSAGES sets how many.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.campaigns.messages import CLOUDS, MessageJob, run_message_job

_SEED = int(os.environ.get("SEMANTEST_MESSAGES_SEED", "1"))
_COUNT = int(os.environ.get("SEMANTEST_MESSAGES", "40"))


@pytest.mark.timeout(900)
@pytest.mark.parametrize("cloud", CLOUDS)
def test_lose_no_message(tmp_path: Path, cloud: str) -> None:
    result = run_message_job(MessageJob(tmp_path / "project", cloud, _COUNT, kills=1, seed=_SEED))

    assert result.faults == [], f"SEMANTEST_MESSAGES_SEED={_SEED}: {result.describe()}"
    assert result.kills == 1
