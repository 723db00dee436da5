"""Which deployment a rollback goes back to."""

from __future__ import annotations

from typing import Any

import pytest

from semantest_iac.application.ports.ledger import NewEvent
from semantest_iac.application.queries.history import read_history
from semantest_iac.application.queries.rollback_targets import (
    choose_rollback_target,
    find_undone_target,
    require_restorable,
)
from semantest_iac.domain.errors import NotFoundError, ValidationError
from tests.fakes.memory_ledger import STACK, MemoryLedger, a_deploy, a_destroy, an_event

OTHER = "websocket.azure.staging.westeurope"
NO_CHANGES = {"changes": {"same": 3}}


def a_rollback(deployment: str, to: str, **changes: int) -> list[NewEvent]:
    entry = {"restored_deployment": to, "configuration": {}}
    return [
        an_event("rollback.requested", deployment),
        an_event("journal.request.resolved", deployment, data=entry),
        *a_deploy(deployment)[1:-1],
        an_event("deployment.completed", deployment, data={"changes": changes or {"update": 1}}),
    ]


def a_failure(deployment: str, **changes: int) -> list[NewEvent]:
    failed = {"code": "FAILED", "reason": "no", "changes": changes}
    return [*a_deploy(deployment)[:-1], an_event("deployment.failed", deployment, data=failed)]


async def record(ledger: MemoryLedger, *events: list[NewEvent]) -> None:
    for each in events:
        await ledger.append(STACK, None, each)


class TestUndoneTarget:
    @pytest.mark.parametrize(
        ("events", "target"),
        [
            ([a_deploy("d1"), a_deploy("d2")], "d1"),
            ([a_deploy("d1"), a_deploy("d2"), a_deploy("d3")], "d2"),
            ([a_deploy("d1"), a_deploy("d2"), a_failure("d3", update=1)], "d2"),
            ([a_deploy("d1"), a_deploy("d2"), a_failure("d3", update=0)], "d1"),
            ([a_deploy("d1"), a_deploy("d2"), [an_event("deployment.requested", "d3")]], "d1"),
            ([a_deploy("d1"), a_deploy("d2"), a_deploy("d3"), a_rollback("r4", "d2")], "d1"),
            ([a_deploy("d0"), a_deploy("d1"), a_deploy("d2"), a_rollback("r3", "d1"), a_deploy("d4")], "r3"),
        ],
        ids=[
            "the one before",
            "of several",
            "after a failure",
            "after a failure without a change",
            "while another one waits",
            "one further back after a rollback",
            "a rollback is a deployment",
        ],
    )
    async def test_is(self, ledger: MemoryLedger, events: list[list[NewEvent]], target: str) -> None:
        await record(ledger, *events)

        assert find_undone_target(ledger, STACK).deployment == target

    async def test_passes_what_changed_nothing(self, ledger: MemoryLedger) -> None:
        same = [*a_deploy("d3")[:-1], an_event("deployment.completed", "d3", data=NO_CHANGES)]
        await record(ledger, a_deploy("d1"), a_deploy("d2"), same)

        assert find_undone_target(ledger, STACK).deployment == "d1"

    @pytest.mark.parametrize(
        "events", [[], [a_deploy("d1")], [a_deploy("d1"), a_destroy("d2"), a_deploy("d3")]], ids=str
    )
    async def test_is_not_there(self, ledger: MemoryLedger, events: list[list[NewEvent]]) -> None:
        await record(ledger, *events)

        with pytest.raises(NotFoundError, match="Cannot roll back"):
            find_undone_target(ledger, STACK)


class TestChosenTarget:
    @pytest.fixture
    async def deployed(self, ledger: MemoryLedger) -> MemoryLedger:
        await record(ledger, a_deploy("aa1"), a_failure("ab2", update=1), a_deploy("ab3"))
        await ledger.append(OTHER, None, a_deploy("c4", stack=OTHER))
        return ledger

    @pytest.mark.parametrize(
        ("named", "target"),
        [
            ({"to": "1"}, "aa1"),
            ({"to": "3"}, "ab3"),
            ({"to": "aa"}, "aa1"),
            ({"undo": "ab3"}, "aa1"),
            ({"undo": "3"}, "aa1"),
            ({"undo": "ab2"}, "aa1"),
            ({}, "aa1"),
        ],
    )
    async def test_is(self, deployed: MemoryLedger, named: dict[str, str], target: str) -> None:
        assert choose_rollback_target(deployed, STACK, **named).deployment == target

    async def test_of_an_id_needs_no_stack(self, deployed: MemoryLedger) -> None:
        assert choose_rollback_target(deployed, None, undo="ab3").deployment == "aa1"
        assert choose_rollback_target(deployed, None, to="c").stack == OTHER

    @pytest.mark.parametrize(
        ("named", "error", "words"),
        [
            ({"to": "2"}, ValidationError, "it is a deploy that is failed"),
            ({"to": "9"}, NotFoundError, f"Cannot find deployment no. 9: '{STACK}' has no such deployment"),
            ({"to": "0"}, NotFoundError, "Cannot find deployment no. 0"),
            ({"undo": "1234567"}, NotFoundError, "Cannot find deployment no. 1234567"),
            ({"to": "12345678"}, NotFoundError, "Cannot find deployment '12345678'"),
            ({"to": ""}, NotFoundError, "Cannot find deployment ''"),
            ({"undo": ""}, NotFoundError, "Cannot find deployment ''"),
            ({"to": "ab"}, ValidationError, "the ids of 2 begin with 'ab'"),
            ({"to": "c4"}, ValidationError, f"it is of {OTHER}"),
            ({"undo": "c4"}, ValidationError, f"it is of {OTHER}"),
            ({"undo": "aa1"}, NotFoundError, "Cannot undo deployment 'aa1'"),
            ({"to": "1", "undo": "3"}, ValidationError, "Cannot roll back to one deployment and before another"),
        ],
    )
    async def test_is_refused(
        self, deployed: MemoryLedger, named: dict[str, str], error: type[Exception], words: str
    ) -> None:
        with pytest.raises(error) as raised:
            choose_rollback_target(deployed, STACK, **named)

        reason: Any = raised.value
        assert words in reason.reason

    @pytest.mark.parametrize("name", ["0", "4", "", "41"])
    async def test_is_never_one_whose_id_begins_with_a_number_by_chance(self, name: str) -> None:
        ledger = MemoryLedger()
        await record(ledger, a_deploy("4123abcd-0000"))

        for named in ({"to": name}, {"undo": name}):
            for stack in (STACK, None):
                with pytest.raises(NotFoundError):
                    choose_rollback_target(ledger, stack, **named)

    async def test_after_a_rotation_must_be_named(self, ledger: MemoryLedger) -> None:
        """A rollback brings back no value: it would change nothing, and end as completed."""
        requested = an_event("deployment.requested", "r3", data={"rotated_secrets": ["token"]})
        await record(ledger, a_deploy("d1"), a_deploy("d2"), [requested, *a_deploy("r3")[1:]])

        with pytest.raises(ValidationError, match="rotated token") as raised:
            choose_rollback_target(ledger, STACK)
        assert "`--to 2`" in raised.value.hint
        assert choose_rollback_target(ledger, STACK, to="2").deployment == "d2"

    async def test_needs_a_name(self, deployed: MemoryLedger) -> None:
        with pytest.raises(ValidationError, match="no stack is named"):
            choose_rollback_target(deployed, None)

    async def test_of_a_stack_that_was_destroyed_since_is_refused(self, deployed: MemoryLedger) -> None:
        await record(deployed, a_destroy("d5"), a_deploy("d6"))

        with pytest.raises(ValidationError) as raised:
            require_restorable(deployed, STACK, "aa1")

        assert "its stack was destroyed since then" in raised.value.reason


class TestNumbers:
    async def test_count_accepted_requests_of_a_stack(self, ledger: MemoryLedger) -> None:
        refused = an_event("deployment.rejected", "d0", data={"code": "STALE_REQUEST", "reason": "old"})
        await record(ledger, [refused], a_deploy("d1"), a_destroy("d2"), a_failure("d3"), [refused], a_deploy("d4"))
        await ledger.append(OTHER, None, a_deploy("c1", stack=OTHER))

        numbers = {row["deployment"]: row["number"] for row in read_history(ledger)}

        assert numbers == {"d0": None, "d1": 1, "d2": 2, "d3": 3, "d4": 4, "c1": 1}

    async def test_a_rollback_names_what_it_restored(self, ledger: MemoryLedger) -> None:
        await record(ledger, a_deploy("d1"), a_deploy("d2"), a_rollback("r3", "d1"))

        newest, *others = read_history(ledger)

        assert (newest["kind"], newest["restored_deployment"]) == ("rollback", "d1")
        assert all("restored_deployment" not in row for row in others)
