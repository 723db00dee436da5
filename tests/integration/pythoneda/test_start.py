"""How the PythonEDA application starts and is stopped, whether PythonEDA is there or not."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from semantest_iac.infrastructure.pythoneda_bridge.installation import PythonedaMissingError, require_pythoneda
from semantest_iac.pythoneda.__main__ import StoppableRun


class TestStartWithoutPythoneda:
    def test_says_what_is_missing(self, tmp_path: Path) -> None:
        try:
            require_pythoneda()
        except PythonedaMissingError:
            pass
        else:
            pytest.skip("PythonEDA is installed")
        command = [sys.executable, "-m", "semantest_iac.pythoneda", "update", "--stack", "aws-dev"]

        ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

        assert (ended.returncode, ended.stdout, list(tmp_path.iterdir())) == (3, "", [])
        assert ended.stderr.startswith("Error: Cannot start the PythonEDA application.\n  pythoneda.shared: ")
        assert ended.stderr.splitlines()[-1].startswith("Hint: Put PythonEDA's packages on PYTHONPATH")


class TestStoppableRun:
    async def test_returns_what_was_started(self) -> None:
        async def start() -> str:
            return "application"

        assert await StoppableRun(start).run() == "application"

    async def test_ends_at_a_signal(self, capsys: pytest.CaptureFixture[str]) -> None:
        stoppable = StoppableRun(asyncio.Event().wait)
        running = asyncio.create_task(stoppable.run())
        await asyncio.sleep(0)

        stoppable.stop(1, "SIGTERM")

        assert await running is None
        assert capsys.readouterr().err.startswith("Stopping after the deployments in progress (SIGTERM)")

    async def test_does_not_hide_another_cancellation(self) -> None:
        running = asyncio.create_task(StoppableRun(asyncio.Event().wait).run())
        await asyncio.sleep(0)

        running.cancel()

        with pytest.raises(asyncio.CancelledError):
            await running

    def test_survives_a_signal_before_its_start(self) -> None:
        StoppableRun(asyncio.Event().wait).stop(1, "SIGINT")
