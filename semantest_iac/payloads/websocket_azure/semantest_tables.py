"""Stores connections in a table of Azure Storage and sends to clients through Web PubSub.

An entity is a connection, its index entry by kind, an open request, or the index entry of a request by holder. Tables
expire nothing: what remains of a connection whose disconnect was missed is removed when it is found.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import sha256
from typing import Any
from urllib.parse import quote

from semantest_azure import WEB_PUBSUB_AUDIENCE, Hub, RefusedError, Reply, Send, Service
from semantest_protocol import KINDS, Connection

STORAGE_AUDIENCE = "https://storage.azure.com"
CONNECTIONS, REQUESTS = "connection", "request"
READ_HEADERS = {
    "Accept": "application/json;odata=nometadata",
    "x-ms-version": "2020-12-06",
    "Prefer": "return-no-content",
}
WRITE_HEADERS = {**READ_HEADERS, "Content-Type": "application/json"}
WRITTEN, NOT_FOUND, CONFLICT, PRECONDITION_FAILED = (201, 204), 404, 409, 412

Entity = Mapping[str, Any]


class TableConnections:
    """The Connections port over one table and a hub; entities count for `lifetime_s`."""

    def __init__(self, tables: Send, hub: Send, table: str, lifetime_s: int) -> None:
        self._tables = tables
        self._hub = Hub(hub)
        self._table = table
        self._lifetime_s = lifetime_s

    @classmethod
    def from_environment(cls) -> TableConnections:
        """Use the names that the deployment has set."""
        variables = os.environ
        tables = Service(variables["SEMANTEST_TABLES_ENDPOINT"], STORAGE_AUDIENCE)
        hub = Service(variables["SEMANTEST_HUB_ENDPOINT"], WEB_PUBSUB_AUDIENCE)
        table, lifetime_s = variables["SEMANTEST_CONNECTIONS_TABLE"], int(variables["SEMANTEST_CONNECTIONS_LIFETIME"])
        return cls(tables, hub, table, lifetime_s)

    def add(self, connection: Connection) -> None:
        self._insert(CONNECTIONS, connection.id, {"claims": json.dumps(connection.claims)})

    def remove(self, id: str) -> None:
        """Remove the index entries first: an index entry that remains alone is removed when it is found."""
        for partition in (*map(_kind_partition, KINDS), CONNECTIONS):
            self._delete(partition, id)

    def find(self, id: str) -> Connection | None:
        _, entity = self._read(CONNECTIONS, id)
        if entity is None:
            return None
        return Connection(id, entity.get("kind", ""), json.loads(entity["claims"]), entity.get("greeted", False))

    def find_by_kind(self, kind: str) -> Sequence[str]:
        now = time.time()
        return [
            entity["RowKey"] for entity in self._query_partition(_kind_partition(kind)) if entity["expiresAt"] > now
        ]

    def set_kind(self, id: str, kind: str) -> None:
        """Store the kind and its index entry, unless the connection has ended meanwhile."""
        if not self._merge(id, {"kind": kind}, "*"):
            return
        for other in KINDS:
            if other != kind:
                self._delete(_kind_partition(other), id)
        self._write("PUT", _kind_partition(kind), id, {"expiresAt": self._expiry()}, WRITTEN)

    def mark_greeted(self, id: str) -> bool:
        """Mark the connection; try again if another caller changed the entity in another way."""
        while True:
            tag, entity = self._read(CONNECTIONS, id)
            if entity is None or entity.get("greeted"):
                return False
            if self._merge(id, {"greeted": True}, tag):
                return True

    def claim_request(self, request: str, asker: str, holder: str) -> bool:
        """Claim a request; an expired claim of another asker does not count."""
        if not self._claim(request, {"claimant": asker, "holder": holder}):
            return False
        self._write("PUT", _holder_partition(holder), _row_key(request), {"request": request}, WRITTEN)
        return True

    def find_asker(self, request: str) -> str | None:
        return _asker(self._read(REQUESTS, _row_key(request))[1])

    def open_requests_of(self, holder: str) -> Iterable[str]:
        """Includes a request that another holder has meanwhile; complete_request refuses that one."""
        return (entity["request"] for entity in self._query_partition(_holder_partition(holder)))

    def complete_request(self, request: str, holder: str | None = None) -> str | None:
        """Delete the claim and return its asker; read a claim again that changed meanwhile."""
        if holder is not None:
            self._delete(_holder_partition(holder), _row_key(request))
        while True:
            tag, claim = self._read(REQUESTS, _row_key(request))
            if claim is None or holder not in (None, claim.get("holder")):
                return None
            if self._delete(REQUESTS, _row_key(request), tag):
                break
        if holder is None:
            self._delete(_holder_partition(claim.get("holder", "")), _row_key(request))
        return _asker(claim)

    def send(self, id: str, data: bytes) -> bool:
        return self._hub.send(id, data)

    def _claim(self, request: str, claim: Entity) -> bool:
        if self._insert(REQUESTS, _row_key(request), claim):
            return True
        tag, current = self._read(REQUESTS, _row_key(request))
        if current is None:
            return self._insert(REQUESTS, _row_key(request), claim)
        if _asker(current) not in (None, claim["claimant"]):
            return False
        values = {**claim, "expiresAt": self._expiry()}
        expected = (*WRITTEN, NOT_FOUND, PRECONDITION_FAILED)
        return self._write("PUT", REQUESTS, _row_key(request), values, expected, tag).status in WRITTEN

    def _insert(self, partition: str, row: str, values: Entity) -> bool:
        """Insert an entity; False if it exists."""
        entity = {"PartitionKey": partition, "RowKey": row, "expiresAt": self._expiry(), **values}
        reply = self._tables("POST", f"/{self._table}", json.dumps(entity).encode(), WRITE_HEADERS)
        return _require_status(reply, (*WRITTEN, CONFLICT)).status != CONFLICT

    def _read(self, partition: str, row: str) -> tuple[str, Entity | None]:
        """Read an entity and its tag."""
        reply = _require_status(
            self._tables("GET", self._entity_path(partition, row), b"", READ_HEADERS), (200, NOT_FOUND)
        )
        return ("", None) if reply.status == NOT_FOUND else (reply.headers["etag"], reply.json())

    def _merge(self, id: str, values: Entity, tag: str) -> bool:
        """Change an entity; False if it is gone or has another tag."""
        reply = self._write("PATCH", CONNECTIONS, id, values, (*WRITTEN, NOT_FOUND, PRECONDITION_FAILED), tag)
        return reply.status in WRITTEN

    def _delete(self, partition: str, row: str, tag: str = "*") -> bool:
        """Delete an entity; False if it is gone or has another tag."""
        reply = self._tables("DELETE", self._entity_path(partition, row), b"", {**READ_HEADERS, "If-Match": tag})
        return _require_status(reply, (204, NOT_FOUND, PRECONDITION_FAILED)).status == 204

    def _write(
        self, method: str, partition: str, row: str, values: Entity, expected: Sequence[int], tag: str = ""
    ) -> Reply:
        headers = {**WRITE_HEADERS, **({"If-Match": tag} if tag else {})}
        reply = self._tables(method, self._entity_path(partition, row), json.dumps(values).encode(), headers)
        return _require_status(reply, expected)

    def _query_partition(self, partition: str) -> Iterator[Entity]:
        query = f"/{self._table}()?$filter={quote(f'PartitionKey eq {_text(partition)}')}"
        more: str | None = ""
        while more is not None:
            reply = _require_status(self._tables("GET", query + more, b"", READ_HEADERS), (200,))
            yield from reply.json()["value"]
            more = _next_page(reply.headers)

    def _entity_path(self, partition: str, row: str) -> str:
        return quote(f"/{self._table}(PartitionKey={_text(partition)},RowKey={_text(row)})", safe="/(),='")

    def _expiry(self) -> float:
        """With a fraction, because a whole number would have to fit into 32 bits."""
        return int(time.time()) + self._lifetime_s + 0.5


def _kind_partition(kind: str) -> str:
    return f"kind-{kind}"


def _holder_partition(holder: str) -> str:
    return f"held-{holder}"


def _asker(claim: Entity | None) -> str | None:
    return str(claim["claimant"]) if claim and claim["expiresAt"] > time.time() else None


def _row_key(request: str) -> str:
    """Hash the id, which may hold characters that keys of tables must not."""
    return sha256(request.encode()).hexdigest()


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _require_status(reply: Reply, expected: Sequence[int]) -> Reply:
    if reply.status not in expected:
        raise RefusedError(reply)
    return reply


def _next_page(headers: Mapping[str, str]) -> str | None:
    """The query parameters that continue with the next page; None after the last one."""
    parameters = {name: headers.get(f"x-ms-continuation-{name.lower()}") for name in ("NextPartitionKey", "NextRowKey")}
    parts = [f"&{name}={quote(value, safe='')}" for name, value in parameters.items() if value]
    return "".join(parts) or None
