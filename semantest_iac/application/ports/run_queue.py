"""Who may work on a stack: one run at a time, over all tasks, threads and processes."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class LeaseHolder:
    """The run that holds a stack, as far as it could be told; `since` is ISO 8601 in UTC."""

    deployment: str
    pid: int
    host: str
    since: str

    def __str__(self) -> str:
        return f"deployment {self.deployment} (pid {self.pid} on {self.host})"


OnWait = Callable[[LeaseHolder | None], None]


class Lease(Protocol):
    """The right to work on a stack until it is given back or its holder dies."""

    @property
    def stack(self) -> str:
        """The name of the stack that is held."""
        ...

    @property
    def fence(self) -> int:
        """Grows with every lease of the stack, so that a late writer can be told from the present one."""
        ...

    def fileno(self) -> int:
        """The descriptor to hand to a child process: the stack stays held until that child has ended too."""
        ...


class RunQueue(Protocol):
    """Hands out one lease per stack at a time."""

    def hold(
        self,
        stack: str,
        *,
        deployment: str,
        on_wait: OnWait | None = None,
        timeout_s: float | None = None,
    ) -> AbstractAsyncContextManager[Lease]:
        """Hold the stack for the block; `timeout_s` None waits for ever, 0 not at all.

        `on_wait` hears at once, and again whenever it changes, whom the wait is for (None: not known).
        Raises StackBusyError, naming the holder, when the time is over.
        """
        ...
