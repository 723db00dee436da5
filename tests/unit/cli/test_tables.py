"""Tables that fit the terminal."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from semantest_iac.presentation.cli.tables import (
    Column,
    format_age,
    format_fitting_table,
    format_pairs,
    unique_id_length,
    wrap_after,
)

_COLUMNS = (Column("id"), Column("kind", 1, "out"), Column("state"), Column("url", 2))
_ROWS = [("one", "deploy", "completed", "https://one.example.com"), ("two", "destroy", "failed", "-")]


class TestFittingTable:
    @pytest.mark.parametrize(
        ("width", "lines"),
        [
            (
                None,
                [
                    "ID   KIND     STATE      URL",
                    "one  deploy   completed  https://one.example.com",
                    "two  destroy  failed     -",
                ],
            ),
            (
                40,
                [
                    "ID   KIND     STATE",
                    "one  deploy   completed",
                    "  https://one.example.com",
                    "two  destroy  failed",
                ],
            ),
            (20, ["ID   STATE", "one  completed", "https://one.example.com", "two  failed"]),
        ],
        ids=["unlimited", "narrow", "very-narrow"],
    )
    def test_moves_the_least_important_columns_first(self, width: int | None, lines: list[str]) -> None:
        assert format_fitting_table(_COLUMNS, _ROWS, width) == lines


class TestPairs:
    def test_have_long_values_below_their_names(self) -> None:
        pairs = [("arn", "a" * 20), ("endpoint", "short")]

        assert format_pairs(pairs, 24) == ["arn", "  " + "a" * 20, "endpoint  short"]
        assert format_pairs(pairs, None)[0] == "arn       " + "a" * 20


class TestWrapping:
    @pytest.mark.parametrize(
        ("text", "lines"),
        [
            ("a short one", ["ok  a short one"]),
            ("some words that are too many", ["ok  some words that", "    are too many"]),
            ('{"a":1,"b":2,"c":3,"d":4}', ['ok  {"a":1,"b":2,', '    "c":3,"d":4}']),
            ("/a/path/that/has/no/gap", ["ok", "    /a/path/that/has/no/gap"]),
        ],
    )
    def test_breaks_after_spaces_and_commas_only(self, text: str, lines: list[str]) -> None:
        assert wrap_after("ok  ", text, 20) == lines


class TestIds:
    @pytest.mark.parametrize(
        ("ids", "length"),
        [([], 8), (["abcdefghij", "bcdefghijk"], 8), (["abcdefghij", "abcdefghik", "x"], 10), (["a", "a"], 8)],
    )
    def test_are_as_long_as_they_must_be(self, ids: list[str], length: int) -> None:
        assert unique_id_length(ids) == length


class TestAge:
    @pytest.mark.parametrize(
        ("recorded", "age"),
        [
            ("2026-01-31T11:59:59.5Z", "0 s ago"),
            ("2026-01-31T11:58:00Z", "2 min ago"),
            ("2026-01-31T07:00:00Z", "5 h ago"),
            ("2026-01-21T12:00:00Z", "10 d ago"),
            ("2025-11-05T12:00:00Z", "2025-11-05"),
            ("", "-"),
        ],
    )
    def test_is_short(self, recorded: str, age: str) -> None:
        assert format_age(recorded, datetime(2026, 1, 31, 12, tzinfo=UTC)) == age
