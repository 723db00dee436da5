"""Accepts or refuses requests in a transaction of the queue; what waits for it together shares its statements."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from semantest_iac.application.ports.ledger import NewEvent, RecordedEvent
from semantest_iac.application.ports.run_queue import MakeRejectedEvent, MakeSupersededEvent, Receipt, Submission
from semantest_iac.infrastructure.databases.database import DatabaseConnection, Row, list_marks
from semantest_iac.infrastructure.run_queue.source_table import SubmissionGuard, keep_guards, open_guards

_RUN_COLUMNS = "position, deployment, stack, state, replaces_waiting, priority, due, attempts, fence, is_cancelled"


class RequestLog(Protocol):
    """The log of events in the database of the queue."""

    def append_in(
        self,
        connection: DatabaseConnection,
        events_of: Mapping[str, Sequence[NewEvent]],
        expected_version: int | None = None,
    ) -> list[RecordedEvent]:
        """Append the events of each stream in a transaction of the queue.

        Raises LedgerConflictError where a stream is not at the expected version.
        """
        ...

    def select_awaiting_approval(self, connection: DatabaseConnection, deployments: Collection[str]) -> set[str]:
        """Return those of the deployments that wait for an approval, as of a transaction of the queue."""
        ...

    def read_request(self, connection: DatabaseConnection, deployment: str) -> RecordedEvent:
        """Return the request of a deployment, as of a transaction of the queue; raises LedgerError without one."""
        ...


@dataclass(frozen=True, slots=True)
class SubmittedRequest:
    """A request, and what makes the events that follow from it."""

    submission: Submission
    supersede: MakeSupersededEvent
    reject: MakeRejectedEvent


@dataclass(frozen=True, slots=True)
class _Judgement:
    """What becomes of a request, and the events that say so."""

    request: SubmittedRequest
    receipt: Receipt
    events: Sequence[NewEvent] = ()
    is_accepted: bool = False


def submit_requests(
    connection: DatabaseConnection, log: RequestLog, requests: Sequence[SubmittedRequest]
) -> tuple[list[Receipt], list[RecordedEvent]]:
    """Accept the requests, tell which deployments carry them out already, or refuse them, each after those before it.

    Returns their receipts in order, and what was recorded.
    """
    receipts: list[Receipt] = []
    recorded: list[RecordedEvent] = []
    for independent in _split_independent(requests):
        guards = open_guards(connection, [request.submission for request in independent])
        judgements = [_judge(*pair) for pair in zip(independent, guards, strict=True)]
        if events_of := {it.request.submission.stack: it.events for it in judgements if it.events}:
            recorded += log.append_in(connection, events_of)
        accepted = [it.request for it in judgements if it.is_accepted]
        replaced = _end_replaced(connection, log, [request.submission for request in accepted])
        if replaced:
            recorded += log.append_in(connection, _supersede_all(connection, log, accepted, replaced))
        keep_guards(connection, guards)
        _insert_runs(connection, [request.submission for request in accepted])
        for it in judgements:
            names = replaced.get(it.request.submission.stack)
            receipts.append(replace(it.receipt, replaced=names) if names else it.receipt)
    return receipts, recorded


def _split_independent(requests: Sequence[SubmittedRequest]) -> Iterator[list[SubmittedRequest]]:
    """Yield the requests in their order, so many at once as nothing of one bears on another one."""
    batch: list[SubmittedRequest] = []
    taken = set[tuple[str, ...]]()
    for request in requests:
        given = request.submission
        own = {("stack", given.stack), ("deployment", given.deployment), ("key", given.source, given.key)}
        if not own.isdisjoint(taken):
            yield batch
            batch, taken = [], set()
        batch.append(request)
        taken |= own
    yield batch


def _judge(request: SubmittedRequest, guard: SubmissionGuard) -> _Judgement:
    submission = request.submission
    if duplicate := guard.find_duplicate():
        return _Judgement(request, duplicate)
    refusal = guard.find_refusal()
    if refusal is None:
        guard.remember_accepted()
        return _Judgement(request, Receipt(submission.deployment), submission.events, is_accepted=True)
    if not guard.is_answer_recorded():
        return _Judgement(request, Receipt(submission.deployment, refusal=refusal, is_answered=False))
    deployment, event = request.reject(refusal)
    guard.remember_refused(refusal, deployment)
    return _Judgement(request, Receipt(deployment, refusal=refusal), [event])


def _end_replaced(
    connection: DatabaseConnection, log: RequestLog, accepted: Sequence[Submission]
) -> dict[str, tuple[str, ...]]:
    """End the runs that would only bring their stack to an older state, and return them, oldest first, by stack.

    One that is planned for later stays, and replaces none.
    """
    stacks = [it.stack for it in accepted if it.replaces_waiting and it.not_before is None]
    if not stacks:
        return {}
    found = connection.execute(
        f"""update runs set state = 'ended' where stack in ({list_marks(len(stacks))}) and state <> 'ended'
        and state = 'waiting' and replaces_waiting = 1 and due is null returning position, stack, deployment""",  # noqa: S608 - no input in it
        stacks,
    )
    found += _end_unapproved(connection, log, stacks)
    replaced = defaultdict[str, tuple[str, ...]](tuple)
    for _, stack, deployment in sorted(found):
        replaced[stack] += (deployment,)
    return dict(replaced)


def _end_unapproved(connection: DatabaseConnection, log: RequestLog, stacks: Sequence[str]) -> list[Row]:
    """End the runs that are parked until somebody approves them, and wake one that is about to be parked."""
    started = connection.execute(
        f"""select position, stack, deployment, state from runs where stack in ({list_marks(len(stacks))})
        and state <> 'ended' and state in ('parked', 'running') and replaces_waiting = 1""",  # noqa: S608 - no input in it
        stacks,
    )
    awaiting = log.select_awaiting_approval(connection, [deployment for _, _, deployment, _ in started])
    for _, _, deployment, state in started:
        if deployment in awaiting and state == "running":
            connection.execute("update runs set due = 0 where deployment = ?", (deployment,))
    parked = [row[:3] for row in started if row[2] in awaiting and row[3] == "parked"]
    for _, _, deployment in parked:
        connection.execute("update runs set state = 'ended' where deployment = ?", (deployment,))
    return parked


def _supersede_all(
    connection: DatabaseConnection,
    log: RequestLog,
    accepted: Sequence[SubmittedRequest],
    replaced: Mapping[str, Sequence[str]],
) -> dict[str, list[NewEvent]]:
    """Return the terminal events of the replaced deployments; they may have been submitted in this transaction."""
    return {
        request.submission.stack: [
            request.supersede(log.read_request(connection, deployment), request.submission.deployment)
            for deployment in replaced[request.submission.stack]
        ]
        for request in accepted
        if request.submission.stack in replaced
    }


def _insert_runs(connection: DatabaseConnection, accepted: Sequence[Submission]) -> None:
    if not accepted:
        return
    [(newest,)] = connection.execute("select coalesce(max(position), 0) from runs")
    rows = [
        (position, it.deployment, it.stack, "waiting", int(it.replaces_waiting), it.priority, it.not_before, 0, 0, 0)
        for position, it in enumerate(accepted, start=newest + 1)
    ]
    connection.insert(f"runs ({_RUN_COLUMNS})", rows)
