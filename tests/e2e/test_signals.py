"""SIGINT, SIGTERM and SIGHUP at any moment: the command ends as cancelled, with one line and one terminal event."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from typing import Any

import pytest

from semantest_iac.infrastructure.ledger.sqlite import SqliteLedger

_PROGRAM = """
import os, runpy, signal, sys
module, number, times, ignored = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4] == "ignored"
class SignalSender:
    def find_spec(self, name, path=None, target=None):
        if name == module:
            for _ in range(times):
                os.kill(os.getpid(), number)
if ignored:
    signal.signal(number, signal.SIG_IGN)
sys.meta_path.insert(0, SignalSender())
sys.argv[1:] = sys.argv[5:]
runpy.run_module("semantest_iac", run_name="__main__", alter_sys=True)
"""
_START, _COMMAND = "semantest_iac.presentation.cli.program", "semantest_iac.presentation.cli.execution"
_ENGINE, _HOST = "semantest_iac.infrastructure.cloud_programs.program", "semantest_iac.infrastructure.function_runtimes"
_LEDGER, _SERVER = "semantest_iac.infrastructure.ledger.sqlite", "semantest_iac.presentation.gateway.server"
_DEPLOY = ("deploy", "rest-api", "--json")


def _run_with_signal(workspace: Any, moment: str, number: int, *command: str, times: int = 1, how: str = "") -> Any:
    """Run a command that gets the signal when it imports this module."""
    return subprocess.run(
        [sys.executable, "-c", _PROGRAM, moment, str(int(number)), str(times), how, *command],
        cwd=workspace.folder,
        env=workspace._environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=workspace.timeout_s,
        check=False,
    )


@pytest.fixture(scope="module")
def deployed(shared_workspace: Any) -> Any:
    """A workspace with a deployed stack."""
    assert shared_workspace.run(*_DEPLOY).code == 0
    return shared_workspace


@pytest.mark.parametrize(
    ("moment", "number", "times", "command"),
    [
        (_START, signal.SIGINT, 1, _DEPLOY),
        (_START, signal.SIGTERM, 2, _DEPLOY),
        (_COMMAND, signal.SIGHUP, 2, _DEPLOY),
        (_ENGINE, signal.SIGTERM, 1, _DEPLOY),
        (_ENGINE, signal.SIGHUP, 1, ("preview", "rest-api", "--set", "components.rest-api.memory=1024")),
        (_COMMAND, signal.SIGTERM, 1, ("destroy", "rest-api", "--yes")),
        (_HOST, signal.SIGTERM, 1, ("invoke", "rest-api", "GET", "/health")),
        (_LEDGER, signal.SIGHUP, 1, ("status",)),
        (_SERVER, signal.SIGHUP, 1, ("serve", "--port", "0")),
    ],
)
def test_a_signal_cancels_at_any_moment(
    deployed: Any, moment: str, number: signal.Signals, times: int, command: tuple[str, ...]
) -> None:
    ledger = SqliteLedger(deployed.home / "ledger.db")
    before = ledger.deployments()
    ended = _run_with_signal(deployed, moment, number, *command, times=times)

    rows = ledger.deployments()
    new = rows[: len(rows) - len(before)]
    assert ended.returncode == (0 if command[0] == "serve" else 4), ended.stderr
    assert "Traceback" not in ended.stderr
    assert [row.state for row in new] in ([], ["cancelled"])
    if "--json" in command and moment != _START:
        answer = json.loads(ended.stdout.splitlines()[-1])
        assert answer.get("state", "cancelled") == "cancelled"
    elif command[0] != "serve":
        assert [line for line in ended.stderr.splitlines() if line.startswith("Error: ")] in (
            ["Error: Cancelled."],
            [f"Error: Cancelled by {number.name}."],
        )


def test_an_ignored_hangup_stays_ignored(deployed: Any) -> None:
    ended = _run_with_signal(deployed, _COMMAND, signal.SIGHUP, "preview", "rest-api", how="ignored")

    assert ended.returncode == 0, ended.stderr
