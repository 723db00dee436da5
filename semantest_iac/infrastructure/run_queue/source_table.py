"""Keeps which requests are known and what is remembered of their sources, beside the queue."""

from __future__ import annotations

from semantest_iac.application.intake.source_rules import (
    conflict_refusal,
    count_accepted,
    count_refused,
    find_refusal_by_source,
    is_refusal_recorded,
)
from semantest_iac.application.ports.request_sources import RequestRefusal, SourceHistory, SourceOrder
from semantest_iac.application.ports.run_queue import Receipt, Submission
from semantest_iac.infrastructure.databases.database import DatabaseConnection, Row

SOURCE_TABLES = (
    """create table if not exists known_requests (
        source text not null, request_key text not null, digest text not null, deployment text not null,
        primary key (source, request_key)
    )""",
    """create table if not exists request_sources (
        stack text not null, source text not null, sequence text, occurred_at double precision, deployment text,
        window_start double precision not null, accepted integer not null, refused integer not null,
        primary key (stack, source)
    )""",
)
_HISTORY_COLUMNS = "sequence, occurred_at, deployment, window_start, accepted, refused"


class SubmissionGuard:
    """What is known, in the transaction that accepts a request, of its key and of its source."""

    def __init__(self, connection: DatabaseConnection, submission: Submission) -> None:
        self._connection = connection
        self._submission = submission
        self._now = connection.read_clock()
        self._key_owner, self._run_with_id = self._find_owners()
        self._history = self._read_history()

    def find_duplicate(self) -> Receipt | None:
        """Return the receipt of the same request, which was accepted or refused before."""
        for deployment, digest in self._key_owner:
            return Receipt(deployment, is_duplicate=True) if digest == self._submission.digest else None
        return None

    def find_refusal(self) -> RequestRefusal | None:
        """Return why the request is refused: its id is taken, it was judged before, it is stale or one too many."""
        given = self._submission
        for deployment, *_ in (*self._key_owner, *self._run_with_id):
            return conflict_refusal(deployment)
        return given.refusal or find_refusal_by_source(given.source, given.order, given.limit, self._history, self._now)

    def is_answer_recorded(self) -> bool:
        """Whether a refusal is recorded, and not only told to the sender."""
        return is_refusal_recorded(self._submission.limit, self._history, self._now)

    def remember_accepted(self) -> None:
        """Keep the key of the accepted request, and its place among those of its source."""
        given = self._submission
        self._keep_key(given.deployment)
        if given.order or given.limit:
            self._save_history(count_accepted(given.deployment, given.order, given.limit, self._history, self._now))

    def remember_refused(self, refusal: RequestRefusal, deployment: str) -> None:
        """Keep the key of the refused request unless another one has it, or it may be accepted later."""
        if refusal.retry_at is None and not self._key_owner:
            self._keep_key(deployment)
        self._save_history(count_refused(self._submission.limit, self._history, self._now))

    def _find_owners(self) -> tuple[list[Row], list[Row]]:
        """Return deployment and digest of the request that has the key, if there is one, and the run with the id."""
        given = self._submission
        found = self._connection.execute(
            "select 0, deployment, digest from known_requests where source = ? and request_key = ?"
            " union all select 1, deployment, '' from runs where deployment = ?",
            (given.source, given.key, given.deployment),
        )
        return [row for is_run, *row in found if not is_run], [row for is_run, *row in found if is_run]  # type: ignore[misc]

    def _keep_key(self, deployment: str) -> None:
        given = self._submission
        self._connection.execute(
            "insert into known_requests values (?, ?, ?, ?)", (given.source, given.key, given.digest, deployment)
        )

    def _read_history(self) -> SourceHistory:
        found = self._connection.execute(
            f"select {_HISTORY_COLUMNS} from request_sources where stack = ? and source = ?",  # noqa: S608 - no input in it
            (self._submission.stack, self._submission.source),
        )
        for sequence, occurred_at, *rest in found:
            return SourceHistory(SourceOrder(sequence, occurred_at), *rest)
        return SourceHistory()

    def _save_history(self, history: SourceHistory) -> None:
        self._connection.execute(
            "insert into request_sources values (?, ?, ?, ?, ?, ?, ?, ?) on conflict (stack, source) do update set"
            " sequence = excluded.sequence, occurred_at = excluded.occurred_at, deployment = excluded.deployment,"
            " window_start = excluded.window_start, accepted = excluded.accepted, refused = excluded.refused",
            (
                self._submission.stack,
                self._submission.source,
                history.newest.sequence,
                history.newest.occurred_at,
                history.deployment,
                history.window_start,
                history.accepted,
                history.refused,
            ),
        )
