"""The lock files of the CLI in a file backend: waited for, and deleted only if their owner is dead."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from semantest_iac.domain.errors import RefusedError, StackBusyError
from semantest_iac.infrastructure.nested_text import parse_json
from semantest_iac.infrastructure.process_starts import read_process_start
from semantest_iac.infrastructure.pulumi_engine.state.backend_settings import PULUMI_PROJECT

_POLL_S = 0.5
_INCOMPLETE = "*.json.*.tmp"  # the CLI writes such a file and renames it
_COMPLETION_S = 1.0
_CLOCK_TOLERANCE_S = 2.0


@dataclass(frozen=True, slots=True)
class BackendLock:
    """One lock file, and who wrote it when."""

    path: Path
    pid: int
    user: str
    host: str
    since: datetime

    @property
    def is_stale(self) -> bool:
        """Whether its owner was a process of this host that has ended; a lock of another host is never stale."""
        if self.host != socket.gethostname():
            return False
        started = read_process_start(self.pid)
        return started is None or started > self.since.timestamp() + _CLOCK_TOLERANCE_S

    def __str__(self) -> str:
        return f"pulumi of {self.user}@{self.host} (process {self.pid}, since {self.since:%Y-%m-%d %H:%M:%S %Z})"


def wait_for_stack_lock(
    backend: Path, stack: str, timeout_s: float, on_wait: Callable[[str], None] = lambda holder: None
) -> None:
    """Wait until no other process works on the stack, and delete stale locks; `on_wait` gets each new holder.

    Raises StackBusyError after the timeout, and RefusedError for an unreadable lock.
    """
    folder = backend / "locks" / "organization" / PULUMI_PROJECT / stack
    _remove_incomplete_locks(folder)
    deadline, holder = time.monotonic() + timeout_s, ""
    while locks := [lock for lock in _read_locks(folder, stack) if not _delete_if_stale(lock)]:
        if time.monotonic() >= deadline:
            hint = "Try again when it has ended. `pulumi cancel` would not stop it, but let two processes work at once."
            raise StackBusyError(f"Cannot work on stack '{stack}': {locks[0]} holds it.", hint=hint)
        if holder != str(locks[0]):
            holder = str(locks[0])
            on_wait(holder)
        time.sleep(_POLL_S)


def _remove_incomplete_locks(folder: Path) -> None:
    """Remove what the CLI left of locks that it could not write, as on a full disk: it takes them for locks.

    A process that is about to complete one needs a moment.
    """
    if incomplete := list(folder.glob(_INCOMPLETE)):
        time.sleep(_COMPLETION_S)
        for path in incomplete:
            path.unlink(missing_ok=True)


def _read_locks(folder: Path, stack: str) -> list[BackendLock]:
    try:
        return [lock for path in sorted(folder.glob("*.json")) if (lock := _read_lock(path, stack))]
    except FileNotFoundError:
        return []


def _read_lock(path: Path, stack: str) -> BackendLock | None:
    try:
        content = parse_json(path.read_bytes())
        since = datetime.fromisoformat(content["timestamp"])
        return BackendLock(path, int(content["pid"]), str(content["username"]), str(content["hostname"]), since)
    except FileNotFoundError:
        return None
    except (ValueError, TypeError, KeyError) as error:
        hint = f"If no pulumi process works on the stack, delete '{path}' and run again."
        raise RefusedError(
            f"Cannot work on stack '{stack}': a lock does not name its owner.", "LOCK_UNREADABLE", hint=hint
        ) from error


def _delete_if_stale(lock: BackendLock) -> bool:
    if not lock.is_stale:
        return False
    for path in (lock.path, lock.path.with_name(f"{lock.path.name}.attrs")):
        path.unlink(missing_ok=True)
    return True
