from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from semantest_iac.domain.errors import DeploymentError, StackBusyError
from semantest_iac.infrastructure.run_queue.lock_files import LockFileQueue, lock_file_name

STACK = "rest-api.aws.development.us-east-1"
Started = tuple[subprocess.Popen[str], int]
Start = Callable[..., Started]
HOSTILE = ["", ".", "..", "../up", "a/b", "/etc/passwd", "a\0b", "A", "a", "a\n", "é" * 300, "x" * 300, "-rf", "~"]
RECORDS = {
    "empty": b"",
    "not JSON": b"\xff\x00 nothing",
    "a list": b"[1, 2]",
    "another object": b'{"fence": "high", "deployment": "d9"}',
    "deep": b"[" * 900,
}


@pytest.fixture
def folder(home: Path) -> Path:
    return home / "locks"


@pytest.fixture
def queue(folder: Path) -> LockFileQueue:
    return LockFileQueue(folder)


@pytest.fixture
def start(folder: Path) -> Iterator[Start]:
    """Start a process that holds STACK; with seconds it has a child that inherits the lease, returned by its id."""
    started: list[Started] = []

    def run(*arguments: object) -> Started:
        process = subprocess.Popen(
            [sys.executable, Path(__file__).with_name("holder.py"), folder, STACK, *map(str, arguments)],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        started.append((process, int(process.stdout.readline().split()[1])))
        return started[-1]

    yield run
    for process, child in started:
        with process:
            process.kill()
        if child:
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)


async def _take(queue: LockFileQueue, timeout_s: float) -> int:
    async with queue.hold(STACK, deployment="mine", timeout_s=timeout_s) as lease:
        return lease.fence


class TestProcesses:
    async def test_exclude_each_other(self, start: Start, queue: LockFileQueue) -> None:
        holder, _ = start()

        with pytest.raises(StackBusyError, match=f"deployment held .pid {holder.pid} on "):
            await _take(queue, 0)
        assert queue.is_held(STACK)

    async def test_release_the_stack_when_killed(self, start: Start, queue: LockFileQueue) -> None:
        for _ in range(3):
            holder, _ = start()
            holder.kill()
            holder.wait()

        assert await _take(queue, 0) == 4

    async def test_leave_the_stack_to_a_child_that_outlives_them(self, start: Start, queue: LockFileQueue) -> None:
        holder, child = start(60)
        holder.kill()
        holder.wait()

        with pytest.raises(StackBusyError, match="deployment held"):
            await _take(queue, 0.2)
        os.kill(child, signal.SIGKILL)
        assert await _take(queue, 10) == 2

    async def test_do_not_pass_the_lease_to_children_by_default(self, queue: LockFileQueue) -> None:
        async with queue.hold(STACK, deployment="d1") as lease:
            assert not os.get_inheritable(lease.fileno())


class TestFiles:
    @pytest.mark.parametrize("name", HOSTILE)
    def test_have_safe_names_for_any_stack(self, folder: Path, name: str) -> None:
        file = folder / lock_file_name(name)

        assert file.resolve().parent == folder.resolve()
        assert len(file.name) < 120
        assert file.name.isascii()
        assert not file.name.startswith(".")

    def test_have_distinct_names(self) -> None:
        assert len({lock_file_name(name).lower() for name in HOSTILE}) == len(HOSTILE)

    async def test_are_private(self, queue: LockFileQueue, folder: Path) -> None:
        await _take(queue, 0)

        assert _modes(folder) == {"0o600", "0o700"}

    @pytest.mark.parametrize("record", RECORDS.values(), ids=RECORDS)
    async def test_may_contain_anything(self, queue: LockFileQueue, folder: Path, record: bytes) -> None:
        _write(folder, record)
        assert await _take(queue, 0) == 1

        async with queue.hold(STACK, deployment="d1"):
            _write(folder, record)
            with pytest.raises(StackBusyError, match="another run holds it"):
                await _take(queue, 0)

    async def test_do_not_lock_once_deleted(self, queue: LockFileQueue, folder: Path) -> None:
        async with queue.hold(STACK, deployment="d1"):
            (folder / lock_file_name(STACK)).unlink()
            assert await _take(queue, 0) == 1

    async def test_are_not_opened_through_links(self, queue: LockFileQueue, folder: Path, tmp_path: Path) -> None:
        _link(folder, tmp_path / "elsewhere")

        with pytest.raises(DeploymentError, match=f"Cannot lock stack '{STACK}': "):
            await _take(queue, 0)

    async def test_are_refused_where_no_folder_can_be_created(self, queue: LockFileQueue, home: Path) -> None:
        _occupy(home)

        with pytest.raises(
            DeploymentError,
            match=f"Cannot lock stack '{STACK}': cannot use .*: there is a file where a folder should be",
        ):
            await _take(queue, 0)


def _write(folder: Path, record: bytes) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / lock_file_name(STACK)).write_bytes(record)


def _link(folder: Path, target: Path) -> None:
    folder.mkdir(parents=True)
    target.touch()
    (folder / lock_file_name(STACK)).symlink_to(target)


def _occupy(home: Path) -> None:
    home.write_text("not a folder")


def _modes(folder: Path) -> set[str]:
    return {oct(path.stat().st_mode & 0o777) for path in [folder, *folder.iterdir()]}
