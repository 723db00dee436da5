"""`setup` as a process that somebody talks to, or interrupts."""

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


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def _with_cli(desk: Any, script: str) -> Any:
    """The desk of a person whose CLI is this script."""
    cli = desk.folder / "pulumi"
    cli.write_text(script)
    cli.chmod(0o755)
    return replace(desk, variables={"HOME": str(desk.folder), "SEMANTEST_PULUMI": str(cli), "PULUMI_HOME": ""})


class TestSetup:
    def test_gets_what_a_person_agrees_to(self, desk: Any) -> None:
        desk = _with_cli(desk, _SLOW_CLI.replace("exec sleep 1000", ""))

        refused = desk.on_terminal("setup", "--provider", "aws", typed="no\n")
        agreed = desk.on_terminal("setup", "--provider", "aws", typed="yes\n")
        again = desk.run("setup", "--provider", "aws", "--json")

        assert [each.code for each in (refused, agreed, again)] == [3, 0, 0]
        assert [step["state"] for step in again.json["steps"]] == ["there", "there"]

    def test_names_an_unknown_provider(self, desk: Any) -> None:
        outcome = desk.run("setup", "--provider", "asw", "--json")

        assert (outcome.code, outcome.json["error"]["faults"][0]["hint"][:20]) == (2, "Did you mean 'aws'? ")

    def test_leaves_nothing_when_it_is_interrupted(self, desk: Any) -> None:
        desk, pid = _with_cli(desk, _SLOW_CLI), desk.folder / "pid"

        with desk.start("setup", "--provider", "aws", "--yes") as process:
            while not pid.exists():
                time.sleep(0.01)
            os.kill(process.pid, signal.SIGINT)
            _, said = process.communicate()

        assert (process.returncode, said.splitlines()[-1]) == (4, "Error: Cancelled.")
        assert not _lives(int(pid.read_text()))
        assert list((desk.folder / ".pulumi").iterdir()) == []
