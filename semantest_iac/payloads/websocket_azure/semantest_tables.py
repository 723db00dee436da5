"""Connections in a table of Azure Storage, reached through Web PubSub.

An entity is a connection, its place among those of its kind, the claim on a request, or the place of that among what
its holder has to answer. Tables let nothing expire: what a connection leaves behind that ended unseen is forgotten when
somebody comes upon it.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import sha256
from typing import Any
from urllib.parse import quote

from semantest_azure import RefusedError, Reply, Send, Service
from semantest_connections import Connection
from semantest_conversation import KINDS
from semantest_hub import PUBSUB, Hub

STORAGE = "https://storage.azure.com"
CONNECTIONS, REQUESTS = "connection", "request"
WANTED = {"Accept": "application/json;odata=nometadata", "x-ms-version": "2020-12-06", "Prefer": "return-no-content"}
WRITTEN = {**WANTED, "Content-Type": "application/json"}
CREATED, GONE, CONFLICT, CHANGED = (201, 204), 404, 409, 412

Entity = Mapping[str, Any]


class TableConnections:
    """The port, by the names that the app was told of."""

    def __init__(self, rows: Send, hub: Send, table: str, lifetime_s: int) -> None:
        self._rows = rows
        self._hub = Hub(hub)
        self._table = table
        self._lifetime_s = lifetime_s

    @classmethod
    def of_environment(cls) -> TableConnections:
        """What the deployment has told this app."""
        told = os.environ
        rows = Service(told["SEMANTEST_TABLES_ENDPOINT"], STORAGE)
        hub = Service(told["SEMANTEST_HUB_ENDPOINT"], PUBSUB)
        return cls(rows, hub, told["SEMANTEST_CONNECTIONS_TABLE"], int(told["SEMANTEST_CONNECTIONS_LIFETIME"]))

    def remember(self, connection: Connection) -> None:
        """An entity that is there already knows more."""
        self._insert(CONNECTIONS, connection.id, {"claims": json.dumps(connection.claims)})

    def forget(self, id: str) -> None:
        """Its place among its kind first: who comes upon that alone forgets it again."""
        for partition in (*map(_kind, KINDS), CONNECTIONS):
            self._delete(partition, id)

    def find(self, id: str) -> Connection | None:
        """Tables are read as they were written."""
        _, entity = self._read(CONNECTIONS, id)
        if entity is None:
            return None
        return Connection(id, entity.get("kind", ""), json.loads(entity["claims"]), entity.get("greeted", False))

    def find_by_kind(self, kind: str) -> Sequence[str]:
        """Every page of the partition, without those whose time is over."""
        now = time.time()
        return [entity["RowKey"] for entity in self._partition(_kind(kind)) if entity["expiresAt"] > now]

    def identify(self, id: str, kind: str) -> None:
        """One that has ended meanwhile gets no place among its kind."""
        if not self._merge(id, {"kind": kind}, "*"):
            return
        for other in KINDS:
            if other != kind:
                self._delete(_kind(other), id)
        self._written("PUT", _kind(kind), id, {"expiresAt": self._expiry()}, CREATED)

    def greet(self, id: str) -> bool:
        """Whoever writes the mark first; others may have changed the entity in another way meanwhile."""
        while True:
            tag, entity = self._read(CONNECTIONS, id)
            if entity is None or entity.get("greeted"):
                return False
            if self._merge(id, {"greeted": True}, tag):
                return True

    def claim(self, request: str, asker: str, holder: str) -> bool:
        """A claim whose time is over counts for nothing, although the table still has it."""
        if not self._claimed(request, {"claimant": asker, "holder": holder}):
            return False
        self._written("PUT", _held(holder), _key(request), {"request": request}, CREATED)
        return True

    def asker(self, request: str) -> str | None:
        """Who wrote the claim."""
        return _waiting(self._read(REQUESTS, _key(request))[1])

    def held_by(self, id: str) -> Iterable[str]:
        """One that found another holder meanwhile is among them: it cannot be settled here."""
        return (entity["request"] for entity in self._partition(_held(id)))

    def settle(self, request: str, holder: str | None = None) -> str | None:
        """Whoever deletes the claim; one that changed meanwhile is looked at again."""
        if holder is not None:
            self._delete(_held(holder), _key(request))
        while True:
            tag, claim = self._read(REQUESTS, _key(request))
            if claim is None or holder not in (None, claim.get("holder")):
                return None
            if self._delete(REQUESTS, _key(request), tag):
                break
        if holder is None:
            self._delete(_held(claim.get("holder", "")), _key(request))
        return _waiting(claim)

    def post(self, id: str, data: bytes) -> bool:
        """By way of the hub."""
        return self._hub.post(id, data)

    def _claimed(self, request: str, claim: Entity) -> bool:
        if self._insert(REQUESTS, _key(request), claim):
            return True
        tag, known = self._read(REQUESTS, _key(request))
        if known is None:
            return self._insert(REQUESTS, _key(request), claim)
        if _waiting(known) not in (None, claim["claimant"]):
            return False
        changed = {**claim, "expiresAt": self._expiry()}
        return self._written("PUT", REQUESTS, _key(request), changed, (*CREATED, GONE, CHANGED), tag).status in CREATED

    def _insert(self, partition: str, row: str, values: Entity) -> bool:
        """Whether nothing was there."""
        entity = {"PartitionKey": partition, "RowKey": row, "expiresAt": self._expiry(), **values}
        reply = self._rows("POST", f"/{self._table}", json.dumps(entity).encode(), WRITTEN)
        return _expected(reply, (*CREATED, CONFLICT)).status != CONFLICT

    def _read(self, partition: str, row: str) -> tuple[str, Entity | None]:
        """With the tag of its state."""
        reply = _expected(self._rows("GET", self._place(partition, row), b"", WANTED), (200, GONE))
        return ("", None) if reply.status == GONE else (reply.headers["etag"], reply.told())

    def _merge(self, id: str, values: Entity, tag: str) -> bool:
        """Whether the entity was there, and in that state."""
        reply = self._written("PATCH", CONNECTIONS, id, values, (*CREATED, GONE, CHANGED), tag)
        return reply.status in CREATED

    def _delete(self, partition: str, row: str, tag: str = "*") -> bool:
        """Whether it was there, in that state; to be gone already is as good."""
        reply = self._rows("DELETE", self._place(partition, row), b"", {**WANTED, "If-Match": tag})
        return _expected(reply, (204, GONE, CHANGED)).status == 204

    def _written(
        self, method: str, partition: str, row: str, values: Entity, known: Sequence[int], tag: str = ""
    ) -> Reply:
        headers = {**WRITTEN, **({"If-Match": tag} if tag else {})}
        reply = self._rows(method, self._place(partition, row), json.dumps(values).encode(), headers)
        return _expected(reply, known)

    def _partition(self, partition: str) -> Iterator[Entity]:
        asked = f"/{self._table}()?$filter={quote(f'PartitionKey eq {_text(partition)}')}"
        more: str | None = ""
        while more is not None:
            reply = _expected(self._rows("GET", asked + more, b"", WANTED), (200,))
            yield from reply.told()["value"]
            more = _next(reply.headers)

    def _place(self, partition: str, row: str) -> str:
        return quote(f"/{self._table}(PartitionKey={_text(partition)},RowKey={_text(row)})", safe="/(),='")

    def _expiry(self) -> float:
        """With a fraction, as a whole number would have to fit into 32 bits."""
        return int(time.time()) + self._lifetime_s + 0.5


def _kind(kind: str) -> str:
    return f"kind-{kind}"


def _held(holder: str) -> str:
    return f"held-{holder}"


def _waiting(claim: Entity | None) -> str | None:
    return str(claim["claimant"]) if claim and claim["expiresAt"] > time.time() else None


def _key(request: str) -> str:
    """Ids of requests may hold what keys of tables must not."""
    return sha256(request.encode()).hexdigest()


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _expected(reply: Reply, known: Sequence[int]) -> Reply:
    if reply.status not in known:
        raise RefusedError(reply)
    return reply


def _next(headers: Mapping[str, str]) -> str | None:
    """The part of the address that asks for the next page."""
    named = {name: headers.get(f"x-ms-continuation-{name.lower()}") for name in ("NextPartitionKey", "NextRowKey")}
    parts = [f"&{name}={quote(value, safe='')}" for name, value in named.items() if value]
    return "".join(parts) or None
