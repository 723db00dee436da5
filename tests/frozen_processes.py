"""Stops processes so that they answer nothing, as a machine that hangs."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

_LIMIT_S = 30.0


@contextmanager
def freeze_processes(pids: Iterable[int]) -> Iterator[None]:
    """Stop the processes for the block; what they have open stays open."""
    frozen = list(pids)
    for pid in frozen:
        freeze_process(pid)
    try:
        yield
    finally:
        for pid in frozen:
            os.kill(pid, signal.SIGCONT)


def freeze_process(pid: int) -> None:
    """Stop a process with all its threads.

    The signal only asks for it: a thread that runs on another processor goes on for a moment, in which it can answer.
    """
    os.kill(pid, signal.SIGSTOP)
    deadline = time.monotonic() + _LIMIT_S
    while not set(_list_thread_states(pid)) <= {"T", "Z"}:
        if time.monotonic() > deadline:
            raise TimeoutError(f"Process {pid} does not stop.")
        time.sleep(0.001)


def _list_thread_states(pid: int) -> Iterator[str]:
    for stat in Path(f"/proc/{pid}/task").glob("*/stat"):
        try:
            yield stat.read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()[0]
        except OSError:  # the thread has ended meanwhile
            continue
