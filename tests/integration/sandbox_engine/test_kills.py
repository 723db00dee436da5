from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pulumi_aws as aws
import pytest

from semantest_iac.infrastructure.sandbox_engine.state.snapshots import StateChange
from tests.integration.sandbox_engine.rest_api import STACK
from tests.integration.sandbox_engine.world import World

_ROOT = Path(__file__).parents[3]


class TestKills:
    @pytest.mark.timeout(300)
    @pytest.mark.parametrize(("cloud", "resources"), [("aws", 21), ("azure", 23)])
    @pytest.mark.parametrize("phase", ["deploy", "destroy"])
    @pytest.mark.parametrize("moment", ["before", "after"])
    def test_at_any_operation_lose_and_duplicate_nothing(
        self, tmp_path: Path, phase: str, moment: str, cloud: str, resources: int
    ) -> None:
        run = "tests.integration.sandbox_engine.crashing_runs"
        command = [sys.executable, "-m", run, str(tmp_path), phase, moment, cloud]
        environment = {**os.environ, "PYTHONPATH": f"{_ROOT}{os.pathsep}{_ROOT / 'events'}"}
        finished = subprocess.run(command, cwd=_ROOT, env=environment, capture_output=True, text=True, check=True)

        survivors = [json.loads(line) for line in finished.stdout.splitlines()]
        remaining = resources if phase == "deploy" else 0
        expected = {"orphans": [], "remaining": remaining, "up_to_date": True, "journal": []}
        killed = (resources + (moment == "after")) // 2
        assert (len(survivors), survivors) == (killed, [expected] * killed)

    def test_leave_pending_operations_in_the_export(self, world: World) -> None:
        journal = world.store.open_journal(STACK)
        world.up(lambda: aws.sns.Topic("topic", name="topic"))
        journal.begin("delete", world.state("topic"), StateChange(drop=world.state("topic").key))

        pending = world.sessions.export(STACK)["deployment"]["pending_operations"]
        assert [operation["type"] for operation in pending] == ["deleting"]
        assert [step.op for step in world.up(lambda: aws.sns.Topic("topic", name="topic"))] == ["same"]
