"""DynamoDB tables in memory, as far as functions of WebSocket APIs use them.

Operations, arguments and errors are those of DynamoDB's JSON protocol (version 2012-08-10); expressions are those of
its developer guide. Scans and batches are missing: the role of the functions does not allow them.
"""

from __future__ import annotations

import json
import operator
import re
from base64 import b64decode
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import lru_cache
from itertools import islice
from typing import Any

from semantest_iac.domain.networking.http_exchange import HttpResponse
from semantest_iac.infrastructure.function_runtimes.loopback import LoopbackHandler, LoopbackRequest

LARGEST_ITEM = 400 * 1024
PAGE_SIZE = 1000  # items; DynamoDB ends a page after 1 MB
_TARGET_PREFIX = "DynamoDB_20120810."
_ERROR_PREFIX = "com.amazonaws.dynamodb.v20120810#"

Arguments = Mapping[str, Any]
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
    """An expression that is not valid or not supported."""


class Expression:
    """Parses one expression, once; `names` and `values` resolve its placeholders."""

    def __init__(self, text: str, names: Mapping[str, str], values: Mapping[str, Mapping[str, Any]]) -> None:
        self._tokens = list(_tokenize(text))
        self._names = names
        self._values = values

    def parse_condition(self) -> Condition:
        test = self._parse_or()
        if self._tokens:
            raise ExpressionError(f"Syntax error; token: {self._tokens[0]}")
        return test

    def parse_assignments(self) -> dict[str, Operand]:
        """Parse `SET a = :b, c = :d` into operands by attribute."""
        self._expect("SET")
        assignments = dict([self._parse_assignment()])
        while self._tokens:
            self._expect(",")
            assignments |= dict([self._parse_assignment()])
        return assignments

    def _parse_assignment(self) -> tuple[str, Operand]:
        name = self._resolve_name(self._next())
        self._expect("=")
        return name, self._parse_operand()

    def _parse_or(self) -> Condition:
        tests = [self._parse_and()]
        while self._skip("OR"):
            tests.append(self._parse_and())
        return lambda item: any(test(item) for test in tests)

    def _parse_and(self) -> Condition:
        tests = [self._parse_term()]
        while self._skip("AND"):
            tests.append(self._parse_term())
        return lambda item: all(test(item) for test in tests)

    def _parse_term(self) -> Condition:
        if self._skip("NOT"):
            test = self._parse_term()
            return lambda item: not test(item)
        if self._skip("("):
            test = self._parse_or()
            self._expect(")")
            return test
        if self._tokens and self._tokens[0] in _FUNCTIONS:
            return self._parse_call(_FUNCTIONS[self._next()])
        left = self._parse_operand()
        if self._skip("BETWEEN"):
            return self._parse_between(left)
        if self._skip("IN"):
            return self._parse_in(left)
        compare, right = self._parse_comparison(), self._parse_operand()
        return lambda item: _compare(left(item), compare, right(item))

    def _parse_between(self, operand: Operand) -> Condition:
        lower = self._parse_operand()
        self._expect("AND")
        upper = self._parse_operand()
        return lambda item: (
            _compare(lower(item), operator.le, operand(item)) and _compare(operand(item), operator.le, upper(item))
        )

    def _parse_in(self, operand: Operand) -> Condition:
        self._expect("(")
        options = [self._parse_operand()]
        while self._skip(","):
            options.append(self._parse_operand())
        self._expect(")")
        return lambda item: any(_compare(operand(item), operator.eq, option(item)) for option in options)

    def _parse_call(self, function: Callable[[list[Mapping[str, Any] | None]], bool]) -> Condition:
        self._expect("(")
        operands = [self._parse_operand()]
        while self._skip(","):
            operands.append(self._parse_operand())
        self._expect(")")
        return lambda item: function([operand(item) for operand in operands])

    def _parse_comparison(self) -> Callable[[Any, Any], bool]:
        token = self._next()
        if token not in _COMPARISONS:
            raise ExpressionError(f"Syntax error; token: {token}")
        return _COMPARISONS[token]

    def _parse_operand(self) -> Operand:
        token = self._next()
        if token == "size" and self._skip("("):  # noqa: S105 - a function of DynamoDB's expressions
            sized = self._parse_operand()
            self._expect(")")
            return lambda item: _size_of(sized(item))
        if not token.startswith(":"):
            name = self._resolve_name(token)
            return lambda item: item.get(name)
        if token not in self._values:
            raise ExpressionError(f"An expression attribute value used in expression is not defined: {token}")
        value = self._values[token]
        return lambda item: value

    def _resolve_name(self, token: str) -> str:
        if not token.startswith("#"):
            return token
        if token not in self._names:
            raise ExpressionError(f"An expression attribute name used in the document path is not defined: {token}")
        return self._names[token]

    def _skip(self, word: str) -> bool:
        is_next = bool(self._tokens) and self._tokens[0].upper() == word
        if is_next:
            self._tokens.pop(0)
        return is_next

    def _expect(self, word: str) -> None:
        if not self._skip(word):
            raise ExpressionError(f"Syntax error; expected: {word}")

    def _next(self) -> str:
        if not self._tokens:
            raise ExpressionError("Syntax error; token: <EOF>")
        return self._tokens.pop(0)


def _size_of(value: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """Return the size of a value as a number: bytes of text, elements of a collection; numbers have none."""
    if value is None:
        return None
    [(kind, raw)] = value.items()
    if kind == "B":
        return {"N": str(len(b64decode(raw)))}
    return {"N": str(len(raw.encode() if kind == "S" else raw))} if kind in ("S", "L", "M", "SS", "NS", "BS") else None


def _contains(operands: list[Mapping[str, Any] | None]) -> bool:
    """Tell whether text has a part, or a set or list an element."""
    whole, part = operands[0], operands[-1]
    if whole is None or part is None:
        return False
    [(kind, raw)], [(part_kind, element)] = whole.items(), part.items()
    if kind == "L":
        return part in raw
    return part_kind == (kind if kind == "S" else kind.removesuffix("S")) and element in raw


def _has_type(operands: list[Mapping[str, Any] | None]) -> bool:
    value, kind = operands[0], operands[-1]
    return value is not None and comparable_value(kind) in value


def comparable_value(value: Mapping[str, Any] | None) -> Any:
    """Decode a value so that it compares with others of its type; None stays None."""
    if value is None:
        return None
    [(kind, raw)] = value.items()
    return Decimal(raw) if kind == "N" else raw


@lru_cache
def _tokenize(text: str) -> Sequence[str]:
    tokens, position = list[str](), 0
    while text[position:].strip():
        match = _TOKEN.match(text, position)
        if match is None:
            raise ExpressionError(f"Syntax error; near: {text[position : position + 20]}")
        tokens.append(match.group(1))
        position = match.end()
    return tokens


def _compare(left: Mapping[str, Any] | None, compare: Callable[[Any, Any], bool], right: Any) -> bool:
    """Compare two values; those of different types, and missing ones, are unequal and have no order."""
    if left is None or right is None or left.keys() != right.keys():
        return compare is operator.ne
    return compare(comparable_value(left), comparable_value(right))


_FUNCTIONS: Mapping[str, Callable[[list[Mapping[str, Any] | None]], bool]] = {
    "attribute_exists": lambda operands: operands[0] is not None,
    "attribute_not_exists": lambda operands: operands[0] is None,
    "begins_with": lambda operands: str(comparable_value(operands[0]) or "").startswith(
        str(comparable_value(operands[-1]))
    ),
    "contains": _contains,
    "attribute_type": _has_type,
}


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
    """The key attributes of a table and of its indexes; the `expiry` attribute holds epoch seconds.

    `key` and `indexes` are partition keys, `sort_key` and `index_sort_keys` the sort keys of those that have one.
    `number_keys` are the key attributes that are numbers; the others are text.
    """

    key: str
    indexes: Mapping[str, str] = field(default_factory=dict)
    expiry: str = ""
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
    def key_names(self) -> tuple[str, ...]:
        """The key attributes of the table."""
        return tuple(filter(None, (self.key, self.sort_key)))

    def index_key_names(self, index: str | None) -> tuple[str, ...]:
        """The key attributes of an index; of the table itself for None."""
        if index is None:
            return self.key_names
        return tuple(filter(None, (self.indexes[index], self.index_sort_keys.get(index, ""))))


class DynamoDbTable:
    """The items of one table; expired items vanish at once, while DynamoDB may take days."""

    def __init__(self, schema: TableSchema, now: Callable[[], float]) -> None:
        self._schema = schema
        self._now = now
        self._items: dict[ItemKey, TableItem] = {}
        self._by_index: dict[str | None, dict[Any, dict[ItemKey, None]]] = {
            name: {} for name in (None, *schema.indexes)
        }

    def call(self, operation: str, arguments: Arguments) -> dict[str, Any]:
        """Run one operation, such as `PutItem`; raises DynamoDbError."""
        run = _OPERATIONS.get(operation)
        if run is None:
            raise DynamoDbError("AccessDeniedException", f"dynamodb:{operation} is not allowed")
        try:
            return run(self, arguments)
        except ExpressionError as error:
            raise DynamoDbError("ValidationException", f"Invalid expression: {error}") from error

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
        changes = self._expression("UpdateExpression", arguments).parse_assignments()
        if not changes.keys().isdisjoint(self._schema.key_names):
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
        condition = self._expression("KeyConditionExpression", arguments).parse_condition()
        name = arguments.get("IndexName")
        if name not in self._by_index:
            raise DynamoDbError("ValidationException", "The table does not have the specified index")
        limit = min(int(arguments.get("Limit", PAGE_SIZE)), PAGE_SIZE)
        matching = (
            item
            for key in self._ordered_keys(name, arguments)
            if (item := self._get_unexpired(key)) and condition(item)
        )
        page = list(islice(matching, limit))
        items = page
        if "FilterExpression" in arguments:
            keep = self._expression("FilterExpression", arguments).parse_condition()
            items = [item for item in page if keep(item)]
        answer = {"Items": items, "Count": len(items), "ScannedCount": len(page)}
        if len(page) < limit:
            return answer
        return {**answer, "LastEvaluatedKey": {key: page[-1][key] for key in self._start_key_names(name)}}

    def _ordered_keys(self, index: str | None, arguments: Arguments) -> Iterator[ItemKey]:
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
        names = (*((sort_key,) if sort_key else ()), *self._schema.key_names)
        return tuple(comparable_value(item[name]) for name in names)

    def _start_key_names(self, index: str | None) -> set[str]:
        return {*self._schema.key_names, *self._schema.index_key_names(index)}

    def _expression(self, which: str, arguments: Arguments) -> Expression:
        names, values = arguments.get("ExpressionAttributeNames"), arguments.get("ExpressionAttributeValues")
        return Expression(arguments.get(which) or "", names or {}, values or {})

    def _check_condition(self, arguments: Arguments, item: TableItem | None) -> None:
        if "ConditionExpression" not in arguments:
            return
        if not self._expression("ConditionExpression", arguments).parse_condition()(item or {}):
            old = arguments.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD" and item
            details = {"Item": item} if old else {}
            raise DynamoDbError("ConditionalCheckFailedException", "The conditional request failed", **details)

    def _find(self, item_or_key: TableItem) -> tuple[ItemKey, TableItem | None]:
        """Return the key, and the stored item that has it."""
        key = tuple(comparable_value(item_or_key.get(name)) for name in self._schema.key_names)
        for name, value in zip(self._schema.key_names, key, strict=True):
            if not isinstance(value, Decimal if name in self._schema.number_keys else str) or value == "":
                raise DynamoDbError("ValidationException", f"One of the required keys was not given a value: {name}")
        return key, self._get_unexpired(key)

    def _get_unexpired(self, key: ItemKey) -> TableItem | None:
        item = self._items.get(key)
        expires_at = comparable_value(item.get(self._schema.expiry)) if item else None
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
            names = self._schema.index_key_names(index)
            if all(name in item for name in names):
                yield index, comparable_value(item[names[0]])


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


def serve_tables(tables: Mapping[str, DynamoDbTable]) -> LoopbackHandler:
    """Serve DynamoDB's JSON protocol over tables by name."""

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
