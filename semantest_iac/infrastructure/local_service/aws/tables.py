"""DynamoDB tables in memory, as far as functions of WebSocket APIs use them.

Operations, arguments and errors are those of DynamoDB's JSON protocol (version 2012-08-10); expressions are those of
its developer guide. Scans and batches are missing: the role of the functions does not allow them.
"""

from __future__ import annotations

import operator
import re
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import lru_cache
from itertools import islice
from typing import Any

TableItem = Mapping[str, Mapping[str, Any]]
Condition = Callable[[TableItem], bool]
Operand = Callable[[TableItem], Mapping[str, Any] | None]

_TOKEN = re.compile(r"\s*([()=,]|<>|<=|>=|<|>|[:#]?[A-Za-z_]\w*)")
_COMPARISONS: Mapping[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "<>": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


class ExpressionError(Exception):
    """An expression that cannot be read."""


class Expression:
    """One expression with what its placeholders stand for; read once, from left to right."""

    def __init__(self, text: str, names: Mapping[str, str], values: Mapping[str, Mapping[str, Any]]) -> None:
        self._tokens = list(_tokenize(text))
        self._names = names
        self._values = values

    def condition(self) -> Condition:
        """The whole as a test of items."""
        test = self._either()
        if self._tokens:
            raise ExpressionError(f"Syntax error; token: {self._tokens[0]}")
        return test

    def assignments(self) -> dict[str, Operand]:
        """`SET a = :b, c = :d` by attribute."""
        self._expect("SET")
        found = dict([self._assignment()])
        while self._tokens:
            self._expect(",")
            found |= dict([self._assignment()])
        return found

    def _assignment(self) -> tuple[str, Operand]:
        name = self._name(self._next())
        self._expect("=")
        return name, self._operand()

    def _either(self) -> Condition:
        tests = [self._both()]
        while self._takes("OR"):
            tests.append(self._both())
        return lambda item: any(test(item) for test in tests)

    def _both(self) -> Condition:
        tests = [self._one()]
        while self._takes("AND"):
            tests.append(self._one())
        return lambda item: all(test(item) for test in tests)

    def _one(self) -> Condition:
        if self._takes("NOT"):
            test = self._one()
            return lambda item: not test(item)
        if self._takes("("):
            test = self._either()
            self._expect(")")
            return test
        if self._tokens and self._tokens[0] in _FUNCTIONS:
            return self._called(_FUNCTIONS[self._next()])
        left, compare, right = self._operand(), self._comparison(), self._operand()
        return lambda item: _compare(left(item), compare, right(item))

    def _called(self, function: Callable[[list[Mapping[str, Any] | None]], bool]) -> Condition:
        self._expect("(")
        operands = [self._operand()]
        while self._takes(","):
            operands.append(self._operand())
        self._expect(")")
        return lambda item: function([operand(item) for operand in operands])

    def _comparison(self) -> Callable[[Any, Any], bool]:
        token = self._next()
        if token not in _COMPARISONS:
            raise ExpressionError(f"Syntax error; token: {token}")
        return _COMPARISONS[token]

    def _operand(self) -> Operand:
        token = self._next()
        if not token.startswith(":"):
            name = self._name(token)
            return lambda item: item.get(name)
        if token not in self._values:
            raise ExpressionError(f"An expression attribute value used in expression is not defined: {token}")
        value = self._values[token]
        return lambda item: value

    def _name(self, token: str) -> str:
        if not token.startswith("#"):
            return token
        if token not in self._names:
            raise ExpressionError(f"An expression attribute name used in the document path is not defined: {token}")
        return self._names[token]

    def _takes(self, word: str) -> bool:
        found = bool(self._tokens) and self._tokens[0].upper() == word
        if found:
            self._tokens.pop(0)
        return found

    def _expect(self, word: str) -> None:
        if not self._takes(word):
            raise ExpressionError(f"Syntax error; expected: {word}")

    def _next(self) -> str:
        if not self._tokens:
            raise ExpressionError("Syntax error; token: <EOF>")
        return self._tokens.pop(0)


def comparable_value(value: Mapping[str, Any] | None) -> Any:
    """A value that can be compared with others of its type; None where there is none."""
    if value is None:
        return None
    [(kind, raw)] = value.items()
    return Decimal(raw) if kind == "N" else raw


@lru_cache
def _tokenize(text: str) -> Sequence[str]:
    found, place = list[str](), 0
    while text[place:].strip():
        match = _TOKEN.match(text, place)
        if match is None:
            raise ExpressionError(f"Syntax error; near: {text[place : place + 20]}")
        found.append(match.group(1))
        place = match.end()
    return found


def _compare(left: Mapping[str, Any] | None, compare: Callable[[Any, Any], bool], right: Any) -> bool:
    """Values of two types are never equal and have no order; so with what is not there."""
    if left is None or right is None or left.keys() != right.keys():
        return compare is operator.ne
    return compare(comparable_value(left), comparable_value(right))


_FUNCTIONS: Mapping[str, Callable[[list[Mapping[str, Any] | None]], bool]] = {
    "attribute_exists": lambda operands: operands[0] is not None,
    "attribute_not_exists": lambda operands: operands[0] is None,
    "begins_with": lambda operands: str(comparable_value(operands[0]) or "").startswith(
        str(comparable_value(operands[-1]))
    ),
}

LARGEST_ITEM = 400 * 1024
PAGE_SIZE = 1000  # items; DynamoDB ends a page after 1 MB

Arguments = Mapping[str, Any]


class DynamoDbError(Exception):
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


class DynamoDbTable:
    """The items of one table; an item whose time is over is gone at once, where DynamoDB may take days."""

    def __init__(self, schema: TableSchema, now: Callable[[], float]) -> None:
        self._schema = schema
        self._now = now
        self._items: dict[str, TableItem] = {}
        self._by_index: dict[str, dict[Any, dict[str, None]]] = {name: {} for name in schema.indexes}

    def call(self, operation: str, arguments: Arguments) -> dict[str, Any]:
        """One operation; raises DataError."""
        action = _OPERATIONS.get(operation)
        if action is None:
            raise DynamoDbError("AccessDeniedException", f"dynamodb:{operation} is not allowed")
        try:
            return action(self, arguments)
        except ExpressionError as error:
            raise DynamoDbError("ValidationException", f"Invalid expression: {error}") from error

    def _put(self, arguments: Arguments) -> dict[str, Any]:
        item = arguments["Item"]
        key, old = self._found(item)
        if len(repr(item)) > LARGEST_ITEM:
            raise DynamoDbError("ValidationException", "Item size has exceeded the maximum allowed size")
        self._require(arguments, old)
        self._write(key, item)
        return _returned_attributes(arguments, ALL_OLD=old)

    def _get(self, arguments: Arguments) -> dict[str, Any]:
        _, item = self._found(arguments["Key"])
        return {"Item": item} if item else {}

    def _update(self, arguments: Arguments) -> dict[str, Any]:
        key, old = self._found(arguments["Key"])
        self._require(arguments, old)
        changes = self._expression("UpdateExpression", arguments).assignments()
        if self._schema.key in changes:
            raise DynamoDbError("ValidationException", "Cannot update attribute. This attribute is part of the key")
        made = {name: value for name, operand in changes.items() if (value := operand(old or {})) is not None}
        new = {**(old or arguments["Key"]), **made}
        self._write(key, new)
        return _returned_attributes(arguments, ALL_OLD=old, ALL_NEW=new)

    def _delete(self, arguments: Arguments) -> dict[str, Any]:
        key, old = self._found(arguments["Key"])
        self._require(arguments, old)
        self._drop(key)
        return _returned_attributes(arguments, ALL_OLD=old)

    def _query(self, arguments: Arguments) -> dict[str, Any]:
        """Of the table or of an index, in the order of keys; only equality with the key is read."""
        test, name = self._expression("KeyConditionExpression", arguments).condition(), arguments.get("IndexName")
        if name is not None and name not in self._by_index:
            raise DynamoDbError("ValidationException", "The table does not have the specified index")
        keys, limit = sorted(self._candidates(name, arguments)), min(int(arguments.get("Limit", PAGE_SIZE)), PAGE_SIZE)
        after = islice(keys, bisect_right(keys, self._start(name, arguments)), None)
        found = list(islice((item for key in after if (item := self._living(key)) and test(item)), limit))
        answer = {"Items": found, "Count": len(found), "ScannedCount": len(found)}
        if len(found) < limit:
            return answer
        return {**answer, "LastEvaluatedKey": {key: found[-1][key] for key in self._key_names(name)}}

    def _candidates(self, index: str | None, arguments: Arguments) -> list[str]:
        values = [comparable_value(value) for value in (arguments.get("ExpressionAttributeValues") or {}).values()]
        if index is None:
            return [value for value in values if value in self._items]
        return [key for value in values for key in self._by_index[index].get(value, ())]

    def _start(self, index: str | None, arguments: Arguments) -> str:
        """The key behind which a page begins; no item needs to have it."""
        start = arguments.get("ExclusiveStartKey")
        if start is None:
            return ""
        if start.keys() != self._key_names(index):
            raise DynamoDbError("ValidationException", "The provided starting key is invalid")
        return str(comparable_value(start[self._schema.key]))

    def _key_names(self, index: str | None) -> set[str]:
        return {self._schema.key, *([self._schema.indexes[index]] if index else [])}

    def _expression(self, which: str, arguments: Arguments) -> Expression:
        names, values = arguments.get("ExpressionAttributeNames"), arguments.get("ExpressionAttributeValues")
        return Expression(arguments.get(which) or "", names or {}, values or {})

    def _require(self, arguments: Arguments, item: TableItem | None) -> None:
        if "ConditionExpression" not in arguments:
            return
        if not self._expression("ConditionExpression", arguments).condition()(item or {}):
            old = arguments.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD" and item
            details = {"Item": item} if old else {}
            raise DynamoDbError("ConditionalCheckFailedException", "The conditional request failed", **details)

    def _found(self, holder: TableItem) -> tuple[str, TableItem | None]:
        """The key in an item or in a key, and the item that is there."""
        value = comparable_value(holder.get(self._schema.key))
        if not isinstance(value, str) or not value:
            raise DynamoDbError(
                "ValidationException", f"One of the required keys was not given a value: {self._schema.key}"
            )
        return value, self._living(value)

    def _living(self, key: str) -> TableItem | None:
        item = self._items.get(key)
        ends = comparable_value(item.get(self._schema.expiry)) if item else None
        if ends is not None and ends < self._now():
            self._drop(key)
            return None
        return item

    def _write(self, key: str, item: TableItem) -> None:
        self._drop(key)
        self._items[key] = item
        for index, attribute in self._schema.indexes.items():
            if attribute in item:
                self._by_index[index].setdefault(comparable_value(item[attribute]), {})[key] = None

    def _drop(self, key: str) -> None:
        item = self._items.pop(key, {})
        for index, attribute in self._schema.indexes.items():
            if attribute in item:
                self._by_index[index][comparable_value(item[attribute])].pop(key, None)


_OPERATIONS: Mapping[str, Callable[[DynamoDbTable, Arguments], dict[str, Any]]] = {
    "DeleteItem": DynamoDbTable._delete,
    "GetItem": DynamoDbTable._get,
    "PutItem": DynamoDbTable._put,
    "Query": DynamoDbTable._query,
    "UpdateItem": DynamoDbTable._update,
}


def _returned_attributes(arguments: Arguments, **items: TableItem | None) -> dict[str, Any]:
    item = items.get(arguments.get("ReturnValues", "NONE"))
    return {"Attributes": item} if item else {}
