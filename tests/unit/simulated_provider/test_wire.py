"""Values and diffs between engine and provider."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from google.protobuf import struct_pb2
from pulumi.runtime.proto import provider_pb2

from semantest_iac.infrastructure.simulated_cloud.schema.differences import ResourceDiff
from semantest_iac.infrastructure.simulated_cloud.schema.values import UNKNOWN
from semantest_iac.infrastructure.simulated_provider import wire

WireOf = Callable[[dict[str, Any]], struct_pb2.Struct]
Plain = Callable[[struct_pb2.Struct], dict[str, Any]]

_HASH_ONLY = {"4dabf18193072939515e22adb298388d": "0def7320c3a5731c473e5ecbe6d01bc7", "hash": "a" * 64}
_ARCHIVE = {**_HASH_ONLY, "path": "app.zip"}
_NOTHING = struct_pb2.Struct()


class TestDecodeStruct:
    @pytest.mark.parametrize("value", [None, True, 3, 3.5, "text", [1, ["a"]], {"a": {"b": None}}])
    def test_is_undone_by_encode(self, wire_of: WireOf, value: Any) -> None:
        decoded = wire.decode_struct(wire_of({"key": value}))

        assert decoded == {"key": value}
        assert wire.encode_struct(decoded, _NOTHING) == wire_of({"key": value})

    def test_converts_whole_numbers_to_int(self, wire_of: WireOf) -> None:
        decoded = wire.decode_struct(wire_of({"whole": 3, "half": 1.5, "flag": True}))

        assert {name: type(value) for name, value in decoded.items()} == {"whole": int, "half": float, "flag": bool}

    def test_finds_unknown_values_at_any_depth(self, wire_of: WireOf, plain: Plain) -> None:
        sent = wire_of({"tags": {"a": [wire.UNKNOWN_SENTINEL]}})

        decoded = wire.decode_struct(sent)

        assert decoded == {"tags": {"a": [UNKNOWN]}}
        assert wire.encode_struct(decoded, _NOTHING) == sent

    def test_takes_only_the_hash_of_a_package(self, wire_of: WireOf) -> None:
        assert wire.decode_struct(wire_of({"code": _ARCHIVE})) == {"code": _HASH_ONLY}


class TestEncodeStruct:
    def test_returns_a_package_as_it_was_sent(self, wire_of: WireOf) -> None:
        known = wire_of({"code": _ARCHIVE})

        assert wire.encode_struct({"code": _HASH_ONLY}, known) == known

    def test_returns_only_the_hash_of_another_package(self, wire_of: WireOf, plain: Plain) -> None:
        other = {**_HASH_ONLY, "hash": "b" * 64}

        assert plain(wire.encode_struct({"code": other}, wire_of({"code": _ARCHIVE}))) == {"code": other}

    def test_omits_a_package_that_was_not_sent(self) -> None:
        assert wire.encode_struct({"code": _HASH_ONLY}, _NOTHING) == _NOTHING

    def test_encodes_an_ordinary_mapping_with_a_hash(self, plain: Plain) -> None:
        assert plain(wire.encode_struct({"tags": {"hash": "a"}}, _NOTHING)) == {"tags": {"hash": "a"}}


_DIFF = ResourceDiff(
    changed=("path", "tags"),
    detailed={"path": "update-replace", "tags.a": "add", 'tags["b.c"]': "delete"},
    replaces=("path",),
    delete_before_replace=True,
)
_DIFF_KIND = provider_pb2.PropertyDiff


class TestToDiffResponse:
    def test_names_properties_and_paths(self) -> None:
        answer = wire.to_diff_response(_DIFF, [])

        assert answer.changes == provider_pb2.DiffResponse.DIFF_SOME
        assert (list(answer.diffs), list(answer.replaces)) == (["path", "tags"], ["path"])
        kinds = {path: diff.kind for path, diff in answer.detailedDiff.items()}
        assert kinds == {"path": _DIFF_KIND.UPDATE_REPLACE, "tags.a": _DIFF_KIND.ADD, 'tags["b.c"]': _DIFF_KIND.DELETE}

    def test_says_that_the_delete_is_first(self) -> None:
        assert wire.to_diff_response(_DIFF, []).deleteBeforeReplace

    def test_is_none_without_changes(self) -> None:
        answer = wire.to_diff_response(ResourceDiff(), [])

        assert (answer.changes, answer.hasDetailedDiff) == (provider_pb2.DiffResponse.DIFF_NONE, True)

    @pytest.mark.parametrize(
        ("ignored", "left"),
        [
            (["path"], ["tags"]),
            (["tags"], ["path"]),
            (["tags.a"], ["path", "tags"]),
            (["tags.a", 'tags["b.c"]'], ["path"]),
            (["tags.*"], ["path"]),
            (["tags[*]"], ["path"]),
            (["tags.a.deeper"], ["path", "tags"]),
            (["*"], []),
        ],
        ids=str,
    )
    def test_omits_ignored_paths(self, ignored: list[str], left: list[str]) -> None:
        assert list(wire.to_diff_response(_DIFF, ignored).diffs) == left

    def test_replaces_nothing_if_the_cause_is_ignored(self) -> None:
        answer = wire.to_diff_response(_DIFF, ["path"])

        assert (list(answer.replaces), answer.deleteBeforeReplace) == ([], False)
