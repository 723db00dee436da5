"""The worker of a preview is kept for the apply that usually follows."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

from semantest_iac.application.deployment.completion_events import apply_plan
from tests.integration.pulumi_engine.engine_home import EngineHome, ignore_progress
from tests.integration.pulumi_engine.process_killer import find_processes, list_processes


class TestIdleSession:
    async def test_applies_what_it_has_previewed(self, tmp_path: Path, variables: dict[str, str]) -> None:
        engine_home = EngineHome(tmp_path / "home", variables)
        plan = await engine_home.engine.preview(engine_home.work())
        idle = find_processes(tmp_path, "worker")

        applied = await apply_plan(engine_home.engine, engine_home.work(), plan, engine_home, ignore_progress)

        assert len(idle) == 1
        assert (applied.changes, find_processes(tmp_path, "worker")) == (plan.changes, [])

    async def test_is_replaced_when_its_worker_died(self, tmp_path: Path, variables: dict[str, str]) -> None:
        engine_home = EngineHome(tmp_path / "home", variables)
        plan = await engine_home.engine.preview(engine_home.work())
        for pid in find_processes(tmp_path, "worker"):
            os.kill(pid, signal.SIGKILL)
        await asyncio.sleep(0.2)

        applied = await apply_plan(engine_home.engine, engine_home.work(), plan, engine_home, ignore_progress)

        assert applied.changes == plan.changes

    def test_ends_with_its_event_loop(self, tmp_path: Path, variables: dict[str, str]) -> None:
        engine_home = EngineHome(tmp_path / "home", variables)

        asyncio.run(engine_home.engine.preview(engine_home.work()))

        assert list(list_processes(tmp_path)) == []
