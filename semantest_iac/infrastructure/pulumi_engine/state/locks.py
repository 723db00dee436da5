"""The locks of the CLI in a backend: waited for, and deleted only if their owner has certainly ended."""

from __future__ import annotations

import json
import socket
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime

from semantest_iac.domain.errors import NotFoundError, RefusedError, StackBusyError
from semantest_iac.infrastructure.nested_text import parse_json
from semantest_iac.infrastructure.process_starts import read_process_start
from semantest_iac.infrastructure.pulumi_engine.state.backend_settings import PULUMI_PROJECT
from semantest_iac.infrastructure.pulumi_engine.state.owners import (
    StackOwner,
    forget_owners,
    name_this_process,
    read_owners,
    record_owner,
    remove_ended_owners,
)
from semantest_iac.infrastructure.pulumi_engine.state.state_files import StateFiles

_POLL_S = 0.5
_CLOCK_TOLERANCE_S = 2.0
_SHORTEST_ID = 8


@dataclass(frozen=True, slots=True)
class BackendLock:
    """One lock file of the CLI, who wrote it when, and the records of ours about its machine from before that.

    Without a record, the lock of a backend that only this home uses is judged by the name of the host.
    """

    name: str
    pid: int
    user: str
    host: str
    since: datetime
    owners: tuple[StackOwner, ...] = ()
    is_private: bool = False

    @property
    def id(self) -> str:
        """What `state unlock` takes to name it."""
        return self.name.rpartition("/")[2].removesuffix(".json")

    @property
    def is_of_this_host(self) -> bool:
        """Whether a host of this name wrote it."""
        return self.host == socket.gethostname()

    @property
    def is_stale(self) -> bool:
        """Whether its owner was a process of this machine that has ended; a lock of another host is never stale."""
        if not self.is_of_this_host or not (self.owners or self.is_private):
            return False
        if not all(owner.has_ended for owner in self.owners):
            return False
        started = read_process_start(self.pid)
        return started is None or started > self.since.timestamp() + _CLOCK_TOLERANCE_S

    @property
    def command(self) -> str:
        """What its owner does, if a record of ours says it."""
        return self.owners[-1].command if self.owners else ""

    def __str__(self) -> str:
        work = f", {self.command}" if self.command else ""
        since = f"{self.since.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
        return f"pulumi of {self.user}@{self.host} (process {self.pid}{work}, since {since})"


def wait_for_stack_lock(
    files: StateFiles,
    stack: str,
    timeout_s: float,
    on_wait: Callable[[str], None] = lambda holder: None,
    *,
    is_private: bool = False,
    own: str = "",
) -> None:
    """Wait until no other process works on the stack, and delete stale locks; `on_wait` gets each new holder.

    `own` is the name of a lock that this process holds, `is_private` whether only this home uses the backend.
    Raises StackBusyError after the timeout, and RefusedError for an unreadable lock.
    """
    files.remove_incomplete(_locks_folder(stack))
    deadline, holder = time.monotonic() + timeout_s, ""
    while locks := [
        lock
        for lock in read_locks(files, stack, is_private=is_private)
        if lock.name != own and not _delete_if_stale(files, stack, lock)
    ]:
        if time.monotonic() >= deadline:
            raise _busy_error(stack, locks[0])
        if holder != str(locks[0]):
            holder = str(locks[0])
            on_wait(holder)
        time.sleep(_POLL_S)


@contextmanager
def hold_stack(
    files: StateFiles, stack: str, command: str, *, is_private: bool = False, timeout_s: float = 0.0
) -> Iterator[None]:
    """Hold the stack as the CLI does, so that neither it nor another run of ours works on the stack meanwhile.

    Raises StackBusyError with the owner if there is one.
    """
    owner = name_this_process(command)
    mark = str(uuid.uuid4())
    name = f"{_locks_folder(stack)}/{mark}.json"
    content = {"pid": owner.pid, "username": owner.user, "hostname": owner.host, "timestamp": owner.since}
    with record_owner(files, stack, owner, mark):
        wait_for_stack_lock(files, stack, timeout_s, is_private=is_private)
        try:
            files.write(name, json.dumps(content).encode())
            wait_for_stack_lock(files, stack, 0, is_private=is_private, own=name)  # two may have begun at once
            yield
        finally:
            files.delete(name)


def read_locks(files: StateFiles, stack: str, *, is_private: bool = False) -> list[BackendLock]:
    """Return the locks of a stack; raises RefusedError for one that cannot be read."""
    names = [name for name in files.list_files(_locks_folder(stack)) if name.endswith(".json")]
    owners = read_owners(files, stack) if names else []
    found = (_read_lock(files, name, stack, owners, is_private=is_private) for name in names)
    return [lock for lock in found if lock]


def remove_lock(files: StateFiles, stack: str, id_: str) -> None:
    """Delete the lock with this id, or the beginning of it, that a person has looked after; raises NotFoundError."""
    names = [name for name in files.list_files(_locks_folder(stack)) if name.endswith(".json")]
    found = [name for name in names if len(id_) >= _SHORTEST_ID and name.rpartition("/")[2].startswith(id_)]
    if len(found) != 1:
        raise NotFoundError(
            f"Cannot unlock '{stack}': it has no lock '{id_}'.", hint="`semantest-iac state locks` lists the locks."
        )
    with suppress(RefusedError):
        if lock := _read_lock(files, found[0], stack, (), is_private=False):
            forget_owners(files, stack, lock.host, lock.since)
    _delete(files, stack, found[0])


def _locks_folder(stack: str) -> str:
    return f"locks/organization/{PULUMI_PROJECT}/{stack}"


def _busy_error(stack: str, lock: BackendLock) -> StackBusyError:
    hint = "Try again when it has ended. `pulumi cancel` would not stop it, but let two processes work at once."
    if not lock.is_of_this_host or not (lock.owners or lock.is_private):
        hint = (
            f"Look on {lock.host} whether its process {lock.pid} still runs. If it has ended, or the host is gone for "
            f"good: semantest-iac state unlock {stack} --lock {lock.id[:_SHORTEST_ID]}"
        )
    return StackBusyError(f"Cannot work on stack '{stack}': {lock} holds it.", hint=hint)


def _read_lock(
    files: StateFiles, name: str, stack: str, owners: Sequence[StackOwner], *, is_private: bool
) -> BackendLock | None:
    content = files.read(name)
    if content is None:
        return None
    try:
        found = parse_json(content)
        since, host = datetime.fromisoformat(found["timestamp"]), str(found["hostname"])
        own = sorted((it for it in owners if it.host == host and it.started <= since), key=lambda it: it.started)
        pid, user = int(found["pid"]), str(found["username"])
        return BackendLock(name, pid, user, host, since, tuple(own), is_private)
    except (ValueError, TypeError, KeyError) as error:
        id_ = name.rpartition("/")[2].removesuffix(".json")
        hint = (
            f"It is '{files.locate(name)}'. If no process works on the stack: "
            f"semantest-iac state unlock {stack} --lock {id_[:_SHORTEST_ID]}"
        )
        raise RefusedError(
            f"Cannot work on stack '{stack}': a lock does not name its owner.", "LOCK_UNREADABLE", hint=hint
        ) from error


def _delete_if_stale(files: StateFiles, stack: str, lock: BackendLock) -> bool:
    if not lock.is_stale:
        return False
    _delete(files, stack, lock.name)
    return True


def _delete(files: StateFiles, stack: str, name: str) -> None:
    for each in (name, f"{name}.attrs"):
        files.delete(each)
    remove_ended_owners(files, stack)
