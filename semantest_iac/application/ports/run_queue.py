"""The queue of accepted requests: each is carried out once, and one at a time works on a stack, on any machine."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Literal, Protocol

from semantest_iac.application.ports.ledger import Ledger, NewEvent, RecordedEvent
from semantest_iac.application.ports.request_sources import RequestLimit, RequestRefusal, SourceOrder
from semantest_iac.domain.errors import LedgerError

RunState = Literal["waiting", "running", "parked", "retrying", "checking", "ended"]
CheckOutcome = Literal["requested", "running", "no_drift", "drift", "failed", "busy", "interrupted"]


@dataclass(frozen=True, slots=True)
class QueuePlace:
    """Where a request goes in the queue of its stack: the highest priority first, none before its time.

    `not_before` is in seconds since 1970 in UTC.
    """

    priority: int = 0
    not_before: float | None = None


FIRST_COME = QueuePlace()


@dataclass(frozen=True, slots=True)
class Submission:
    """A request to be queued; times are seconds since 1970 in UTC. `events` begin with the request.

    `source`, `key` and `digest` tell a request that comes again (same key, same digest) from a conflict (other digest).
    `replaces_waiting` says that it states all that the stack is to be, so that older ones of its kind need not run.
    A request with an `order` may be stale, one with a `limit` one too many. `refusal` is what was found before.
    """

    deployment: str
    stack: str
    events: tuple[NewEvent, ...]
    source: str
    key: str
    digest: str
    replaces_waiting: bool = False
    priority: int = 0
    not_before: float | None = None
    order: SourceOrder | None = None
    limit: RequestLimit | None = None
    refusal: RequestRefusal | None = None


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of a request: the deployment that carries it out, and the waiting ones that it replaced.

    `is_duplicate` says that the same request was accepted or refused before, as that deployment. A request with a
    `refusal` is not carried out; the answer is recorded as that deployment unless the source has had too many of them:
    then it is not `is_answered`.
    """

    deployment: str
    is_duplicate: bool = False
    replaced: tuple[str, ...] = ()
    refusal: RequestRefusal | None = None
    is_answered: bool = True


@dataclass(frozen=True, slots=True)
class RunHolder:
    """The worker that carries out a run; no other process has the name `worker`."""

    worker: str
    host: str
    pid: int

    def __str__(self) -> str:
        return f"pid {self.pid} on {self.host}"


@dataclass(frozen=True, slots=True)
class QueuedRun:
    """One request in the queue; `position` is the order of acceptance, before `due` it does not start.

    `is_abandoned` says that its worker is gone, so that the next claim takes it over. `held_by` is the deployment that
    needs an operator: a waiting run of its stack does not start before that is resolved. `replaces_waiting` is as in
    its Submission.
    """

    position: int
    deployment: str
    stack: str
    state: RunState
    priority: int
    attempts: int
    due: float | None
    holder: RunHolder | None
    is_cancelled: bool
    is_abandoned: bool = False
    held_by: str | None = None
    replaces_waiting: bool = False


@dataclass(frozen=True, slots=True)
class RunLease:
    """The right of one worker to carry out a run until the lease ends, unless it is renewed.

    `fence` grows with each lease of the stack: what an older lease writes is refused. `attempts` counts the leases
    of this run, this one included, without those after which it was parked. `is_cancelled` says that the run is only to
    be ended, `is_due` that it was parked until a time, and that has come.
    """

    deployment: str
    stack: str
    fence: int
    attempts: int
    is_cancelled: bool = False
    is_due: bool = False


@dataclass(frozen=True, slots=True)
class RunDecision:
    """What a person has decided about a run: the `events` that say so, if its stream is still at `version`.

    With `ends`, the last event is its terminal one; else the run goes on.
    """

    deployment: str
    version: int
    events: tuple[NewEvent, ...]
    ends: bool = False


@dataclass(frozen=True, slots=True)
class DriftCheck:
    """The newest scheduled drift check of a stack; it began at `checked_at`, in seconds since 1970 in UTC.

    `requested` is one that has not begun, and whose time is 0. `busy` is one that gave way to a deployment,
    `interrupted` one whose worker was stopped or died.
    """

    stack: str
    checked_at: float
    outcome: CheckOutcome


class LeaseLostError(LedgerError):
    """The lease has ended, and the run belongs to another worker; what this one would write is refused."""

    code = "LEASE_LOST"


MakeSupersededEvent = Callable[[RecordedEvent, str], NewEvent]  # of the replaced request and the deployment after it
MakeRejectedEvent = Callable[[RequestRefusal], tuple[str, NewEvent]]  # with the deployment that it is recorded as


class RunQueue(Protocol):
    """Keeps accepted requests until they have ended; every method is one transaction."""

    async def submit(
        self, submission: Submission, supersede: MakeSupersededEvent, reject: MakeRejectedEvent
    ) -> Receipt:
        """Record the request, its place in the queue, and the end of those that it replaces, all or nothing.

        Those are the ones that wait, and a parked one that waits for an approval: nothing was changed by it. One that
        asks for an approval now, and is not parked yet, is woken to find out that it is replaced. A request that is
        refused is recorded as its answer alone.
        """
        ...

    async def claim(self, holder: RunHolder, lease_s: float, stacks: Collection[str] | None = None) -> RunLease | None:
        """Take the next run of these stacks (None: of all) that may start, or one whose worker is gone; None without.

        A worker is gone when its lease has ended, or when its process on this machine has. Within a stack the highest
        priority comes first, then the order of acceptance. Nothing starts on a stack that is held.
        """
        ...

    def open_ledger(self, lease: RunLease) -> Ledger:
        """Return the ledger for this run: it appends as long as the run has its lease, else raises LeaseLostError."""
        ...

    async def renew(self, lease: RunLease, lease_s: float) -> bool | None:
        """Extend the lease; returns whether the run is to be cancelled, None where the lease is lost."""
        ...

    async def end(self, lease: RunLease) -> bool:
        """Free the stack; returns False where the lease is lost."""
        ...

    async def park(self, lease: RunLease, until: float | None) -> bool:
        """Keep the stack until the run is woken or the time has come; returns False where the lease is lost.

        One that was woken while it was carried out goes on at once. This lease is none of the run's attempts.
        """
        ...

    async def retry(self, lease: RunLease, at: float, *, is_counted: bool = True) -> bool:
        """Keep the stack and go on at that time; returns False where the lease is lost.

        Unless `is_counted`, this lease is none of the run's attempts.
        """
        ...

    async def wake(self, deployment: str) -> bool:
        """Let a parked run go on at once, or one that is about to be parked; returns False where it is neither."""
        ...

    async def cancel(self, deployment: str, ending: NewEvent) -> RunState | None:
        """Ask a run to end; returns the state that it had, None for an unknown or ended one.

        A run that was never started ends at once, with `ending` as its terminal event, and so does one that waits for
        an approval; another parked one goes on, to end.
        """
        ...

    async def decide(self, decision: RunDecision) -> bool:
        """Record a decision, and let the run go on or end it, all or nothing; False for an unknown or ended run.

        Raises LedgerConflictError where something was recorded of its stack meanwhile. A run that is about to be parked
        goes on, or ends, then.
        """
        ...

    async def request_check(self, stack: str) -> None:
        """Let a stack be checked for drift by the next worker that is free, whether or not it is due.

        One that is being checked now is not checked again.
        """
        ...

    async def claim_check(self, stack: str, holder: RunHolder, lease_s: float, period_s: float) -> RunLease | None:
        """Take the turn of a stack for a drift check, which is a run with an id of its own; None where it is not due.

        Not due is one whose newest check began less than a period ago, and one of which a deployment is carried out or
        waits: deployments come first. None starts until the check has ended. It is renewed as every run is, and ended
        by whoever claims runs when its worker is gone.
        """
        ...

    async def end_check(self, lease: RunLease, outcome: CheckOutcome) -> bool:
        """Free the stack and keep the outcome; returns False where the lease is lost."""
        ...

    def list_checks(self) -> list[DriftCheck]:
        """Return the newest drift check of each stack, by name; changes and creates nothing."""
        ...

    async def require_usable(self) -> None:
        """Raise LedgerError where the queue cannot be read and written now; changes no run."""
        ...

    async def reject_held(self, deployment: str, ending: NewEvent) -> bool:
        """End a run that waits for a held stack, with `ending` as its terminal event; False where it does not."""
        ...

    def list_runs(self, stacks: Collection[str] | None = None) -> list[QueuedRun]:
        """Return the runs that have not ended, in the order of acceptance; changes and creates nothing."""
        ...

    def find_faults(self) -> list[str]:
        """Describe each entry that contradicts the ledger, as damage may leave it; changes and creates nothing."""
        ...

    async def remove_faults(self) -> None:
        """Remove such entries; what they stood for ends with the next deployment of its stack."""
        ...
