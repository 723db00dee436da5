"""Connections in a DynamoDB table, reached through API Gateway.

A row is a connection, or the claim on a request (its key starts with a mark that no connection id has). The index finds
connections by their kind, and claims by who is to answer. Rows outlive their use by the table's own expiry, so the time
is looked at wherever it counts.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from semantest_aws import CallError, Calls, calls
from semantest_connections import Connection

CONDITION_FAILED = "ConditionalCheckFailedException"
REQUEST, HELD = "request#", "held#"

Item = Mapping[str, Mapping[str, Any]]


def _text(value: str) -> dict[str, str]:
    return {"S": value}


class DynamoConnections:
    """The port, by the names that the function was told of."""

    def __init__(self, calls: Calls, table: str, index: str, lifetime_s: int) -> None:
        self._calls = calls
        self._table = table
        self._index = index
        self._lifetime_s = lifetime_s

    @classmethod
    def of_environment(cls) -> DynamoConnections:
        """What the deployment has told this function."""
        told = {name: os.environ[f"SEMANTEST_CONNECTIONS_{name}"] for name in ("TABLE", "INDEX", "LIFETIME")}
        return cls(calls(), told["TABLE"], told["INDEX"], int(told["LIFETIME"]))

    def remember(self, connection: Connection) -> None:
        """A row that is there already knows more."""
        item = {
            "connectionId": _text(connection.id),
            "claims": _text(json.dumps(connection.claims)),
            "expiresAt": self._expiry(),
        }
        self._unless("PutItem", {"Item": item, "ConditionExpression": "attribute_not_exists(connectionId)"})

    def forget(self, id: str) -> None:
        """Delete the row."""
        self._call("DeleteItem", {"Key": {"connectionId": _text(id)}})

    def find(self, id: str) -> Connection | None:
        """Read the row, not a copy of a moment ago."""
        item = self._row(id)
        return _connection(item) if item else None

    def find_by_kind(self, kind: str) -> Sequence[str]:
        """Every page of the index, without those whose time is over."""
        now = time.time()
        return [item["connectionId"]["S"] for item in self._indexed(kind) if _ends(item) > now]

    def identify(self, id: str, kind: str) -> None:
        """From then on the index has it."""
        self._unless(
            "UpdateItem",
            {
                "Key": {"connectionId": _text(id)},
                "UpdateExpression": "SET clientType = :kind",
                "ConditionExpression": "attribute_exists(connectionId)",
                "ExpressionAttributeValues": {":kind": _text(kind)},
            },
        )

    def greet(self, id: str) -> bool:
        """Whoever writes the mark first."""
        return self._unless(
            "UpdateItem",
            {
                "Key": {"connectionId": _text(id)},
                "UpdateExpression": "SET greeted = :yes",
                "ConditionExpression": "attribute_exists(connectionId) AND attribute_not_exists(greeted)",
                "ExpressionAttributeValues": {":yes": {"BOOL": True}},
            },
        )

    def claim(self, request: str, asker: str, holder: str) -> bool:
        """A claim whose time is over counts for nothing, although the table may still have it."""
        claim = {"claimant": _text(asker), "clientType": _text(HELD + holder), "expiresAt": self._expiry()}
        return self._unless(
            "PutItem",
            {
                "Item": {"connectionId": _text(REQUEST + request), **claim},
                "ConditionExpression": (
                    "attribute_not_exists(connectionId) OR claimant = :claimant OR expiresAt < :now"
                ),
                "ExpressionAttributeValues": {":claimant": _text(asker), ":now": {"N": str(int(time.time()))}},
            },
        )

    def asker(self, request: str) -> str | None:
        """Who wrote the claim."""
        return _waiting(self._row(REQUEST + request))

    def held_by(self, id: str) -> Iterable[str]:
        """By the index."""
        return (item["connectionId"]["S"].removeprefix(REQUEST) for item in self._indexed(HELD + id))

    def settle(self, request: str, holder: str | None = None) -> str | None:
        """Delete the claim, and see what it was."""
        asked: dict[str, Any] = {"Key": {"connectionId": _text(REQUEST + request)}, "ReturnValues": "ALL_OLD"}
        if holder is not None:
            held = {":held": _text(HELD + holder)}
            asked |= {"ConditionExpression": "clientType = :held", "ExpressionAttributeValues": held}
        try:
            return _waiting(self._call("DeleteItem", asked).get("Attributes"))
        except CallError as refused:
            if refused.code != CONDITION_FAILED:
                raise
            return None

    def post(self, id: str, data: bytes) -> bool:
        """Gone is an answer, everything else that is refused is an error."""
        try:
            self._calls.post(id, data)
        except CallError as refused:
            if refused.code != "GoneException":
                raise
            return False
        return True

    def _row(self, key: str) -> Item | None:
        answer = self._call("GetItem", {"Key": {"connectionId": _text(key)}, "ConsistentRead": True})
        item: Item | None = answer.get("Item")
        return item

    def _indexed(self, value: str) -> Iterator[Item]:
        asked: dict[str, Any] = {
            "IndexName": self._index,
            "KeyConditionExpression": "clientType = :value",
            "ExpressionAttributeValues": {":value": _text(value)},
        }
        while True:
            answer = self._call("Query", asked)
            yield from answer["Items"]
            if not answer.get("LastEvaluatedKey"):
                return
            asked = {**asked, "ExclusiveStartKey": answer["LastEvaluatedKey"]}

    def _unless(self, operation: str, arguments: Mapping[str, Any]) -> bool:
        """Whether the condition held."""
        try:
            self._call(operation, arguments)
        except CallError as refused:
            if refused.code != CONDITION_FAILED:
                raise
            return False
        return True

    def _call(self, operation: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        return self._calls.table(operation, {"TableName": self._table, **arguments})

    def _expiry(self) -> dict[str, str]:
        return {"N": str(int(time.time()) + self._lifetime_s)}


def _connection(item: Item) -> Connection:
    return Connection(
        item["connectionId"]["S"],
        item.get("clientType", {}).get("S", ""),
        json.loads(item["claims"]["S"]),
        "greeted" in item,
    )


def _waiting(claim: Item | None) -> str | None:
    return str(claim["claimant"]["S"]) if claim and _ends(claim) > time.time() else None


def _ends(item: Item) -> float:
    return float(item["expiresAt"]["N"])
