from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest

from semantest_iac.application.ports.ledger import (
    Ledger,
    LedgerConflictError,
    LedgerHead,
    NewEvent,
    RecordedEvent,
    StackRow,
    VerifiedLedger,
)
from semantest_iac.domain.errors import LedgerError, RefusedError
from semantest_iac.infrastructure.databases.postgresql import PostgresqlDatabase
from semantest_iac.infrastructure.ledger.chain import GENESIS, extend_chain
from semantest_iac.infrastructure.ledger.sql_ledger import SqlLedger
from semantest_iac.infrastructure.ledger.sqlite import SqliteLedger
from tests.fakes.memory_ledger import STACK, MemoryLedger, a_deploy, a_destroy, an_event, event_id
from tests.postgresql_server import PostgresqlServer

OTHER = "websocket.azure.staging.westeurope"


class LedgerContract:
    """What every ledger guarantees; a subclass provides the `ledger` to test."""

    async def test_counts_positions_over_the_log_and_versions_over_a_stream(self, ledger: Ledger) -> None:
        await ledger.append("a", 0, [NewEvent("x", "{}"), NewEvent("y", "{}")])
        await ledger.append("b", 0, [NewEvent("x", "{}")])
        await ledger.append("a", 2, [NewEvent("z", "{}")])

        placed = [(row.position, row.stream, row.version, row.type) for row in ledger.log()]
        assert placed == [(1, "a", 1, "x"), (2, "a", 2, "y"), (3, "b", 1, "x"), (4, "a", 3, "z")]

    async def test_returns_what_it_recorded(self, ledger: Ledger) -> None:
        recorded = await ledger.append("a", None, [NewEvent("x", '{"é": "\\u0000"}'), NewEvent("y", "{}")])

        assert recorded == ledger.stream("a")
        assert recorded[0].event == {"é": "\x00"}

    @pytest.mark.parametrize("expected", [0, 2], ids=["older", "newer"])
    async def test_refuses_a_writer_that_expects_another_version(self, ledger: Ledger, expected: int) -> None:
        await ledger.append("a", 0, [NewEvent("x", "{}")])

        with pytest.raises(LedgerConflictError) as refusal:
            await ledger.append("a", expected, [NewEvent("y", "{}")])

        assert (refusal.value.error_code, refusal.value.retryable) == ("LEDGER_CONFLICT", True)
        assert [row.type for row in ledger.log()] == ["x"]

    async def test_records_nothing_of_a_batch_with_an_invalid_event(self, ledger: Ledger) -> None:
        with pytest.raises(LedgerError, match="Cannot read event 2: it is not a JSON object"):
            await ledger.append(STACK, 0, [*a_deploy()[:1], NewEvent("x", "[1]")])

        assert (list(ledger.log()), ledger.stacks()) == ([], [])

    async def test_continues_after_a_position(self, ledger: Ledger) -> None:
        await ledger.append("a", 0, [NewEvent(str(number), "{}") for number in range(1, 6)])

        assert [row.type for row in ledger.stream("a", after_version=3)] == ["4", "5"]
        assert [row.type for row in ledger.log(after=1, limit=2)] == ["2", "3"]
        assert list(ledger.log(limit=0)) == []

    async def test_reads_a_log_of_many_pages_once_and_in_order(self, ledger: Ledger) -> None:
        await ledger.append("a", 0, [NewEvent("x", "{}")] * 2001)

        assert [row.position for row in ledger.log()] == list(range(1, 2002))
        assert len(list(ledger.log(limit=1500))) == 1500

    async def test_lists_its_streams(self, ledger: Ledger) -> None:
        await ledger.append("b", 0, [NewEvent("x", "{}")])
        await ledger.append("a", 0, [NewEvent("x", "{}")])

        assert ledger.streams() == ["a", "b"]

    async def test_finds_the_newest_event_of_a_stream(self, ledger: Ledger) -> None:
        await ledger.append("a", 0, [NewEvent(kind, "{}") for kind in ("x", "y")])
        await ledger.append("b", 0, [NewEvent("z", "{}")])

        newest = ledger.newest_event("a")

        assert newest == ledger.stream("a")[-1]
        assert ledger.newest_event("c") is None

    async def test_finds_published_events_by_their_ids(self, ledger: Ledger) -> None:
        await ledger.append(STACK, 0, [an_event("updated", "d1"), an_event("journal.step.intended", "d1")])
        await ledger.append(OTHER, 0, [an_event("updated", "d2", stack=OTHER), an_event("removed", "d3", stack=OTHER)])

        found = ledger.find_events(
            {event_id("d3", "removed"), event_id("d1", "updated"), event_id("d1", "journal.step.intended"), "unknown"}
        )

        assert found == [ledger.stream(STACK)[0], ledger.stream(OTHER)[1]]
        assert ledger.find_events([]) == []

    async def test_finds_the_newest_events_of_a_correlation_id(self, ledger: Ledger) -> None:
        for number in range(3):
            for stack, correlation in ((STACK, "c1"), (OTHER, "c1"), (STACK, "c2")):
                name = f"{correlation}-{number}"
                await ledger.append(stack, None, [an_event("updated", name, stack=stack, correlationid=correlation)])

        assert [row.position for row in ledger.find_correlated("c1")] == [1, 2, 4, 5, 7, 8]
        assert [row.position for row in ledger.find_correlated("c1", limit=3)] == [5, 7, 8]
        assert [row.position for row in ledger.find_correlated("c1", STACK, limit=2)] == [4, 7]
        assert ledger.find_correlated("c3") == []

    def test_is_empty_and_intact_at_first(self, ledger: Ledger) -> None:
        start = ledger.head()

        assert start == LedgerHead(0, "0" * 64)
        assert ledger.verify(start) == VerifiedLedger(0, start)
        assert (list(ledger.log()), ledger.stream("a"), ledger.streams()) == ([], [], [])
        assert (ledger.deployment("d1"), ledger.newest(), ledger.stacks()) == (None, [], [])
        assert (ledger.find_events({"a"}), ledger.find_correlated("c1")) == ([], [])

    async def test_verifies_against_every_earlier_head(self, ledger: Ledger) -> None:
        heads = [ledger.head()]
        for kind in ("x", "y", "z"):
            await ledger.append("a", None, [NewEvent(kind, "{}")])
            heads.append(ledger.head())

        assert [ledger.verify(head).events for head in heads] == [3, 3, 3, 3]

    @pytest.mark.parametrize("position", [0, 1, 2], ids=["start", "inside", "beyond the end"])
    async def test_does_not_verify_against_an_unknown_head(self, ledger: Ledger, position: int) -> None:
        await ledger.append("a", 0, [NewEvent("x", "{}")])

        with pytest.raises(LedgerError, match=f"Cannot verify ledger at position {position}: .*{'f' * 64}"):
            ledger.verify(LedgerHead(position, "f" * 64))

    async def test_gives_equal_hashes_only_to_equal_logs(self, ledger: Ledger) -> None:
        twin, other = MemoryLedger(), MemoryLedger()
        await ledger.append("ab", 0, [NewEvent("c", "{}")])
        await twin.append("ab", 0, [NewEvent("c", "{}")])
        await other.append("a", 0, [NewEvent("bc", "{}")])

        assert ledger.head() == twin.head() != other.head()

    async def test_projects_deployments_and_stacks(self, ledger: Ledger) -> None:
        await ledger.append(STACK, 0, a_deploy(endpoint="https://one", outputs={"url": "https://one"}))
        await ledger.append(OTHER, 0, a_deploy("d2", stack=OTHER)[:3])

        rows = [(row.deployment, row.state, row.position) for row in ledger.deployments()]
        assert rows == [("d2", "planned", 8), ("d1", "completed", 1)]
        assert ledger.stacks() == [ledger.stack(STACK), StackRow(OTHER, requests=1, newest="d2")]
        assert ledger.stack(STACK) == StackRow(
            STACK,
            newest="d1",
            last_good="d1",
            owner="d1",
            endpoint="https://one",
            outputs={"url": "https://one"},
            requests=1,
        )

    async def test_has_no_row_of_a_stack_whose_requests_were_all_refused(self, ledger: Ledger) -> None:
        odd = "a.b.c.d.e.f"  # whatever an event has named
        await ledger.append(odd, None, [an_event("deployment.rejected", stack=odd, data={"code": "X"})])
        await ledger.append(STACK, None, [*a_deploy("d2"), an_event("deployment.rejected", "d3", data={"code": "X"})])

        rows = [(row.deployment, row.stack, row.state) for row in ledger.deployments()]
        assert rows == [("d3", STACK, "rejected"), ("d2", STACK, "completed"), ("d1", odd, "rejected")]
        assert [(row.stack, row.newest) for row in ledger.stacks()] == [(STACK, "d2")]
        ledger.rebuild()
        assert [row.stack for row in ledger.stacks()] == [STACK]
        ledger.verify()

    async def test_selects_deployments_by_stack_and_limit(self, ledger: Ledger) -> None:
        for number in range(4):
            await ledger.append(STACK, None, a_deploy(f"a{number}"))
            await ledger.append(OTHER, None, a_deploy(f"b{number}", stack=OTHER))

        assert [row.deployment for row in ledger.deployments([OTHER], limit=2)] == ["b3", "b2"]
        assert [row.deployment for row in ledger.deployments(limit=3)] == ["b3", "a3", "b2"]
        assert ledger.deployments([]) == []

    async def test_finds_deployments_by_the_beginning_of_their_ids(self, ledger: Ledger) -> None:
        for deployment in ("ab12", "ab34", "b%_1", "bx_1"):
            await ledger.append(STACK, None, a_deploy(deployment))

        found = {prefix: [row.deployment for row in ledger.find_deployments(prefix)] for prefix in ("ab", "b%", "c")}
        assert found == {"ab": ["ab34", "ab12"], "b%": ["b%_1"], "c": []}
        assert [row.deployment for row in ledger.find_deployments("")] == ["bx_1", "b%_1", "ab34", "ab12"]

    async def test_lists_the_ids_next_to_others(self, ledger: Ledger) -> None:
        assert ledger.list_similar_ids(["any"]) == []
        for deployment in ("a1", "a3", "c5", "e7"):
            await ledger.append(STACK, None, a_deploy(deployment))

        assert sorted(ledger.list_similar_ids(["a1"])) == ["a3"]
        assert sorted(ledger.list_similar_ids(["c5", "e7"])) == ["a3", "c5", "e7"]

    async def test_finds_the_newest_deployment_of_each_stack(self, ledger: Ledger) -> None:
        for number in range(2):
            await ledger.append(STACK, None, a_deploy(f"a{number}"))
            await ledger.append(OTHER, None, a_deploy(f"b{number}", stack=OTHER))
        await ledger.append(STACK, None, a_destroy("a2"))

        assert [row.deployment for row in ledger.newest()] == ["a2", "b1"]

    async def test_raises_the_generation_with_each_completed_destroy(self, ledger: Ledger) -> None:
        await ledger.append(STACK, 0, [*a_deploy("d1"), *a_destroy("d2")])
        await ledger.append(STACK, None, a_destroy("d3")[:2])

        assert ledger.stack(STACK) == StackRow(STACK, requests=3, generation=2, newest="d3", removal="d3")

    async def test_ignores_events_without_a_deployment(self, ledger: Ledger) -> None:
        await ledger.append(STACK, 0, [an_event("drift.detected", deployment=""), NewEvent("x", "{}")])

        assert (len(ledger.stream(STACK)), ledger.stacks()) == (2, [])


class ImportContract:
    """How every ledger takes over the log of another one; a subclass provides the `ledger` to test."""

    @pytest.fixture
    async def log(self) -> list[RecordedEvent]:
        """The log of another ledger: two stacks, the second destroyed."""
        other = MemoryLedger()
        await other.append(STACK, 0, a_deploy(endpoint="https://one"))
        await other.append(OTHER, 0, [*a_deploy("d2", stack=OTHER), *a_destroy("d3", stack=OTHER)])
        return list(other.log())

    def test_keeps_every_event_and_its_hash(self, ledger: Ledger, log: list[RecordedEvent]) -> None:
        verified = ledger.import_log(iter(log))

        assert (list(ledger.log()), ledger.verify()) == (log, verified)
        assert [row.deployment for row in ledger.newest()] == ["d3", "d1"]

    async def test_goes_on_with_new_events(self, ledger: Ledger, log: list[RecordedEvent]) -> None:
        ledger.import_log(log)

        await ledger.append(STACK, 7, a_destroy("d4"))

        assert (ledger.verify().events, ledger.stack(STACK).generation) == (len(log) + 3, 2)

    def test_adds_what_is_missing_of_the_same_log(self, ledger: Ledger, log: list[RecordedEvent]) -> None:
        for count in (4, 4, len(log)):
            assert ledger.import_log(log[:count]).events == count

        assert list(ledger.log()) == log

    def test_takes_a_log_of_many_pages(self, ledger: Ledger) -> None:
        log = list(extend_chain(GENESIS, "a", 0, [NewEvent("x", '{"a":1}')] * 1201))

        assert ledger.import_log(log).events == 1201

    @pytest.mark.parametrize("count", [0, 3], ids=["empty", "begun"])
    def test_changes_nothing_for_a_log_that_was_changed(
        self, ledger: Ledger, log: list[RecordedEvent], count: int
    ) -> None:
        ledger.import_log(log[:count])
        log[9] = replace(log[9], json=log[9].json.replace("d2", "d9"))

        with pytest.raises(LedgerError, match="position 10: expected hash"):
            ledger.import_log(log)

        assert list(ledger.log()) == log[:count]

    def test_refuses_a_log_that_lacks_a_noted_event(self, ledger: Ledger, log: list[RecordedEvent]) -> None:
        noted = LedgerHead(log[-1].position, log[-1].hash)

        with pytest.raises(LedgerError, match=r"position 17: expected hash .* found the end of the ledger"):
            ledger.import_log(log[:-1], noted)

        assert (list(ledger.log()), ledger.import_log(log, noted).head) == ([], noted)

    async def test_refuses_the_log_of_another_ledger(self, ledger: Ledger, log: list[RecordedEvent]) -> None:
        await ledger.append(STACK, 0, [NewEvent("x", "{}")])
        before = list(ledger.log())

        with pytest.raises(RefusedError) as refused:
            ledger.import_log(log)

        assert (refused.value.error_code, list(ledger.log())) == ("LEDGER_NOT_EMPTY", before)

    def test_refuses_a_log_that_is_shorter(self, ledger: Ledger, log: list[RecordedEvent]) -> None:
        ledger.import_log(log)

        with pytest.raises(RefusedError):
            ledger.import_log(log[:3])


class TestSqliteLedger(LedgerContract, ImportContract):
    @pytest.fixture
    def ledger(self, home: Path) -> Iterator[Ledger]:
        ledger = SqliteLedger(home / "ledger.db")
        yield ledger
        ledger.close()


class TestPostgresqlLedger(LedgerContract, ImportContract):
    @pytest.fixture
    def ledger(self, postgresql: PostgresqlServer) -> Iterator[Ledger]:
        """The ledger in a schema of its own."""
        ledger = SqlLedger(PostgresqlDatabase(postgresql.url, f"test_{uuid4().hex}"))
        yield ledger
        ledger.close()


class TestMemoryLedger(LedgerContract, ImportContract):
    @pytest.fixture
    def ledger(self) -> Ledger:
        return MemoryLedger()
