"""What the ledger and the run queue ask of a database; statements have `?` for their parameters in every dialect."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from typing import Any, Protocol, TypeVar

from semantest_iac.application.ports.ledger import LedgerWatch

Row = tuple[Any, ...]
Result = TypeVar("Result")
Item = TypeVar("Item")
OnCommit = Callable[[Sequence[Any]], None]
CHANGE_TABLES = ("create ", "drop ", "rollback ")
"""How statements begin after which there may be other tables."""


def list_marks(count: int) -> str:
    """Return `?, ?` for so many parameters."""
    return ", ".join("?" * count)


class DatabaseConnection(Protocol):
    """One transaction, or one snapshot of the database."""

    def execute(self, statement: str, parameters: Sequence[object] = ()) -> list[Row]:
        """Run a statement and return its rows, none for a statement without."""
        ...

    def insert(self, table: str, rows: Sequence[Row], on_conflict: str = "") -> None:
        """Insert rows into a table, whose columns may follow its name; `on_conflict` ends the statement."""
        ...

    def has_table(self, name: str) -> bool:
        """Whether the database has the table."""
        ...

    def read_clock(self) -> float:
        """Return the seconds since 1970 in UTC, by the clock that all processes of this database share."""
        ...

    def is_open(self) -> bool:
        """Whether the database still answers, so that what it refused may be tried again."""
        ...

    def check_integrity(self) -> None:
        """Let the database check its own storage; raises LedgerError for one that is damaged."""
        ...

    def notify_watches(self) -> None:
        """Wake everybody who watches the database, once the transaction is committed."""
        ...


class Database(Protocol):
    """A database in which one transaction at a time changes something; `verb` says in errors what was tried."""

    def change(self, verb: str) -> AbstractContextManager[DatabaseConnection]:
        """Commit what the block did, or nothing if it raises; waits until no other transaction changes anything.

        Raises LedgerError, which is retryable where another process kept the database locked for too long.
        """
        ...

    async def commit(
        self, verb: str, change: Callable[[DatabaseConnection], Result], on_commit: OnCommit | None = None
    ) -> Result:
        """Return what `change` returns once all that it did is committed, together with what others ask for meanwhile.

        Raises LedgerError, and what `change` raises; then nothing of it is left. It is called in another thread, and
        may be called again after it was undone. `on_commit` gets the results of all changes that it was given with.
        """
        ...

    async def commit_together(
        self,
        verb: str,
        change: Callable[[DatabaseConnection, Sequence[Item]], Sequence[Result]],
        item: Item,
        on_commit: OnCommit | None = None,
    ) -> Result:
        """Do as `commit` does, with a change that takes many items and returns a result for each, in their order.

        It gets the items that wait for it side by side, or each alone, after all that it did was undone, where it
        raises.
        """
        ...

    def read(self, verb: str) -> AbstractContextManager[DatabaseConnection | None]:
        """Yield one snapshot, None where the database does not exist yet; raises LedgerError."""
        ...

    def watch(self) -> AbstractAsyncContextManager[LedgerWatch]:
        """Open a watch for the block: it ends waiting for changes, and more than those that wake it."""
        ...

    def close(self) -> None:
        """Close its connections; the next block opens them again."""
        ...
