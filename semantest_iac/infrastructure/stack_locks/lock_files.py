"""Locks stacks with a file for each, on one host; a lock ends with the process that holds it."""

from __future__ import annotations

import hashlib
import math
import os
import re
import time
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from semantest_iac.application.ports.stack_locks import LockHolder, OnWait
from semantest_iac.domain.errors import StackBusyError, StorageError, as_storage_error
from semantest_iac.infrastructure.disk_space import require_free_space
from semantest_iac.infrastructure.durable_files import make_private_folder, open_lock_file
from semantest_iac.infrastructure.file_locks import is_in_place, try_lock
from semantest_iac.infrastructure.home_folder import make_home_folder
from semantest_iac.infrastructure.stack_locks.holder_records import read_holder, write_holder

POLL_S = 0.1


class StackLockFiles:
    """Lets one run at a time hold a stack, over all tasks, threads and processes of this host; waiters have no order.

    `disks` are files and folders that a run writes to: none is granted where they have too little room for one.
    """

    def __init__(self, folder: Path, disks: Iterable[Path] = ()) -> None:
        self._folder = folder
        self._disks = tuple(disks)

    def require_room(self) -> None:
        """Look at the disks of the home."""
        require_free_space(self._disks)

    @asynccontextmanager
    async def hold(
        self,
        stack: str,
        *,
        deployment: str,
        on_wait: OnWait | None = None,
        timeout_s: float | None = None,
    ) -> AsyncIterator[None]:
        """Hold the stack for the block; raises StackBusyError after `timeout_s`, StorageError for a full disk."""
        self.require_room()
        descriptor = await self._acquire(stack, on_wait, timeout_s)
        try:
            with _translate_lock_errors(stack, self._folder):
                write_holder(descriptor, deployment, self._folder / lock_file_name(stack))
            yield
        finally:
            os.close(descriptor)

    async def _acquire(self, stack: str, on_wait: OnWait | None, timeout_s: float | None) -> int:
        import asyncio

        deadline = math.inf if timeout_s is None else time.monotonic() + timeout_s
        reported: list[LockHolder | None] = []
        while True:
            descriptor, holder = self._attempt(stack)
            if descriptor is not None:
                return descriptor
            if time.monotonic() >= deadline:
                raise _stack_busy_error(stack, holder)
            if on_wait is not None and reported != [holder]:
                reported = [holder]
                on_wait(holder)
            await asyncio.sleep(POLL_S)

    def _attempt(self, stack: str) -> tuple[int | None, LockHolder | None]:
        path = self._folder / lock_file_name(stack)
        with _translate_lock_errors(stack, self._folder):
            descriptor = _open_and_lock(path)
            return descriptor, read_holder(path) if descriptor is None else None


def lock_file_name(stack: str) -> str:
    """Return a file name for any stack name: readable for well-formed ones, distinct for all."""
    readable = re.sub(r"[^a-z0-9.-]", "_", stack)[:80].lstrip(".")
    return f"{readable}-{hashlib.sha256(stack.encode()).hexdigest()[:12]}.lock"


def _open_and_lock(path: Path) -> int | None:
    """Return the locked descriptor, or None when another process holds it."""
    make_home_folder(path.parent.parent)
    make_private_folder(path.parent)
    descriptor = open_lock_file(path)
    if try_lock(descriptor) and is_in_place(descriptor, path):
        return descriptor
    os.close(descriptor)
    return None


@contextmanager
def _translate_lock_errors(stack: str, folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        message = f"Cannot lock stack '{stack}': "
        if known := as_storage_error(error):
            cause = f"{known.message[0].lower()}{known.message[1:]}"
            raise StorageError(message + cause, known.error_code, hint=known.hint) from error
        cause = (error.strerror or "the system refused it").lower()
        hint = f"Check the permissions of '{folder}' and the free space there."
        raise StorageError(f"{message}{cause}.", hint=hint) from error


def _stack_busy_error(stack: str, holder: LockHolder | None) -> StackBusyError:
    holding_run = str(holder) if holder else "another run"
    return StackBusyError(
        f"Cannot work on stack '{stack}': {holding_run} holds it.", hint="Try again when it has ended."
    )
