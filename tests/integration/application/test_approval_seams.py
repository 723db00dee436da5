"""Processes that are killed around an approval: each seam ends right, in each database."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from semantest_iac.bootstrap.application import Application
from semantest_iac.domain.deployment.status import TERMINAL_EVENT_TYPES
from semantest_iac.infrastructure.ledger.sql_ledger import SqlLedger
from tests.postgresql_server import MISSING_REASON, find_postgresql, run_postgresql

_ROOT = Path(__file__).parents[3]
_KILLED = 77
_PROGRAM = f"""\
import asyncio, os, sys
from pathlib import Path
from semantest_iac.application.intake.deployment_specs import build_spec
from semantest_iac.application.ports.run_queue import FIRST_COME
from semantest_iac.bootstrap.application import Application
from semantest_iac.bootstrap.deployments import WorkerViews

task, seam = sys.argv[1:]
application = Application(Path(".semantest"))


def end_at(event):
    if seam and event.type_name.endswith(seam):
        os._exit({_KILLED})


def report_run(lease, change):
    if change == seam:
        os._exit({_KILLED})


async def main():
    if task == "request":
        spec = build_spec("rest-api", application.configuration(environ={{}}), application)
        deploying = application.deployments({{}}, engine=spec.engine).deploy
        row = await deploying(spec.stack, spec.configuration, settings=spec.settings, detach=FIRST_COME)
        print(row.deployment)
    elif task == "work":
        await application.worker({{}}, WorkerViews([end_at], report_run)).run_until_idle()
    else:
        await application.approvals({{}}).approve(seam, "ana")
        os._exit({_KILLED})  # before the deployment is carried on


asyncio.run(main())
"""


class Place:
    """A folder whose environment requires approvals, and the processes that work there."""

    def __init__(self, folder: Path, ledger_url: str) -> None:
        self._folder = folder
        self._environment = {**os.environ, "PYTHONPATH": os.pathsep.join((str(_ROOT), str(_ROOT / "events")))}
        if ledger_url:
            self._environment["SEMANTEST_LEDGER_URL"] = ledger_url
        (folder / "semantest.yaml").write_text("approvals: {required: always}\n", encoding="utf-8")

    def run(self, task: str, seam: str = "") -> str:
        """Run a process to its end, or until it is killed at the seam; returns what it printed."""
        command = [sys.executable, "-c", _PROGRAM, task, seam]
        ended = subprocess.run(
            command, cwd=self._folder, env=self._environment, capture_output=True, text=True, timeout=120, check=False
        )
        assert ended.returncode == (_KILLED if seam else 0), ended.stderr
        return ended.stdout.strip()


@pytest.fixture(params=["SQLite", "PostgreSQL"])
def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    with ExitStack() as exits:
        url = ""
        if request.param == "PostgreSQL":
            programs = find_postgresql()
            if programs is None:
                pytest.skip(MISSING_REASON)
            parts = dict(part.split("=", 1) for part in exits.enter_context(run_postgresql(programs)).url.split())
            url = f"postgresql://{parts['user']}@/{parts['dbname']}?host={parts['host']}"
            monkeypatch.setenv("SEMANTEST_LEDGER_URL", url)
        monkeypatch.chdir(tmp_path)
        yield Place(tmp_path, url)


def test_a_killed_process_leaves_an_approval_to_the_next_one(place: Place, tmp_path: Path) -> None:
    deployment = place.run("request")
    place.run("work", "approval.requested")  # killed before it has parked the run
    place.run("work")
    place.run("approve", deployment)  # killed before anybody has claimed it
    place.run("work", "claimed")
    place.run("work", "run.resumed")
    place.run("work", "deployment.planned")  # killed before it has compared the plans
    place.run("work")

    application = Application(tmp_path / ".semantest")
    assert isinstance(application.ledger, SqlLedger)
    row = application.ledger.deployment(deployment)
    types = [it.type.removeprefix("infrastructure.") for it in application.ledger.log()]
    queued = application.run_queue.list_runs()
    application.ledger.close()
    assert row is not None
    assert (row.state, row.error, queued) == ("completed", None, [])
    assert [types.count(f"approval.{kind}") for kind in ("requested", "granted", "denied")] == [1, 1, 0]
    assert sum(f"infrastructure.{type_}" in TERMINAL_EVENT_TYPES for type_ in types) == 1
