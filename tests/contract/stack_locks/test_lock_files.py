from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from semantest_iac.domain.errors import DeploymentError, StackBusyError
from semantest_iac.infrastructure.stack_locks.lock_files import StackLockFiles, lock_file_name

STACK = "rest-api.aws.development.us-east-1"
Start = Callable[[], subprocess.Popen[str]]
HOSTILE = ["", ".", "..", "../up", "a/b", "/etc/passwd", "a\0b", "A", "a", "a\n", "é" * 300, "x" * 300, "-rf", "~"]
RECORDS = {
    "empty": b"",
    "not JSON": b"\xff\x00 nothing",
    "a list": b"[1, 2]",
    "another object": b'{"pid": "high", "deployment": "d9"}',
    "deep": b"[" * 900,
}


@pytest.fixture
def folder(home: Path) -> Path:
    return home / "locks"


@pytest.fixture
def locks(folder: Path) -> StackLockFiles:
    return StackLockFiles(folder)


@pytest.fixture
def start(folder: Path) -> Iterator[Start]:
    """Start a process that holds STACK."""
    started: list[subprocess.Popen[str]] = []

    def run() -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, Path(__file__).with_name("holder.py"), folder, STACK],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        assert process.stdout is not None
        process.stdout.readline()
        return process

    yield run
    for process in started:
        with process:
            process.kill()


async def _take(locks: StackLockFiles, timeout_s: float = 0) -> None:
    async with locks.hold(STACK, deployment="mine", timeout_s=timeout_s):
        pass


class TestProcesses:
    async def test_exclude_each_other(self, start: Start, locks: StackLockFiles) -> None:
        holder = start()

        with pytest.raises(StackBusyError, match=f"deployment held .pid {holder.pid} on "):
            await _take(locks)

    async def test_release_the_stack_when_killed(self, start: Start, locks: StackLockFiles) -> None:
        for _ in range(3):
            holder = start()
            holder.kill()
            holder.wait()

        await _take(locks)


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

    async def test_are_private(self, locks: StackLockFiles, folder: Path) -> None:
        await _take(locks)

        assert _modes(folder) == {"0o600", "0o700"}

    @pytest.mark.parametrize("record", RECORDS.values(), ids=RECORDS)
    async def test_may_contain_anything(self, locks: StackLockFiles, folder: Path, record: bytes) -> None:
        _write(folder, record)
        await _take(locks)

        async with locks.hold(STACK, deployment="d1"):
            _write(folder, record)
            with pytest.raises(StackBusyError, match="another run holds it"):
                await _take(locks)

    async def test_do_not_lock_once_deleted(self, locks: StackLockFiles, folder: Path) -> None:
        async with locks.hold(STACK, deployment="d1"):
            (folder / lock_file_name(STACK)).unlink()
            await _take(locks)

    async def test_are_not_opened_through_links(self, locks: StackLockFiles, folder: Path, tmp_path: Path) -> None:
        _link(folder, tmp_path / "elsewhere")

        with pytest.raises(DeploymentError, match=f"Cannot lock stack '{STACK}': "):
            await _take(locks)

    async def test_are_refused_where_no_folder_can_be_created(self, locks: StackLockFiles, home: Path) -> None:
        _occupy(home)

        with pytest.raises(
            DeploymentError,
            match=f"Cannot lock stack '{STACK}': cannot use .*: there is a file where a folder should be",
        ):
            await _take(locks)


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
