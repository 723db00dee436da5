"""Plans that wait for a person: which ones, and what becomes of them when a person has decided."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from semantest_iac.application.deployment.recorder import read_deployment
from semantest_iac.application.operators.stack_decisions import decide_about_run
from semantest_iac.application.operators.user_names import require_user_name
from semantest_iac.application.ports.ledger import DeploymentRow, LedgerReader, NewEvent
from semantest_iac.application.ports.run_queue import RunQueue
from semantest_iac.application.queries.history import require_row
from semantest_iac.domain.deployment.approval import APPROVAL_DENIED, SHOWN_DIGEST_LENGTH, is_same_person
from semantest_iac.domain.deployment.deployment import Deployment
from semantest_iac.domain.deployment.status import DeploymentStatus
from semantest_iac.domain.environments.names import make_printable
from semantest_iac.domain.errors import RefusedError
from semantest_iac.domain.instants import format_instant
from semantest_iac_events.deployments import ApprovalRequested
from semantest_iac_events.event import Event, StackEvent

_NOT_APPROVED = (DeploymentStatus.AWAITING_APPROVAL, DeploymentStatus.REJECTED, DeploymentStatus.CANCELLED)


@dataclass(frozen=True, slots=True)
class WaitingPlan:
    """A plan that waits for an approval, as its request for one says."""

    kind: str
    asked: ApprovalRequested
    ends_at: datetime

    @property
    def deployment(self) -> str:
        return self.asked.deployment_id

    @property
    def stack(self) -> str:
        return self.asked.stack

    @property
    def digest(self) -> str:
        """The digest of the plan, empty in records of earlier versions."""
        return self.asked.plan_digest or ""

    @property
    def commands(self) -> tuple[str, ...]:
        """The commands of which a person runs one."""
        return f"semantest-iac approve {self.deployment}", f"semantest-iac reject {self.deployment}"

    def as_dict(self) -> dict[str, Any]:
        """Return what `--json` prints of it."""
        asked = self.asked
        return {
            "plan_digest": self.digest,
            "reasons": list(asked.reasons),
            "requested_by": asked.requested_by,
            "asked_at": format_instant(asked.occurred_at),
            "expires_at": format_instant(self.ends_at),
            "approvers": list(asked.approvers),
            "four_eyes": asked.four_eyes,
        }


@dataclass(frozen=True, slots=True)
class DecidedPlan:
    """A deployment after a decision; `is_new` says that it was not taken before."""

    row: DeploymentRow
    is_new: bool


class Approvals:
    """Records what people decide about plans that wait; a decision and what becomes of the run are one transaction."""

    def __init__(
        self,
        ledger: LedgerReader,
        queue: RunQueue,
        encode: Callable[[Event], NewEvent],
        read_now: Callable[[], datetime],
    ) -> None:
        self._ledger = ledger
        self._queue = queue
        self._encode = encode
        self._read_now = read_now

    def list_waiting(self, stacks: Collection[str] | None = None) -> list[WaitingPlan]:
        """Return the plans of these stacks (None: of all) that wait, in the order of their requests."""
        rows = (self._ledger.deployment(run.deployment) for run in self._queue.list_runs(stacks))
        waiting = [row for row in rows if row and row.state is DeploymentStatus.AWAITING_APPROVAL]
        return [plan for row in waiting if (plan := _find_waiting_plan(self._read(row.deployment)))]

    def find_waiting(self, deployment: str) -> WaitingPlan | None:
        """Return the plan of a deployment that waits; None where it waits for no approval, or is unknown."""
        row = self._ledger.deployment(deployment)
        is_waiting = row is not None and row.state is DeploymentStatus.AWAITING_APPROVAL
        return _find_waiting_plan(self._read(deployment)) if is_waiting else None

    async def approve(self, deployment: str, by: str, digest: str = "") -> DecidedPlan:
        """Approve the plan that waits, so that the deployment goes on; one that is approved already stays so.

        `digest` is that of the plan that the person has seen, or its beginning; any if it is empty. Raises RefusedError
        where another plan waits by now (PLAN_CHANGED), its time is over, or the person may not approve it.
        """
        require_user_name(by)

        def decide(found: Deployment) -> Sequence[StackEvent]:
            if found.approved is not None and found.status not in _NOT_APPROVED:
                return ()
            waiting = self._require_waiting(found, "approve")
            _require_same_plan(waiting, digest)
            self._require_in_time(waiting)
            _require_other_person(waiting, by)
            _require_one_of(waiting, by, waiting.asked.approvers)
            return (found.approve(by),)

        return await self._decide(deployment, decide)

    async def reject(self, deployment: str, by: str, reason: str = "") -> DecidedPlan:
        """Reject the plan that waits, which ends its deployment without a change; one that was rejected stays so.

        Raises RefusedError where no plan of it waits, or the person may not decide about it.
        """
        require_user_name(by)

        def decide(found: Deployment) -> Sequence[StackEvent]:
            if (self._require_row(deployment).error or {}).get("code") == APPROVAL_DENIED:
                return ()
            waiting = self._require_waiting(found, "reject")
            if waiting.asked.approvers:  # whoever requested a deployment may withdraw it
                _require_one_of(waiting, by, (*waiting.asked.approvers, waiting.asked.requested_by))
            return found.disapprove(by, reason)

        return await self._decide(deployment, decide)

    async def _decide(self, deployment: str, decide: Callable[[Deployment], Sequence[StackEvent]]) -> DecidedPlan:
        """Record a decision; the terminal event follows a rejection."""
        is_new = await decide_about_run(
            self._ledger,
            self._queue,
            deployment,
            lambda: [self._encode(event) for event in decide(self._read(deployment))],
            stack=self._require_row(deployment).stack,
            not_queued_hint="Deploy again: it is planned anew.",
        )
        return DecidedPlan(self._require_row(deployment), is_new)

    def _read(self, deployment: str) -> Deployment:
        self._require_row(deployment)
        found = read_deployment(self._ledger, deployment)
        if found is None:
            raise _not_waiting_error(deployment, "it was refused when it was requested", "approve")
        return found

    def _require_row(self, deployment: str) -> DeploymentRow:
        return require_row(self._ledger, deployment, "`semantest-iac queue` names the deployments that wait.")

    def _require_waiting(self, found: Deployment, verb: str) -> WaitingPlan:
        plan = _find_waiting_plan(found)
        if plan is None:
            raise _not_waiting_error(str(found.id), f"it is {found.status.replace('_', ' ')}", verb)
        return plan

    def _require_in_time(self, waiting: WaitingPlan) -> None:
        if waiting.ends_at <= self._read_now():
            raise RefusedError(
                f"Cannot approve deployment '{waiting.deployment}': its plan could be approved until"
                f" {format_instant(waiting.ends_at)}.",
                "APPROVAL_EXPIRED",
                hint="Deploy again: it is planned anew.",
            )


def _find_waiting_plan(found: Deployment) -> WaitingPlan | None:
    if found.status is not DeploymentStatus.AWAITING_APPROVAL or found.approval is None:
        return None
    return WaitingPlan(found.kind, found.approval, found.approval_end)


def _require_same_plan(waiting: WaitingPlan, digest: str) -> None:
    if not waiting.digest.startswith(digest.strip().lower()):
        raise RefusedError(
            f"Cannot approve plan {make_printable(digest, SHOWN_DIGEST_LENGTH)} of deployment"
            f" '{waiting.deployment}': plan {waiting.digest[:SHOWN_DIGEST_LENGTH]} waits by now.",
            "PLAN_CHANGED",
            hint=f"Look at it with `{waiting.commands[0]}`.",
        )


def _require_one_of(waiting: WaitingPlan, by: str, names: Collection[str]) -> None:
    if names and by not in names:
        raise RefusedError(
            f"Cannot decide about deployment '{waiting.deployment}': '{by}' is none of its approvers.",
            "NOT_AN_APPROVER",
            hint=f"Approvers of {waiting.asked.environment}: {', '.join(waiting.asked.approvers)}.",
        )


def _require_other_person(waiting: WaitingPlan, by: str) -> None:
    asked = waiting.asked
    if asked.four_eyes and is_same_person(by, asked.requested_by):
        raise RefusedError(
            f"Cannot approve deployment '{waiting.deployment}': '{by}' requested it, and another person is to approve.",
            "FOUR_EYES",
            hint=f"Approvers of {asked.environment}: {', '.join(asked.approvers) or 'everybody else'}.",
        )


def _not_waiting_error(deployment: str, why: str, verb: str) -> RefusedError:
    return RefusedError(
        f"Cannot {verb} deployment '{deployment}': {why}, and waits for no approval.",
        "NOT_AWAITING_APPROVAL",
        hint="`semantest-iac queue` names the deployments that wait for one.",
    )
