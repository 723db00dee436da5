"""What `history` and `events` answer."""

from __future__ import annotations

import pytest

from semantest_iac.application.queries.history import StackFilter, read_events, read_history
from semantest_iac.domain.errors import NotFoundError
from tests.fakes.memory_ledger import STACK, MemoryLedger, a_deploy, a_destroy

OTHER = "websocket.azure.staging.westeurope"


@pytest.fixture
async def deployed(ledger: MemoryLedger) -> MemoryLedger:
    """Three deployments of two stacks: seven events, three, and seven."""
    await ledger.append(STACK, None, a_deploy("d1", endpoint="one"))
    await ledger.append(STACK, None, a_destroy("d2"))
    await ledger.append(OTHER, None, a_deploy("d3", stack=OTHER))
    return ledger


class TestHistory:
    def test_lists_every_deployment_newest_first(self, deployed: MemoryLedger) -> None:
        rows = [(row["deployment"], row["kind"], row["endpoint"]) for row in read_history(deployed)]

        assert rows == [("d3", "deploy", None), ("d2", "destroy", None), ("d1", "deploy", "one")]

    @pytest.mark.parametrize(
        ("stack_filter", "limit", "found"),
        [
            (StackFilter(), 2, ["d3", "d2"]),
            (StackFilter(provider="aws"), None, ["d2", "d1"]),
            (StackFilter(provider="aws"), 1, ["d2"]),
            (StackFilter(region="nowhere"), None, []),
        ],
        ids=["number", "filter", "both", "nothing"],
    )
    def test_can_be_narrowed(
        self, deployed: MemoryLedger, stack_filter: StackFilter, limit: int | None, found: list[str]
    ) -> None:
        assert [row["deployment"] for row in read_history(deployed, stack_filter, limit)] == found


class TestEvents:
    def test_come_in_order_with_their_position_and_without_the_journal(self, deployed: MemoryLedger) -> None:
        found = [(event["sequence"], event["type"]) for event in read_events(deployed, deployment="d1")]

        assert found == [
            ("1", "infrastructure.deployment.requested"),
            ("2", "infrastructure.deployment.started"),
            ("3", "infrastructure.deployment.planned"),
            ("5", "infrastructure.function.deployed"),
            ("7", "infrastructure.deployment.completed"),
        ]

    def test_hold_the_journal_when_asked(self, deployed: MemoryLedger) -> None:
        assert len(read_events(deployed, journal=True)) == 17

    def test_can_be_those_of_one_stack(self, deployed: MemoryLedger) -> None:
        assert {event["subject"] for event in read_events(deployed, stack=STACK)} == {STACK}

    def test_are_read_on_from_the_last_position(self, deployed: MemoryLedger) -> None:
        first = read_events(deployed, limit=5)
        rest = read_events(deployed, after=int(first[-1]["sequence"]))

        assert first + rest == read_events(deployed)

    @pytest.mark.parametrize("narrowed", [{"stack": STACK}, {"deployment": "d2"}], ids=["stack", "deployment"])
    def test_of_a_part_are_read_on_too(self, deployed: MemoryLedger, narrowed: dict[str, str]) -> None:
        found = read_events(
            deployed, after=8, limit=1, stack=narrowed.get("stack"), deployment=narrowed.get("deployment")
        )

        assert [event["type"] for event in found] == ["infrastructure.removed"]

    def test_of_an_unknown_deployment_are_not_found(self, deployed: MemoryLedger) -> None:
        with pytest.raises(NotFoundError, match="Cannot read events of deployment 'd9'"):
            read_events(deployed, deployment="d9")
