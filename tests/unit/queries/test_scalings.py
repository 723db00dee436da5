"""When a stack was scaled before, as the ledger has it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from semantest_iac.application.ports.ledger import NewEvent
from semantest_iac.application.queries.scalings import list_past_scalings
from tests.fakes.memory_ledger import STACK, MemoryLedger, a_deploy, an_event

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)  # of every event of the fake ledger
BEFORE, AFTER = NOON - timedelta(hours=1), NOON + timedelta(seconds=1)


def a_scaling(deployment: str, direction: str | None, end: str = "completed", **data: object) -> list[NewEvent]:
    """The events of a scaling that is carried out."""
    resolved: dict[str, object] = {
        "configuration": {},
        "restored_deployment": "d1",
        **({"scaling": direction} if direction else {}),
    }
    events: list[tuple[str, dict[str, object]]] = [
        ("scaling.triggered", {}),
        ("deployment.started", {}),
        ("journal.request.resolved", resolved),
        ("deployment.planned", {}),
        ("journal.step.intended", {"step": "apply"}),
        (f"deployment.{end}", {"changes": {"update": 1}} | data),
    ]
    return [an_event(kind, deployment, data=given) for kind, given in events]


def a_refusal(deployment: str) -> list[NewEvent]:
    data = {"request_type": "infrastructure.scaling.triggered", "code": "SCALING_COOLDOWN", "reason": "too soon"}
    return [an_event("deployment.rejected", deployment, data=data)]


class TestPastScalings:
    async def test_are_those_that_were_carried_out_newest_first(self, ledger: MemoryLedger) -> None:
        await ledger.append(STACK, None, a_deploy("d1"))
        await ledger.append(STACK, None, a_scaling("s1", "out"))
        await ledger.append(STACK, None, a_scaling("s2", "in", "rolled_back", code="X", reason="x"))
        await ledger.append(STACK, None, a_scaling("s3", None))

        found = list_past_scalings(ledger, STACK, BEFORE)

        assert [(it.ended_at, it.direction) for it in found] == [(NOON, None), (NOON, "in"), (NOON, "out")]

    async def test_are_found_behind_any_number_of_refusals(self, ledger: MemoryLedger) -> None:
        await ledger.append(STACK, None, a_deploy("d1"))
        await ledger.append(STACK, None, a_scaling("s1", "out"))
        for number in range(120):
            await ledger.append(STACK, None, a_refusal(f"r{number}"))

        assert [it.direction for it in list_past_scalings(ledger, STACK, BEFORE)] == ["out"]

    async def test_are_none_of_those_that_changed_nothing_or_ended_before(self, ledger: MemoryLedger) -> None:
        await ledger.append(STACK, None, a_scaling("s1", "out"))
        await ledger.append(STACK, None, a_scaling("s2", "in", changes={"same": 9}))

        assert [it.direction for it in list_past_scalings(ledger, STACK, BEFORE)] == ["out"]
        assert list_past_scalings(ledger, STACK, AFTER) == []

    @pytest.mark.parametrize("stack", ["websocket.aws.development.us-east-1"])
    async def test_are_those_of_the_stack(self, ledger: MemoryLedger, stack: str) -> None:
        await ledger.append(STACK, None, a_scaling("s1", "out"))

        assert list_past_scalings(ledger, stack, BEFORE) == []
