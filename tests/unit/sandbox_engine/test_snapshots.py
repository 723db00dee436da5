"""What is remembered, and in which order."""

from __future__ import annotations

from dataclasses import replace

from semantest_iac.infrastructure.sandbox_engine.state.snapshots import Snapshot, StateChange, order_by_dependencies
from tests.unit.sandbox_engine.builders import a_state, a_urn


class TestSnapshot:
    def test_puts_what_is_settled_before_what_is_yet_to_come(self) -> None:
        a, b = a_state("a"), a_state("b")
        snapshot = Snapshot([a, b])

        snapshot.apply(StateChange(put=b, drop=b.key))

        assert list(snapshot) == [b, a]
        assert (snapshot.new(b.urn), snapshot.old(b.urn), snapshot.old(a.urn)) == (b, None, a)

    def test_keeps_a_replaced_one_until_it_is_dropped(self) -> None:
        old, new = a_state("a", id="1"), a_state("a", id="2")
        snapshot, doomed = Snapshot([old]), replace(old, delete=True)

        snapshot.apply(StateChange(put=new, mark=doomed))

        assert [state.id for state in snapshot] == ["2", "1"]
        assert snapshot.old(old.urn) is None
        snapshot.apply(StateChange(drop=doomed.key))
        assert list(snapshot) == [new]

    def test_tells_a_replaced_one_from_a_replacement_with_its_id(self) -> None:
        state = a_state("a", id="1")
        doomed = replace(state, delete=True)
        snapshot = Snapshot([state])

        snapshot.apply(StateChange(put=state, mark=doomed))

        assert list(snapshot) == list(Snapshot(order_by_dependencies(snapshot))) == [state, doomed]

    def test_finds_a_provider_as_long_as_a_resource_may_need_it(self) -> None:
        provider = a_state("p", type="pulumi:providers:aws", id="1")
        snapshot = Snapshot([provider])

        snapshot.apply(StateChange(put=replace(provider, id="2"), drop=provider.key))

        assert snapshot.provider(f"{provider.urn}::1") == provider
        assert snapshot.provider(f"{provider.urn}::2") == replace(provider, id="2")
        assert snapshot.provider(f"{provider.urn}::unknown") == replace(provider, id="2")


class TestInOrder:
    def test_puts_each_after_what_it_needs_and_keeps_the_rest(self) -> None:
        states = [a_state("a", needs=["c"]), a_state("b"), a_state("c", needs=["d"]), a_state("d")]

        assert [state.name for state in order_by_dependencies(states)] == ["d", "c", "a", "b"]

    def test_puts_what_may_still_need_a_replaced_one_after_it(self) -> None:
        """Deletes go from the end: a cloud does not let go of what another resource refers to."""
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

    def test_ends_where_a_replaced_one_and_its_successor_need_each_other(self) -> None:
        old = a_state("a", id="old", delete=True, needs=["b"])

        assert [state.id for state in order_by_dependencies([old, a_state("b", needs=["a"]), a_state("a")])] == [
            "id-a",
            "id-b",
            "old",
        ]

    def test_does_not_mind_what_is_missing(self) -> None:
        assert [state.urn for state in order_by_dependencies([a_state("a", needs=["gone"])])] == [a_urn("a")]
