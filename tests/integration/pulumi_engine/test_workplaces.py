"""The child of a preview waits for the apply that usually follows, and for nothing else."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

from semantest_iac.application.deployment.completion_events import apply_plan
from tests.integration.pulumi_engine.house import House, unwatched
from tests.integration.pulumi_engine.killer import marked, victims


class TestWaitingChild:
    async def test_carries_out_what_it_has_previewed(self, tmp_path: Path, variables: dict[str, str]) -> None:
        house = House(tmp_path / "home", variables)
        plan = await house.engine.preview(house.work())
        waiting = victims(tmp_path, "child")

        applied = await apply_plan(house.engine, house.work(), plan, house, unwatched)

        assert len(waiting) == 1
        assert (applied.changes, victims(tmp_path, "child")) == (plan.changes, [])

    async def test_is_replaced_where_it_died(self, tmp_path: Path, variables: dict[str, str]) -> None:
        house = House(tmp_path / "home", variables)
        plan = await house.engine.preview(house.work())
        for pid in victims(tmp_path, "child"):
            os.kill(pid, signal.SIGKILL)
        await asyncio.sleep(0.2)

        applied = await apply_plan(house.engine, house.work(), plan, house, unwatched)

        assert applied.changes == plan.changes

    def test_ends_with_its_event_loop(self, tmp_path: Path, variables: dict[str, str]) -> None:
        house = House(tmp_path / "home", variables)

        asyncio.run(house.engine.preview(house.work()))

        assert list(marked(tmp_path)) == []
