from __future__ import annotations

from typing import Any

import pytest

from semantest_iac.domain.deployment.property_changes import parse_path
from semantest_iac.infrastructure.sandbox_engine.plan.paths import path_covers, restore_ignored
from semantest_iac.infrastructure.sandbox_engine.protocol.values import Secret


class TestParsePath:
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


class TestPathCovers:
    @pytest.mark.parametrize(
        ("path", "other", "expected"),
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
    def test_says_whether_the_other_path_is_equal_or_below(self, path: str, other: str, expected: bool) -> None:
        assert path_covers(parse_path(path), parse_path(other)) is expected

    def test_is_false_for_an_invalid_path(self) -> None:
        assert not path_covers(parse_path("a["), parse_path("a"))


class TestRestoreIgnored:
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
    def test_restores_the_value_at_the_path(self, path: str, old: Any, new: Any, result: Any) -> None:
        assert restore_ignored(new, old, [path]) == result

    def test_keeps_secrets_secret(self) -> None:
        old, new = {"a": Secret({"b": 1})}, {"a": {"b": 2, "c": 2}}

        assert restore_ignored(new, old, ["a.b"]) == {"a": {"b": Secret(1), "c": 2}}

    def test_restores_inside_a_secret(self) -> None:
        old, new = {"a": {"b": 1}}, {"a": Secret({"b": 2, "c": 2})}

        assert restore_ignored(new, old, ["a.b"]) == {"a": Secret({"b": 1, "c": 2})}

    def test_does_not_change_its_arguments(self) -> None:
        old, new = {"a": {"b": 1}}, {"a": {"b": 2}}

        restore_ignored(new, old, ["a.b", "a"])

        assert (old, new) == ({"a": {"b": 1}}, {"a": {"b": 2}})
