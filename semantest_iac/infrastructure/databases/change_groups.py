"""Commits what several tasks change in one transaction, so that they wait for the disk together and not in turn."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, suppress
from itertools import groupby
from operator import attrgetter
from threading import Condition, Thread
from typing import TYPE_CHECKING, Any, cast

from semantest_iac.domain.errors import DeploymentError
from semantest_iac.infrastructure.databases.database import DatabaseConnection, Item, OnCommit, Result

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop, Future

OpenChange = Callable[[str], AbstractContextManager[DatabaseConnection]]
"""Opens a transaction of a database, as its method `change` does."""

_LARGEST_GROUP = 64  # whoever comes after it waits for its commit, as other processes do
_IDLE_S = 1.0  # after that the thread ends; starting another one takes less than a commit


class ChangeGroups:
    """Runs each change as if it had a transaction of its own: what one raises undoes it alone.

    While a thread commits one group, the next one gathers. A change may be run a second time, after all that it did was
    undone.
    """

    def __init__(self) -> None:
        self._waiting: deque[_Change] = deque()
        self._has_work = Condition()
        self._thread: Thread | None = None

    async def commit(
        self,
        open_change: OpenChange,
        verb: str,
        change: Callable[[DatabaseConnection], Result],
        on_commit: OnCommit | None,
    ) -> Result:
        """Return the result of a change once it is committed; raises LedgerError, and what the change raises.

        `verb` says in errors what was tried. `on_commit` gets the results of all changes of a group that it came with.
        A caller that is cancelled meanwhile does not know whether its change was committed.
        """

        def change_alone(connection: DatabaseConnection, items: Sequence[None]) -> list[Result]:
            return [change(connection)]

        return await self.commit_together(open_change, verb, change_alone, None, on_commit)

    async def commit_together(
        self,
        open_change: OpenChange,
        verb: str,
        change: Callable[[DatabaseConnection, Sequence[Item]], Sequence[Result]],
        item: Item,
        on_commit: OnCommit | None,
    ) -> Result:
        """Return the result for an item; those that wait side by side for the same change are one call of it."""
        from asyncio import get_running_loop

        own = _Change(open_change, verb, change, item, on_commit, get_running_loop())
        with self._has_work:
            self._waiting.append(own)
            self._has_work.notify()
            if self._thread is None or not self._thread.is_alive():  # it does not survive a fork
                self._thread = Thread(target=self._commit_groups, name="commits", daemon=True)
                self._thread.start()
        return cast(Result, await own.future)

    def _commit_groups(self) -> None:
        """Commit what waits until nothing has come for a while."""
        while group := self._take_group():
            _commit_group(group)
            _deliver(group)

    def _take_group(self) -> list[_Change]:
        """Return what waits, in its order, up to the first change with another verb; empty ends the thread."""
        group: list[_Change] = []
        with self._has_work:
            if not self._has_work.wait_for(lambda: self._waiting, _IDLE_S):
                self._thread = None
            while self._waiting and len(group) < _LARGEST_GROUP:
                if group and self._waiting[0].verb != group[0].verb:
                    break
                group.append(self._waiting.popleft())
        return group


class _Change:
    """One item of a change, who waits for it, and how it ended."""

    def __init__(
        self,
        open_change: OpenChange,
        verb: str,
        change: Callable[[DatabaseConnection, Sequence[Any]], Sequence[Any]],
        item: object,
        on_commit: OnCommit | None,
        loop: AbstractEventLoop,
    ) -> None:
        self.open_change = open_change
        self.verb = verb
        self.change = change
        self.item = item
        self.on_commit = on_commit
        self.loop = loop
        self.future: Future[Any] = loop.create_future()
        self.result: Any = None
        self.error: BaseException | None = None

    def deliver(self) -> None:
        """Let go on who waits, in the event loop."""
        if self.future.done():  # cancelled
            return
        if self.error is None:
            self.future.set_result(self.result)
        else:
            self.future.set_exception(self.error)


class _UndoneError(Exception):
    """One change of a group has raised, so that its transaction is undone."""


def _commit_group(group: Sequence[_Change], *, has_savepoints: bool = False) -> None:
    """Commit a group; where one change raises, again with a savepoint for each, which cost more than they are worth.

    A change that the database itself refuses is then run alone.
    """
    refused: list[_Change] = []
    try:
        with group[0].open_change(group[0].verb) as connection:
            if has_savepoints:
                refused = [change for change in group if not _attempt(connection, change)]
            else:
                _run_all(connection, group)
    except _UndoneError:
        _commit_group(group, has_savepoints=True)
        return
    except BaseException as error:  # each of them fails, as it would have alone
        for change in group:
            change.error = error
        return
    _note_commit([change for change in group if change.error is None])
    for change in refused:
        change.error = None
        _commit_group([change])


def _run_all(connection: DatabaseConnection, group: Sequence[_Change]) -> None:
    """Run a group; those that wait side by side for the same change are one call of it."""
    try:
        for _, batch in groupby(group, attrgetter("change")):
            _run(connection, list(batch))
    except Exception as error:
        if len(group) == 1 or not connection.is_open():
            raise
        raise _UndoneError from error


def _attempt(connection: DatabaseConnection, change: _Change) -> bool:
    """Run in a transaction with others; False where it has to be run again alone, for an error of its own."""
    change.error = None
    connection.execute("savepoint one_change")
    try:
        _run(connection, [change])
    except Exception as error:
        try:
            connection.execute("rollback to savepoint one_change")
        except Exception:
            raise error from error.__cause__  # the transaction is gone
        change.error = error
    connection.execute("release savepoint one_change")
    return change.error is None or isinstance(change.error, DeploymentError)


def _run(connection: DatabaseConnection, batch: Sequence[_Change]) -> None:
    results = batch[0].change(connection, [one.item for one in batch])
    for one, result in zip(batch, results, strict=True):
        one.result = result


def _note_commit(committed: Sequence[_Change]) -> None:
    changes_of = defaultdict[OnCommit | None, list[_Change]](list)
    for change in committed:
        changes_of[change.on_commit].append(change)
    for on_commit, changes in changes_of.items():
        try:
            if on_commit is not None:
                on_commit([change.result for change in changes])
        except BaseException as error:
            for change in changes:
                change.error = error


def _deliver(group: Sequence[_Change]) -> None:
    """Wake whoever waits, each event loop once."""
    changes_of = defaultdict[Any, list[_Change]](list)
    for change in group:
        changes_of[change.loop].append(change)
    for loop, changes in changes_of.items():
        with suppress(RuntimeError):  # it has ended, and nobody waits any more
            loop.call_soon_threadsafe(_deliver_all, changes)


def _deliver_all(changes: Sequence[_Change]) -> None:
    for change in changes:
        change.deliver()
