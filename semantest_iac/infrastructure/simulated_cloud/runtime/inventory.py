"""Stores what exists in the simulated clouds of one host, in one SQLite file that several processes may use at once."""

from __future__ import annotations

import json
import secrets
import sqlite3
import threading
import weakref
import zlib
from collections.abc import Iterator, Sequence, Set
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple

from semantest_iac.infrastructure.sqlite_failures import translate_sqlite_errors
from semantest_iac.infrastructure.sqlite_files import find_sqlite_fault, hold_write_lock

_SCHEMA: Final = """
create table if not exists resources(
    account text, region text, type text, key text, id text, owner text, seed text, revision integer, made integer,
    inputs text, outputs text, checksum integer, primary key(account, region, type, key)) without rowid;
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
create table if not exists versions(
    account text, region text, type text, key text, version text, outputs text,
    primary key(account, region, type, key, version)) without rowid;
create table if not exists secret_versions(
    account text, region text, type text, key text, version text, sealed text,
    primary key(account, region, type, key, version)) without rowid;
create table if not exists world(one integer primary key check(one = 1), seconds real, made integer, seal text);
"""
_LOCK_TIMEOUT_SECONDS: Final = 60.0
_JOURNAL_MODE_ATTEMPTS: Final = 20
_DAMAGE_HINT: Final = "Run `semantest-iac repair`, which moves it away, and deploy again, which creates its resources."


class ResourceAddress(NamedTuple):
    """The key of a resource; the region is empty for account-wide types."""

    account: str
    region: str
    type: str
    key: str


@dataclass(frozen=True, slots=True)
class StoredResource:
    """One living resource; its identifiers derive from `seed`, and `revision` counts updates that recompute outputs."""

    address: ResourceAddress
    id: str
    owner: str
    seed: str
    revision: int
    inputs: dict[str, Any] = field(hash=False)
    outputs: dict[str, Any] = field(hash=False)


class ResourceLink(NamedTuple):
    """A reference to another resource, and its effect on a delete of the other."""

    target: ResourceAddress
    effect: str


class InventoryTransaction:
    """Reads and writes the tables inside one transaction."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._execute = connection.execute

    def virtual_seconds(self) -> float:
        """Return the virtual time that any process has reached."""
        return float(self._execute("select seconds from world").fetchone()[0])

    def catch_up_virtual_seconds(self, seconds: float) -> None:
        """Set the virtual time, unless a later one is stored."""
        self._execute("update world set seconds = max(seconds, ?)", (seconds,))

    def get(self, address: ResourceAddress) -> StoredResource | None:
        return self._first("account = ? and region = ? and type = ? and key = ?", address)

    def find_by_id(self, account: str, region: str, type_: str, id_: str) -> list[StoredResource]:
        """Return the resources with an id; some types give one id to several of them."""
        return self._rows("account = ? and region = ? and type = ? and id = ?", (account, region, type_, id_))

    def find_newest_by_owner(self, account: str, owner: str) -> StoredResource | None:
        """Return the resource that the owner created last."""
        return self._first("account = ? and owner = ? order by made desc", (account, owner))

    def list_by_owner_prefix(self, prefix: str) -> list[StoredResource]:
        """Return the resources of all owners that begin with a prefix, in all accounts, the newest first."""
        return self._rows("substr(owner, 1, length(?)) = ? order by made desc", (prefix, prefix))

    def count_by_owner_or_tag(self, prefix: str, tag: str, value: str) -> int:
        """Count the resources of all owners that begin with a prefix or, with earlier marks, that have a tag."""
        found = self._execute(
            "select count(*) from resources where substr(owner, 1, length(?)) = ?"
            " or json_extract(inputs, '$.tags.' || ?) = ?",
            (prefix, prefix, tag, value),
        )
        return int(found.fetchone()[0])

    def list_ids(self, account: str | None = None) -> set[tuple[str, str]]:
        """Return type and id of every resource of an account, or of all."""
        return set(self._execute("select type, id from resources where ? is null or account = ?", (account, account)))

    def replace_owner(self, address: ResourceAddress, owner: str) -> None:
        """Give a resource another owner; its identifiers stay."""
        where = "account = ? and region = ? and type = ? and key = ?"
        query = f"select id, seed, inputs, outputs from resources where {where}"  # noqa: S608 - no input in it
        id_, seed, *texts = self._execute(query, address).fetchone()
        self._execute(
            f"update resources set owner = ?, checksum = ? where {where}",  # noqa: S608 - no input in it
            (owner, _row_checksum(id_, owner, seed, *texts), *address),
        )

    def list_by_type(self, account: str, region: str, type_: str) -> list[StoredResource]:
        return self._rows("account = ? and region = ? and type = ? order by key", (account, region, type_))

    def list_all(self, account: str) -> list[StoredResource]:
        """Return all resources of an account, sorted by type, region and key."""
        return self._rows("account = ? order by type, region, key", (account,))

    def count_creation(self, account: str, region: str, type_: str, owner: str) -> int:
        """Count one more resource of a type that the owner creates; return the new count."""
        count = self._execute(
            "insert into births values (?,?,?,?,1) on conflict do update set times = times + 1 returning times",
            (account, region, type_, owner),
        )
        return int(count.fetchone()[0])

    def find_by_handle(
        self, account: str, region: str, type_: str, handle: str
    ) -> tuple[ResourceAddress | None, float]:
        """Return the resource with a handle, or None and the virtual second until which the handle is reserved."""
        found = self._execute(
            "select key, until from handles where account = ? and region = ? and type = ? and handle = ?",
            (account, region, type_, handle),
        ).fetchone()
        if found is None:
            return None, 0.0
        return (ResourceAddress(account, region, type_, found[0]) if found[0] else None), found[1]

    def save(self, resource: StoredResource, handles: Set[str], links: Sequence[ResourceLink]) -> None:
        """Write a resource, and replace its handles and links."""
        address = resource.address
        for table in ("handles", "links"):
            self._execute(f"delete from {table} where account = ? and region = ? and type = ? and key = ?", address)  # noqa: S608 - the names are the two above
        texts = _to_json(resource.inputs), _to_json(resource.outputs)
        checksum = _row_checksum(resource.id, resource.owner, resource.seed, *texts)
        values = (resource.id, resource.owner, resource.seed, resource.revision, self._next_number(), *texts, checksum)
        self._execute("insert or replace into resources values (?,?,?,?,?,?,?,?,?,?,?,?)", (*address, *values))
        for handle in {address.key} | handles:
            self._execute("insert or replace into handles values (?,?,?,?,?,0)", (*address[:3], handle, address.key))
        for link in set(links):
            target = link.target
            columns = (target.account, target.region, target.type, target.key, *address[1:], link.effect)
            self._execute("insert or replace into links values (?,?,?,?,?,?,?,?)", columns)

    def find_dependents(self, address: ResourceAddress, effect: str) -> list[ResourceAddress]:
        """Return the resources that refer to a resource with this effect on its delete, sorted."""
        found = self._execute(
            "select account, region, type, key from links where account = ? and to_region = ? and to_type = ?"
            " and to_key = ? and effect = ? order by type, key",
            (*address, effect),
        )
        return [ResourceAddress(*values) for values in found]

    def record_code(self, address: ResourceAddress, digest: str) -> None:
        self._execute("insert or replace into code values (?,?,?,?,?)", (*address, digest))

    def code_digest(self, address: ResourceAddress) -> str:
        """Return the digest of the code that a resource runs; empty where none was published."""
        found = self._execute(
            "select digest from code where account = ? and region = ? and type = ? and key = ?", address
        ).fetchone()
        return str(found[0]) if found else ""

    def record_version(self, address: ResourceAddress, version: str, outputs: dict[str, Any]) -> None:
        """Keep the outputs of a published version, which never change."""
        self._execute("insert or ignore into versions values (?,?,?,?,?,?)", (*address, version, _to_json(outputs)))

    def list_versions(self, address: ResourceAddress) -> dict[str, dict[str, Any]]:
        """Return the outputs of the published versions of a resource."""
        found = self._execute(
            "select version, outputs from versions where account = ? and region = ? and type = ? and key = ?", address
        )
        return {version: json.loads(outputs) for version, outputs in found}

    def add_secret_version(self, address: ResourceAddress, version: str, sealed: str) -> None:
        """Store a value of a secret, which the caller has encrypted."""
        self._execute("insert into secret_versions values (?,?,?,?,?,?)", (*address, version, sealed))

    def find_secret_version(self, address: ResourceAddress, version: str) -> str | None:
        """Return an encrypted value of a secret, None for an unknown version."""
        found = self._execute(
            "select sealed from secret_versions where account = ? and region = ? and type = ? and key = ?"
            " and version = ?",
            (*address, version),
        ).fetchone()
        return str(found[0]) if found else None

    def remove_version(self, address: ResourceAddress, version: str) -> None:
        """Remove one published version."""
        self._execute(
            "delete from versions where account = ? and region = ? and type = ? and key = ? and version = ?",
            (*address, version),
        )

    def remove(self, address: ResourceAddress, reserved: Set[str] = frozenset(), until: float = 0.0) -> None:
        """Remove a resource; keep these handles reserved until a virtual second."""
        for table in ("resources", "handles", "links", "code", "versions", "secret_versions"):
            self._execute(f"delete from {table} where account = ? and region = ? and type = ? and key = ?", address)  # noqa: S608 - the names are the six above
        for handle in reserved:
            self._execute("insert or replace into handles values (?,?,?,?,'',?)", (*address[:3], handle, until))

    def _next_number(self) -> int:
        return int(self._execute("update world set made = made + 1 returning made").fetchone()[0])

    def _first(self, where: str, values: Sequence[str]) -> StoredResource | None:
        return next(iter(self._rows(f"{where} limit 1", values)), None)

    def _rows(self, where: str, values: Sequence[str]) -> list[StoredResource]:
        columns = "account, region, type, key, id, owner, seed, revision, inputs, outputs, checksum"
        found = self._execute(f"select {columns} from resources where {where}", values)  # noqa: S608 - written in this class only
        return [_to_resource(values) for values in found]


def find_inventory_fault(path: Path) -> str:
    """Return what is wrong with a file of resources, empty if nothing is; looking changes nothing."""
    return find_sqlite_fault(path, _LOCK_TIMEOUT_SECONDS, _read_all)


def _read_all(connection: sqlite3.Connection) -> None:
    connection.execute("select seconds, made, seal from world").fetchone()
    columns = [name for (name,) in connection.execute("select name from pragma_table_info('resources')")]
    if "checksum" in columns:  # else an earlier version wrote it
        InventoryTransaction(connection).list_by_owner_prefix("")


class Inventory:
    """One file of resources; `:memory:` keeps them in this process only."""

    def __init__(self, path: Path | str) -> None:
        self._path = Path(path)
        self._lock = threading.RLock()
        with translate_sqlite_errors(self._path, _DAMAGE_HINT):
            self._connection = sqlite3.connect(
                path, timeout=_LOCK_TIMEOUT_SECONDS, isolation_level=None, check_same_thread=False
            )
            weakref.finalize(self, self._connection.close)  # for callers that drop the inventory without closing it
            _enable_write_ahead_log(self._connection)
            # survives kill -9; a simulation need not survive a power failure
            self._connection.execute("pragma synchronous = normal")
            with self.transaction():
                for statement in _SCHEMA.split(";"):
                    self._connection.execute(statement)
                _add_checksum_column(self._connection)
                self._connection.execute("insert or ignore into world values (1, 0, 0, ?)", (secrets.token_hex(32),))
            self.masking_key = bytes.fromhex(self._connection.execute("select seal from world").fetchone()[0])

    @contextmanager
    def transaction(self) -> Iterator[InventoryTransaction]:
        """Begin a write transaction that excludes other processes; commit it, or roll it back on an exception."""
        with self._lock, translate_sqlite_errors(self._path, _DAMAGE_HINT), hold_write_lock(self._connection):
            yield InventoryTransaction(self._connection)

    @contextmanager
    def read_without_transaction(self) -> Iterator[InventoryTransaction]:
        """Read outside a transaction: two reads may see different states."""
        with self._lock, translate_sqlite_errors(self._path, _DAMAGE_HINT):
            yield InventoryTransaction(self._connection)

    def close(self) -> None:
        self._connection.close()


def _add_checksum_column(connection: sqlite3.Connection) -> None:
    """Bring a file of an earlier version up to date; its rows have no checksum until they are written."""
    columns = [name for (name,) in connection.execute("select name from pragma_table_info('resources')")]
    if "checksum" not in columns:
        connection.execute("alter table resources add column checksum integer")


def _enable_write_ahead_log(connection: sqlite3.Connection) -> None:
    """Switch to write-ahead logging; wait by a transaction, as SQLite does not wait when it changes the mode."""
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


def _row_checksum(*values: str) -> int:
    return zlib.crc32("\0".join(values).encode())


def _to_resource(values: Sequence[Any]) -> StoredResource:
    *place, id_, owner, seed, revision, inputs, outputs, checksum = values
    try:
        if checksum not in (None, _row_checksum(id_, owner, seed, inputs, outputs)):
            raise ValueError("a row is not as it was written")
        properties = json.loads(inputs), json.loads(outputs)
    except (TypeError, ValueError) as error:
        raise sqlite3.DatabaseError("a row has an unknown form") from error
    return StoredResource(ResourceAddress(*place), id_, owner, seed, revision, *properties)
