"""A run: one worker's private folder and all its processes, which a variable in their environment identifies.

Both are removed at the end of the run, or by the next run after a crash."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

RUN_MARK_VARIABLE = "SEMANTEST_RUN"
_PROC = Path("/proc")
_SWEEP_ROUNDS = 50  # a process that forks while it is looked for is found in the next round


def kill_run_processes(run: str) -> int:
    """Kill what carries the run's mark, ourselves excepted; how many there were.

    Engines put plugins in process groups of their own, so killing one group would leave them.
    """
    killed = set()
    for _ in range(_SWEEP_ROUNDS):
        found = list(find_run_processes(run))
        if not found:
            break
        for pid in found:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
                killed.add(pid)
        time.sleep(0.01)
    return len(killed)


def find_run_processes(run: str) -> Iterator[int]:
    """The living processes that carry the run's mark; none where the system does not show environments."""
    wanted = f"{RUN_MARK_VARIABLE}={run}".encode()
    for entry in _PROC.glob("[0-9]*"):
        if int(entry.name) != os.getpid() and wanted in _read_environment(entry) and _is_alive(entry):
            yield int(entry.name)


def kill_process_group(group: int, number: signal.Signals = signal.SIGKILL) -> None:
    """Signal a process group; one that is gone is fine."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def _read_environment(entry: Path) -> list[bytes]:
    with suppress(OSError):
        return (entry / "environ").read_bytes().split(b"\0")
    return []


def _is_alive(entry: Path) -> bool:
    """A zombie is dead: only its parent has not heard of it."""
    with suppress(OSError):
        return (entry / "stat").read_text(errors="replace").rpartition(")")[2].split()[0] not in ("Z", "X")
    return False


_OWNER_FILE = "owner"
_NEW_RUN_S = 60  # a folder without an owner file may be one that is being made


@dataclass(frozen=True, slots=True)
class EngineRun:
    """A folder of its own, and the mark that all processes of the run carry.

    `owner` is a locked descriptor: as long as the parent or the child holds it, nobody clears the run away.
    """

    mark: str
    folder: Path
    owner: int

    @property
    def home(self) -> Path:
        """PULUMI_HOME."""
        return self.folder / "home"

    @property
    def work(self) -> Path:
        """The folder with the project and stack settings."""
        return self.folder / "work"


@contextmanager
def open_run(runs: Path) -> Iterator[EngineRun]:
    """A new run; at its end its processes are dead and its folder is gone, whatever happened."""
    runs.mkdir(parents=True, exist_ok=True, mode=0o700)
    clear_abandoned_runs(runs)
    run = _create_run(runs)
    try:
        yield run
    finally:
        kill_run_processes(run.mark)
        shutil.rmtree(run.folder, ignore_errors=True)
        os.close(run.owner)


def clear_abandoned_runs(runs: Path) -> None:
    """End what runs without a parent left behind; living ones are not touched."""
    for folder in runs.iterdir():
        descriptor = _lock_if_abandoned(folder)
        if descriptor is not None:
            kill_run_processes(folder.name)
            shutil.rmtree(folder, ignore_errors=True)
            os.close(descriptor)


def _create_run(runs: Path) -> EngineRun:
    mark = uuid.uuid4().hex
    folder = runs / mark
    folder.mkdir(mode=0o700)
    owner = os.open(folder / _OWNER_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    fcntl.flock(owner, fcntl.LOCK_EX)
    run = EngineRun(mark, folder, owner)
    run.home.mkdir()
    run.work.mkdir()
    return run


def _lock_if_abandoned(folder: Path) -> int | None:
    """The locked owner file of a run that nobody holds; None for a living or a very young one."""
    try:
        is_young = time.time() - folder.stat().st_mtime < _NEW_RUN_S and not (folder / _OWNER_FILE).exists()
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        descriptor = None if is_young else os.open(folder / _OWNER_FILE, flags, 0o600)
    except OSError:
        return None
    if descriptor is None:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor
