"""The conditions and assignments of DynamoDB's expression language, as far as stand-ins need it.

Source: the developer guide of DynamoDB, operators and functions of condition expressions.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from functools import lru_cache
from typing import Any

Item = Mapping[str, Mapping[str, Any]]
Test = Callable[[Item], bool]
Operand = Callable[[Item], Mapping[str, Any] | None]

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
        self._tokens = list(_tokens(text))
        self._names = names
        self._values = values

    def condition(self) -> Test:
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

    def _either(self) -> Test:
        tests = [self._both()]
        while self._takes("OR"):
            tests.append(self._both())
        return lambda item: any(test(item) for test in tests)

    def _both(self) -> Test:
        tests = [self._one()]
        while self._takes("AND"):
            tests.append(self._one())
        return lambda item: all(test(item) for test in tests)

    def _one(self) -> Test:
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
        return lambda item: _compared(left(item), compare, right(item))

    def _called(self, function: Callable[[list[Mapping[str, Any] | None]], bool]) -> Test:
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


def plain(value: Mapping[str, Any] | None) -> Any:
    """A value that can be compared with others of its type; None where there is none."""
    if value is None:
        return None
    [(kind, raw)] = value.items()
    return Decimal(raw) if kind == "N" else raw


@lru_cache
def _tokens(text: str) -> Sequence[str]:
    found, place = list[str](), 0
    while text[place:].strip():
        match = _TOKEN.match(text, place)
        if match is None:
            raise ExpressionError(f"Syntax error; near: {text[place : place + 20]}")
        found.append(match.group(1))
        place = match.end()
    return found


def _compared(left: Mapping[str, Any] | None, compare: Callable[[Any, Any], bool], right: Any) -> bool:
    """Values of two types are never equal and have no order; so with what is not there."""
    if left is None or right is None or left.keys() != right.keys():
        return compare is operator.ne
    return compare(plain(left), plain(right))


_FUNCTIONS: Mapping[str, Callable[[list[Mapping[str, Any] | None]], bool]] = {
    "attribute_exists": lambda operands: operands[0] is not None,
    "attribute_not_exists": lambda operands: operands[0] is None,
    "begins_with": lambda operands: str(plain(operands[0]) or "").startswith(str(plain(operands[-1]))),
}
