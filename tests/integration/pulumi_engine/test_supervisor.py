"""A worker is kept for the operations that follow a success."""

from __future__ import annotations

import asyncio
import os
import signal
from dataclasses import replace
from pathlib import Path

import pytest

from semantest_iac.application.deployment.completion_events import apply_plan
from semantest_iac.domain.errors import RefusedError
from tests.integration.pulumi_engine.engine_home import STACK, EngineHome, ignore_progress
from tests.integration.pulumi_engine.process_killer import find_processes, list_processes


class TestIdleSession:
    async def test_applies_what_it_has_previewed(self, tmp_path: Path, variables: dict[str, str]) -> None:
        engine_home = EngineHome(tmp_path / "home", variables)
        plan = await engine_home.engine.preview(engine_home.work())
        idle = find_processes(tmp_path, "worker")

        applied = await apply_plan(engine_home.engine, engine_home.work(), plan, engine_home, ignore_progress)

        assert len(idle) == 1
        assert (applied.changes, find_processes(tmp_path, "worker")) == (plan.changes, idle)

    async def test_goes_on_with_another_stack(self, tmp_path: Path, variables: dict[str, str]) -> None:
        engine_home = EngineHome(tmp_path / "home", variables)
        await engine_home.deploy(engine_home.work())
        idle = find_processes(tmp_path, "worker")
        other = replace(STACK, region="eu-west-1")

        applied = await engine_home.deploy(engine_home.work(stack=other))
        again = await engine_home.engine.preview(engine_home.work())

        assert (find_processes(tmp_path, "worker"), again.is_empty) == (idle, True)
        assert (applied.changes.create, len(idle)) == (19, 1)

    async def test_is_not_taken_from_the_stack_that_it_has_previewed(
        self, tmp_path: Path, variables: dict[str, str]
    ) -> None:
        engine_home = EngineHome(tmp_path / "home", variables)
        previewed = engine_home.work()
        plan = await engine_home.engine.preview(previewed)
        await engine_home.engine.preview(engine_home.work(stack=replace(STACK, region="eu-west-1")))
        both = find_processes(tmp_path, "worker")

        await apply_plan(engine_home.engine, previewed, plan, engine_home, ignore_progress)

        assert (len(both), find_processes(tmp_path, "worker")) == (2, both)

    async def test_ends_with_an_operation_that_is_refused(self, tmp_path: Path, variables: dict[str, str]) -> None:
        engine_home = EngineHome(tmp_path / "home", variables)
        plan = await engine_home.engine.preview(engine_home.work())
        fewer = engine_home.work({"monitoring": {"enabled": False}})

        with pytest.raises(RefusedError, match="make other changes than were planned"):
            await apply_plan(engine_home.engine, fewer, plan, engine_home, ignore_progress)

        assert (engine_home.live_resources(), find_processes(tmp_path, "worker")) == ([], [])

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
