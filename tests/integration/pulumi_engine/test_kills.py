"""kill -9 of any process of a deployment, at any resource: no orphans, no damaged state, no second create."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from semantest_iac.domain.errors import DeploymentError
from semantest_iac.infrastructure.pulumi_engine.operations.engine import PulumiEngine
from semantest_iac.infrastructure.pulumi_engine.operations.outcomes import FindCreatedResource
from semantest_iac.infrastructure.pulumi_engine.state.state_files import StateFolder
from semantest_iac.infrastructure.pulumi_engine.state.states import StackState, read_state_file
from semantest_iac.infrastructure.sandbox_engine.simulated_clouds import create_code_publisher
from tests.integration.pulumi_engine.engine_home import STACK, EngineHome
from tests.integration.pulumi_engine.process_killer import ProcessKiller, list_processes

_ROOT = Path(__file__).parents[3]
_RESOURCES = 19
_ORPHAN_LIFETIME_S = 5.0
_ALL_KILLS = [(process, when, nth) for nth in range(1, _RESOURCES + 1) for process in ("parent", "worker", "cli")
          for when in ("before", "after")]  # fmt: skip
_COUNT = int(os.environ.get("SEMANTEST_KILLS", "3"))  # one of each process; `make campaign kills` does all
_KILLS = [_ALL_KILLS[number * len(_ALL_KILLS) // _COUNT - 1] for number in range(1, _COUNT + 1)]  # over all resources


def _state(engine_home: EngineHome) -> StackState:
    assert engine_home.settings.file_backend
    return read_state_file(StateFolder(engine_home.settings.file_backend), str(STACK)) or StackState({})


def _cloud_resources(state: StackState) -> list[tuple[str, str]]:
    return sorted((it["type"], it["id"]) for it in state.resources if it.get("provider"))


def _wait_for_orphans(folder: Path) -> None:
    deadline = time.monotonic() + _ORPHAN_LIFETIME_S
    while list(list_processes(folder)) and time.monotonic() < deadline:
        time.sleep(0.05)


def _deploy_and_kill(folder: Path, variables: dict[str, str], process: str, when: str, nth: int) -> None:
    """Deploy for the first time and kill one of the processes."""
    if process == "parent":
        command = [sys.executable, "-m", "tests.integration.pulumi_engine.process_killer", str(folder), when, str(nth)]
        path = f"{_ROOT}{os.pathsep}{_ROOT / 'events'}"
        subprocess.run(command, cwd=_ROOT, env={**variables, "PYTHONPATH": path}, timeout=150, check=False)
        return
    killer = ProcessKiller(folder, process, when, nth)
    engine_home = EngineHome(folder, variables, lambda package, region: killer.wrap(engine_home.cloud(package, region)))
    with pytest.raises(DeploymentError, match="killed by signal 9"):
        asyncio.run(engine_home.deploy(engine_home.work()))
    engine_home.inventory.close()


class TestDeploymentWithAKilledProcess:
    @pytest.mark.parametrize(("process", "when", "nth"), _KILLS, ids=[f"{w}-{t}-{n}" for w, t, n in _KILLS])
    def test_leaves_no_orphan_and_is_completed_by_the_next(
        self, tmp_path: Path, variables: dict[str, str], process: str, when: str, nth: int
    ) -> None:
        _deploy_and_kill(tmp_path / "home", variables, process, when, nth)
        _wait_for_orphans(tmp_path)
        engine_home = EngineHome(tmp_path / "home", variables)
        orphans, interrupted = list(list_processes(tmp_path)), len(engine_home.live_resources())

        applied = asyncio.run(engine_home.deploy(engine_home.work()))

        state = _state(engine_home)
        assert orphans == []
        assert applied.changes.create == _RESOURCES - interrupted
        assert (_cloud_resources(state), state.pending_creates) == (engine_home.live_resources(), [])
        assert list(engine_home.leftover_runs()) == []

    @pytest.mark.parametrize(
        ("operation", "type_", "changed"),
        [
            ("update", "aws:lambda/function:Function", {"components": {"rest-api": {"memory": 1024}}}),
            ("delete", "aws:cloudwatch/metricAlarm:MetricAlarm", {"monitoring": {"enabled": False}}),
        ],
        ids=["updated", "deleted"],
    )
    def test_does_not_hide_what_the_cloud_has_done_from_a_way_back(
        self, tmp_path: Path, variables: dict[str, str], operation: str, type_: str, changed: dict[str, Any]
    ) -> None:
        """The state does not know the change: without a look at the cloud, the version before would change nothing."""
        engine_home = EngineHome(tmp_path / "home", variables)
        asyncio.run(engine_home.deploy(engine_home.work()))
        before = engine_home.describe_resources()
        killer = ProcessKiller(tmp_path / "home", "cli", "after", 1, type_, operation)
        killed = EngineHome(tmp_path / "home", variables, lambda *place: killer.wrap(killed.cloud(*place)))
        with pytest.raises(DeploymentError, match="killed by signal 9"):
            asyncio.run(killed.deploy(killed.work(changed)))
        assert engine_home.describe_resources() != before

        asyncio.run(engine_home.deploy(engine_home.work()))

        assert engine_home.describe_resources() == before
        assert not _state(engine_home).deployment.get("pending_operations")

    def test_knows_that_an_adopted_app_has_no_code_yet(self, tmp_path: Path, variables: dict[str, str]) -> None:
        stack = replace(STACK, provider="azure", region="eastus")
        killer = ProcessKiller(tmp_path / "home", "cli", "after", type_="azure-native:web:WebApp")
        engine_home = EngineHome(
            tmp_path / "home", variables, lambda package, region: killer.wrap(engine_home.cloud(package, region))
        )
        engine_home.engine = PulumiEngine(
            engine_home.supervisor, engine_home.find_created, partial(create_code_publisher, engine_home.cloud)
        )
        with pytest.raises(DeploymentError, match="killed by signal 9"):
            asyncio.run(engine_home.deploy(engine_home.work(stack=stack)))

        plan = asyncio.run(engine_home.engine.preview(engine_home.work(stack=stack)))

        assert [change.op for change in plan.resources if change.type.endswith(":WebApp")] == ["same"]
        assert plan.lacks_code

    def test_needs_a_person_without_a_search_in_the_cloud(self, tmp_path: Path, variables: dict[str, str]) -> None:
        _deploy_and_kill(tmp_path / "home", variables, "cli", "after", 14)
        engine_home = EngineHome(tmp_path / "home", variables)
        find_nothing: FindCreatedResource | None = None
        engine_home.engine._find_created = find_nothing

        with pytest.raises(DeploymentError, match="was killed while it created") as caught:
            asyncio.run(engine_home.deploy(engine_home.work()))

        assert caught.value.error_code == "CREATES_PENDING"
        assert any("--import-pending-creates" in fault.hint for fault in caught.value.faults)
