"""The run queue port: one run at a time for each stack, across tasks, threads and processes."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class LeaseHolder:
    """The run that holds a stack, as far as it is known; `since` is ISO 8601 in UTC."""

    deployment: str
    pid: int
    host: str
    since: str

    def __str__(self) -> str:
        return f"deployment {self.deployment} (pid {self.pid} on {self.host})"


OnWait = Callable[[LeaseHolder | None], None]


class Lease(Protocol):
    """The right to work on a stack, until it is released or its holder dies."""

    @property
    def stack(self) -> str:
        """The name of the stack."""
        ...

    @property
    def fence(self) -> int:
        """A number that grows with every lease of the stack, so that a write of an older lease can be refused."""
        ...

    def fileno(self) -> int:
        """Return the descriptor for a child process: the stack is held until that child has ended too."""
        ...


class RunQueue(Protocol):
    """Gives out one lease at a time for each stack."""

    def hold(
        self,
        stack: str,
        *,
        deployment: str,
        on_wait: OnWait | None = None,
        timeout_s: float | None = None,
    ) -> AbstractAsyncContextManager[Lease]:
        """Hold the stack for the block; `timeout_s` None waits without limit, 0 not at all.

        `on_wait` is called with the holder (None: unknown) when waiting starts and whenever the holder changes.
        Raises StackBusyError with the holder when the time is over.
        """
        ...

    def is_held(self, stack: str) -> bool:
        """Return whether a run works on the stack now; changes nothing."""
        ...
