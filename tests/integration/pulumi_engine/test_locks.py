"""Locks of the CLI: waited for, and deleted only if their owner is dead."""

from __future__ import annotations

import json
import os
import socket
import subprocess
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from semantest_iac.domain.errors import RefusedError, StackBusyError
from semantest_iac.infrastructure.process_starts import identify_process
from semantest_iac.infrastructure.pulumi_engine.state import locks
from semantest_iac.infrastructure.pulumi_engine.state.backend_settings import PULUMI_PROJECT
from semantest_iac.infrastructure.pulumi_engine.state.locks import read_locks, remove_lock, wait_for_stack_lock
from semantest_iac.infrastructure.pulumi_engine.state.owners import name_this_process, read_owners
from semantest_iac.infrastructure.pulumi_engine.state.state_files import StateFolder


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    """The path of a lock of the stack."""
    path = tmp_path / "locks" / "organization" / PULUMI_PROJECT / "stack" / "lock.json"
    path.parent.mkdir(parents=True)
    return path


def write_lock(path: Path, **content: Any) -> Path:
    """Write a lock of this process, with the given content in place of its own."""
    own = {"pid": os.getpid(), "username": "u", "hostname": socket.gethostname(), "timestamp": now()}
    path.write_text(json.dumps({**own, **content}), encoding="utf-8")
    return path


def now(**ago: float) -> str:
    """A time in the CLI's format."""
    return (datetime.now(UTC) - timedelta(**ago)).isoformat()


def dead_pid() -> int:
    """The id of a process that has ended."""
    process = subprocess.Popen(["true"])
    process.wait()
    return process.pid


class TestWaitForStackLock:
    def test_returns_when_the_stack_was_never_locked(self, tmp_path: Path) -> None:
        wait_for_stack_lock(StateFolder(tmp_path), "stack", 0, is_private=True)

    def test_deletes_what_the_cli_could_not_complete(self, tmp_path: Path, lock: Path) -> None:
        lock.with_name(f"{lock.name}.18ec8d1e61cc2ee4.tmp").touch()

        wait_for_stack_lock(StateFolder(tmp_path), "stack", 0, is_private=True)

        assert not list(lock.parent.iterdir())

    def test_deletes_the_lock_of_a_dead_process(self, tmp_path: Path, lock: Path) -> None:
        write_lock(lock, pid=dead_pid())

        wait_for_stack_lock(StateFolder(tmp_path), "stack", 0, is_private=True)

        assert list(lock.parent.iterdir()) == []

    def test_deletes_a_lock_that_is_older_than_the_process_with_its_pid(self, tmp_path: Path, lock: Path) -> None:
        write_lock(lock, timestamp=now(days=1000))

        wait_for_stack_lock(StateFolder(tmp_path), "stack", 0, is_private=True)

        assert not lock.exists()

    @pytest.mark.parametrize("content", [{}, {"pid": 2**22 - 7, "hostname": "elsewhere"}], ids=["alive", "elsewhere"])
    def test_names_the_owner_of_a_lock_that_it_may_not_delete(
        self, tmp_path: Path, lock: Path, content: dict[str, Any]
    ) -> None:
        write_lock(lock, **content)

        with pytest.raises(StackBusyError, match=r"pulumi of u@.* holds it"):
            wait_for_stack_lock(StateFolder(tmp_path), "stack", 0, is_private=True)

        assert lock.exists()

    def test_says_once_who_it_waits_for(self, tmp_path: Path, lock: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(locks, "_POLL_S", 0.005)
        write_lock(lock)
        holders: list[str] = []

        with pytest.raises(StackBusyError):
            wait_for_stack_lock(StateFolder(tmp_path), "stack", 0.03, holders.append, is_private=True)

        assert [holder.partition("@")[0] for holder in holders] == ["pulumi of u"]

    @pytest.mark.parametrize(
        ("process", "is_cleared"),
        [("ended", True), ("alive", False), ("elsewhere/boot/pid:[1]/7@1", False), (None, False)],
        ids=["ended", "alive", "another machine of this name", "unknown"],
    )
    def test_of_machines_that_share_a_state_is_deleted_by_its_record_alone(
        self, tmp_path: Path, lock: Path, process: str | None, is_cleared: bool
    ) -> None:
        files = StateFolder(tmp_path)
        pid = dead_pid()
        if process:
            machine, _, start = identify_process().rpartition("/")
            known = {"ended": f"{machine}/{pid}@1", "alive": f"{machine}/{start}"}
            owner = replace(name_this_process("apply of deployment 5f2c"), process=known.get(process, process))
            name = f"semantest/owners/{PULUMI_PROJECT}/stack/owner.json"
            files.write(name, json.dumps(asdict(owner)).encode())
        write_lock(lock, pid=pid)

        if is_cleared:
            wait_for_stack_lock(files, "stack", 0)
        else:
            with pytest.raises(StackBusyError, match="5f2c, since" if process else "holds it"):
                wait_for_stack_lock(files, "stack", 0)

        assert lock.exists() is not is_cleared

    @pytest.mark.parametrize("count", range(10))
    def test_of_another_host_is_deleted_by_a_person_alone(self, tmp_path: Path, lock: Path, count: int) -> None:
        files = StateFolder(tmp_path)
        owner = replace(name_this_process("apply"), process=f"elsewhere/{count}", host="elsewhere")
        files.write(f"semantest/owners/{PULUMI_PROJECT}/stack/owner.json", json.dumps(asdict(owner)).encode())
        write_lock(lock.with_name("0123456789ab.json"), pid=dead_pid(), hostname="elsewhere")

        with pytest.raises(StackBusyError) as busy:
            wait_for_stack_lock(files, "stack", 0)
        remove_lock(files, "stack", "01234567")

        assert "Look on elsewhere whether its process" in busy.value.hint
        assert "semantest-iac state unlock stack --lock 01234567" in busy.value.hint
        assert (read_locks(files, "stack"), read_owners(files, "stack")) == ([], [])

    @pytest.mark.parametrize("text", ["", "{", "[]", '{"pid": 1}', '{"pid": "x", "timestamp": "2026-01-01T00:00:00Z"}'])
    def test_names_an_unreadable_file(self, tmp_path: Path, lock: Path, text: str) -> None:
        lock.write_text(text, encoding="utf-8")

        with pytest.raises(RefusedError) as caught:
            wait_for_stack_lock(StateFolder(tmp_path), "stack", 0, is_private=True)

        assert str(lock) in caught.value.hint
        assert lock.exists()
        assert "state unlock stack --lock lock" in caught.value.hint
