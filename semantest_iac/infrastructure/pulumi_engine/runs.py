"""The private folder of one run, which goes with it: removed at the end, or by the next run after a crash."""

from __future__ import annotations

import fcntl
import os
import shutil
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from semantest_iac.infrastructure.pulumi_engine.processes import sweep

_OWNER = "owner"
_YOUNG_S = 60  # a folder without an owner file may be one that is being made


@dataclass(frozen=True, slots=True)
class Run:
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
def running(runs: Path) -> Iterator[Run]:
    """A new run; at its end its processes are dead and its folder is gone, whatever happened."""
    runs.mkdir(parents=True, exist_ok=True, mode=0o700)
    clear(runs)
    run = _begun(runs)
    try:
        yield run
    finally:
        sweep(run.mark)
        shutil.rmtree(run.folder, ignore_errors=True)
        os.close(run.owner)


def clear(runs: Path) -> None:
    """End what runs without a parent left behind; living ones are not touched."""
    for folder in runs.iterdir():
        descriptor = _deserted(folder)
        if descriptor is not None:
            sweep(folder.name)
            shutil.rmtree(folder, ignore_errors=True)
            os.close(descriptor)


def _begun(runs: Path) -> Run:
    mark = uuid.uuid4().hex
    folder = runs / mark
    folder.mkdir(mode=0o700)
    owner = os.open(folder / _OWNER, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    fcntl.flock(owner, fcntl.LOCK_EX)
    run = Run(mark, folder, owner)
    run.home.mkdir()
    run.work.mkdir()
    return run


def _deserted(folder: Path) -> int | None:
    """The locked owner file of a run that nobody holds; None for a living or a very young one."""
    try:
        is_young = time.time() - folder.stat().st_mtime < _YOUNG_S and not (folder / _OWNER).exists()
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        descriptor = None if is_young else os.open(folder / _OWNER, flags, 0o600)
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
