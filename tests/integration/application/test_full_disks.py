"""Commands on disks with little room lose nothing, say so in one line, and converge once there is room again.

`make campaign full-disks` tries every place and size. SEMANTEST_FULL_DISKS_SEED draws others, SEMANTEST_FULL_DISKS sets
how many of each command.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from semantest_iac.domain.guardrails.engine_choice import SANDBOX_ENGINE
from tests.campaigns.full_disk_runner import PLACES_OF_ENGINES, FullDiskJob, find_mount_refusal
from tests.campaigns.full_disks import run_full_disk_job

_SEED = int(os.environ.get("SEMANTEST_FULL_DISKS_SEED", "1"))
_COUNT = int(os.environ.get("SEMANTEST_FULL_DISKS", "1"))


class TestFullDisks:
    @pytest.mark.timeout(900)
    @pytest.mark.parametrize(("cloud", "command"), [("aws", "deploy"), ("azure", "destroy")])
    def test_lose_nothing(self, tmp_path: Path, cloud: str, command: str) -> None:
        if refusal := find_mount_refusal():
            pytest.skip(refusal)
        plants_fault = cloud == "aws"

        result = run_full_disk_job(
            FullDiskJob(
                str(tmp_path),
                cloud,
                command,
                PLACES_OF_ENGINES[SANDBOX_ENGINE],
                _SEED,
                _COUNT,
                plants_fault=plants_fault,
            )
        )

        assert not list(result.describe()), "\n".join([f"SEMANTEST_FULL_DISKS_SEED={_SEED}", *result.describe()])
        assert len(result.reports) == _COUNT + 2 * plants_fault
