"""Resources in Pulumi's form."""

from __future__ import annotations

import json
from dataclasses import fields
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from semantest_iac.infrastructure.sandbox_engine.protocol import wire
from semantest_iac.infrastructure.sandbox_engine.protocol.values import PackageFile, PulumiReference, Secret
from semantest_iac.infrastructure.sandbox_engine.state.snapshots import ResourceState, dump_resource, load_resource
from tests.unit.sandbox_engine.builders import a_state, a_urn

_LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.text(max_size=5),
    st.builds(PackageFile, kind=st.just(wire.ASSET_SIGNATURE), digest=st.just("d"), path=st.just("/p")),
    st.builds(PulumiReference, urn=st.just("urn"), id=st.text(max_size=3)),
)
_VALUES = st.recursive(
    _LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=2), st.dictionaries(st.text(max_size=3), inner, max_size=2), st.builds(Secret, inner)
    ),
    max_leaves=5,
)


def _turned(value: Any) -> str:
    """A seal that hides nothing well, and can be opened."""
    return json.dumps(value)[::-1]


class TestForm:
    @given(st.dictionaries(st.text(max_size=3), _VALUES, max_size=3))
    def test_can_be_read_back(self, inputs: dict[str, Any]) -> None:
        state = a_state("a", inputs=inputs, outputs=inputs, needs=["b"], property_dependencies={"x": (a_urn("b"),)})

        written = json.loads(json.dumps(dump_resource(state, _turned)))

        assert load_resource(written, lambda text: json.loads(text[::-1])) == state

    def test_has_every_field(self) -> None:
        filled = {field.name: _some(field.name) for field in fields(ResourceState)}
        state = ResourceState(**filled)

        assert load_resource(dump_resource(state, _turned), lambda text: json.loads(text[::-1])) == state

    def test_leaves_out_what_is_empty(self) -> None:
        assert dump_resource(ResourceState("urn", "type", custom=False), _turned) == {
            "urn": "urn",
            "custom": False,
            "type": "type",
        }

    def test_seals_secrets_whole(self) -> None:
        dumped = dump_resource(a_state("a", inputs={"x": Secret({"y": "hush"})}), _turned)

        assert dumped["inputs"] == {
            "x": {wire.SIGNATURE_KEY: wire.SECRET_SIGNATURE, "ciphertext": _turned({"y": "hush"})}
        }


def _some(field: str) -> Any:
    flags = {"custom", "protect", "retain_on_delete", "external", "delete", "pending_replacement"}
    special: dict[str, Any] = {
        "inputs": {"a": 1},
        "outputs": {"b": 2},
        "property_dependencies": {"a": ("urn",)},
        "custom_timeouts": {"create": 1.5},
    }
    if field in flags:
        return True
    return special.get(field, field if field in {"urn", "type", "id", "parent", "provider"} else ("one", "two"))
