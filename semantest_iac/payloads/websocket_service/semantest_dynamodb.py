"""Stores connections in a DynamoDB table and sends to clients through API Gateway.

An item is a connection, or an open request (its key has a prefix that no connection id has). The index finds
connections by their kind, and requests by their holder. DynamoDB deletes expired items late, so reads check the expiry.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from semantest_aws import AwsClient, CallError, make_client
from semantest_protocol import Connection

CONDITION_FAILED = "ConditionalCheckFailedException"
REQUEST_PREFIX, HOLDER_PREFIX = "request#", "held#"

Item = Mapping[str, Mapping[str, Any]]


def _text(value: str) -> dict[str, str]:
    return {"S": value}


class DynamoConnections:
    """The Connections port over one table and its index; items expire after `lifetime_s`."""

    def __init__(self, client: AwsClient, table: str, index: str, lifetime_s: int) -> None:
        self._client = client
        self._table = table
        self._index = index
        self._lifetime_s = lifetime_s

    @classmethod
    def from_environment(cls) -> DynamoConnections:
        """Use the names that the deployment has set."""
        settings = {name: os.environ[f"SEMANTEST_CONNECTIONS_{name}"] for name in ("TABLE", "INDEX", "LIFETIME")}
        return cls(make_client(), settings["TABLE"], settings["INDEX"], int(settings["LIFETIME"]))

    def add(self, connection: Connection) -> None:
        item = {
            "connectionId": _text(connection.id),
            "claims": _text(json.dumps(connection.claims)),
            "expiresAt": self._expiry(),
        }
        self._call_if("PutItem", {"Item": item, "ConditionExpression": "attribute_not_exists(connectionId)"})

    def remove(self, id: str) -> None:
        self._call("DeleteItem", {"Key": {"connectionId": _text(id)}})

    def find(self, id: str) -> Connection | None:
        item = self._get(id)
        return _connection(item) if item else None

    def find_by_kind(self, kind: str) -> Sequence[str]:
        now = time.time()
        return [item["connectionId"]["S"] for item in self._query_index(kind) if _expires_at(item) > now]

    def set_kind(self, id: str, kind: str) -> None:
        self._call_if(
            "UpdateItem",
            {
                "Key": {"connectionId": _text(id)},
                "UpdateExpression": "SET clientType = :kind",
                "ConditionExpression": "attribute_exists(connectionId)",
                "ExpressionAttributeValues": {":kind": _text(kind)},
            },
        )

    def mark_greeted(self, id: str) -> bool:
        return self._call_if(
            "UpdateItem",
            {
                "Key": {"connectionId": _text(id)},
                "UpdateExpression": "SET greeted = :yes",
                "ConditionExpression": "attribute_exists(connectionId) AND attribute_not_exists(greeted)",
                "ExpressionAttributeValues": {":yes": {"BOOL": True}},
            },
        )

    def claim_request(self, request: str, asker: str, holder: str) -> bool:
        """Claim a request; an expired claim of another asker does not count."""
        claim = {"claimant": _text(asker), "clientType": _text(HOLDER_PREFIX + holder), "expiresAt": self._expiry()}
        return self._call_if(
            "PutItem",
            {
                "Item": {"connectionId": _text(REQUEST_PREFIX + request), **claim},
                "ConditionExpression": (
                    "attribute_not_exists(connectionId) OR claimant = :claimant OR expiresAt < :now"
                ),
                "ExpressionAttributeValues": {":claimant": _text(asker), ":now": {"N": str(int(time.time()))}},
            },
        )

    def find_asker(self, request: str) -> str | None:
        return _asker(self._get(REQUEST_PREFIX + request))

    def open_requests_of(self, holder: str) -> Iterable[str]:
        items = self._query_index(HOLDER_PREFIX + holder)
        return (item["connectionId"]["S"].removeprefix(REQUEST_PREFIX) for item in items)

    def complete_request(self, request: str, holder: str | None = None) -> str | None:
        """Delete the claim and return its asker."""
        arguments: dict[str, Any] = {
            "Key": {"connectionId": _text(REQUEST_PREFIX + request)},
            "ReturnValues": "ALL_OLD",
        }
        if holder is not None:
            values = {":held": _text(HOLDER_PREFIX + holder)}
            arguments |= {"ConditionExpression": "clientType = :held", "ExpressionAttributeValues": values}
        try:
            return _asker(self._call("DeleteItem", arguments).get("Attributes"))
        except CallError as error:
            if error.code != CONDITION_FAILED:
                raise
            return None

    def send(self, id: str, data: bytes) -> bool:
        try:
            self._client.post(id, data)
        except CallError as error:
            if error.code != "GoneException":
                raise
            return False
        return True

    def _get(self, key: str) -> Item | None:
        answer = self._call("GetItem", {"Key": {"connectionId": _text(key)}, "ConsistentRead": True})
        item: Item | None = answer.get("Item")
        return item

    def _query_index(self, value: str) -> Iterator[Item]:
        arguments: dict[str, Any] = {
            "IndexName": self._index,
            "KeyConditionExpression": "clientType = :value",
            "ExpressionAttributeValues": {":value": _text(value)},
        }
        while True:
            answer = self._call("Query", arguments)
            yield from answer["Items"]
            if not answer.get("LastEvaluatedKey"):
                return
            arguments = {**arguments, "ExclusiveStartKey": answer["LastEvaluatedKey"]}

    def _call_if(self, operation: str, arguments: Mapping[str, Any]) -> bool:
        """Run a conditional operation; False if its condition failed."""
        try:
            self._call(operation, arguments)
        except CallError as error:
            if error.code != CONDITION_FAILED:
                raise
            return False
        return True

    def _call(self, operation: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        return self._client.call_table(operation, {"TableName": self._table, **arguments})

    def _expiry(self) -> dict[str, str]:
        return {"N": str(int(time.time()) + self._lifetime_s)}


def _connection(item: Item) -> Connection:
    return Connection(
        item["connectionId"]["S"],
        item.get("clientType", {}).get("S", ""),
        json.loads(item["claims"]["S"]),
        "greeted" in item,
    )


def _asker(claim: Item | None) -> str | None:
    return str(claim["claimant"]["S"]) if claim and _expires_at(claim) > time.time() else None


def _expires_at(item: Item) -> float:
    return float(item["expiresAt"]["N"])
