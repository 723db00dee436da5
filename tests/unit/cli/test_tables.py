"""Columns of plain text."""

from __future__ import annotations

from semantest_iac.presentation.cli.formatting import flatten_values, format_table, format_time


class TestTable:
    def test_aligns_columns_and_pads_no_line_end(self) -> None:
        rows = [["a-long-name", "ok"], ["b", ""]]

        assert format_table(["name", "state"], rows) == ["NAME         STATE", "a-long-name  ok", "b"]


class TestFlattened:
    def test_gives_every_leaf_its_path(self) -> None:
        nested = {"a": {"b": [1, {"c": True}]}, "d": None, "e": ()}

        assert list(flatten_values(nested)) == [("a.b[0]", "1"), ("a.b[1].c", "true"), ("d", "-"), ("e", "-")]


class TestMoment:
    def test_is_told_to_the_second(self) -> None:
        assert format_time("2026-01-01T12:00:00.123456Z") == "2026-01-01 12:00:00Z"
