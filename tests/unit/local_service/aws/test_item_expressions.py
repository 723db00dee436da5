"""Conditions and assignments as DynamoDB reads them."""

from __future__ import annotations

from typing import Any

import pytest

from semantest_iac.infrastructure.local_service.aws.tables import Expression, ExpressionError

ITEM = {"id": {"S": "abc"}, "n": {"N": "10"}, "name": {"S": "x"}}
VALUES = {":abc": {"S": "abc"}, ":ab": {"S": "ab"}, ":nine": {"N": "9"}, ":ten": {"N": "10.0"}, ":text": {"S": "10"}}


def holds(text: str, item: dict[str, Any] = ITEM) -> bool:
    return Expression(text, {"#n": "name"}, VALUES).condition()(item)


class TestCondition:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("id = :abc", True),
            ("id <> :abc", False),
            ("n = :ten", True),
            ("n > :nine", True),
            ("n < :nine OR id = :abc", True),
            ("n < :nine AND id = :abc", False),
            ("id = :abc OR id = :ab AND n < :nine", True),
            ("(id = :abc OR id = :ab) AND n < :nine", False),
            ("NOT n < :nine", True),
            ("not (n < :nine or id = :ab)", True),
            ("attribute_exists(id)", True),
            ("attribute_not_exists(other)", True),
            ("attribute_not_exists (#n)", False),
            ("begins_with(id, :ab)", True),
            ("begins_with(other, :ab)", False),
        ],
    )
    def test_holds_or_not(self, text: str, expected: bool) -> None:
        assert holds(text) is expected

    @pytest.mark.parametrize(
        ("text", "expected"), [("n = :text", False), ("n <> :text", True), ("other < :ten", False)]
    )
    def test_compares_like_with_like_only(self, text: str, expected: bool) -> None:
        assert holds(text) is expected

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "id",
            "id =",
            "= :abc",
            "id = :abc id",
            "id = :none",
            "#none = :abc",
            "(id = :abc",
            "id ! :abc",
            "id AND n",
        ],
    )
    def test_that_cannot_be_read_is_refused(self, text: str) -> None:
        with pytest.raises(ExpressionError):
            holds(text)


class TestAssignments:
    def test_give_values_and_copies_by_attribute(self) -> None:
        found = Expression("SET #n = :abc, n = id", {"#n": "name"}, VALUES).assignments()

        assert {name: operand(ITEM) for name, operand in found.items()} == {"name": {"S": "abc"}, "n": {"S": "abc"}}

    @pytest.mark.parametrize("text", ["", "REMOVE id", "SET", "SET id", "SET id = :abc,", "SET id = :abc n = :ten"])
    def test_that_cannot_be_read_are_refused(self, text: str) -> None:
        with pytest.raises(ExpressionError):
            Expression(text, {}, VALUES).assignments()
