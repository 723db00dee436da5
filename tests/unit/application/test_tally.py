"""What is counted of an engine's progress."""

from __future__ import annotations

from semantest_iac.application.deployment.recorder import OperationCounter
from semantest_iac.domain.ports.provisioner import ResourceProgress


def _tick(name: str, op: str, state: str = "done") -> ResourceProgress:
    return ResourceProgress(f"urn:{name}", "t", name, op, state)


class TestTally:
    def test_passes_everything_on_and_counts_what_ended_well(self) -> None:
        seen: list[ResourceProgress] = []
        tally = OperationCounter(seen.append)
        ticks = [_tick("a", "create", "running"), _tick("a", "create"), _tick("b", "create", "failed")]
        for tick in (*ticks, _tick("a", "publish"), _tick("c", "publish")):
            tally(tick)

        assert (len(seen), tally.has_begun, tally.operations) == (5, True, ["create"])

    def test_counts_a_replacement_once_whichever_part_of_it_comes_first(self) -> None:
        tally = OperationCounter(lambda tick: None)
        for tick in (_tick("a", "replace"), _tick("a", "delete"), _tick("b", "delete"), _tick("b", "replace")):
            tally(tick)

        assert tally.operations == ["replace", "replace"]

    def test_has_not_begun_before_the_first_operation(self) -> None:
        assert not OperationCounter(lambda tick: None).has_begun
