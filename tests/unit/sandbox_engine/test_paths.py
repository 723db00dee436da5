"""Property paths as Pulumi means them."""

from __future__ import annotations

from typing import Any

import pytest

from semantest_iac.infrastructure.sandbox_engine.plan.paths import parse_path, path_covers, restore_ignored
from semantest_iac.infrastructure.sandbox_engine.protocol.values import Secret


class TestParse:
    @pytest.mark.parametrize(
        ("text", "path"),
        [
            ("root", ("root",)),
            ("root.nested", ("root", "nested")),
            ('root["nested"]', ("root", "nested")),
            ("root.list[10].name", ("root", "list", 10, "name")),
            ("root[0][1]", ("root", 0, 1)),
            ('root["with \\"quotes\\""]', ("root", 'with "quotes"')),
            ('["a root."][1]', ("a root.", 1)),
            ("root[*].name", ("root", "*", "name")),
            ("*", ("*",)),
            ("root.[0]", ("root", 0)),
            ("with-hyphen", ("with-hyphen",)),
            ("", ()),
            (".root", ()),
            ("root.", ()),
            ("root[", ()),
            ("root[x]", ()),
        ],
    )
    def test_reads_names_and_indexes(self, text: str, path: tuple[str | int, ...]) -> None:
        assert parse_path(text) == path


class TestCovers:
    @pytest.mark.parametrize(
        ("path", "other", "answer"),
        [
            ("tags", "tags", True),
            ("tags", "tags.team", True),
            ("tags.team", "tags", False),
            ("tags.*", "tags.team", True),
            ("tags[*].x", "tags[1].x.y", True),
            ("*", "anything[0]", True),
            ("tags", "tag", False),
            ("list[0]", "list[1]", False),
        ],
    )
    def test_says_whether_one_path_leads_on_from_the_other(self, path: str, other: str, answer: bool) -> None:
        assert path_covers(parse_path(path), parse_path(other)) is answer

    def test_says_no_for_a_text_that_is_no_path(self) -> None:
        assert not path_covers(parse_path("a["), parse_path("a"))


class TestPutBack:
    @pytest.mark.parametrize(
        ("path", "old", "new", "result"),
        [
            ("a", {"a": 1}, {"a": 2}, {"a": 1}),
            ("a", {}, {"a": 2}, {}),
            ("a", {"a": 1}, {}, {"a": 1}),
            ("a.b", {"a": {"b": 1, "c": 1}}, {"a": {"b": 2, "c": 2}}, {"a": {"b": 1, "c": 2}}),
            ("a.b", {}, {"a": {"b": 2, "c": 2}}, {"a": {"c": 2}}),
            ("a.b", {"a": {"b": 1}}, {}, {}),
            ("a.b", {"a": {"b": 1}}, {"a": 7}, {"a": 7}),
            ("a.*", {"a": {"b": 1}}, {"a": {"c": 2}}, {"a": {"b": 1}}),
            ("a.*", {"a": 1}, {"a": {"c": 2}}, {"a": {"c": 2}}),
            ("a[1]", {"a": [1, 1]}, {"a": [2, 2, 2]}, {"a": [2, 1, 2]}),
            ("a[2]", {"a": [1, 1]}, {"a": [2, 2, 2]}, {"a": [2, 2, 2]}),
            ("a[*]", {"a": [1, 1]}, {"a": [2, 2, 2]}, {"a": [1, 1, 2]}),
            ("a[*].b", {"a": [{"b": 1}]}, {"a": [{"b": 2, "c": 2}]}, {"a": [{"b": 1, "c": 2}]}),
            ("*", {"a": 1}, {"b": 2}, {"a": 1}),
            ("a[", {"a": 1}, {"a": 2}, {"a": 2}),
        ],
    )
    def test_restores_what_lies_on_the_path(self, path: str, old: Any, new: Any, result: Any) -> None:
        assert restore_ignored(new, old, [path]) == result

    def test_keeps_what_was_secret_so(self) -> None:
        old, new = {"a": Secret({"b": 1})}, {"a": {"b": 2, "c": 2}}

        assert restore_ignored(new, old, ["a.b"]) == {"a": {"b": Secret(1), "c": 2}}

    def test_reaches_into_what_is_secret(self) -> None:
        old, new = {"a": {"b": 1}}, {"a": Secret({"b": 2, "c": 2})}

        assert restore_ignored(new, old, ["a.b"]) == {"a": Secret({"b": 1, "c": 2})}

    def test_leaves_the_given_values_alone(self) -> None:
        old, new = {"a": {"b": 1}}, {"a": {"b": 2}}

        restore_ignored(new, old, ["a.b", "a"])

        assert (old, new) == ({"a": {"b": 1}}, {"a": {"b": 2}})
