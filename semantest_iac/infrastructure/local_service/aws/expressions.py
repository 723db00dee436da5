"""Conditions and assignments of DynamoDB's expressions.

Source: DynamoDB's developer guide (syntax of expressions, reserved words); the messages are those that moto's and
LocalStack's tests recorded on AWS.
"""

from __future__ import annotations

import operator
import re
from base64 import b64decode
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from functools import lru_cache
from typing import Any

from semantest_iac.infrastructure.local_service.aws.reserved_words import RESERVED_WORDS

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


class ExpressionParser:
    """Parses one expression, once; `names` and `values` resolve its placeholders."""

    def __init__(self, text: str, names: Mapping[str, str], values: Mapping[str, Mapping[str, Any]]) -> None:
        self._tokens = list(tokenize_expression(text))
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
            reason = "An expression attribute value used in expression is not defined"
            raise ExpressionError(f"{reason}; attribute value: {token}")
        value = self._values[token]
        return lambda item: value

    def _resolve_name(self, token: str) -> str:
        if not token.startswith("#"):
            if token.upper() in RESERVED_WORDS:
                raise ExpressionError(f"Attribute name is a reserved keyword; reserved keyword: {token}")
            return token
        if token not in self._names:
            reason = "An expression attribute name used in the document path is not defined"
            raise ExpressionError(f"{reason}; attribute name: {token}")
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
def tokenize_expression(text: str) -> Sequence[str]:
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
