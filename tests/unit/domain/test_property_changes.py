"""Changed properties: down to the leaf, as JSON where they are JSON, and without secrets."""

from __future__ import annotations

import json
from typing import Any

import pytest

from semantest_iac.domain.deployment.property_changes import (
    COMPUTED_VALUE,
    SECRET_VALUE,
    PackageDigest,
    PropertyChange,
    ResourceValues,
    list_property_changes,
)

_CANARY = "canary-5ecre7"
_ABSENT = object()


def _changes(old: Any, new: Any, path: str = "p", replaces: bool = False) -> list[PropertyChange]:
    """The changes of one property that an engine found to be different at a path."""
    values = ({} if value is _ABSENT else {"p": value} for value in (old, new))
    before, after = values
    return list(list_property_changes(ResourceValues(before, {}, after), {path: replaces}))


def _triples(old: Any, new: Any, path: str = "p") -> list[tuple[str, Any, Any]]:
    return [(change.path, change.old, change.new) for change in _changes(old, new, path)]


def _policy(*actions: str, indent: int | None = None) -> str:
    statement = {"Effect": "Allow", "Action": list(actions), "Resource": "*"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]}, indent=indent)


_SETTINGS = [{"name": "A", "value": "1"}, {"name": "LEVEL", "value": "info"}]


class TestLeaves:
    @pytest.mark.parametrize(
        ("old", "new", "leaves"),
        [
            (512, 2048, [("p", 512, 2048)]),
            (_ABSENT, "x", [("p", None, "x")]),
            ("x", _ABSENT, [("p", "x", None)]),
            ({"v": {"L": "info", "K": 1}}, {"v": {"L": "debug", "K": 1}}, [("p.v.L", "info", "debug")]),
            ({"a.b": 1, "__defaults": []}, {"a.b": 2, "__defaults": [1]}, [('p["a.b"]', 1, 2)]),
            (["a", "b"], ["a", "b", "c"], [("p[2]", None, "c")]),
            (["a", "b", "c"], ["b", "c"], [("p[0]", "a", None)]),
            (["a", "x", "c"], ["a", "y", "c"], [("p[1]", "x", "y")]),
            (_SETTINGS, [*_SETTINGS[::-1], {"name": "B", "value": "2"}], [("p.B", None, "2")]),
            (_SETTINGS, [{"name": "LEVEL", "value": "debug"}], [("p.A", "1", None), ("p.LEVEL", "info", "debug")]),
            ([{"Sid": "s", "n": 1}], [{"Sid": "s", "n": 2}], [('p["s"].n', 1, 2)]),
            (_policy("a"), _policy("a", "b", indent=2), [("p.Statement[0].Action[1]", None, "b")]),
            ({"a": 1}, "text", [("p", {"a": 1}, "text")]),
            ("{not json", "{nor this", [("p", "{not json", "{nor this")]),
            (PackageDigest("d1"), PackageDigest("d2"), [("p", "d1", "d2")]),
        ],
    )  # fmt: skip
    def test_are_found(self, old: Any, new: Any, leaves: list[tuple[str, Any, Any]]) -> None:
        assert _triples(old, new) == leaves

    def test_of_a_list_are_paired_whatever_element_an_engine_names(self) -> None:
        new = [_SETTINGS[0], {"name": "LEVEL", "value": "debug"}]

        assert _triples(_SETTINGS, new, "p[1].value") == [("p.LEVEL", "info", "debug")]

    def test_that_are_unknown_are_computed(self) -> None:
        [change] = _changes({"ids": ["a", "b"]}, {"ids": ["a", COMPUTED_VALUE]})

        assert (change.path, change.new, change.is_computed) == ("p.ids[1]", "(known after deploy)", True)

    def test_compare_with_what_the_cloud_reported_where_the_inputs_agree(self) -> None:
        values = ResourceValues({"size": 1}, {"size": 5}, {"size": 1})

        [change] = list_property_changes(values, {"size": False})

        assert (change.old, change.new) == (5, 1)

    def test_of_a_property_without_a_path_are_found_by_its_name(self) -> None:
        values = ResourceValues({"a": 1, "b": {"c": 1}}, {}, {"a": 2, "b": {"c": 2}})

        changes = list_property_changes(values, {"a": False}, ("a", "b"), ("b",))

        assert [(change.path, change.replaces) for change in changes] == [("a", False), ("b.c", True)]

    def test_force_a_replacement_where_the_engine_says_so(self) -> None:
        values = ResourceValues({"a": {"x": 1, "y": 1}}, {}, {"a": {"x": 2, "y": 2}})

        changes = list_property_changes(values, {"a.x": True, "a.y": False}, (), ("a",))

        assert [(change.path, change.replaces) for change in changes] == [("a.x", True), ("a.y", False)]


class TestSecrets:
    @pytest.mark.parametrize(
        ("old", "new"),
        [
            (SECRET_VALUE, SECRET_VALUE),
            (_CANARY, SECRET_VALUE),
            (SECRET_VALUE, _CANARY),
            ([_CANARY, "b"], [SECRET_VALUE]),
            ({"password": _CANARY}, {"password": f"{_CANARY}2"}),
            ({"connectionString": _CANARY}, {}),
            ({"secretString": json.dumps({"user": _CANARY})}, {"secretString": json.dumps({"user": f"{_CANARY}2"})}),
            ({"variables": {"DB_PASSWORD": _CANARY}}, {"variables": {"DB_PASSWORD": "x"}}),
            ([{"name": "API_TOKEN", "value": _CANARY}], []),
            (_ABSENT, {"settings": [{"name": "API_TOKEN", "value": _CANARY}]}),
            (_ABSENT, [{"name": "x", "nested": {"accountKey": _CANARY}}]),
            ("x", f"DefaultEndpointsProtocol=https;AccountKey={_CANARY}"),
            ("x", f"postgres://user:{_CANARY}@host/db"),
            (_ABSENT, json.dumps({"credentials": {"key": _CANARY}})),
            ("x", f"@Microsoft.KeyVault(SecretUri=https://vault/{_CANARY})"),
        ],
    )  # fmt: skip
    def test_are_hidden_on_both_sides(self, old: Any, new: Any) -> None:
        shown = json.dumps([change.as_dict() for change in _changes(old, new)])

        assert _CANARY not in shown
        assert "[secret]" in shown

    def test_leave_their_neighbours_visible(self) -> None:
        old, new = {"LEVEL": "info", "T": SECRET_VALUE}, {"LEVEL": "debug", "T": SECRET_VALUE}

        assert _triples(old, new) == [("p.LEVEL", "info", "debug")]

    @pytest.mark.parametrize("name", ["hashKey", "routeKey", "keyName", "secretArn", "tokenUrl"])
    def test_are_not_seen_in_ordinary_names(self, name: str) -> None:
        assert _triples({name: "a"}, {name: "b"}) == [(f"p.{name}", "a", "b")]
