"""kill -9 of whoever takes part in a deployment, at any resource: no orphans, no damage, no second creation."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from semantest_iac.domain.errors import DeploymentError
from semantest_iac.infrastructure.pulumi_engine.operations.engine import PulumiEngine
from semantest_iac.infrastructure.pulumi_engine.operations.outcomes import FindCreatedResource
from semantest_iac.infrastructure.pulumi_engine.state.states import StackState, read_state_file
from semantest_iac.infrastructure.sandbox_engine.simulated_clouds import create_code_publisher
from tests.integration.pulumi_engine.house import STACK, House
from tests.integration.pulumi_engine.killer import Killer, marked

_ROOT = Path(__file__).parents[3]
_RESOURCES = 19
_ORPHANS_MAY_LIVE_S = 5.0
_EVERY = [(whom, when, nth) for nth in range(1, _RESOURCES + 1) for whom in ("parent", "child", "cli")
          for when in ("before", "after")]  # fmt: skip
_COUNT = int(os.environ.get("SEMANTEST_KILLS", "12"))
_KILLS = [_EVERY[number * len(_EVERY) // _COUNT] for number in range(_COUNT)]  # spread over all resources


def _state(house: House) -> StackState:
    assert house.site.files
    return read_state_file(house.site.files, str(STACK)) or StackState({})


def _in_cloud(state: StackState) -> list[tuple[str, str]]:
    return sorted((it["type"], it["id"]) for it in state.resources if it.get("provider"))


def _wait_for_orphans(folder: Path) -> None:
    deadline = time.monotonic() + _ORPHANS_MAY_LIVE_S
    while list(marked(folder)) and time.monotonic() < deadline:
        time.sleep(0.05)


def _killed(folder: Path, variables: dict[str, str], whom: str, when: str, nth: int) -> None:
    """A first deployment that somebody does not survive."""
    if whom == "parent":
        command = [sys.executable, "-m", "tests.integration.pulumi_engine.killer", str(folder), when, str(nth)]
        path = f"{_ROOT}{os.pathsep}{_ROOT / 'events'}"
        subprocess.run(command, cwd=_ROOT, env={**variables, "PYTHONPATH": path}, timeout=60, check=False)
        return
    killer = Killer(folder, whom, when, nth)
    house = House(folder, variables, lambda package, region: killer.around(house.cloud(package, region)))
    with pytest.raises(DeploymentError, match="killed by signal 9"):
        asyncio.run(house.deploy(house.work()))
    house.inventory.close()


class TestDeploymentWithAKilledProcess:
    @pytest.mark.parametrize(("whom", "when", "nth"), _KILLS, ids=[f"{w}-{t}-{n}" for w, t, n in _KILLS])
    def test_leaves_no_orphan_and_is_completed_by_the_next(
        self, tmp_path: Path, variables: dict[str, str], whom: str, when: str, nth: int
    ) -> None:
        _killed(tmp_path / "home", variables, whom, when, nth)
        _wait_for_orphans(tmp_path)
        house = House(tmp_path / "home", variables)
        orphans, interrupted = list(marked(tmp_path)), len(house.living())

        applied = asyncio.run(house.deploy(house.work()))

        state = _state(house)
        assert orphans == []
        assert applied.changes.create == _RESOURCES - interrupted
        assert (_in_cloud(state), state.pending_creates) == (house.living(), [])
        assert list(house.left()) == []

    def test_knows_that_what_it_takes_up_has_no_code_yet(self, tmp_path: Path, variables: dict[str, str]) -> None:
        stack = replace(STACK, provider="azure", region="eastus")
        killer = Killer(tmp_path / "home", "cli", "after", type_="azure-native:web:WebApp")
        house = House(tmp_path / "home", variables, lambda package, region: killer.around(house.cloud(package, region)))
        house.engine = PulumiEngine(house.children, house.search, partial(create_code_publisher, house.cloud))
        with pytest.raises(DeploymentError, match="killed by signal 9"):
            asyncio.run(house.deploy(house.work(stack=stack)))

        plan = asyncio.run(house.engine.preview(house.work(stack=stack)))

        assert [change.op for change in plan.resources if change.type.endswith(":WebApp")] == ["same"]
        assert plan.lacks_code

    def test_is_a_persons_to_judge_where_nobody_can_look(self, tmp_path: Path, variables: dict[str, str]) -> None:
        _killed(tmp_path / "home", variables, "cli", "after", 14)
        house = House(tmp_path / "home", variables)
        nobody: FindCreatedResource | None = None
        house.engine._search = nobody

        with pytest.raises(DeploymentError, match="was killed while it created") as caught:
            asyncio.run(house.deploy(house.work()))

        assert caught.value.error_code == "CREATES_PENDING"
        assert any("--import-pending-creates" in fault.hint for fault in caught.value.faults)
