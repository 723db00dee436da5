"""A PostgreSQL database by its URL; a lost connection is opened again."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from functools import lru_cache
from importlib.util import find_spec
from itertools import chain
from threading import Lock
from typing import TYPE_CHECKING, Any

from semantest_iac.application.ports.ledger import LedgerBusyError
from semantest_iac.domain.errors import ConfigurationError, ExtraMissingError, Fault, LedgerError
from semantest_iac.infrastructure.databases.change_groups import ChangeGroups
from semantest_iac.infrastructure.databases.database import (
    CHANGE_TABLES,
    DatabaseConnection,
    Item,
    OnCommit,
    Result,
    Row,
    list_marks,
)

if TYPE_CHECKING:
    from semantest_iac.infrastructure.databases.postgresql_watch import PostgresqlWatch

_URL_VARIABLE = "SEMANTEST_LEDGER_URL"
_WRITER_LOCK = 0x534D4941  # the advisory lock of whoever changes something: positions of the log have no gaps
_LOCK_TIMEOUT_S = 10.0
_ANSWER_TIMEOUT_S = 15.0  # more than the server takes to give up a lock; a lease, of 30 s, outlasts it
_IDLE_TIMEOUT_S = 5.0
"""How long the server waits for the next statement of a transaction: a paused writer must not hold up all others."""
_INSERTED_AT_ONCE = 500
# Rows are looked up by their keys: PostgreSQL would read a whole table instead as long as it has a hundred pages.
_KEY_LOOKUP_COST = 1.1
_SELECT_TABLES = "select relname from pg_class where relnamespace = current_schema()::regnamespace and relkind = 'r'"
_LOOK = f"{_SELECT_TABLES}; select extract(epoch from clock_timestamp())::float8"  # noqa: S608 - no input in it
_BEGIN_CHANGE = f"begin isolation level read committed; select pg_advisory_xact_lock({_WRITER_LOCK}); {_LOOK}"
_BEGIN_READING = f"begin isolation level repeatable read, read only; {_LOOK}"
_SETTINGS = (
    f"select set_config('lock_timeout', '{_LOCK_TIMEOUT_S:.0f}s', false),"
    f" set_config('idle_in_transaction_session_timeout', '{_IDLE_TIMEOUT_S:.0f}s', false),"
    f" set_config('random_page_cost', '{_KEY_LOOKUP_COST}', false)"
)
# Start of SQLSTATE -> class, code, cause, hint (PostgreSQL 15, appendix A); a lost connection has none.
_FAILURES: tuple[tuple[str, type[LedgerError], str, str, str], ...] = (
    ("55P03", LedgerBusyError, "LEDGER_BUSY", "another process keeps it locked", "Try again later."),
    ("53100", LedgerError, "LEDGER_FULL", "its disk is full", "Free some space there and try again."),
    ("25006", LedgerError, "LEDGER_READ_ONLY", "it is read-only", "Connect to the primary server."),
    ("42501", LedgerError, "LEDGER_READ_ONLY", "the user may not do that", "Grant the user its schema."),
)
_LOST = (LedgerBusyError, "LEDGER_UNREACHABLE", "the server does not answer", "Check that it runs and can be reached.")
# A refused connection has no SQLSTATE, only the server's text.
_REFUSED_CONNECTION = re.compile(r"FATAL: +(.+)")
_SOON_READY = re.compile(
    "starting up|shutting down|terminating connection|in recovery mode|not (yet )?accepting connections"
    "|too many (clients|connections)"
)
_LOST_STATES = ("08", "57P", "25P03")  # the connection is lost; the server stops or starts; a transaction was paused
_UNKNOWN = (LedgerError, "LEDGER_DAMAGED", "its content is not that of a ledger", "Restore it from a backup.")


class PostgresqlConnection:
    """A transaction of psycopg with `?` for parameters, which has begun at `now` with these `tables`."""

    def __init__(self, connection: Any, tables: frozenset[str], now: float) -> None:
        self.notifies = False
        self._cursor = connection.cursor()
        self._tables: frozenset[str] | None = tables
        self._now = now

    def execute(self, statement: str, parameters: Sequence[object] = ()) -> list[Row]:
        """Run a statement and return its rows."""
        if statement.startswith(CHANGE_TABLES):
            self._tables = None
        cursor = self._cursor.execute(_number_parameters(statement), parameters)
        return cursor.fetchall() if cursor.description else []

    def insert(self, table: str, rows: Sequence[Row], on_conflict: str = "") -> None:
        """Insert many rows with one statement; the server limits its parameters."""
        for start in range(0, len(rows), _INSERTED_AT_ONCE):
            batch = rows[start : start + _INSERTED_AT_ONCE]
            lists = ", ".join([f"({list_marks(len(batch[0]))})"] * len(batch))
            self.execute(f"insert into {table} values {lists} {on_conflict}", list(chain.from_iterable(batch)))  # noqa: S608 - no input in it

    def has_table(self, name: str) -> bool:
        """Whether the schema has the table; asks again after a change of the tables."""
        if self._tables is None:
            self._tables = frozenset(it for (it,) in self.execute(_SELECT_TABLES))
        return name in self._tables

    def is_open(self) -> bool:
        """Whether the server is connected: one that does not answer in time is not any more."""
        return not self._cursor.connection.closed

    def check_integrity(self) -> None:
        """Do nothing: PostgreSQL checks its pages as it reads them, where its data has checksums."""

    def notify_watches(self) -> None:
        """Notify the channel of the schema with the commit."""
        self.notifies = True

    def read_clock(self) -> float:
        """Return the server's time when it held the lock of writers, or took the snapshot."""
        return self._now


def open_database_url(url: str) -> PostgresqlDatabase:
    """Return the database of a URL such as postgresql://USER@HOST/NAME; raises ConfigurationError, ExtraMissingError.

    Its password may be in the variable PGPASSWORD or in a password file, as for every PostgreSQL program.
    """
    if not url.startswith(("postgresql://", "postgres://")):
        hint = "Such as postgresql://USER@HOST/DATABASE, with the password in the variable PGPASSWORD."
        fault = Fault(_URL_VARIABLE, "is no URL of a PostgreSQL database", hint)
        raise ConfigurationError("Cannot use the ledger of other machines.", faults=[fault])
    if find_spec("psycopg") is None:
        raise ExtraMissingError("use a ledger in PostgreSQL", "psycopg", "postgres")
    return PostgresqlDatabase(url)


class PostgresqlDatabase:
    """Keeps one connection for changes and one for reading; may be used by several threads.

    A server that does not answer for `answer_timeout_s` counts as lost.
    """

    def __init__(self, url: str, schema: str = "semantest_iac", *, answer_timeout_s: float = _ANSWER_TIMEOUT_S) -> None:
        self._url = url
        self._answer_timeout_s = answer_timeout_s
        self._schema = schema
        self._groups = ChangeGroups()
        self._locks = {"change": Lock(), "read": Lock()}
        self._connections: dict[str, Any] = {}

    @contextmanager
    def change(self, verb: str) -> Iterator[PostgresqlConnection]:
        """Hold the advisory lock of writers for the block."""
        with self._use("change", verb) as connection, self._transact(connection, _BEGIN_CHANGE) as transaction:
            yield transaction

    async def commit(
        self, verb: str, change: Callable[[DatabaseConnection], Result], on_commit: OnCommit | None = None
    ) -> Result:
        """Commit a change together with those of other tasks."""
        return await self._groups.commit(self.change, verb, change, on_commit)

    async def commit_together(
        self,
        verb: str,
        change: Callable[[DatabaseConnection, Sequence[Item]], Sequence[Result]],
        item: Item,
        on_commit: OnCommit | None = None,
    ) -> Result:
        """Commit the change of an item together with those of other tasks."""
        return await self._groups.commit_together(self.change, verb, change, item, on_commit)

    @contextmanager
    def read(self, verb: str) -> Iterator[PostgresqlConnection | None]:
        """Yield one snapshot."""
        with self._use("read", verb) as connection, self._transact(connection, _BEGIN_READING) as transaction:
            yield transaction

    @asynccontextmanager
    async def watch(self) -> AsyncIterator[PostgresqlWatch]:
        """Listen for the notifications of writers."""
        from semantest_iac.infrastructure.databases.postgresql_watch import PostgresqlWatch

        watch = PostgresqlWatch(self._url, self._schema)
        try:
            yield watch
        finally:
            await watch.close()

    def close(self) -> None:
        """Close both connections."""
        for purpose, lock in self._locks.items():
            with lock:
                self._drop(purpose)

    @contextmanager
    def _transact(self, connection: Any, begin: str) -> Iterator[PostgresqlConnection]:
        """Commit what the block did, or nothing if it raises; the server is asked once to begin, and once to commit."""
        try:
            answers = [it.fetchall() if it.description else [] for it in connection.execute(begin).results()]
            *_, tables, [(now,)] = answers
            transaction = self._wrap(connection, frozenset(it for (it,) in tables), now)
            yield transaction
            connection.execute(f'notify "{self._schema}"; commit' if transaction.notifies else "commit")
        except BaseException:
            with suppress(Exception):  # a connection that is lost has rolled back
                connection.rollback()
            raise

    def _wrap(self, connection: Any, tables: frozenset[str], now: float) -> PostgresqlConnection:
        return PostgresqlConnection(connection, tables, now)

    @contextmanager
    def _use(self, purpose: str, verb: str) -> Iterator[Any]:
        import psycopg

        with self._locks[purpose]:
            try:
                if purpose not in self._connections or self._connections[purpose].closed:
                    self._connections[purpose] = self._connect()
                yield self._connections[purpose]
            except psycopg.Error as error:
                if error.sqlstate is None or error.sqlstate.startswith(_LOST_STATES):
                    self._drop(purpose)
                raise _ledger_error(verb, error) from error

    def _connect(self) -> Any:
        connection = connect_bounded(self._url, self._answer_timeout_s)
        connection.execute(_SETTINGS)
        if connection.execute("select to_regnamespace($1)", (f'"{self._schema}"',)).fetchone() == (None,):
            with connection.transaction():  # two at once may both find no schema, and one would fail
                connection.execute("select pg_advisory_xact_lock($1)", (_WRITER_LOCK,))
                connection.execute(f'create schema if not exists "{self._schema}"')
        connection.execute(f'set search_path to "{self._schema}"')
        return connection

    def _drop(self, purpose: str) -> None:
        connection = self._connections.pop(purpose, None)
        if connection is not None:
            with suppress(Exception):  # the connection may be lost already
                connection.close()


@lru_cache(maxsize=1000)
def _number_parameters(statement: str) -> str:
    """Return a statement with `$1` for its first `?`, as the server takes it."""
    first, *rest = statement.split("?")
    return first + "".join(f"${number}{text}" for number, text in enumerate(rest, start=1))


def connect_bounded(url: str, answer_timeout_s: float) -> Any:
    """Return a connection that is closed, with an error, if the server does not answer for so long, as a frozen one."""
    import psycopg

    class BoundedConnection(psycopg.Connection[Any]):
        def wait(self, *arguments: Any, **options: Any) -> Any:
            try:
                return super().wait(*arguments, **{"timeout": answer_timeout_s, **options})
            except psycopg.OperationalError:
                if self.pgconn.transaction_status == psycopg.pq.TransactionStatus.ACTIVE:
                    self.pgconn.finish()  # else ending the transaction would wait as long again
                raise

    return BoundedConnection.connect(url, autocommit=True, connect_timeout=10, cursor_factory=psycopg.RawCursor)


def _ledger_error(verb: str, error: Any) -> LedgerError:
    state, refusal = error.sqlstate, _REFUSED_CONNECTION.search(str(error))
    if state is None and refusal and not _SOON_READY.search(refusal[1]):
        hint = "Check the server, the database, the user and the password of the URL."
        return LedgerError(f"Cannot {verb} the ledger in PostgreSQL: {refusal[1]}.", "LEDGER_REFUSED", hint=hint)
    known = next((row[1:] for row in _FAILURES if (state or "").startswith(row[0])), None)
    lost = state is None or state.startswith(_LOST_STATES)
    kind, code, cause, hint = known or (_LOST if lost else _UNKNOWN)
    return kind(f"Cannot {verb} the ledger in PostgreSQL: {cause}.", code, hint=hint)
