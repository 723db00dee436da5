"""The processes of a run: a mark in the environment finds each of them, whatever group or session it moved to."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

MARK = "SEMANTEST_RUN"
_PROC = Path("/proc")
_ROUNDS = 50  # a process that forks while it is looked for is found in the next round


def sweep(run: str) -> int:
    """Kill what carries the run's mark, ourselves excepted; how many there were.

    Engines put plugins in process groups of their own, so killing one group would leave them.
    """
    killed = set()
    for _ in range(_ROUNDS):
        found = list(marked(run))
        if not found:
            break
        for pid in found:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
                killed.add(pid)
        time.sleep(0.01)
    return len(killed)


def marked(run: str) -> Iterator[int]:
    """The living processes that carry the run's mark; none where the system does not show environments."""
    wanted = f"{MARK}={run}".encode()
    for entry in _PROC.glob("[0-9]*"):
        if int(entry.name) != os.getpid() and wanted in _environment(entry) and _is_alive(entry):
            yield int(entry.name)


def kill_group(group: int, number: signal.Signals = signal.SIGKILL) -> None:
    """Signal a process group; one that is gone is fine."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def _environment(entry: Path) -> list[bytes]:
    with suppress(OSError):
        return (entry / "environ").read_bytes().split(b"\0")
    return []


def _is_alive(entry: Path) -> bool:
    """A zombie is dead: only its parent has not heard of it."""
    with suppress(OSError):
        return (entry / "stat").read_text(errors="replace").rpartition(")")[2].split()[0] not in ("Z", "X")
    return False
