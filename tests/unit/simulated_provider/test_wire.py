"""Values between engine and provider."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from google.protobuf import struct_pb2

from semantest_iac.infrastructure.simulated_cloud.schema.values import UNKNOWN
from semantest_iac.infrastructure.simulated_provider import wire

WireOf = Callable[[dict[str, Any]], struct_pb2.Struct]
Plain = Callable[[struct_pb2.Struct], dict[str, Any]]

_BARE = {"4dabf18193072939515e22adb298388d": "0def7320c3a5731c473e5ecbe6d01bc7", "hash": "a" * 64}
_ARCHIVE = {**_BARE, "path": "app.zip"}
_NOTHING = struct_pb2.Struct()


class TestDecode:
    @pytest.mark.parametrize("value", [None, True, 3, 3.5, "text", [1, ["a"]], {"a": {"b": None}}])
    def test_is_undone_by_encode(self, wire_of: WireOf, value: Any) -> None:
        decoded = wire.decode_struct(wire_of({"key": value}))

        assert decoded == {"key": value}
        assert wire.encode_struct(decoded, _NOTHING) == wire_of({"key": value})

    def test_makes_whole_numbers_of_those_that_are(self, wire_of: WireOf) -> None:
        decoded = wire.decode_struct(wire_of({"whole": 3, "half": 1.5, "flag": True}))

        assert {name: type(value) for name, value in decoded.items()} == {"whole": int, "half": float, "flag": bool}

    def test_knows_the_unknown_at_any_depth(self, wire_of: WireOf, plain: Plain) -> None:
        sent = wire_of({"tags": {"a": [wire.UNKNOWN_SENTINEL]}})

        decoded = wire.decode_struct(sent)

        assert decoded == {"tags": {"a": [UNKNOWN]}}
        assert wire.encode_struct(decoded, _NOTHING) == sent

    def test_takes_of_a_package_its_hash(self, wire_of: WireOf) -> None:
        assert wire.decode_struct(wire_of({"code": _ARCHIVE})) == {"code": _BARE}


class TestEncode:
    def test_gives_a_package_back_as_it_came(self, wire_of: WireOf) -> None:
        known = wire_of({"code": _ARCHIVE})

        assert wire.encode_struct({"code": _BARE}, known) == known

    def test_gives_the_bare_hash_of_another_package(self, wire_of: WireOf, plain: Plain) -> None:
        other = {**_BARE, "hash": "b" * 64}

        assert plain(wire.encode_struct({"code": other}, wire_of({"code": _ARCHIVE}))) == {"code": other}

    def test_keeps_a_package_from_those_who_never_had_it(self) -> None:
        assert wire.encode_struct({"code": _BARE}, _NOTHING) == _NOTHING

    def test_takes_a_mapping_with_a_hash_for_what_it_is(self, plain: Plain) -> None:
        assert plain(wire.encode_struct({"tags": {"hash": "a"}}, _NOTHING)) == {"tags": {"hash": "a"}}
