"""Runs commands on a disk with little room, and what follows once there is room again.

Run as `python -m tests.campaigns.full_disk_runner` with a FullDiskJob as JSON on stdin, in a mount namespace;
prints one FullDiskReport as JSON a line. One process imports everything, and forks a child for each command.
"""

from __future__ import annotations

import ctypes
import json
import os
import random
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any
from unittest import mock

from semantest_iac.application.ports.ledger import RecordedEvent
from semantest_iac.application.use_cases import DeploymentUseCase
from semantest_iac.bootstrap.application import Application
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.guardrails.engine_choice import PULUMI_ENGINE, SANDBOX_ENGINE
from semantest_iac.domain.networking.http_exchange import HttpRequest
from semantest_iac.domain.ports.service_probe import ProbeAnswer
from semantest_iac.infrastructure.durable_files import AppendedFile
from semantest_iac.infrastructure.function_runtimes.function_spec import Invocation
from semantest_iac.infrastructure.ledger.sqlite import SqliteLedger
from semantest_iac.infrastructure.local_service.function_log_files import FunctionLogFiles
from semantest_iac.infrastructure.pulumi_engine.state.state_files import StateFolder
from semantest_iac.infrastructure.pulumi_engine.state.states import read_state_file, restore_previous_state
from semantest_iac.infrastructure.sandbox_engine.state.store import StateStore
from semantest_iac.infrastructure.stack_locks import lock_files
from semantest_iac.presentation.cli.failures import to_deployment_error
from tests.campaigns.child_process import run_in_child
from tests.campaigns.interrupted_home import DESTROY, InterruptedHome, Target, find_chain_faults, write_sources
from tests.campaigns.interruption_points import ReportMoment
from tests.campaigns.interruption_runner import compare_observations, import_everything
from tests.campaigns.job_process import print_reports
from tests.fakes.control_points import ControlPoints
from tests.fakes.service_probe import FakeServiceProbe

PLACES: Mapping[str, tuple[str, ...]] = {
    "home": (),
    "artifacts": ("artifacts",),
    "state": ("sandbox",),
    "cloud": ("cloud.db",),
    "ledger": ("ledger.db",),
    "logs": ("logs",),
    "pulumi": ("pulumi",),
}
"""What is on the disk that fills: all of the home, or one folder or file of it."""
PLACES_OF_ENGINES: Mapping[str, tuple[str, ...]] = {
    SANDBOX_ENGINE: tuple(place for place in PLACES if place != "pulumi"),
    PULUMI_ENGINE: ("pulumi",),
}
COMMANDS: Mapping[str, tuple[tuple[str, ...], str]] = {
    "deploy": ((), "v1"),
    "change": (("v1",), "v2"),
    "destroy": (("v1",), DESTROY),
}
"""What was done before, and what is done on the full disk."""
SIZES: Mapping[str, Sequence[int]] = {
    SANDBOX_ENGINE: range(0, 204, 4),
    PULUMI_ENGINE: range(0, 4096, 64),  # one run of the CLI takes 1.7 MB
}
"""Free KiB of an engine's places."""
MOUNTED_BYTES = 64 * 1024 * 1024
_CACHES = ("sandbox", "artifacts", "pulumi")
_STATES = shutil.ignore_patterns("*.json", "*.journal", "cloud.db*", "state", "runs")
BALLAST_FILE = ".ballast"
_KIB = 1024
_DEFECTS = ("INTERNAL_ERROR", "bug in semantest", "unexpected", "Traceback")
_MS_NODEV_NOSUID = 4 | 2


@dataclass(frozen=True, slots=True)
class FullDiskJob:
    """One cloud and command: each place with each size of free space, or `count` of these drawn by the seed.

    Without `count`, the sizes of a place end after `enough` in a row with which the command was not disturbed.
    `plants_fault` adds a run whose journal ignores what the disk refuses, whose report must have faults, and one that
    looks at the room before it begins; for `deploy` in the sandbox.
    """

    folder: str
    cloud: str
    command: str
    places: Sequence[str]
    seed: int = 1
    count: int | None = None
    sizes: Sequence[int] = ()
    enough: int = 3
    plants_fault: bool = False
    engine: str = SANDBOX_ENGINE


@dataclass(frozen=True, slots=True)
class FullDiskReport:
    """What one command on a full disk said, and what is wrong after it; the message is empty where it had room."""

    place: str
    size: int
    message: str
    faults: list[str] = field(default_factory=list)
    is_planted: bool = False


class LoggingProbe(FakeServiceProbe):
    """A healthy service whose function logs a line with each call."""

    def __init__(self, home: Path) -> None:
        super().__init__(ControlPoints())
        self._logs = FunctionLogFiles(home / "logs")

    async def call(self, stack: Stack, request: HttpRequest) -> ProbeAnswer:
        self._logs.add(str(stack), Invocation(None, None, "x" * 2000 + "\n", 1.0))
        return await super().call(stack, request)


class AcknowledgingLedger(SqliteLedger):
    """Remembers the hash of each event that it has acknowledged, also those of a run and of the queue."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.acknowledged: list[str] = []
        self.note_committed = self._acknowledge

    def _acknowledge(self, recorded: Sequence[RecordedEvent]) -> None:
        self.acknowledged += [row.hash for row in recorded]


class CrowdedHome(InterruptedHome):
    """A home on a disk without room; unless it `looks_first`, as where another program fills it meanwhile."""

    def _use_cases(self, report: ReportMoment) -> DeploymentUseCase:
        self.ledger = AcknowledgingLedger(self.folder / "ledger.db")
        application = Application(self.folder, ledger=self.ledger, probe=LoggingProbe(self.folder))
        return application.deployments(self.variables, engine=self.engine)

    def try_command(
        self, command: str, plant_fault: Callable[[], None], *, looks_first: bool = False
    ) -> dict[str, Any]:
        """Run a command; returns how it ended, what it said, and which events were acknowledged."""
        plant_fault()
        said: list[str] = []
        state = "raised"
        with nullcontext() if looks_first else mock.patch.object(lock_files, "require_free_space"):
            try:
                row = self.run(command)
            except Exception as error:
                known = to_deployment_error(error)
                said = [known.error_code, known.reason, known.hint]
            else:
                state = str(row.state) if row else "cancelled"
                said = [str(value) for value in ((row.error or {}).values() if row else ())]
        return {"state": state, "said": " ".join(said), "acknowledged": self.ledger.acknowledged}

    def find_unknown_resources(self) -> list[str]:
        """Return the resources in the cloud that neither the state nor an open row of the journal knows."""
        known, begun = self._read_known_resources()
        rows = self.list_resources()
        return [
            f"{row.address.type} {row.id}" for row in rows if row.id not in known and not row.owner.startswith(begun)
        ]

    def _read_known_resources(self) -> tuple[set[str], tuple[str, ...]]:
        """Return the ids of the state, and with what the owners of creates without an end begin."""
        if self.engine.engine == SANDBOX_ENGINE:
            stored = StateStore(self.folder / "sandbox").read(self.stack)
            return {each.id for each in stored.snapshot if each.id}, tuple(each.owner for each in stored.unfinished)
        backend = self.folder / "pulumi" / "state" / ".pulumi"
        restore_previous_state(backend, str(self.stack))  # as the next command does
        state = read_state_file(StateFolder(backend), str(self.stack))
        if state is None:
            return set(), ()
        return {each["id"] for each in state.resources if each.get("id")}, tuple(
            f"{each.urn}#" for each in state.pending_creates
        )

    def find_lost_events(self, acknowledged: Sequence[str]) -> list[str]:
        recorded = {row.hash for row in SqliteLedger(self.folder / "ledger.db").log()}
        return [each for each in acknowledged if each not in recorded]


def no_fault() -> None:
    """Leave everything as it is."""


def ignore_refused_rows() -> None:
    """Let the journal go on as if the disk had taken what it refuses."""
    append = AppendedFile.append

    def append_if_possible(file: AppendedFile, record: bytes, *, sync: bool) -> None:
        with suppress(OSError):
            append(file, record, sync=sync)

    AppendedFile.append = append_if_possible  # type: ignore[method-assign,assignment]


class FullDiskRunner:
    """Runs one job; needs the right to mount."""

    def __init__(self, job: FullDiskJob) -> None:
        self._job = job
        self._folder = Path(job.folder)
        self._disk = self._folder / "disk"
        target = Target(job.engine, job.cloud, "rest-api")
        self._home = CrowdedHome(self._folder / "home", target, self._folder / "sources")
        self._prepare, self._command = COMMANDS[job.command]

    def run(self) -> Iterator[FullDiskReport]:
        """Yield a report for each size."""
        write_sources(self._folder / "sources")
        import_everything(self._folder, Target(self._job.engine, self._job.cloud, "rest-api"))
        self._disk.mkdir()
        mount_memory(self._disk, MOUNTED_BYTES)
        self._make_snapshot()
        self._restore(self._job.places[0])
        following = (self._command, DESTROY) if self._command != DESTROY else (DESTROY,)
        expected = [self._run_and_observe(command) for command in following]
        for observed in expected:
            if observed.get("state") != "completed" or observed["ledger"]:
                yield FullDiskReport(self._job.places[0], 0, "", [f"with room, it ended with {observed}"])
                return
        run = partial(self._run_on_full_disk, following=following, expected=expected)
        if self._job.plants_fault and self._job.engine == SANDBOX_ENGINE and self._job.command == "deploy":
            yield self._run_with_look("home", 200)
            yield replace(run("state", 8, fault=ignore_refused_rows), is_planted=True)
        undisturbed: Counter[str] = Counter()
        for place, size in self._choose_cases():
            if self._job.count is not None or undisturbed[place] < self._job.enough:
                report = run(place, size)
                undisturbed[place] = 0 if report.message or report.faults else undisturbed[place] + 1
                yield report

    def _choose_cases(self) -> Sequence[tuple[str, int]]:
        job = self._job
        cases = list(product(job.places, job.sizes or SIZES[job.engine]))
        if job.count is None:
            return cases
        return random.Random(f"{job.seed} {job.cloud} {job.command}").sample(cases, job.count)

    def _run_on_full_disk(
        self,
        place: str,
        size: int,
        *,
        following: Sequence[str],
        expected: Sequence[dict[str, Any]],
        fault: Callable[[], None] = no_fault,
    ) -> FullDiskReport:
        self._restore(place)
        fill_disk(self._disk, size * _KIB)
        tried = _value_of(partial(self._home.try_command, self._command, fault))
        faults = [f"it said: {tried['said']}" for word in _DEFECTS if word in tried.get("said", "")]
        if "raised" in tried:
            return FullDiskReport(place, size, "", [f"it raised {tried['raised']}"])
        (self._disk / BALLAST_FILE).unlink()
        unknown = _value_of(self._home.find_unknown_resources)
        faults += [f"the state does not know {each}" for each in unknown]
        for command, before in zip(following, expected, strict=True):
            now = self._run_and_observe(command)
            found = compare_observations(now, before, compare_generation=False)  # a rollback may have removed it all
            faults += [f"{command}, with room again: {difference}" for difference in found]
        lost = _value_of(partial(self._home.find_lost_events, tried["acknowledged"]))
        faults += [f"the ledger lost the event {each}" for each in lost]
        message = "" if tried["state"] == "completed" else f"{tried['state']}: {tried['said']}"
        return FullDiskReport(place, size, message, faults)

    def _run_with_look(self, place: str, size: int) -> FullDiskReport:
        """Run the command where the room is looked at before: it must begin nothing."""
        self._restore(place)
        fill_disk(self._disk, size * _KIB)
        tried = _value_of(partial(self._home.try_command, self._command, no_fault, looks_first=True))
        was_refused = tried["said"].startswith("DISK_FULL") and not tried["acknowledged"]
        faults = [] if was_refused else [f"it was not refused before it began: {tried}"]
        return FullDiskReport(place, size, tried["said"], faults)

    def _run_and_observe(self, command: str) -> dict[str, Any]:
        return dict(_value_of(partial(_run_with_room, self._home, command)))

    def _make_snapshot(self) -> None:
        """Keep a copy of the home as it is before the command."""
        for command in self._prepare or ("v1", DESTROY):
            _value_of(partial(_run_with_room, self._home, command))
        snapshot = self._folder / "snapshot"
        if self._prepare:
            shutil.copytree(self._home.folder, snapshot)
            return
        for name in _CACHES:
            if (self._home.folder / name).exists():
                shutil.copytree(self._home.folder / name, snapshot / name, ignore=_STATES)

    def _restore(self, place: str) -> None:
        """Put the home back, with its place on the disk that fills."""
        home = self._home.folder
        if home.is_symlink():
            home.unlink()
        shutil.rmtree(home, ignore_errors=True)
        for entry in self._disk.iterdir():
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
        paths = PLACES[place]
        if not paths:
            shutil.copytree(self._folder / "snapshot", self._disk / "home")
            home.symlink_to(self._disk / "home")
            return
        shutil.copytree(self._folder / "snapshot", home)
        for name in paths:
            for path in list(home.glob(f"{name}*")):  # SQLite's log is beside its file, which it finds behind a link
                shutil.move(path, self._disk / path.name)
            if not name.endswith(".db"):
                (self._disk / name).mkdir(exist_ok=True)
            (home / name).symlink_to(self._disk / name)


def mount_memory(folder: Path, size: int) -> None:
    """Mount a file system of so many bytes; raises OSError where this process may not."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mount(b"tmpfs", os.fsencode(folder), b"tmpfs", _MS_NODEV_NOSUID, f"size={size}".encode()):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), str(folder))


def fill_disk(disk: Path, free: int) -> None:
    """Fill a disk up to so many free bytes."""
    status = os.statvfs(disk)
    with (disk / BALLAST_FILE).open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, status.f_bavail * status.f_frsize - free or 1)


def find_mount_refusal() -> str:
    """Return why no file system can be mounted here; empty where one can."""
    command = ["unshare", "-m", "mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", "/mnt"]
    try:
        tried = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        return f"no file system can be mounted here: {error.strerror}"
    return f"no file system can be mounted here: {tried.stderr.strip()}" if tried.returncode else ""


def _run_with_room(home: CrowdedHome, command: str) -> Any:
    row = home.run(command)
    observed: dict[str, Any] = home.observe(row) if row else {"raised": "it was cancelled"}
    observed["ledger"] = list(find_chain_faults(SqliteLedger(home.folder / "ledger.db")))
    return observed


def _value_of(function: Any) -> Any:
    ended = run_in_child(function, limit_s=300)
    if ended.value is None and (ended.hung or ended.signal):
        return {"raised": "it hung" if ended.hung else f"it was ended by signal {ended.signal}"}
    return ended.value


def main() -> None:
    """Run the job on stdin; the last line has the CPU seconds."""
    print_reports(FullDiskRunner(FullDiskJob(**json.load(sys.stdin))).run())


if __name__ == "__main__":
    main()
