"""Folding events into rows of deployments and stacks."""

from __future__ import annotations

from typing import Any

import pytest

from semantest_iac.application.ports.ledger import DeploymentRow, NewEvent, StackRow
from semantest_iac.application.queries.projection import MemoryRows
from semantest_iac.domain.deployment.status import INTERRUPTED
from tests.fakes.memory_ledger import NOON, STACK, MemoryLedger, a_deploy, a_destroy, an_event

LATER = "2026-01-01T12:01:00Z"
REASON = {"code": "PROVIDER_ERROR", "reason": "no quota", "hint": "ask for more"}
ERROR = {"code": "PROVIDER_ERROR", "message": "no quota", "hint": "ask for more"}
UNCHANGED = {**REASON, "changes": {"create": 0}}
ENDS: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "failed": ("deployment.failed", {**REASON, "resource": ""}, ERROR),
    "rolled_back": ("deployment.rolled_back", {**REASON, "restored_deployment": None}, ERROR),
    "needs_operator": (
        "deployment.needs_operator",
        {**REASON, "remainder": ["topic"], "commands": ["resolve"]},
        {**ERROR, "remainder": ["topic"], "commands": ["resolve"]},
    ),
    "cancelled": ("deployment.cancelled", {"reason": "asked to"}, {"message": "asked to"}),
}

REQUEST_TYPES = {
    "infrastructure.deployment.requested": "deploy",
    "infrastructure.removal.requested": "destroy",
}


async def _row(ledger: MemoryLedger, *events: NewEvent) -> DeploymentRow:
    await ledger.append(STACK, None, events)
    return ledger.deployments(limit=1)[0]


class TestFold:
    async def test_opens_a_row_with_the_request(self, ledger: MemoryLedger) -> None:
        row = await _row(ledger, an_event("deployment.requested"))

        assert row == DeploymentRow("d1", STACK, "deploy", row.state, requested_at=NOON, position=1, number=1)
        assert row.state == "pending"

    async def test_keeps_the_results_of_a_completed_deployment(self, ledger: MemoryLedger) -> None:
        done = {"changes": {"create": 2, "same": 1}, "endpoint": "https://one", "outputs": {"url": "u"}}
        row = await _row(ledger, *a_deploy()[:-1], an_event("deployment.completed", time=LATER, data=done))

        assert (row.state, row.requested_at, row.finished_at) == ("completed", NOON, LATER)
        assert {"changes": row.changes, "endpoint": row.endpoint, "outputs": row.outputs} == done
        assert row.error is None

    @pytest.mark.parametrize(("kind", "data", "error"), ENDS.values(), ids=ENDS)
    async def test_keeps_the_error_of_a_failed_deployment(
        self, ledger: MemoryLedger, kind: str, data: dict[str, Any], error: dict[str, Any]
    ) -> None:
        row = await _row(ledger, *a_deploy()[:4], an_event(kind, time=LATER, data=data))

        assert (row.state, row.finished_at, row.error) == (kind.removeprefix("deployment."), LATER, error)
        assert row.changes == {"create": 3}  # what was planned stays the best that is known

    async def test_keeps_the_outputs_of_a_restored_stack(self, ledger: MemoryLedger) -> None:
        again = {"endpoint": "https://one", "function_version": "3"}
        await _row(ledger, *a_deploy())

        await _row(
            ledger,
            *a_deploy("d2")[:4],
            an_event("deployment.rolled_back", "d2", data={**REASON, "restored_deployment": "d1", "outputs": again}),
        )

        stack = ledger.stack(STACK)
        assert (stack.last_good, stack.endpoint, stack.outputs) == ("d1", "https://one", again)

    async def test_tells_a_destroy_from_a_deploy(self, ledger: MemoryLedger) -> None:
        row = await _row(ledger, *a_destroy())

        assert (row.kind, row.state, row.changes) == ("destroy", "completed", {"delete": 3})

    async def test_ignores_illegal_transitions(self, ledger: MemoryLedger) -> None:
        before = await _row(ledger, *a_deploy())

        after = await _row(ledger, an_event("deployment.failed"), an_event("deployment.requested"))

        assert after == before

    async def test_opens_nothing_without_a_request(self, ledger: MemoryLedger) -> None:
        await ledger.append(STACK, None, a_deploy()[1:])

        assert (ledger.deployments(), ledger.stacks()) == ([], [])

    @pytest.mark.parametrize(("request_type", "kind"), REQUEST_TYPES.items())
    async def test_opens_an_ended_row_with_the_answer_to_a_refused_request(
        self, ledger: MemoryLedger, request_type: str, kind: str
    ) -> None:
        data = {"code": "STALE_REQUEST", "reason": "old", "request_type": request_type}

        row = await _row(ledger, an_event("deployment.rejected", time=LATER, data=data))

        assert (row.kind, row.state, row.requested_at, row.finished_at) == (kind, "rejected", LATER, LATER)
        assert row.error == {"code": "STALE_REQUEST", "message": "old"}

    async def test_ignores_events_of_another_stack(self, ledger: MemoryLedger) -> None:
        before = await _row(ledger, a_deploy()[0])

        await ledger.append("other", None, [an_event("deployment.started", stack="other")])

        assert ledger.deployment("d1") == before


class TestFoldStack:
    async def test_keeps_the_last_good_deployment_while_later_ones_fail(self, ledger: MemoryLedger) -> None:
        await ledger.append(STACK, None, a_deploy("d1", endpoint="one"))
        await ledger.append(STACK, None, [*a_deploy("d2")[:4], an_event("deployment.failed", "d2", data=UNCHANGED)])

        assert ledger.stack(STACK) == StackRow(
            STACK, requests=2, newest="d2", last_good="d1", owner="d1", endpoint="one"
        )

    async def test_leaves_the_newest_deployment_in_place_if_a_request_is_refused(self, ledger: MemoryLedger) -> None:
        await ledger.append(STACK, None, [*a_deploy("d1")[:3], an_event("deployment.rejected", "d2", data=REASON)])
        await ledger.append(STACK, None, a_deploy("d1")[3:])

        assert ledger.stack(STACK) == StackRow(STACK, requests=1, newest="d1", last_good="d1", owner="d1")
        assert [(row.deployment, row.state) for row in ledger.newest()] == [("d1", "completed")]

    async def test_replaces_the_last_good_deployment(self, ledger: MemoryLedger) -> None:
        await ledger.append(STACK, None, a_deploy("d1", endpoint="one", outputs={"a": 1}))
        await ledger.append(STACK, None, a_deploy("d2", endpoint="two", outputs={"b": 2}))

        expected = StackRow(
            STACK, requests=2, newest="d2", last_good="d2", owner="d1", endpoint="two", outputs={"b": 2}
        )
        assert ledger.stack(STACK) == expected

    async def test_starts_a_generation_without_a_last_good_deployment_after_a_destroy(
        self, ledger: MemoryLedger
    ) -> None:
        for number in range(2):
            await ledger.append(STACK, None, a_deploy(f"deploy{number}", endpoint="one"))
            await ledger.append(STACK, None, a_destroy(f"destroy{number}"))

        assert ledger.stack(STACK) == StackRow(STACK, requests=4, generation=3, newest="destroy1")

    async def test_starts_a_generation_when_a_first_deployment_is_rolled_back(self, ledger: MemoryLedger) -> None:
        await ledger.append(STACK, None, [*a_deploy("d1")[:-1], an_event("deployment.rolled_back", data=REASON)])

        assert ledger.stack(STACK) == StackRow(STACK, requests=1, generation=2, newest="d1")

    async def test_keeps_its_generation_when_an_earlier_deployment_is_restored(self, ledger: MemoryLedger) -> None:
        back = an_event("deployment.rolled_back", "d2", data={**REASON, "restored_deployment": "d1"})

        await ledger.append(STACK, None, [*a_deploy("d1", endpoint="one"), *a_deploy("d2")[:-1], back])

        assert ledger.stack(STACK) == StackRow(
            STACK, requests=2, newest="d2", last_good="d1", owner="d1", endpoint="one"
        )

    async def test_is_unchanged_when_a_destroy_fails(self, ledger: MemoryLedger) -> None:
        await ledger.append(STACK, None, a_deploy("d1"))
        await ledger.append(STACK, None, [*a_destroy("d2")[:2], an_event("removal.failed", "d2")])

        assert ledger.stack(STACK) == StackRow(STACK, requests=2, newest="d2", last_good="d1", owner="d1")

    @pytest.mark.parametrize(
        ("end", "removal"),
        [
            (None, "d2"),
            (an_event("removal.failed", "d2", data={**REASON, "code": INTERRUPTED}), "d2"),
            (an_event("removal.failed", "d2", data={**REASON, "changes": {"delete": 1}}), "d2"),
            (an_event("deployment.cancelled", "d2", data=REASON), "d2"),
            (an_event("removal.failed", "d2", data=REASON), None),
        ],
        ids=["running", "killed", "half", "cancelled", "nothing-deleted"],
    )
    async def test_remembers_a_removal_that_may_have_deleted_something(
        self, ledger: MemoryLedger, end: NewEvent | None, removal: str | None
    ) -> None:
        await ledger.append(STACK, None, a_deploy("d1"))
        await ledger.append(STACK, None, [*a_destroy("d2")[:2], *([end] if end else [])])

        stack = ledger.stack(STACK)
        assert (stack.removal, stack.generation, stack.last_good) == (removal, 1, "d1")

    async def test_starts_the_generation_that_a_deployment_names(self, ledger: MemoryLedger) -> None:
        started = an_event("journal.generation.started", "d3", data={"generation": 2})
        await ledger.append(STACK, None, [*a_deploy("d1"), *a_destroy("d2")[:2], *a_deploy("d3")[:3], started])

        stack = ledger.stack(STACK)
        assert (stack.removal, stack.generation, stack.last_good) == (None, 2, "d1")

    @pytest.mark.parametrize(
        ("end", "unsettled"),
        [
            (None, "d1"),
            (an_event("deployment.cancelled", data=REASON), "d1"),
            (an_event("deployment.failed", data={**UNCHANGED, "code": INTERRUPTED}), "d1"),
            (an_event("deployment.needs_operator", data=REASON), "d1"),
            (an_event("deployment.failed", data={**REASON, "changes": {"create": 3}}), "d1"),
            (an_event("deployment.failed", data=UNCHANGED), None),
        ],
        ids=["running", "cancelled", "killed", "needs-operator", "kept", "failed-before-a-change"],
    )
    async def test_belongs_to_its_first_deployment_that_began_to_change_it(
        self, ledger: MemoryLedger, end: NewEvent | None, unsettled: str | None
    ) -> None:
        await ledger.append(STACK, None, [*a_deploy("d1")[:4], *([end] if end else [])])

        row = ledger.stack(STACK)
        assert (row.owner, row.unsettled, row.last_good) == ("d1", unsettled, None)

    async def test_belongs_to_no_deployment_that_was_only_planned(self, ledger: MemoryLedger) -> None:
        await ledger.append(STACK, None, [*a_deploy("d1")[:3], an_event("deployment.cancelled", data=REASON)])

        assert ledger.stack(STACK) == StackRow(STACK, requests=1, newest="d1")

    async def test_is_settled_by_the_next_deployment_that_completes(self, ledger: MemoryLedger) -> None:
        await ledger.append(STACK, None, [*a_deploy("d1")[:4], an_event("deployment.cancelled", data=REASON)])
        await ledger.append(STACK, None, a_deploy("d2"))

        assert ledger.stack(STACK) == StackRow(STACK, requests=2, newest="d2", last_good="d2", owner="d1")


class TestRepeatedRuns:
    """A run that died while it changed the stack, and another one that carries the deployment out again."""

    INTERRUPTED_RUN = (*a_deploy("d1")[:4], an_event("journal.run.resumed", data={"attempt": 2}))

    async def test_begin_again_with_what_the_first_one_may_have_changed(self, ledger: MemoryLedger) -> None:
        row = await _row(ledger, *self.INTERRUPTED_RUN)

        assert (row.state, row.was_interrupted, row.finished_at) == ("validating", True, None)
        assert ledger.stack(STACK) == StackRow(STACK, requests=1, newest="d1", owner="d1", unsettled="d1")

    async def test_remember_a_removal(self, ledger: MemoryLedger) -> None:
        await ledger.append(STACK, None, a_deploy("d1"))
        resumed = an_event("journal.run.resumed", "d2", data={"attempt": 2})
        await ledger.append(STACK, None, [*a_destroy("d2")[:2], resumed])

        assert ledger.stack(STACK).removal == "d2"

    @pytest.mark.parametrize("end", ["failed", "rejected", "cancelled", "needs_operator"])
    async def test_leave_the_stack_unsettled_unless_they_complete(self, ledger: MemoryLedger, end: str) -> None:
        await ledger.append(STACK, None, [*self.INTERRUPTED_RUN, an_event(f"deployment.{end}", data=UNCHANGED)])

        assert ledger.stack(STACK).unsettled == "d1"

    async def test_settle_the_stack_when_they_complete(self, ledger: MemoryLedger) -> None:
        await ledger.append(STACK, None, [*self.INTERRUPTED_RUN, *a_deploy("d1")[2:]])

        assert ledger.stack(STACK) == StackRow(STACK, requests=1, newest="d1", last_good="d1", owner="d1")

    async def test_are_not_told_from_first_ones_where_nothing_was_changed(self, ledger: MemoryLedger) -> None:
        resumed = an_event("journal.run.resumed", data={"attempt": 2})
        failed = an_event("deployment.failed", data=UNCHANGED)

        row = await _row(ledger, *a_deploy("d1")[:3], resumed, *a_deploy("d1")[2:4], failed)

        assert (row.was_interrupted, ledger.stack(STACK).unsettled) == (False, None)


class TestHeldStacks:
    async def test_are_held_by_the_deployment_that_needs_an_operator(self, ledger: MemoryLedger) -> None:
        await ledger.append(STACK, None, [*a_deploy("d1")[:4], an_event("deployment.needs_operator", data=REASON)])

        assert ledger.stack(STACK).held_by == "d1"

    @pytest.mark.parametrize(("resolved", "held_by"), [("d1", None), ("d0", "d1")], ids=["it", "another one"])
    async def test_are_free_when_it_is_resolved(self, ledger: MemoryLedger, resolved: str, held_by: str | None) -> None:
        needs_operator = an_event("deployment.needs_operator", data=REASON)
        before = await _row(ledger, *a_deploy("d0"), *a_deploy("d1")[:4], needs_operator)

        resolution = an_event("deployment.resolved", resolved, time=LATER, data={"resolved_by": "ana"})
        after = await _row(ledger, resolution)

        assert (after, ledger.stack(STACK).held_by) == (before, held_by)

    async def test_are_free_after_a_later_deployment_that_completed(self, ledger: MemoryLedger) -> None:
        needs_operator = an_event("deployment.needs_operator", data=REASON)
        await ledger.append(STACK, None, [*a_deploy("d1")[:4], needs_operator, *a_deploy("d2")])

        assert ledger.stack(STACK).held_by is None


class TestMemoryRows:
    async def test_are_the_same_however_often_they_are_folded(self, ledger: MemoryLedger) -> None:
        await ledger.append(STACK, None, [*a_deploy("d1"), *a_destroy("d2"), *a_deploy("d3")])

        once, twice = MemoryRows(ledger.log()), MemoryRows([*ledger.log(), *ledger.log()])

        assert once.stacks() == ledger.stacks()
        assert twice.deployments(None, None) == once.deployments(None, None)
