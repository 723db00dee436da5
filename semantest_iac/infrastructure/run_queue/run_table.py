"""Implements the run queue in the ledger's database, so that a request and its first event commit together."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from typing import Any, Protocol, TypeVar, cast

from semantest_iac.application.ports.ledger import Ledger, NewEvent, RecordedEvent
from semantest_iac.application.ports.run_queue import (
    CheckOutcome,
    DriftCheck,
    LeaseLostError,
    MakeRejectedEvent,
    MakeSupersededEvent,
    QueuedRun,
    Receipt,
    RunDecision,
    RunHolder,
    RunLease,
    RunState,
    Submission,
)
from semantest_iac.infrastructure.databases.database import Database, DatabaseConnection, OnCommit, Row
from semantest_iac.infrastructure.run_queue.check_table import (
    CHECK_TABLES,
    delete_abandoned_checks,
    delete_check,
    insert_check,
    is_check_due,
    read_checks,
    request_check,
)
from semantest_iac.infrastructure.run_queue.queue_faults import find_queue_faults, remove_queue_faults
from semantest_iac.infrastructure.run_queue.source_table import SOURCE_TABLES
from semantest_iac.infrastructure.run_queue.submissions import RequestLog, SubmittedRequest, submit_requests

_Result = TypeVar("_Result")
_AppendEvents = Callable[[DatabaseConnection, str, Sequence[NewEvent], int | None], None]


class SharedLedger(RequestLog, Protocol):
    """The ledger in the database of the queue."""

    def note_committed(self, recorded: Sequence[RecordedEvent]) -> None:
        """Learn that such a transaction was committed."""
        ...

    def for_run(self, require_lease: Callable[[DatabaseConnection], None]) -> Ledger:
        """Return the ledger for one run, which appends only where its lease is the newest."""
        ...

    def list_holds(self, connection: DatabaseConnection) -> Mapping[str, str]:
        """Return the deployment that holds each of the held stacks, as of a transaction of the queue."""
        ...


# `state <> 'ended'` lets SQLite use the index of the runs that have not ended, of which there are few, and `+position`
# keeps it from reading all runs in their order instead.
# One live run for each stack, whatever a program does: the database refuses a second one.
_LIVE = "('running', 'parked', 'retrying', 'checking')"
"""The states in which a run has the turn of its stack."""

TABLES = (
    """create table if not exists runs (
        position integer primary key, deployment text not null unique, stack text not null, state text not null,
        replaces_waiting integer not null, priority integer not null, due double precision, attempts integer not null,
        fence integer not null, lease_end double precision, worker text, host text, pid integer,
        is_cancelled integer not null
    )""",
    f"create unique index if not exists one_turn on runs (stack) where state in {_LIVE}",
    "create index if not exists unended_runs on runs (stack, position) where state <> 'ended'",
    "create table if not exists fences (stack text primary key, fence integer not null)",
    *SOURCE_TABLES,
    *CHECK_TABLES,
)
_RUN_COLUMNS = (
    "position, deployment, stack, state, priority, attempts, due, lease_end, worker, host, pid,"
    " is_cancelled, replaces_waiting"
)
_UNENDED = f"""select {_RUN_COLUMNS} from runs as run where state <> 'ended'{{among}}
    order by +position"""  # noqa: S608 - no input in it
_FREED = "lease_end = null, worker = null, host = null, pid = null"
_WOKEN = """due = case state when 'running' then 0 else null end,
    state = case state when 'running' then 'running' else 'retrying' end"""
_HELD = "deployment = ? and fence = ? and state in ('running', 'checking')"
_CLAIMED_COLUMNS = "deployment, stack, state, attempts, is_cancelled"
_RUNNING = f"""select {_CLAIMED_COLUMNS}, lease_end, worker, host, pid from runs as run
    where state <> 'ended' and state in ('running', 'checking') and (lease_end < ? or host = ?){{among}}
    order by +position"""  # noqa: S608 - no input in it
# A waiting run starts where no run of its stack is live, and none that is due comes before it.
_NEXT = f"""select {_CLAIMED_COLUMNS} from runs as run
    where state <> 'ended' and ((state = 'parked' and due <= ?) or (state = 'retrying' and (due is null or due <= ?))
    or (state = 'waiting' and (due is null or due <= ?)
        and not exists (select 1 from runs as live
            where live.stack = run.stack and live.state in {_LIVE})
        and not exists (select 1 from runs as other
            where other.stack = run.stack and other.state <> 'ended' and other.state = 'waiting'
            and (other.due is null or other.due <= ?) and (other.priority > run.priority
                or (other.priority = run.priority and other.position < run.position))))){{among}}
    order by priority desc, position limit 1"""  # noqa: S608 - no input in it


class RunTable:
    """The queue in the database of the ledger.

    `has_ended` says of a worker of this host whether its process is gone, so that nobody needs to wait for its lease.
    """

    def __init__(
        self, database: Database, ledger: SharedLedger, has_ended: Callable[[RunHolder], bool] = lambda holder: False
    ) -> None:
        self._database = database
        self._ledger = ledger
        self._has_ended = has_ended
        self._has_tables = False

    async def submit(
        self, submission: Submission, supersede: MakeSupersededEvent, reject: MakeRejectedEvent
    ) -> Receipt:
        """Accept the request, tell which deployment carries it out already, or refuse it."""
        request = SubmittedRequest(submission, supersede, reject)
        receipt, _ = await self._database.commit_together("write to", self._submit_all, request, self._note_results)
        self._has_tables = True
        return receipt

    async def claim(self, holder: RunHolder, lease_s: float, stacks: Collection[str] | None = None) -> RunLease | None:
        """Take over a run whose lease ended, else the next one."""
        return None if stacks is not None and not stacks else await self._change(self._claim, holder, lease_s, stacks)

    def open_ledger(self, lease: RunLease) -> Ledger:
        """Return the ledger that asks for this lease in the transaction of each append."""
        return self._ledger.for_run(partial(require_lease, lease))

    async def renew(self, lease: RunLease, lease_s: float) -> bool | None:
        """Extend the lease from now."""
        return await self._change(self._renew, lease, lease_s)

    async def end(self, lease: RunLease) -> bool:
        """Free the stack."""
        return await self._change(self._leave, lease, "ended", None)

    async def park(self, lease: RunLease, until: float | None) -> bool:
        """Keep the stack until the run is woken or the time has come."""
        return await self._change(self._park, lease, until)

    async def retry(self, lease: RunLease, at: float, *, is_counted: bool = True) -> bool:
        """Keep the stack and go on at that time."""
        return await self._change(self._leave, lease, "retrying", at, int(not is_counted))

    async def wake(self, deployment: str) -> bool:
        """Let a parked run go on."""
        return await self._change(self._wake, deployment)

    async def cancel(self, deployment: str, ending: NewEvent) -> RunState | None:
        """Ask a run to end."""
        return await self._change_and_record(self._cancel, deployment, ending)

    async def decide(self, decision: RunDecision) -> bool:
        """Record a decision about a run with what becomes of the run."""
        return await self._change_and_record(self._decide, decision)

    async def request_check(self, stack: str) -> None:
        """Note that a stack is due."""
        await self._change(request_check, stack)

    async def claim_check(self, stack: str, holder: RunHolder, lease_s: float, period_s: float) -> RunLease | None:
        """Take the turn of a stack that is due."""
        return await self._change(self._claim_check, stack, holder, lease_s, period_s)

    async def end_check(self, lease: RunLease, outcome: CheckOutcome) -> bool:
        """Take the check out of the queue."""
        return await self._change(delete_check, lease, outcome)

    def list_checks(self) -> list[DriftCheck]:
        """Return the newest check of each stack."""
        with self._database.read("read") as connection:
            return [] if connection is None else read_checks(connection)

    async def require_usable(self) -> None:
        """Hold the lock of writers, and change the rows of no run."""
        await self._change(lambda connection: connection.execute("update runs set fence = fence where position < 0"))

    async def reject_held(self, deployment: str, ending: NewEvent) -> bool:
        """End a run that waits for a held stack."""
        return await self._change_and_record(self._reject_held, deployment, ending)

    def list_runs(self, stacks: Collection[str] | None = None) -> list[QueuedRun]:
        """Return the runs that have not ended."""
        if stacks is not None and not stacks:
            return []
        with self._database.read("read") as connection:
            if connection is None or not connection.has_table("runs"):
                return []
            now = connection.read_clock()
            rows = connection.execute(*_select_among(_UNENDED, (), stacks))
            holds = self._ledger.list_holds(connection) if rows else {}
        return [self._parse_run(row, now, holds) for row in rows]

    def find_faults(self) -> list[str]:
        """Describe the entries that contradict the ledger."""
        with self._database.read("read") as connection:
            return [] if connection is None else find_queue_faults(connection)

    async def remove_faults(self) -> None:
        """Remove the entries that contradict the ledger."""
        await self._change(remove_queue_faults)

    async def _change(self, work: Callable[..., _Result], *arguments: Any) -> _Result:
        return await self._commit(lambda connection: work(connection, *arguments))

    async def _change_and_record(self, work: Callable[..., _Result], *arguments: Any) -> _Result:
        """Let the work append events too, which the ledger notes once they are committed."""

        def change(connection: DatabaseConnection) -> tuple[_Result, list[RecordedEvent]]:
            recorded: list[RecordedEvent] = []

            def append(
                connection: DatabaseConnection, stream: str, events: Sequence[NewEvent], version: int | None = None
            ) -> None:
                recorded.extend(self._ledger.append_in(connection, {stream: events}, version))

            return work(connection, append, *arguments), recorded

        return (await self._commit(change, self._note_results))[0]

    async def _commit(
        self, change: Callable[[DatabaseConnection], _Result], on_commit: OnCommit | None = None
    ) -> _Result:
        def change_tables(connection: DatabaseConnection) -> _Result:
            self._create_tables(connection)
            return change(connection)

        result = await self._database.commit("write to", change_tables, on_commit)
        self._has_tables = True
        return result

    def _create_tables(self, connection: DatabaseConnection) -> None:
        if not self._has_tables:
            for statement in TABLES:
                connection.execute(statement)

    def _note_results(self, results: Sequence[tuple[object, Sequence[RecordedEvent]]]) -> None:
        if recorded := [event for _, events in results for event in events]:
            self._ledger.note_committed(recorded)

    def _submit_all(
        self, connection: DatabaseConnection, requests: Sequence[SubmittedRequest]
    ) -> list[tuple[Receipt, Sequence[RecordedEvent]]]:
        """Return the receipts, the first one with all that was recorded."""
        self._create_tables(connection)
        receipts, recorded = submit_requests(connection, self._ledger, requests)
        return [(receipt, () if number else recorded) for number, receipt in enumerate(receipts)]

    def _claim(
        self, connection: DatabaseConnection, holder: RunHolder, lease_s: float, stacks: Collection[str] | None
    ) -> RunLease | None:
        now = connection.read_clock()
        running = connection.execute(*_select_among(_RUNNING, (now, holder.host), stacks))
        gone = [
            row
            for *row, lease_end, worker, host, pid in running
            if self._is_gone(RunHolder(worker, host, pid), lease_end, now)
        ]
        delete_abandoned_checks(connection, [name for name, _, state, *_ in gone if state == "checking"])
        abandoned = [row for row in gone if row[2] == "running"]
        found = abandoned or self._find_next(connection, now, stacks)
        for deployment, stack, state, attempts, is_cancelled in found[:1]:
            fence = _take_fence(connection, stack)
            connection.execute(
                "update runs set state = 'running', due = null, attempts = attempts + 1, fence = ?, lease_end = ?,"
                " worker = ?, host = ?, pid = ? where deployment = ?",
                (fence, now + lease_s, holder.worker, holder.host, holder.pid, deployment),
            )
            return RunLease(deployment, stack, fence, attempts + 1, bool(is_cancelled), is_due=state == "parked")
        return None

    def _find_next(
        self, connection: DatabaseConnection, now: float, stacks: Collection[str] | None
    ) -> Sequence[Sequence[Any]]:
        """Return the next run, if there is one; which stacks are held is asked only where one would start."""
        found = connection.execute(*_select_among(_NEXT, (now,) * 4, stacks))
        if not any(state == "waiting" for _, _, state, *_ in found):
            return found
        holds = self._ledger.list_holds(connection)
        if found[0][1] not in holds:
            return found
        return connection.execute(*_select_among(_NEXT, (now,) * 4, stacks, held=holds))

    def _claim_check(
        self, connection: DatabaseConnection, stack: str, holder: RunHolder, lease_s: float, period_s: float
    ) -> RunLease | None:
        if not is_check_due(connection, stack, period_s):
            return None
        return insert_check(connection, stack, holder, lease_s, _take_fence(connection, stack))

    def _renew(self, connection: DatabaseConnection, lease: RunLease, lease_s: float) -> bool | None:
        renewed = connection.execute(
            f"update runs set lease_end = ? where {_HELD} returning is_cancelled",  # noqa: S608 - no input in it
            (connection.read_clock() + lease_s, lease.deployment, lease.fence),
        )
        return bool(renewed[0][0]) if renewed else None

    def _leave(
        self,
        connection: DatabaseConnection,
        lease: RunLease,
        state: RunState,
        due: float | None,
        uncounted: int = 0,
    ) -> bool:
        left = connection.execute(
            f"update runs set state = ?, due = ?, attempts = attempts - ?, {_FREED} where {_HELD}"  # noqa: S608 - as above
            " returning deployment",
            (state, due, uncounted, lease.deployment, lease.fence),
        )
        connection.notify_watches()  # the stack may be free
        return bool(left)

    def _park(self, connection: DatabaseConnection, lease: RunLease, until: float | None) -> bool:
        """Park the run, unless it was woken while it was running, which its time says."""
        left = connection.execute(
            "update runs set state = case when due is null then 'parked' else 'retrying' end,"  # noqa: S608 - as above
            " due = case when due is null then cast(? as double precision) else null end,"
            f" attempts = attempts - 1, {_FREED} where {_HELD} returning deployment",
            (until, lease.deployment, lease.fence),
        )
        connection.notify_watches()
        return bool(left)

    def _wake(self, connection: DatabaseConnection, deployment: str) -> bool:
        woken = connection.execute(
            f"update runs set {_WOKEN} where deployment = ? and state in ('parked', 'running')"  # noqa: S608 - as above
            " returning deployment",
            (deployment,),
        )
        connection.notify_watches()
        return bool(woken)

    def _cancel(
        self, connection: DatabaseConnection, append: _AppendEvents, deployment: str, ending: NewEvent
    ) -> RunState | None:
        found = connection.execute(
            "select stack, state from runs where deployment = ? and state not in ('ended', 'checking')", (deployment,)
        )
        for stack, state in found:
            is_undecided = state == "parked" and self._ledger.select_awaiting_approval(connection, [deployment])
            if state == "waiting" or is_undecided:
                connection.execute("update runs set state = 'ended' where deployment = ?", (deployment,))
                append(connection, stack, [ending], None)
                connection.notify_watches()
            else:
                connection.execute(
                    "update runs set is_cancelled = 1, due = null,"
                    " state = case state when 'running' then 'running' else 'retrying' end where deployment = ?",
                    (deployment,),
                )
            return cast(RunState, state)
        return None

    def _reject_held(
        self, connection: DatabaseConnection, append: _AppendEvents, deployment: str, ending: NewEvent
    ) -> bool:
        found = connection.execute("select stack from runs where deployment = ? and state = 'waiting'", (deployment,))
        if not found or found[0][0] not in self._ledger.list_holds(connection):
            return False
        connection.execute("update runs set state = 'ended' where deployment = ?", (deployment,))
        append(connection, found[0][0], [ending], None)
        return True

    def _decide(self, connection: DatabaseConnection, append: _AppendEvents, decision: RunDecision) -> bool:
        """End the run, or let it go on: one that is running still is woken, as it parks itself next."""
        change = "state = 'ended'" if decision.ends else _WOKEN
        decided = connection.execute(
            f"update runs set {change} where deployment = ? and state not in ('ended', 'checking')"  # noqa: S608 - as above
            " returning stack",
            (decision.deployment,),
        )
        for (stack,) in decided:
            append(connection, stack, decision.events, decision.version)
        connection.notify_watches()
        return bool(decided)

    def _parse_run(self, row: Row, now: float, holds: Mapping[str, str]) -> QueuedRun:
        position, deployment, stack, state, priority, attempts, due, lease_end, worker, host, pid, *flags = row
        holder = None if worker is None else RunHolder(worker, host, pid)
        is_abandoned = holder is not None and self._is_gone(holder, lease_end, now)
        return QueuedRun(
            position,
            deployment,
            stack,
            state,
            priority,
            attempts,
            due,
            holder,
            bool(flags[0]),
            is_abandoned,
            holds.get(stack) if state == "waiting" else None,
            bool(flags[1]),
        )

    def _is_gone(self, holder: RunHolder, lease_end: float, now: float) -> bool:
        return lease_end < now or self._has_ended(holder)


def _take_fence(connection: DatabaseConnection, stack: str) -> int:
    """Return the next fence of the stack."""
    ((fence,),) = connection.execute(
        "insert into fences values (?, 1) on conflict (stack) do update set fence = fences.fence + 1 returning fence",
        (stack,),
    )
    return int(fence)


def _select_among(
    query: str, parameters: Sequence[object], stacks: Collection[str] | None, held: Collection[str] = ()
) -> tuple[str, Sequence[object]]:
    """Return a query for the runs of these stacks (None: of all), without those that wait for held ones."""
    names = tuple(stacks or ())
    among = "" if stacks is None else f" and run.stack in ({', '.join('?' * len(names))})"
    unheld = f" and (run.state <> 'waiting' or run.stack not in ({', '.join('?' * len(held))}))" if held else ""
    return query.replace("{among}", among + unheld), (*parameters, *names, *held)


def require_lease(lease: RunLease, connection: DatabaseConnection) -> None:
    """Raise LeaseLostError unless the lease is the newest of its run, and was not given back."""
    held = f"select 1 from runs where {_HELD}"  # noqa: S608 - no input in it
    if not connection.execute(held, (lease.deployment, lease.fence)):
        raise LeaseLostError(
            f"Cannot go on with deployment '{lease.deployment}': another worker has taken it over.",
            hint="Nothing is to be done: the other worker goes on with it.",
        )
