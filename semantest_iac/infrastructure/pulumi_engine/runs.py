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

from semantest_iac.infrastructure.durable_files import make_private_folder, open_lock_file
from semantest_iac.infrastructure.file_locks import lock_or_close

RUN_MARK_VARIABLE = "SEMANTEST_RUN"
_PROC = Path("/proc")
_SWEEP_ROUNDS = 50  # a process that forks during one round is found in the next
_OWNER_FILE = "owner"
_NEW_RUN_S = 60  # a younger folder without an owner file may still be in the making


@dataclass(frozen=True, slots=True)
class EngineRun:
    """The private folder of one run, and the mark that all its processes carry.

    `owner_lock` is a locked file descriptor: while the parent or the worker holds it, no other run removes this one.
    """

    mark: str
    folder: Path
    owner_lock: int

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
    """Create a run; at the end of the block its processes are killed and its folder is removed.

    Abandoned runs are removed before and after: their processes may need a moment to notice that their parent is dead.
    """
    make_private_folder(runs)
    remove_abandoned_runs(runs)
    run = _create_run(runs)
    try:
        yield run
    finally:
        kill_run_processes(run.mark)
        shutil.rmtree(run.folder, ignore_errors=True)
        os.close(run.owner_lock)
        remove_abandoned_runs(runs)


def remove_abandoned_runs(runs: Path) -> None:
    """Kill the processes and remove the folders of runs whose parent is dead."""
    for folder in runs.iterdir():
        descriptor = _lock_if_abandoned(folder)
        if descriptor is not None:
            kill_run_processes(folder.name)
            shutil.rmtree(folder, ignore_errors=True)
            os.close(descriptor)


def kill_run_processes(mark: str) -> int:
    """Kill the processes that carry the mark, except this one; return how many there were.

    The engine puts plugins in process groups of their own, so killing one group would leave them alive.
    """
    killed = set()
    for _ in range(_SWEEP_ROUNDS):
        found = list(find_run_processes(mark))
        if not found:
            break
        for pid in found:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
                killed.add(pid)
        time.sleep(0.01)
    return len(killed)


def find_run_processes(mark: str) -> Iterator[int]:
    """Yield the ids of the living processes that carry the mark; none on systems without /proc."""
    variable = f"{RUN_MARK_VARIABLE}={mark}".encode()
    for entry in _PROC.glob("[0-9]*"):
        if int(entry.name) != os.getpid() and variable in _read_environment(entry) and _is_alive(entry):
            yield int(entry.name)


def kill_process_group(group: int, signal_number: signal.Signals = signal.SIGKILL) -> None:
    """Send a signal to a process group; a group that has ended is no error."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal_number)


def _read_environment(entry: Path) -> list[bytes]:
    with suppress(OSError):
        return (entry / "environ").read_bytes().split(b"\0")
    return []


def _is_alive(entry: Path) -> bool:
    """False for a zombie, too."""
    with suppress(OSError):
        return (entry / "stat").read_text(errors="replace").rpartition(")")[2].split()[0] not in ("Z", "X")
    return False


def _create_run(runs: Path) -> EngineRun:
    mark = uuid.uuid4().hex
    folder = runs / mark
    make_private_folder(folder)
    owner = open_lock_file(folder / _OWNER_FILE)
    fcntl.flock(owner, fcntl.LOCK_EX)
    run = EngineRun(mark, folder, owner)
    run.home.mkdir()
    run.work.mkdir()
    return run


def _lock_if_abandoned(folder: Path) -> int | None:
    """Lock the owner file of a run that no process holds; None for a living or a very new run."""
    try:
        is_new = time.time() - folder.stat().st_mtime < _NEW_RUN_S and not (folder / _OWNER_FILE).exists()
        descriptor = None if is_new else open_lock_file(folder / _OWNER_FILE)
    except OSError:
        return None
    return None if descriptor is None else lock_or_close(descriptor)
