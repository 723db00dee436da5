"""What is in a DynamoDB table, for functions that run on this machine; kept in memory, gone with its process.

Operations, their arguments and refusals are those of DynamoDB's JSON protocol (version 2012-08-10). What a table's role
may not do is not here either: no scans, no batches.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from semantest_iac.infrastructure.local_service.aws.item_expressions import Expression, ExpressionError, Item, plain

LARGEST_ITEM = 400 * 1024
PAGE = 1000  # items; DynamoDB ends a page after 1 MB

Arguments = Mapping[str, Any]


class DataError(Exception):
    """A refusal with DynamoDB's own code."""

    def __init__(self, code: str, message: str, **details: Any) -> None:
        super().__init__(message)
        self.code = code
        self.details = details


@dataclass(frozen=True, slots=True)
class TableSchema:
    """The attributes that a table finds items by: its own key, and that of each index; `expiry` holds seconds."""

    key: str
    indexes: Mapping[str, str] = field(default_factory=dict)
    expiry: str = ""

    @classmethod
    def of(cls, table: Mapping[str, Any]) -> TableSchema:
        """The schema of a deployed table, from its outputs."""
        indexes = {index["name"]: index["hashKey"] for index in table.get("globalSecondaryIndexes") or ()}
        ttl = table.get("ttl") or {}
        return cls(table["hashKey"], indexes, ttl.get("attributeName", "") if ttl.get("enabled") else "")


class TableData:
    """The items of one table; an item whose time is over is gone at once, where DynamoDB may take days."""

    def __init__(self, schema: TableSchema, now: Callable[[], float]) -> None:
        self._schema = schema
        self._now = now
        self._items: dict[str, Item] = {}
        self._by_index: dict[str, dict[Any, dict[str, None]]] = {name: {} for name in schema.indexes}

    def call(self, operation: str, arguments: Arguments) -> dict[str, Any]:
        """One operation; raises DataError."""
        action = _OPERATIONS.get(operation)
        if action is None:
            raise DataError("AccessDeniedException", f"dynamodb:{operation} is not allowed")
        try:
            return action(self, arguments)
        except ExpressionError as error:
            raise DataError("ValidationException", f"Invalid expression: {error}") from error

    def _put(self, arguments: Arguments) -> dict[str, Any]:
        item = arguments["Item"]
        key, old = self._found(item)
        if len(repr(item)) > LARGEST_ITEM:
            raise DataError("ValidationException", "Item size has exceeded the maximum allowed size")
        self._require(arguments, old)
        self._write(key, item)
        return _returned(arguments, ALL_OLD=old)

    def _get(self, arguments: Arguments) -> dict[str, Any]:
        _, item = self._found(arguments["Key"])
        return {"Item": item} if item else {}

    def _update(self, arguments: Arguments) -> dict[str, Any]:
        key, old = self._found(arguments["Key"])
        self._require(arguments, old)
        changes = self._expression("UpdateExpression", arguments).assignments()
        if self._schema.key in changes:
            raise DataError("ValidationException", "Cannot update attribute. This attribute is part of the key")
        made = {name: value for name, operand in changes.items() if (value := operand(old or {})) is not None}
        new = {**(old or arguments["Key"]), **made}
        self._write(key, new)
        return _returned(arguments, ALL_OLD=old, ALL_NEW=new)

    def _delete(self, arguments: Arguments) -> dict[str, Any]:
        key, old = self._found(arguments["Key"])
        self._require(arguments, old)
        self._drop(key)
        return _returned(arguments, ALL_OLD=old)

    def _query(self, arguments: Arguments) -> dict[str, Any]:
        """Of the table or of an index, in the order of keys; only equality with the key is read."""
        test, name = self._expression("KeyConditionExpression", arguments).condition(), arguments.get("IndexName")
        if name is not None and name not in self._by_index:
            raise DataError("ValidationException", "The table does not have the specified index")
        keys, limit = sorted(self._candidates(name, arguments)), min(int(arguments.get("Limit", PAGE)), PAGE)
        after = islice(keys, bisect_right(keys, self._start(name, arguments)), None)
        found = list(islice((item for key in after if (item := self._living(key)) and test(item)), limit))
        answer = {"Items": found, "Count": len(found), "ScannedCount": len(found)}
        if len(found) < limit:
            return answer
        return {**answer, "LastEvaluatedKey": {key: found[-1][key] for key in self._key_names(name)}}

    def _candidates(self, index: str | None, arguments: Arguments) -> list[str]:
        values = [plain(value) for value in (arguments.get("ExpressionAttributeValues") or {}).values()]
        if index is None:
            return [value for value in values if value in self._items]
        return [key for value in values for key in self._by_index[index].get(value, ())]

    def _start(self, index: str | None, arguments: Arguments) -> str:
        """The key behind which a page begins; no item needs to have it."""
        start = arguments.get("ExclusiveStartKey")
        if start is None:
            return ""
        if start.keys() != self._key_names(index):
            raise DataError("ValidationException", "The provided starting key is invalid")
        return str(plain(start[self._schema.key]))

    def _key_names(self, index: str | None) -> set[str]:
        return {self._schema.key, *([self._schema.indexes[index]] if index else [])}

    def _expression(self, which: str, arguments: Arguments) -> Expression:
        names, values = arguments.get("ExpressionAttributeNames"), arguments.get("ExpressionAttributeValues")
        return Expression(arguments.get(which) or "", names or {}, values or {})

    def _require(self, arguments: Arguments, item: Item | None) -> None:
        if "ConditionExpression" not in arguments:
            return
        if not self._expression("ConditionExpression", arguments).condition()(item or {}):
            old = arguments.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD" and item
            details = {"Item": item} if old else {}
            raise DataError("ConditionalCheckFailedException", "The conditional request failed", **details)

    def _found(self, holder: Item) -> tuple[str, Item | None]:
        """The key in an item or in a key, and the item that is there."""
        value = plain(holder.get(self._schema.key))
        if not isinstance(value, str) or not value:
            raise DataError(
                "ValidationException", f"One of the required keys was not given a value: {self._schema.key}"
            )
        return value, self._living(value)

    def _living(self, key: str) -> Item | None:
        item = self._items.get(key)
        ends = plain(item.get(self._schema.expiry)) if item else None
        if ends is not None and ends < self._now():
            self._drop(key)
            return None
        return item

    def _write(self, key: str, item: Item) -> None:
        self._drop(key)
        self._items[key] = item
        for index, attribute in self._schema.indexes.items():
            if attribute in item:
                self._by_index[index].setdefault(plain(item[attribute]), {})[key] = None

    def _drop(self, key: str) -> None:
        item = self._items.pop(key, {})
        for index, attribute in self._schema.indexes.items():
            if attribute in item:
                self._by_index[index][plain(item[attribute])].pop(key, None)


_OPERATIONS: Mapping[str, Callable[[TableData, Arguments], dict[str, Any]]] = {
    "DeleteItem": TableData._delete,
    "GetItem": TableData._get,
    "PutItem": TableData._put,
    "Query": TableData._query,
    "UpdateItem": TableData._update,
}


def _returned(arguments: Arguments, **items: Item | None) -> dict[str, Any]:
    item = items.get(arguments.get("ReturnValues", "NONE"))
    return {"Attributes": item} if item else {}
