from __future__ import annotations

from typing import Any

import pytest

from semantest_iac.infrastructure.sandbox_engine.protocol.values import (
    PackageFile,
    PulumiReference,
    Secret,
    contains_secret,
    move_secrets_out_of_lists,
    outputs_with_secrets,
    stored_outputs_with_secrets,
    to_cloud_value,
)
from semantest_iac.infrastructure.simulated_cloud.schema.values import UNKNOWN

_PACKAGE = PackageFile("kind", "d1", "/a.zip")


class TestToCloudValue:
    def test_unwraps_secrets_packages_and_references(self) -> None:
        value = {
            "s": Secret({"x": [Secret("y")]}),
            "p": _PACKAGE,
            "r": PulumiReference("urn", Secret("id")),
            "n": [1, None],
        }

        assert to_cloud_value(value) == {"s": {"x": ["y"]}, "p": {"hash": "d1"}, "r": "id", "n": [1, None]}


class TestSecret:
    def test_prints_as_stars(self) -> None:
        assert repr([Secret("hush")]) == "[Secret(***)]"


class TestContainsSecret:
    @pytest.mark.parametrize("value", [Secret(UNKNOWN), {"a": [Secret(UNKNOWN)]}, [{"a": {"b": Secret(UNKNOWN)}}]])
    def test_searches_at_any_depth(self, value: Any) -> None:
        assert contains_secret(value)

    def test_finds_nothing_in_plain_values(self) -> None:
        assert not contains_secret({"a": ["b"]})


class TestMoveSecretsOutOfLists:
    def test_moves_secrets_out_of_lists_to_the_list(self) -> None:
        values = {"list": ["a", Secret("b")], "object": {"c": Secret("d"), "e": "f"}}

        assert move_secrets_out_of_lists(values) == {"list": Secret(["a", "b"]), "object": {"c": Secret("d"), "e": "f"}}


class TestOutputsWithSecrets:
    @pytest.mark.parametrize(
        ("outputs", "inputs", "result"),
        [
            ({"a": "x"}, {"a": Secret("x")}, {"a": Secret("x")}),
            ({"a": {"b": "x", "c": "y"}}, {"a": {"b": Secret("x")}}, {"a": {"b": Secret("x"), "c": "y"}}),
            ({"a": ["x"]}, {"a": [Secret("x")]}, {"a": Secret(["x"])}),
            ({"a": "b", "c": "d"}, {"a": "b"}, {"a": "b", "c": "d"}),
            ({"arn": "arn:x"}, {"a": Secret("x")}, {"arn": "arn:x"}),
        ],
    )
    def test_are_secret_if_the_inputs_were(self, outputs: Any, inputs: Any, result: Any) -> None:
        assert outputs_with_secrets(outputs, inputs, ()) == result

    def test_are_secret_if_requested(self) -> None:
        assert outputs_with_secrets({"a": "x", "b": "y"}, {}, ("a", "none")) == {"a": Secret("x"), "b": "y"}

    def test_contain_packages_as_they_were_sent(self) -> None:
        assert outputs_with_secrets({"code": {"hash": "d1"}}, {"code": _PACKAGE}, ()) == {"code": _PACKAGE}


class TestUnchangedOutputs:
    def test_mark_whole_properties_that_became_secret_and_unwrap_none(self) -> None:
        outputs = {"a": "x", "b": {"c": "y"}, "d": Secret("z"), "e": "v"}
        inputs = {"a": Secret("x"), "b": {"c": Secret("y")}, "d": "z"}

        assert stored_outputs_with_secrets(outputs, inputs, ("e",)) == {
            "a": Secret("x"),
            "b": {"c": "y"},
            "d": Secret("z"),
            "e": Secret("v"),
        }
