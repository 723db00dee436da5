from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from semantest_iac.infrastructure.sandbox_engine.protocol import wire
from semantest_iac.infrastructure.sandbox_engine.protocol.values import PackageFile, PulumiReference, Secret
from semantest_iac.infrastructure.sandbox_engine.protocol.wire import UnsupportedError
from semantest_iac.infrastructure.simulated_cloud.schema.values import UNKNOWN

_TEXTS = st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=8).filter(
    lambda t: t != wire.UNKNOWN_MARKER
)
_LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**53), 2**53),
    st.floats(allow_nan=False, allow_infinity=False).filter(lambda number: not number.is_integer()),
    _TEXTS,
    st.just(UNKNOWN),
    st.builds(PulumiReference, urn=_TEXTS, id=_TEXTS),
)
_VALUES = st.recursive(
    _LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(_TEXTS, inner, max_size=3), st.builds(Secret, inner)
    ),
    max_leaves=8,
)


class TestRoundTrip:
    @given(st.dictionaries(_TEXTS, _VALUES, max_size=4))
    def test_preserves_every_value(self, properties: dict[str, Any]) -> None:
        assert wire.decode_properties(wire.encode_properties(properties)) == properties

    def test_turns_whole_numbers_into_ints(self) -> None:
        [value] = wire.decode_properties(wire.encode_properties({"n": 3.0})).values()

        assert (value, type(value)) == (3, int)


class TestOutputs:
    @pytest.mark.parametrize(
        ("fields", "value"),
        [
            ({"value": "v"}, "v"),
            ({"value": "v", "secret": True}, Secret("v")),
            ({}, UNKNOWN),
            ({"secret": True}, Secret(UNKNOWN)),
        ],
        ids=["known", "secret", "unknown", "secret and unknown"],
    )
    def test_decode_to_their_value(self, fields: dict[str, Any], value: Any) -> None:
        sent = wire.encode_properties({"o": {wire.SIGNATURE_KEY: wire.OUTPUT_SIGNATURE, **fields}})

        assert wire.decode_properties(sent) == {"o": value}


class TestPackages:
    @pytest.mark.parametrize("kind", [wire.ARCHIVE_SIGNATURE, wire.ASSET_SIGNATURE], ids=["archive", "asset"])
    def test_have_the_hash_of_their_bytes(self, tmp_path: Path, kind: str) -> None:
        path = tmp_path / "package"
        path.write_bytes(b"abc")

        package = wire.decode_properties(wire.encode_properties({"p": {wire.SIGNATURE_KEY: kind, "path": str(path)}}))[
            "p"
        ]

        digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        assert package == PackageFile(kind, digest, str(path))

    def test_are_read_again_after_a_change(self, tmp_path: Path) -> None:
        path = tmp_path / "package"
        sent = wire.encode_properties({"p": {wire.SIGNATURE_KEY: wire.ARCHIVE_SIGNATURE, "path": str(path)}})
        path.write_bytes(b"abc")
        before = wire.decode_properties(sent)["p"]
        path.write_bytes(b"abcd")

        assert wire.decode_properties(sent)["p"] != before

    @pytest.mark.parametrize("fields", [{"uri": "https://a.b/c"}, {"text": "t"}, {"path": "/"}, {"path": "/none"}])
    def test_must_be_files(self, fields: dict[str, str]) -> None:
        with pytest.raises(UnsupportedError, match="only from files on this machine"):
            wire.decode_properties(wire.encode_properties({"p": {wire.SIGNATURE_KEY: wire.ASSET_SIGNATURE, **fields}}))
