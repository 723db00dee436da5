"""The port of stack locks: on one machine, one run at a time works on a stack, across tasks, threads and processes."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class LockHolder:
    """The run that holds a stack, as far as it is known; `since` is ISO 8601 in UTC."""

    deployment: str
    pid: int
    host: str
    since: str

    def __str__(self) -> str:
        return f"deployment {self.deployment} (pid {self.pid} on {self.host})"


OnWait = Callable[[LockHolder | None], None]


class StackLocks(Protocol):
    """Locks a stack for one run at a time."""

    def require_room(self) -> None:
        """Raise StorageError where a disk that a run writes to has too little room for one."""
        ...

    def hold(
        self,
        stack: str,
        *,
        deployment: str,
        on_wait: OnWait | None = None,
        timeout_s: float | None = None,
    ) -> AbstractAsyncContextManager[None]:
        """Hold the stack for the block; `timeout_s` None waits without limit, 0 not at all.

        `on_wait` is called with the holder (None: unknown) when waiting starts and whenever the holder changes.
        Raises StackBusyError with the holder when the time is over.
        """
        ...
