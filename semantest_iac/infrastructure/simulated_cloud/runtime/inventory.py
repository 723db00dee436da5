"""Stores what exists in the simulated clouds of one host, in one SQLite file that several processes may use at once."""

from __future__ import annotations

import json
import secrets
import sqlite3
import threading
from collections.abc import Iterator, Sequence, Set
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple

_SCHEMA: Final = """
create table if not exists resources(
    account text, region text, type text, key text, id text, owner text, seed text, revision integer, made integer,
    inputs text, outputs text, primary key(account, region, type, key)) without rowid;
create index if not exists resources_by_owner on resources(account, owner);
create index if not exists resources_by_id on resources(account, type, id);
create table if not exists handles(
    account text, region text, type text, handle text, key text, until real,
    primary key(account, region, type, handle)) without rowid;
create index if not exists handles_by_key on handles(account, region, type, key);
create table if not exists links(
    account text, to_region text, to_type text, to_key text, region text, type text, key text, effect text,
    primary key(account, to_region, to_type, to_key, region, type, key, effect)) without rowid;
create index if not exists links_by_source on links(account, region, type, key);
create table if not exists births(
    account text, region text, type text, owner text, times integer,
    primary key(account, region, type, owner)) without rowid;
create table if not exists code(
    account text, region text, type text, key text, digest text,
    primary key(account, region, type, key)) without rowid;
create table if not exists world(one integer primary key check(one = 1), seconds real, made integer, seal text);
"""
_LOCK_TIMEOUT_SECONDS: Final = 60.0
_JOURNAL_MODE_ATTEMPTS: Final = 20


class ResourceAddress(NamedTuple):
    """Where a resource is; account-wide types have no region."""

    account: str
    region: str
    type: str
    key: str


@dataclass(frozen=True, slots=True)
class StoredResource:
    """One living resource; `seed` made its identifiers and `revision` counts its renewals."""

    address: ResourceAddress
    id: str
    owner: str
    seed: str
    revision: int
    inputs: dict[str, Any] = field(hash=False)
    outputs: dict[str, Any] = field(hash=False)


class ResourceLink(NamedTuple):
    """That one resource refers to another, and what this means for a delete of the other."""

    target: ResourceAddress
    effect: str


class InventoryTransaction:
    """The tables as one transaction sees them."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._run = connection.execute

    def seconds(self) -> float:
        """The virtual time that any process has reached."""
        return float(self._run("select seconds from world").fetchone()[0])

    def reach(self, seconds: float) -> None:
        """Write down the virtual time."""
        self._run("update world set seconds = max(seconds, ?)", (seconds,))

    def row(self, address: ResourceAddress) -> StoredResource | None:
        """The resource at an address."""
        return self._first("account = ? and region = ? and type = ? and key = ?", address)

    def by_id(self, account: str, region: str, type_: str, id_: str) -> list[StoredResource]:
        """The resources that answer to an id, which some types give several times."""
        return self._rows("account = ? and region = ? and type = ? and id = ?", (account, region, type_, id_))

    def by_owner(self, account: str, owner: str) -> StoredResource | None:
        """What the owner made last."""
        return self._first("account = ? and owner = ? order by made desc", (account, owner))

    def owned_by(self, prefix: str) -> list[StoredResource]:
        """What owners whose mark begins so have made, in all accounts, the newest first."""
        return self._rows("substr(owner, 1, length(?1)) = ?1 order by made desc", (prefix,))

    def of_type(self, account: str, region: str, type_: str) -> list[StoredResource]:
        """All resources of a type in one region."""
        return self._rows("account = ? and region = ? and type = ? order by key", (account, region, type_))

    def all(self, account: str) -> list[StoredResource]:
        """Everything alive in an account, sorted by type and key."""
        return self._rows("account = ? order by type, region, key", (account,))

    def _next_number(self) -> int:
        """A number that no earlier creation had."""
        return int(self._run("update world set made = made + 1 returning made").fetchone()[0])

    def births(self, account: str, region: str, type_: str, owner: str) -> int:
        """How often the owner has made one of these, this time included."""
        counted = self._run(
            "insert into births values (?,?,?,?,1) on conflict do update set times = times + 1 returning times",
            (account, region, type_, owner),
        )
        return int(counted.fetchone()[0])

    def named(self, account: str, region: str, type_: str, handle: str) -> tuple[ResourceAddress | None, float]:
        """Who answers to a handle; without an owner, the virtual second until which it is reserved."""
        found = self._run(
            "select key, until from handles where account = ? and region = ? and type = ? and handle = ?",
            (account, region, type_, handle),
        ).fetchone()
        if found is None:
            return None, 0.0
        return (ResourceAddress(account, region, type_, found[0]) if found[0] else None), found[1]

    def put(self, row: StoredResource, handles: Set[str], links: Sequence[ResourceLink]) -> None:
        """Write a resource with its present handles and links."""
        at = row.address
        for table in ("handles", "links"):
            self._run(f"delete from {table} where account = ? and region = ? and type = ? and key = ?", at)  # noqa: S608 - the names are the two above
        values = (
            row.id,
            row.owner,
            row.seed,
            row.revision,
            self._next_number(),
            _to_json(row.inputs),
            _to_json(row.outputs),
        )
        self._run("insert or replace into resources values (?,?,?,?,?,?,?,?,?,?,?)", (*at, *values))
        for handle in {at.key} | handles:
            self._run("insert or replace into handles values (?,?,?,?,?,0)", (*at[:3], handle, at.key))
        for link in set(links):
            to = link.target
            values_ = (to.account, to.region, to.type, to.key, *at[1:], link.effect)
            self._run("insert or replace into links values (?,?,?,?,?,?,?,?)", values_)

    def linked_to(self, address: ResourceAddress, effect: str) -> list[ResourceAddress]:
        """Who refers to a resource with that effect on its delete, sorted."""
        found = self._run(
            "select account, region, type, key from links where account = ? and to_region = ? and to_type = ?"
            " and to_key = ? and effect = ? order by type, key",
            (*address, effect),
        )
        return [ResourceAddress(*values) for values in found]

    def publish(self, address: ResourceAddress, digest: str) -> None:
        """Write down the code that a resource runs."""
        self._run("insert or replace into code values (?,?,?,?,?)", (*address, digest))

    def published(self, address: ResourceAddress) -> str:
        """The digest of the code that a resource runs; empty where none was published."""
        found = self._run(
            "select digest from code where account = ? and region = ? and type = ? and key = ?", address
        ).fetchone()
        return str(found[0]) if found else ""

    def remove(self, address: ResourceAddress, held: Set[str] = frozenset(), until: float = 0.0) -> None:
        """Forget a resource; held handles stay reserved until that virtual second."""
        for table in ("resources", "handles", "links", "code"):
            self._run(f"delete from {table} where account = ? and region = ? and type = ? and key = ?", address)  # noqa: S608 - the names are the four above
        for handle in held:
            self._run("insert or replace into handles values (?,?,?,?,'',?)", (*address[:3], handle, until))

    def _first(self, where: str, values: Sequence[str]) -> StoredResource | None:
        return next(iter(self._rows(f"{where} limit 1", values)), None)

    def _rows(self, where: str, values: Sequence[str]) -> list[StoredResource]:
        columns = "account, region, type, key, id, owner, seed, revision, inputs, outputs"
        found = self._run(f"select {columns} from resources where {where}", values)  # noqa: S608 - written in this class only
        return [_to_resource(values) for values in found]


class Inventory:
    """One file of resources; `:memory:` keeps them in this process."""

    def __init__(self, path: Path | str) -> None:
        self._lock = threading.RLock()
        self._connection = sqlite3.connect(
            path, timeout=_LOCK_TIMEOUT_SECONDS, isolation_level=None, check_same_thread=False
        )
        _enable_write_ahead_log(self._connection)
        self._connection.execute("pragma synchronous = normal")  # survives kill -9; a loss of power ends a play anyway
        with self.change():
            for statement in _SCHEMA.split(";"):
                self._connection.execute(statement)
            self._connection.execute("insert or ignore into world values (1, 0, 0, ?)", (secrets.token_hex(32),))
        self.seal_key = bytes.fromhex(self._connection.execute("select seal from world").fetchone()[0])

    @contextmanager
    def change(self) -> Iterator[InventoryTransaction]:
        """One transaction against all other processes: it is kept whole, or an exception undoes it whole."""
        with self._lock:
            self._connection.execute("begin immediate")
            try:
                yield InventoryTransaction(self._connection)
            except BaseException:
                self._connection.execute("rollback")
                raise
            self._connection.execute("commit")

    @contextmanager
    def view(self) -> Iterator[InventoryTransaction]:
        """The tables for reading."""
        with self._lock:
            yield InventoryTransaction(self._connection)

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()


def _enable_write_ahead_log(connection: sqlite3.Connection) -> None:
    """SQLite does not wait for others when it changes the journal mode, but for a transaction it does."""
    for attempt in range(_JOURNAL_MODE_ATTEMPTS):
        try:
            connection.execute("pragma journal_mode = wal").fetchone()
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorname != "SQLITE_BUSY" or attempt == _JOURNAL_MODE_ATTEMPTS - 1:
                raise
            connection.execute("begin immediate")
            connection.execute("commit")


def _to_json(values: dict[str, Any]) -> str:
    return json.dumps(values, sort_keys=True, separators=(",", ":"))


def _to_resource(values: Sequence[Any]) -> StoredResource:
    *place, id_, owner, seed, revision, inputs, outputs = values
    return StoredResource(ResourceAddress(*place), id_, owner, seed, revision, json.loads(inputs), json.loads(outputs))
