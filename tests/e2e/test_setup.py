"""`setup` on a terminal, and interrupted."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

_SLOW_CLI = """#!/bin/sh
[ "$1" = version ] && echo v3.250.0 && exit
mkdir -p "$PULUMI_HOME/plugins/resource-$4-v$5"
echo $$ > "$HOME/pid.draft" && mv "$HOME/pid.draft" "$HOME/pid"
exec sleep 1000
"""


def _is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def _with_cli(workspace: Any, script: str) -> Any:
    """Return the workspace with this script as the Pulumi CLI."""
    cli = workspace.folder / "pulumi"
    cli.write_text(script)
    cli.chmod(0o755)
    return replace(
        workspace, variables={"HOME": str(workspace.folder), "SEMANTEST_PULUMI": str(cli), "PULUMI_HOME": ""}
    )


class TestSetup:
    def test_installs_after_consent(self, workspace: Any) -> None:
        workspace = _with_cli(workspace, _SLOW_CLI.replace("exec sleep 1000", ""))

        refused = workspace.run_on_terminal("setup", "--provider", "aws", typed="no\n")
        agreed = workspace.run_on_terminal("setup", "--provider", "aws", typed="yes\n")
        again = workspace.run("setup", "--provider", "aws", "--json")

        assert [each.code for each in (refused, agreed, again)] == [3, 0, 0]
        assert [step["state"] for step in again.json["steps"]] == ["there", "there"]

    def test_names_an_unknown_provider(self, workspace: Any) -> None:
        outcome = workspace.run("setup", "--provider", "asw", "--json")

        assert (outcome.code, outcome.json["error"]["faults"][0]["hint"][:20]) == (2, "Did you mean 'aws'? ")

    def test_removes_partial_work_when_interrupted(self, workspace: Any) -> None:
        workspace, pid = _with_cli(workspace, _SLOW_CLI), workspace.folder / "pid"

        with workspace.start("setup", "--provider", "aws", "--yes") as process:
            while not pid.exists():
                time.sleep(0.01)
            os.kill(process.pid, signal.SIGINT)
            _, err = process.communicate()

        assert (process.returncode, err.splitlines()[-1]) == (4, "Error: Cancelled.")
        assert not _is_running(int(pid.read_text()))
        assert list((workspace.folder / ".pulumi").iterdir()) == []
