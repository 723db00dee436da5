"""Keeps which requests are known and what is remembered of their sources, beside the queue."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

from semantest_iac.application.intake.source_rules import (
    build_conflict_refusal,
    count_accepted,
    count_refused,
    find_refusal_by_source,
    is_refusal_recorded,
)
from semantest_iac.application.ports.request_sources import RequestRefusal, SourceHistory, SourceOrder
from semantest_iac.application.ports.run_queue import Receipt, Submission
from semantest_iac.infrastructure.databases.database import DatabaseConnection, Row, list_marks

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
_UPDATE_HISTORY = (
    "on conflict (stack, source) do update set sequence = excluded.sequence, occurred_at = excluded.occurred_at,"
    " deployment = excluded.deployment, window_start = excluded.window_start, accepted = excluded.accepted,"
    " refused = excluded.refused"
)
_Identity = tuple[str, str]


@dataclass(frozen=True, slots=True)
class _KnownRequests:
    """What is known of some requests: who has their keys and their ids, and what their sources sent before."""

    owners: Mapping[_Identity, _Identity]
    """Deployment and digest of the request that has the key of a source."""
    runs: frozenset[str]
    histories: Mapping[_Identity, SourceHistory]
    """By stack and source."""


class SubmissionGuard:
    """What is known, in the transaction that accepts a request, of its key and of its source."""

    def __init__(self, submission: Submission, known: _KnownRequests, now: float) -> None:
        self.submission = submission
        self.kept_key: Row | None = None
        self.kept_history: Row | None = None
        self._now = now
        self._owner = known.owners.get((submission.source, submission.key))
        self._has_run = submission.deployment in known.runs
        self._history = known.histories.get((submission.stack, submission.source), SourceHistory())

    def find_duplicate(self) -> Receipt | None:
        """Return the receipt of the same request, which was accepted or refused before."""
        if self._owner is None or self._owner[1] != self.submission.digest:
            return None
        return Receipt(self._owner[0], is_duplicate=True)

    def find_refusal(self) -> RequestRefusal | None:
        """Return why the request is refused: its id is taken, it was judged before, it is stale or one too many."""
        given = self.submission
        if self._owner or self._has_run:
            return build_conflict_refusal(self._owner[0] if self._owner else given.deployment)
        return given.refusal or find_refusal_by_source(given.source, given.order, given.limit, self._history, self._now)

    def is_answer_recorded(self) -> bool:
        """Whether a refusal is recorded, and not only told to the sender."""
        return is_refusal_recorded(self.submission.limit, self._history, self._now)

    def remember_accepted(self) -> None:
        """Keep the key of the accepted request, and its place among those of its source."""
        given = self.submission
        self._keep_key(given.deployment)
        if given.order or given.limit:
            self._keep_history(count_accepted(given.deployment, given.order, given.limit, self._history, self._now))

    def remember_refused(self, refusal: RequestRefusal, deployment: str) -> None:
        """Keep the key of the refused request unless another one has it, or it may be accepted later."""
        if refusal.retry_at is None and not self._owner:
            self._keep_key(deployment)
        self._keep_history(count_refused(self.submission.limit, self._history, self._now))

    def _keep_key(self, deployment: str) -> None:
        given = self.submission
        self.kept_key = (given.source, given.key, given.digest, deployment)

    def _keep_history(self, history: SourceHistory) -> None:
        self.kept_history = (
            self.submission.stack,
            self.submission.source,
            history.newest.sequence,
            history.newest.occurred_at,
            history.deployment,
            history.window_start,
            history.accepted,
            history.refused,
        )


def open_guards(connection: DatabaseConnection, submissions: Sequence[Submission]) -> list[SubmissionGuard]:
    """Return the guard of each request; no two of them may have a key, an id or a stack in common."""
    owners, runs = _read_owners(connection, submissions)
    asked = [
        it for it in submissions if _asks_for_history(it) or (it.source, it.key) in owners or it.deployment in runs
    ]
    now = connection.read_clock() if asked else 0.0
    known = _KnownRequests(owners, runs, _read_histories(connection, asked))
    return [SubmissionGuard(submission, known, now) for submission in submissions]


def keep_guards(connection: DatabaseConnection, guards: Sequence[SubmissionGuard]) -> None:
    """Write what the guards remember."""
    connection.insert("known_requests", [guard.kept_key for guard in guards if guard.kept_key])
    histories = [guard.kept_history for guard in guards if guard.kept_history]
    connection.insert("request_sources", histories, _UPDATE_HISTORY)


def _asks_for_history(submission: Submission) -> bool:
    """Whether the source matters: a command is neither stale nor one too many."""
    return bool(submission.order or submission.limit or submission.refusal)


def _read_owners(
    connection: DatabaseConnection, submissions: Sequence[Submission]
) -> tuple[dict[_Identity, _Identity], frozenset[str]]:
    """Return deployment and digest by source and key, and which of the ids a run has."""
    found = connection.execute(
        f"""with given (source, request_key) as (values {_list_pairs(submissions)})
        select known.source, known.request_key, known.deployment, known.digest from given join known_requests as known
        on known.source = given.source and known.request_key = given.request_key
        union all select null, null, deployment, null from runs where deployment in ({list_marks(len(submissions))})""",  # noqa: S608 - no input in it
        [*chain.from_iterable((it.source, it.key) for it in submissions), *(it.deployment for it in submissions)],
    )
    owners = {(source, key): (deployment, digest) for source, key, deployment, digest in found if source is not None}
    return owners, frozenset(deployment for source, _, deployment, _ in found if source is None)


def _read_histories(
    connection: DatabaseConnection, submissions: Sequence[Submission]
) -> dict[_Identity, SourceHistory]:
    if not submissions:
        return {}
    found = connection.execute(
        f"""with given (stack, source) as (values {_list_pairs(submissions)})
        select known.stack, known.source, sequence, occurred_at, deployment, window_start, accepted, refused
        from given join request_sources as known on known.stack = given.stack and known.source = given.source""",  # noqa: S608 - no input in it
        list(chain.from_iterable((it.stack, it.source) for it in submissions)),
    )
    return {
        (stack, source): SourceHistory(SourceOrder(sequence, occurred_at), *rest)
        for stack, source, sequence, occurred_at, *rest in found
    }


def _list_pairs(submissions: Sequence[Submission]) -> str:
    return ", ".join(["(?, ?)"] * len(submissions))
