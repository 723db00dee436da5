"""DynamoDB tables in memory, as far as functions of WebSocket APIs use them.

Operations, arguments and errors are those of DynamoDB's JSON protocol (version 2012-08-10); expressions are those of
its developer guide. Scans and batches are missing: the role of the functions does not allow them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import islice
from typing import Any, TypeVar

from semantest_iac.domain.networking.http_exchange import HttpResponse
from semantest_iac.infrastructure.function_runtimes.loopback import LoopbackHandler, LoopbackRequest
from semantest_iac.infrastructure.local_service.aws.expressions import (
    ExpressionError,
    ExpressionParser,
    TableItem,
    comparable_value,
    tokenize_expression,
)

LARGEST_ITEM = 400 * 1024
PAGE_SIZE = 1000  # items; DynamoDB ends a page after 1 MB
_TARGET_PREFIX = "DynamoDB_20120810."
_ERROR_PREFIX = "com.amazonaws.dynamodb.v20120810#"

_EXPRESSIONS = (
    *("ConditionExpression", "FilterExpression", "KeyConditionExpression", "ProjectionExpression"),
    "UpdateExpression",
)

Arguments = Mapping[str, Any]
_Parsed = TypeVar("_Parsed")


class DynamoDbError(Exception):
    """An error with DynamoDB's own code; `details` are further fields of its JSON."""

    def __init__(self, code: str, message: str, **details: Any) -> None:
        super().__init__(message)
        self.code = code
        self.details = details


ItemKey = tuple[Any, ...]
"""The values of the key attributes of a table."""


@dataclass(frozen=True, slots=True)
class TableSchema:
    """The key attributes of a table and of its indexes; the `expiry_attribute` holds epoch seconds.

    `sort_key` and `index_sort_keys` are the sort keys of those that have one. `number_keys` are
    the key attributes that are numbers; the others are text.
    """

    partition_key: str
    index_partition_keys: Mapping[str, str] = field(default_factory=dict)
    expiry_attribute: str = ""
    sort_key: str = ""
    index_sort_keys: Mapping[str, str] = field(default_factory=dict)
    number_keys: frozenset[str] = frozenset()

    @classmethod
    def from_outputs(cls, table: Mapping[str, Any]) -> TableSchema:
        """Read the schema of a deployed table from its outputs."""
        local = [{**index, "hashKey": table["hashKey"]} for index in table.get("localSecondaryIndexes") or ()]
        indexes = [*(table.get("globalSecondaryIndexes") or ()), *local]
        ttl = table.get("ttl") or {}
        return cls(
            table["hashKey"],
            {index["name"]: index["hashKey"] for index in indexes},
            ttl.get("attributeName", "") if ttl.get("enabled") else "",
            table.get("rangeKey") or "",
            {index["name"]: index["rangeKey"] for index in indexes if index.get("rangeKey")},
            frozenset(each["name"] for each in table.get("attributes") or () if each["type"] == "N"),
        )

    @property
    def table_key_names(self) -> tuple[str, ...]:
        """The key attributes of the table."""
        return tuple(filter(None, (self.partition_key, self.sort_key)))

    def key_names_of(self, index: str | None) -> tuple[str, ...]:
        """The key attributes of an index; of the table itself for None."""
        if index is None:
            return self.table_key_names
        return tuple(filter(None, (self.index_partition_keys[index], self.index_sort_keys.get(index, ""))))


class DynamoDbTable:
    """The items of one table; expired items vanish at once, while DynamoDB may take days."""

    def __init__(self, schema: TableSchema, now: Callable[[], float]) -> None:
        self._schema = schema
        self._now = now
        self._items: dict[ItemKey, TableItem] = {}
        self._by_index: dict[str | None, dict[Any, dict[ItemKey, None]]] = {
            name: {} for name in (None, *schema.index_partition_keys)
        }

    def call(self, operation: str, arguments: Arguments) -> dict[str, Any]:
        """Run one operation, such as `PutItem`; raises DynamoDbError."""
        run = _OPERATIONS.get(operation)
        if run is None:
            raise DynamoDbError("AccessDeniedException", f"dynamodb:{operation} is not allowed")
        _refuse_unused_placeholders(arguments)
        return run(self, arguments)

    def _put(self, arguments: Arguments) -> dict[str, Any]:
        item = arguments["Item"]
        key, old = self._find(item)
        if len(repr(item)) > LARGEST_ITEM:
            raise DynamoDbError("ValidationException", "Item size has exceeded the maximum allowed size")
        self._check_condition(arguments, old)
        self._write(key, item)
        return _returned_attributes(arguments, ALL_OLD=old)

    def _get(self, arguments: Arguments) -> dict[str, Any]:
        _, item = self._find(arguments["Key"])
        return {"Item": item} if item else {}

    def _update(self, arguments: Arguments) -> dict[str, Any]:
        key, old = self._find(arguments["Key"])
        self._check_condition(arguments, old)
        changes = _parse("UpdateExpression", arguments, ExpressionParser.parse_assignments)
        if not changes.keys().isdisjoint(self._schema.table_key_names):
            raise DynamoDbError("ValidationException", "Cannot update attribute. This attribute is part of the key")
        values = {name: value for name, operand in changes.items() if (value := operand(old or {})) is not None}
        new = {**(old or arguments["Key"]), **values}
        self._write(key, new)
        return _returned_attributes(arguments, ALL_OLD=old, ALL_NEW=new)

    def _delete(self, arguments: Arguments) -> dict[str, Any]:
        key, old = self._find(arguments["Key"])
        self._check_condition(arguments, old)
        self._remove(key)
        return _returned_attributes(arguments, ALL_OLD=old)

    def _query(self, arguments: Arguments) -> dict[str, Any]:
        """Query the table or an index, in the order of sort keys and then of table keys."""
        condition = _parse("KeyConditionExpression", arguments, ExpressionParser.parse_condition)
        name = arguments.get("IndexName")
        if name not in self._by_index:
            raise DynamoDbError("ValidationException", "The table does not have the specified index")
        limit = min(int(arguments.get("Limit", PAGE_SIZE)), PAGE_SIZE)
        matching = (
            item
            for key in self._candidate_keys(name, arguments)
            if (item := self._get_unexpired(key)) and condition(item)
        )
        page = list(islice(matching, limit))
        items = page
        if "FilterExpression" in arguments:
            keep = _parse("FilterExpression", arguments, ExpressionParser.parse_condition)
            items = [item for item in page if keep(item)]
        answer = {"Items": items, "Count": len(items), "ScannedCount": len(page)}
        if len(page) < limit:
            return answer
        return {**answer, "LastEvaluatedKey": {key: page[-1][key] for key in self._start_key_names(name)}}

    def _candidate_keys(self, index: str | None, arguments: Arguments) -> Iterator[ItemKey]:
        """Yield the keys that may match, from where the page begins; no item needs to have the key before it."""
        is_forward = arguments.get("ScanIndexForward", True)
        values = [comparable_value(value) for value in (arguments.get("ExpressionAttributeValues") or {}).values()]
        hashable = [value for value in values if isinstance(value, str | Decimal)]
        keys = dict.fromkeys(key for value in hashable for key in self._by_index[index].get(value, ()))
        positions = sorted((self._position(index, self._items[key]), key) for key in keys)
        start = arguments.get("ExclusiveStartKey")
        if start is not None:
            if start.keys() != self._start_key_names(index):
                raise DynamoDbError("ValidationException", "The provided starting key is invalid")
            after = self._position(index, start)
            positions = [each for each in positions if (each[0] > after if is_forward else each[0] < after)]
        yield from (key for _, key in (positions if is_forward else reversed(positions)))

    def _position(self, index: str | None, item: TableItem) -> ItemKey:
        sort_key = self._schema.index_sort_keys.get(index or "", "")
        names = (*((sort_key,) if sort_key else ()), *self._schema.table_key_names)
        return tuple(comparable_value(item[name]) for name in names)

    def _start_key_names(self, index: str | None) -> set[str]:
        return {*self._schema.table_key_names, *self._schema.key_names_of(index)}

    def _check_condition(self, arguments: Arguments, item: TableItem | None) -> None:
        if "ConditionExpression" not in arguments:
            return
        if not _parse("ConditionExpression", arguments, ExpressionParser.parse_condition)(item or {}):
            old = arguments.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD" and item
            details = {"Item": item} if old else {}
            raise DynamoDbError("ConditionalCheckFailedException", "The conditional request failed", **details)

    def _find(self, item_or_key: TableItem) -> tuple[ItemKey, TableItem | None]:
        """Return the key, and the stored item that has it."""
        key = tuple(comparable_value(item_or_key.get(name)) for name in self._schema.table_key_names)
        for name, value in zip(self._schema.table_key_names, key, strict=True):
            if not isinstance(value, Decimal if name in self._schema.number_keys else str) or value == "":
                raise DynamoDbError("ValidationException", f"One of the required keys was not given a value: {name}")
        return key, self._get_unexpired(key)

    def _get_unexpired(self, key: ItemKey) -> TableItem | None:
        item = self._items.get(key)
        expires_at = comparable_value(item.get(self._schema.expiry_attribute)) if item else None
        if expires_at is not None and expires_at < self._now():
            self._remove(key)
            return None
        return item

    def _write(self, key: ItemKey, item: TableItem) -> None:
        self._remove(key)
        self._items[key] = item
        for index, value in self._index_values(item):
            self._by_index[index].setdefault(value, {})[key] = None

    def _remove(self, key: ItemKey) -> None:
        for index, value in self._index_values(self._items.pop(key, {})):
            self._by_index[index][value].pop(key, None)

    def _index_values(self, item: TableItem) -> Iterator[tuple[str | None, Any]]:
        """Yield the indexes that hold the item, each with the value of its partition key."""
        for index in self._by_index:
            names = self._schema.key_names_of(index)
            if all(name in item for name in names):
                yield index, comparable_value(item[names[0]])


_OPERATIONS: Mapping[str, Callable[[DynamoDbTable, Arguments], dict[str, Any]]] = {
    "DeleteItem": DynamoDbTable._delete,
    "GetItem": DynamoDbTable._get,
    "PutItem": DynamoDbTable._put,
    "Query": DynamoDbTable._query,
    "UpdateItem": DynamoDbTable._update,
}


def _parse(which: str, arguments: Arguments, parse: Callable[[ExpressionParser], _Parsed]) -> _Parsed:
    """Parse one expression of a request; raises DynamoDbError."""
    names, values = arguments.get("ExpressionAttributeNames"), arguments.get("ExpressionAttributeValues")
    try:
        return parse(ExpressionParser(arguments.get(which) or "", names or {}, values or {}))
    except ExpressionError as error:
        raise DynamoDbError("ValidationException", f"Invalid {which}: {error}") from error


def _refuse_unused_placeholders(arguments: Arguments) -> None:
    """Raise DynamoDbError for a name or value that no expression of the request uses."""
    try:
        used = {token for which in _EXPRESSIONS for token in tokenize_expression(arguments.get(which) or "")}
    except ExpressionError:
        return  # parsing the expression says what is wrong with it
    for provided in ("ExpressionAttributeNames", "ExpressionAttributeValues"):
        unused = [name for name in arguments.get(provided) or () if name not in used]
        if unused:
            reason = f"Value provided in {provided} unused in expressions: keys: {{{', '.join(unused)}}}"
            raise DynamoDbError("ValidationException", reason)


def _returned_attributes(arguments: Arguments, **items: TableItem | None) -> dict[str, Any]:
    item = items.get(arguments.get("ReturnValues", "NONE"))
    return {"Attributes": item} if item else {}


def create_tables_handler(tables: Mapping[str, DynamoDbTable]) -> LoopbackHandler:
    """Return a handler that speaks DynamoDB's JSON protocol for the tables, by name."""

    async def answer(request: LoopbackRequest) -> HttpResponse:
        try:
            return _json_response(200, _call_table(request, tables))
        except DynamoDbError as error:
            body = {"__type": _ERROR_PREFIX + error.code, "message": str(error), **error.details}
            return _json_response(400, body)

    return answer


def _call_table(request: LoopbackRequest, tables: Mapping[str, DynamoDbTable]) -> Mapping[str, Any]:
    target = request.headers.get("x-amz-target", "")
    try:
        arguments = json.loads(request.body)
        name = str(arguments["TableName"]).rpartition("/")[2]  # DynamoDB accepts the ARN too
    except (ValueError, KeyError, TypeError) as error:
        raise DynamoDbError("SerializationException", "The request names no table") from error
    if not target.startswith(_TARGET_PREFIX):
        raise DynamoDbError("UnknownOperationException", "The request names no operation")
    if name not in tables:
        raise DynamoDbError("ResourceNotFoundException", "Requested resource not found")
    return tables[name].call(target.removeprefix(_TARGET_PREFIX), arguments)


def _json_response(status: int, value: Mapping[str, Any]) -> HttpResponse:
    return HttpResponse(status, (("content-type", "application/x-amz-json-1.0"),), json.dumps(value).encode())
