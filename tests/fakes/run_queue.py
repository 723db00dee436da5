"""A run queue in memory, beside a ledger in memory."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace

from semantest_iac.application.intake.source_rules import build_conflict_refusal, count_accepted, find_refusal_by_source
from semantest_iac.application.ports.ledger import Ledger, NewEvent
from semantest_iac.application.ports.request_sources import RequestRefusal, SourceHistory
from semantest_iac.application.ports.run_queue import (
    CheckOutcome,
    DriftCheck,
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

_NOW = 4e9
_LIVE = ("running", "parked", "retrying", "checking")


@dataclass
class FakeRunQueue:
    """Keeps runs for as long as the process lives; leases never end, and what is planned for later never starts.

    A parked run is due when `now` has come.
    """

    ledger: Ledger
    runs: dict[str, QueuedRun] = field(default_factory=dict)
    ended: list[str] = field(default_factory=list)
    checks: dict[str, DriftCheck] = field(default_factory=dict)
    now: float = 0.0
    _keys: dict[tuple[str, str], tuple[str, str]] = field(default_factory=dict)
    _fences: dict[str, int] = field(default_factory=dict)
    _sources: dict[tuple[str, str], SourceHistory] = field(default_factory=dict)

    async def submit(
        self, submission: Submission, supersede: MakeSupersededEvent, reject: MakeRejectedEvent
    ) -> Receipt:
        key = (submission.source, submission.key)
        known = self._keys.get(key)
        if known and known[0] == submission.digest:
            return Receipt(known[1], is_duplicate=True)
        if refusal := build_conflict_refusal(known[1]) if known else self._find_refusal(submission):
            deployment, event = reject(refusal)
            await self.ledger.append(submission.stack, None, [event])
            self._keys.setdefault(key, (submission.digest, deployment))
            return Receipt(deployment, refusal=refusal)
        await self.ledger.append(submission.stack, None, submission.events)
        replaced = self._list_replaced(submission) if submission.replaces_waiting else []
        for deployment in replaced:
            row = self.ledger.deployment(deployment)
            [request, *_] = self.ledger.log(row.position - 1 if row else 0)
            await self.ledger.append(submission.stack, None, [supersede(request, submission.deployment)])
            self._remove(deployment)
        self._keys[key] = (submission.digest, submission.deployment)
        position = len(self._keys)
        self.runs[submission.deployment] = QueuedRun(
            position,
            submission.deployment,
            submission.stack,
            "waiting",
            submission.priority,
            attempts=0,
            due=submission.not_before,
            holder=None,
            is_cancelled=False,
            replaces_waiting=submission.replaces_waiting,
        )
        return Receipt(submission.deployment, replaced=tuple(replaced))

    async def claim(self, holder: RunHolder, lease_s: float, stacks: Collection[str] | None = None) -> RunLease | None:
        busy = {run.stack for run in self.runs.values() if run.state in _LIVE}
        for run in sorted(self.runs.values(), key=lambda run: (-run.priority, run.position)):
            is_due = run.state == "parked" and run.due is not None and run.due <= self.now
            may_start = (
                run.state == "retrying"
                or is_due
                or (
                    run.state == "waiting"
                    and run.due is None
                    and run.stack not in busy
                    and self.ledger.stack(run.stack).held_by is None
                )
            )
            if may_start and (stacks is None or run.stack in stacks):
                fence = self._fences[run.stack] = self._fences.get(run.stack, 0) + 1
                taken = replace(run, state="running", due=None, attempts=run.attempts + 1, holder=holder)
                self.runs[run.deployment] = taken
                return RunLease(run.deployment, run.stack, fence, taken.attempts, run.is_cancelled, is_due)
        return None

    def open_ledger(self, lease: RunLease) -> Ledger:
        return self.ledger

    async def renew(self, lease: RunLease, lease_s: float) -> bool | None:
        run = self.runs.get(lease.deployment)
        return run.is_cancelled if run else None

    async def end(self, lease: RunLease) -> bool:
        return self._remove(lease.deployment)

    async def park(self, lease: RunLease, until: float | None) -> bool:
        run = self.runs[lease.deployment]
        is_woken = run.due is not None
        self.runs[lease.deployment] = replace(run, due=None if is_woken else until, attempts=run.attempts - 1)
        return self._change(lease.deployment, "retrying" if is_woken else "parked")

    async def retry(self, lease: RunLease, at: float, *, is_counted: bool = True) -> bool:
        run = self.runs[lease.deployment]
        self.runs[lease.deployment] = replace(run, attempts=run.attempts - (not is_counted))
        return self._change(lease.deployment, "retrying")

    async def wake(self, deployment: str) -> bool:
        run = self.runs[deployment]
        if run.state == "running":
            self.runs[deployment] = replace(run, due=0)
            return True
        if run.state != "parked":
            return False
        self.runs[deployment] = replace(run, due=None)
        return self._change(deployment, "retrying")

    async def cancel(self, deployment: str, ending: NewEvent) -> RunState | None:
        run = self.runs.get(deployment)
        if run is None:
            return None
        if run.state == "waiting" or (run.state == "parked" and self._awaits_approval(deployment)):
            await self.ledger.append(run.stack, None, [ending])
            self._remove(deployment)
        else:
            state: RunState = "running" if run.state == "running" else "retrying"
            self.runs[deployment] = replace(run, state=state, is_cancelled=True)
        return run.state

    async def decide(self, decision: RunDecision) -> bool:
        run = self.runs.get(decision.deployment)
        if run is None:
            return False
        await self.ledger.append(run.stack, decision.version, decision.events)
        if decision.ends:
            return self._remove(decision.deployment)
        if run.state == "running":
            self.runs[decision.deployment] = replace(run, due=0)
        else:
            self.runs[decision.deployment] = replace(run, state="retrying", due=None)
        return True

    async def request_check(self, stack: str) -> None:
        if stack not in self.checks or self.checks[stack].outcome != "running":
            self.checks[stack] = DriftCheck(stack, 0, "requested")

    async def claim_check(self, stack: str, holder: RunHolder, lease_s: float, period_s: float) -> RunLease | None:
        known = self.checks.get(stack)
        if (known and known.outcome != "requested") or any(run.stack == stack for run in self.runs.values()):
            return None
        self.checks[stack] = DriftCheck(stack, _NOW, "running")
        fence = self._fences[stack] = self._fences.get(stack, 0) + 1
        run = QueuedRun(len(self._keys) + 1, f"check-{fence}", stack, "checking", 0, 1, None, holder, False)
        self.runs[run.deployment] = run
        return RunLease(run.deployment, stack, fence, 1)

    async def end_check(self, lease: RunLease, outcome: CheckOutcome) -> bool:
        self.checks[lease.stack] = replace(self.checks[lease.stack], outcome=outcome)
        return self.runs.pop(lease.deployment, None) is not None

    def list_checks(self) -> list[DriftCheck]:
        return sorted(self.checks.values(), key=lambda check: check.stack)

    async def require_usable(self) -> None: ...

    async def reject_held(self, deployment: str, ending: NewEvent) -> bool:
        run = next((run for run in self.list_runs() if run.deployment == deployment), None)
        if run is None or run.held_by is None:
            return False
        await self.ledger.append(run.stack, None, [ending])
        return self._remove(deployment)

    def list_runs(self, stacks: Collection[str] | None = None) -> list[QueuedRun]:
        return [
            replace(run, held_by=self.ledger.stack(run.stack).held_by) if run.state == "waiting" else run
            for run in self.runs.values()
            if stacks is None or run.stack in stacks
        ]

    def find_faults(self) -> list[str]:
        return []

    async def remove_faults(self) -> None: ...

    def _find_refusal(self, submission: Submission) -> RequestRefusal | None:
        source = (submission.stack, submission.source)
        given, history = submission, self._sources.get(source, SourceHistory())
        refusal = given.refusal or find_refusal_by_source(given.source, given.order, given.limit, history, _NOW)
        if refusal is None:
            self._sources[source] = count_accepted(given.deployment, given.order, given.limit, history, _NOW)
        return refusal

    def _list_replaced(self, submission: Submission) -> list[str]:
        return [
            run.deployment
            for run in self.runs.values()
            if run.stack == submission.stack
            and run.replaces_waiting
            and (run.state == "waiting" or (run.state == "parked" and self._awaits_approval(run.deployment)))
        ]

    def _awaits_approval(self, deployment: str) -> bool:
        row = self.ledger.deployment(deployment)
        return row is not None and row.state == "awaiting_approval"

    def _change(self, deployment: str, state: RunState) -> bool:
        self.runs[deployment] = replace(self.runs[deployment], state=state, holder=None)
        return True

    def _remove(self, deployment: str) -> bool:
        self.ended.append(deployment)
        return self.runs.pop(deployment, None) is not None
