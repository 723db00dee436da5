"""Locks of the CLI: waited for, cleared when their owner is dead, and never on a guess."""

from __future__ import annotations

import json
import os
import socket
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from semantest_iac.domain.errors import RefusedError, StackBusyError
from semantest_iac.infrastructure.pulumi_engine.state.backend_settings import PULUMI_PROJECT
from semantest_iac.infrastructure.pulumi_engine.state.locks import wait_for_stack_lock


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    """Where a lock of the stack would lie."""
    path = tmp_path / "locks" / "organization" / PULUMI_PROJECT / "stack" / "lock.json"
    path.parent.mkdir(parents=True)
    return path


def written(path: Path, **said: Any) -> Path:
    """The lock of this very process, but for what is said."""
    known = {"pid": os.getpid(), "username": "u", "hostname": socket.gethostname(), "timestamp": now()}
    path.write_text(json.dumps({**known, **said}), encoding="utf-8")
    return path


def now(**ago: float) -> str:
    """A moment as the CLI writes it."""
    return (datetime.now(UTC) - timedelta(**ago)).isoformat()


def dead() -> int:
    """The id of a process that has ended."""
    process = subprocess.Popen(["true"])
    process.wait()
    return process.pid


class TestWaitUntilFree:
    def test_returns_where_nobody_ever_locked(self, tmp_path: Path) -> None:
        wait_for_stack_lock(tmp_path, "stack", 0)

    def test_clears_the_lock_of_a_dead_process(self, tmp_path: Path, lock: Path) -> None:
        written(lock, pid=dead())

        wait_for_stack_lock(tmp_path, "stack", 0)

        assert list(lock.parent.iterdir()) == []

    def test_clears_a_lock_older_than_the_process_that_has_its_number_now(self, tmp_path: Path, lock: Path) -> None:
        written(lock, timestamp=now(days=1000))

        wait_for_stack_lock(tmp_path, "stack", 0)

        assert not lock.exists()

    @pytest.mark.parametrize("said", [{}, {"pid": 2**22 - 7, "hostname": "elsewhere"}], ids=["alive", "elsewhere"])
    def test_names_the_owner_of_one_it_may_not_clear(self, tmp_path: Path, lock: Path, said: dict[str, Any]) -> None:
        written(lock, **said)

        with pytest.raises(StackBusyError, match=r"pulumi of u@.* holds it"):
            wait_for_stack_lock(tmp_path, "stack", 0)

        assert lock.exists()

    @pytest.mark.parametrize("text", ["", "{", "[]", '{"pid": 1}', '{"pid": "x", "timestamp": "2026-01-01T00:00:00Z"}'])
    def test_says_which_file_makes_no_sense(self, tmp_path: Path, lock: Path, text: str) -> None:
        lock.write_text(text, encoding="utf-8")

        with pytest.raises(RefusedError) as caught:
            wait_for_stack_lock(tmp_path, "stack", 0)

        assert str(lock) in caught.value.hint
        assert lock.exists()
