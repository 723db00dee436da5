"""The processes of a nemesis: forks, kills, pauses and measures them."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from tests.frozen_processes import freeze_process


class ProcessFigures(NamedTuple):
    """What one process holds."""

    memory_kb: int
    threads: int
    descriptors: int


@dataclass
class ForkedProcess:
    """A forked child that does one thing; `output` is the file that gets what it prints."""

    run: Callable[[], object]
    output: Path
    pid: int = 0
    resumes_at: float | None = None
    kills: list[tuple[int, float]] = field(default_factory=list)

    def start(self) -> None:
        """Fork; the caller has no threads."""
        self.resumes_at = None
        self.pid = os.fork()
        if self.pid == 0:
            code = 1
            try:
                output = os.open(self.output, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
                os.dup2(output, sys.stdout.fileno())
                os.dup2(output, sys.stderr.fileno())
                self.run()
                code = 0
            except BaseException:
                import traceback

                traceback.print_exc()
            finally:
                sys.stderr.flush()
                os._exit(code)

    def kill(self) -> None:
        """Kill -9, and wait for its end."""
        self.kills.append((self.pid, time.monotonic()))
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        self.pid = 0

    def pause(self, seconds: float) -> None:
        """Stop the process for so long; `resume_if_due` lets it go on."""
        freeze_process(self.pid)
        self.resumes_at = time.monotonic() + seconds

    def resume_if_due(self, *, at_once: bool = False) -> None:
        if self.resumes_at is not None and (at_once or time.monotonic() >= self.resumes_at):
            self.resumes_at = None
            os.kill(self.pid, signal.SIGCONT)

    def poll(self) -> int | None:
        """Return the exit status of a process that has ended by itself, None for one that runs."""
        if self.pid == 0:
            return 0
        pid, status = os.waitpid(self.pid, os.WNOHANG)
        if pid == 0:
            return None
        self.kills.append((self.pid, time.monotonic()))
        self.pid = 0
        return status

    def end(self, limit_s: float) -> str:
        """Let the process end as SIGTERM asks it to; returns what is wrong with its end, empty if nothing is."""
        if self.pid == 0:
            return ""
        self.resume_if_due(at_once=True)
        os.kill(self.pid, signal.SIGTERM)
        deadline = time.monotonic() + limit_s
        while time.monotonic() < deadline:
            if (status := self.poll()) is not None:
                return f"it ended with status {status}" if status else ""
            time.sleep(0.05)
        self.kill()
        return f"it did not end within {limit_s:.0f} s of SIGTERM"

    def kill_if_running(self) -> None:
        """For the end of a campaign that failed."""
        if self.pid:
            with suppress(ProcessLookupError, ChildProcessError):
                self.kill()


def read_figures(pid: int) -> ProcessFigures:
    """Measure a process: the memory that it shares with no other, in KB."""
    folder = Path("/proc") / str(pid)
    lines = dict(line.split(":", 1) for line in (folder / "smaps_rollup").read_text().splitlines()[1:])
    memory = sum(int(lines[name].split()[0]) for name in ("Private_Dirty", "Private_Clean"))
    return ProcessFigures(memory, len(list((folder / "task").iterdir())), len(list((folder / "fd").iterdir())))


def find_slope(points: list[tuple[float, float]]) -> float:
    """Return the growth per unit by least squares; 0 for fewer than two points."""
    if len(points) < 2:
        return 0.0
    x_mean, y_mean = (sum(point[axis] for point in points) / len(points) for axis in (0, 1))
    spread = sum((x - x_mean) ** 2 for x, _ in points)
    return sum((x - x_mean) * (y - y_mean) for x, y in points) / spread if spread else 0.0
