"""`setup` as a process that somebody interrupts."""

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


class TestSetup:
    def test_leaves_nothing_when_it_is_interrupted(self, desk: Any) -> None:
        cli, pid = desk.folder / "pulumi", desk.folder / "pid"
        cli.write_text(_SLOW_CLI)
        cli.chmod(0o755)
        desk = replace(desk, variables={"HOME": str(desk.folder), "SEMANTEST_PULUMI": str(cli), "PULUMI_HOME": ""})

        with desk.start("setup", "--provider", "aws", "--yes") as process:
            while not pid.exists():
                time.sleep(0.01)
            os.kill(process.pid, signal.SIGINT)
            _, said = process.communicate()

        assert (process.returncode, said.splitlines()[-1]) == (4, "Error: Cancelled.")
        assert not _lives(int(pid.read_text()))
        assert list((desk.folder / ".pulumi").iterdir()) == []
