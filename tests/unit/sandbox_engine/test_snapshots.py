from __future__ import annotations

import json
from dataclasses import fields, replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from semantest_iac.infrastructure.sandbox_engine.protocol import wire
from semantest_iac.infrastructure.sandbox_engine.protocol.values import PackageFile, PulumiReference, Secret
from semantest_iac.infrastructure.sandbox_engine.state.snapshots import (
    ResourceState,
    Snapshot,
    StateChange,
    dump_resource,
    load_resource,
    order_by_dependencies,
)
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


def _reversed(value: Any) -> str:
    """An encryption that is easy to check."""
    return json.dumps(value)[::-1]


class TestJsonForm:
    @given(st.dictionaries(st.text(max_size=3), _VALUES, max_size=3))
    def test_round_trips(self, inputs: dict[str, Any]) -> None:
        state = a_state("a", inputs=inputs, outputs=inputs, needs=["b"], property_dependencies={"x": (a_urn("b"),)})

        written = json.loads(json.dumps(dump_resource(state, _reversed)))

        assert load_resource(written, lambda text: json.loads(text[::-1])) == state

    def test_has_every_field(self) -> None:
        filled = {field.name: _example(field.name) for field in fields(ResourceState)}
        state = ResourceState(**filled)

        assert load_resource(dump_resource(state, _reversed), lambda text: json.loads(text[::-1])) == state

    def test_omits_empty_fields(self) -> None:
        assert dump_resource(ResourceState("urn", "type", custom=False), _reversed) == {
            "urn": "urn",
            "custom": False,
            "type": "type",
        }

    def test_encrypts_each_secret_as_a_whole(self) -> None:
        dumped = dump_resource(a_state("a", inputs={"x": Secret({"y": "hush"})}), _reversed)

        assert dumped["inputs"] == {
            "x": {wire.SIGNATURE_KEY: wire.SECRET_SIGNATURE, "ciphertext": _reversed({"y": "hush"})}
        }


def _example(field: str) -> Any:
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


class TestSnapshot:
    def test_orders_finished_resources_before_remaining_ones(self) -> None:
        a, b = a_state("a"), a_state("b")
        snapshot = Snapshot([a, b])

        snapshot.apply(StateChange(put=b, drop=b.key))

        assert list(snapshot) == [b, a]
        assert (
            snapshot.find_finished_in_run(b.urn),
            snapshot.find_left_from_last_run(b.urn),
            snapshot.find_left_from_last_run(a.urn),
        ) == (
            b,
            None,
            a,
        )

    def test_keeps_a_replaced_resource_until_it_is_dropped(self) -> None:
        old, new = a_state("a", id="1"), a_state("a", id="2")
        snapshot, replaced = Snapshot([old]), replace(old, delete=True)

        snapshot.apply(StateChange(put=new, mark=replaced))

        assert [state.id for state in snapshot] == ["2", "1"]
        assert snapshot.find_left_from_last_run(old.urn) is None
        snapshot.apply(StateChange(drop=replaced.key))
        assert list(snapshot) == [new]

    def test_distinguishes_a_replaced_resource_from_a_replacement_with_the_same_id(self) -> None:
        state = a_state("a", id="1")
        replaced = replace(state, delete=True)
        snapshot = Snapshot([state])

        snapshot.apply(StateChange(put=state, mark=replaced))

        assert list(snapshot) == list(Snapshot(order_by_dependencies(snapshot))) == [state, replaced]

    def test_finds_replaced_and_new_providers(self) -> None:
        provider = a_state("p", type="pulumi:providers:aws", id="1")
        snapshot = Snapshot([provider])

        snapshot.apply(StateChange(put=replace(provider, id="2"), drop=provider.key))

        assert snapshot.find_provider(f"{provider.urn}::1") == provider
        assert snapshot.find_provider(f"{provider.urn}::2") == replace(provider, id="2")
        assert snapshot.find_provider(f"{provider.urn}::unknown") == replace(provider, id="2")


class TestOrderByDependencies:
    def test_puts_each_after_what_it_needs_and_otherwise_keeps_the_order(self) -> None:
        states = [a_state("a", needs=["c"]), a_state("b"), a_state("c", needs=["d"]), a_state("d")]

        assert [state.name for state in order_by_dependencies(states)] == ["d", "c", "a", "b"]

    def test_puts_a_replaced_resource_before_those_that_may_still_need_it(self) -> None:
        """Deletion starts from the end, because a cloud refuses to delete what another resource refers to."""
        new, old = a_state("a"), a_state("a", id="old", delete=True)

        assert [state.id for state in order_by_dependencies([a_state("b", needs=["a"]), new, old])] == [
            "id-a",
            "id-b",
            "old",
        ]
        assert [state.id for state in order_by_dependencies([new, old, a_state("b", needs=["a"])])] == [
            "id-a",
            "old",
            "id-b",
        ]

    def test_terminates_if_a_replaced_resource_and_its_dependent_need_each_other(self) -> None:
        old = a_state("a", id="old", delete=True, needs=["b"])

        assert [state.id for state in order_by_dependencies([old, a_state("b", needs=["a"]), a_state("a")])] == [
            "id-a",
            "id-b",
            "old",
        ]

    def test_ignores_missing_dependencies(self) -> None:
        assert [state.urn for state in order_by_dependencies([a_state("a", needs=["gone"])])] == [a_urn("a")]
