"""Decides how much of the traffic a new version gets, and judges it by what the cloud measures."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from semantest_iac.application.deployment.context import DeploymentContext
from semantest_iac.application.deployment.plan_approval import read_utc_now
from semantest_iac.application.deployment.preparation import requested_configuration
from semantest_iac.application.deployment.recorder import read_deployment
from semantest_iac.application.ports.ledger import LedgerReader
from semantest_iac.domain.delivery.canary import (
    WHOLE,
    CanaryRefusedError,
    CanarySettings,
    ShiftAction,
    ShiftDecision,
    TrafficObservation,
    decide_shift,
)
from semantest_iac.domain.deployment.change_plan import ChangePlan, PlannedChange, add_changes
from semantest_iac.domain.deployment.deployment import Deployment
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.deployment.traffic_shifts import shift_traffic
from semantest_iac.domain.environments.configuration import resolve_component
from semantest_iac.domain.errors import DeploymentError, Fault
from semantest_iac.domain.ports.traffic_observer import TrafficObserver
from semantest_iac_events.deployments import DeploymentRequested, TrafficShifted

_LOG = logging.getLogger(__name__)
_JUDGE_STEP = "judge"
_RETURNED = "The new version of '{}' was returned: "
_FUNCTION_KIND, _VERSION_KIND = "semantest:compute:ServerlessFunction$", "semantest:delivery:LiveVersion$"
_WHOLE_HINT = "Deploy with --canary none, for all of the traffic at once."


class VersionReturnedError(DeploymentError):
    """The new version did badly with a share of the traffic, or a person has returned it."""

    code = "CANARY_RETURNED"


class TrafficShifter:
    """Decides about the traffic of new versions; without an observer no traffic is divided."""

    def __init__(
        self,
        ledger: LedgerReader,
        observer: TrafficObserver | None = None,
        read_now: Callable[[], datetime] = read_utc_now,
    ) -> None:
        self._ledger = ledger
        self._observer = observer
        self._read_now = read_now

    async def begin(self, context: DeploymentContext) -> int | None:
        """Return the share with which a deployment begins, and let its traffic be measured; as choose_first_share."""
        share = self.choose_first_share(context)
        if share is not None and self._observer is not None:
            await self._observer.prepare(context.stack)
        return share

    def choose_first_share(self, context: DeploymentContext) -> int | None:
        """Return the share with which a deployment begins; None where it gets all of the traffic at once.

        A first deployment has no version to share it with, and what restores or scales something is no new version.
        Raises CanaryRefusedError where traffic cannot be divided now.
        """
        settings, row = context.settings, self._ledger.stack(str(context.stack))
        canary = settings.canary if settings else None
        if context.restored is not None or canary is None or row.last_good is None or row.removal is not None:
            return None
        problem = ""
        if row.unsettled not in (None, context.request.deployment_id):
            problem = f"deployment '{row.unsettled}' has left it half-changed"
        if self._observer is None:
            problem = "nothing here measures the traffic of its versions"
        if problem:
            message = f"Cannot deploy '{context.stack}' with a canary: {problem}."
            raise CanaryRefusedError(message, "CANARY_UNAVAILABLE", hint=_WHOLE_HINT)
        return canary.steps[0]

    async def judge(self, deployment: Deployment) -> ShiftDecision | None:
        """Decide how it goes on with a deployment that divides the traffic; None for any other."""
        shifted, failed, request = deployment.shifted, deployment.failed, deployment.request
        if shifted is None or deployment.is_going_back or not isinstance(request, DeploymentRequested):
            return None
        if failed is not None and failed.step == _JUDGE_STEP:  # in a run that ended before the traffic was back
            reason = failed.reason.removeprefix(_RETURNED.format(deployment.stack)).removesuffix(".")
            return ShiftDecision(ShiftAction.RETURN, 0, (reason,))
        canary = find_canary(request)
        if shifted.until is None or canary is None:
            return ShiftDecision(ShiftAction.PROMOTE, WHOLE, shifted.reasons)
        return await self._judge_share(deployment, canary, shifted, shifted.until)

    async def _judge_share(
        self, deployment: Deployment, canary: CanarySettings, shifted: TrafficShifted, until: datetime
    ) -> ShiftDecision:
        now, requested = self._read_now(), deployment.requested_shift
        is_returned = requested is not None and requested.shift == "return"
        try:
            observed = await self._observe(deployment.stack, shifted.occurred_at)
        except DeploymentError as error:
            _LOG.warning("The traffic of %s is not measured now: %s", deployment.stack, error.reason)
            if now < until + timedelta(seconds=canary.bake_s) and not is_returned:
                return ShiftDecision(ShiftAction.WAIT, shifted.weight, ())
            if not is_returned:
                return ShiftDecision(ShiftAction.RETURN, 0, (f"its traffic is not measured: {error.reason}",))
            observed = TrafficObservation()
        is_over = now >= until
        if requested is None:
            return decide_shift(canary, shifted.weight, observed, is_over=is_over)
        because = f"requested by {requested.requested_by}{f': {requested.reason}' if requested.reason else ''}"
        decision = decide_shift(
            canary, shifted.weight, observed, is_over=is_over, requested=requested.shift, because=because
        )
        return replace(decision, answered=requested.id)

    async def _observe(self, stack: Stack, since: datetime) -> TrafficObservation:
        return await self._observer.observe(stack, since) if self._observer else TrafficObservation()

    def find_version(self, stack: Stack) -> int:
        """Return the version at which the stack is to be for what `build_shift` returns afterwards."""
        newest = self._ledger.newest_event(str(stack))
        return newest.version if newest else 0

    def build_shift(
        self, deployment: Deployment, context: DeploymentContext, decision: ShiftDecision | None
    ) -> TrafficShifted | None:
        """Return what is recorded of the traffic when its change is done; None where no traffic was divided.

        Where a person has returned the new version while it got all of the traffic, that is judged at once.
        """
        share, before = context.new_share, deployment.shifted
        if share is None and before is None:
            return None
        canary = context.settings.canary if context.settings else None
        bakes = share is not None and canary is not None
        until = self._read_now() + timedelta(seconds=canary.bake_s) if bakes and canary else None
        if until is None and decision and self._is_returned_since(deployment, decision):
            until = self._read_now()
        changes = context.results().changes
        if before:
            changes = add_changes(before.changes, changes).model_copy(update={"same": changes.same})
        return shift_traffic(
            deployment,
            WHOLE if share is None else share,
            decision.reasons if decision else (),
            until=until,
            changes=changes,
            answered=decision.answered if decision else None,
        )

    def _is_returned_since(self, deployment: Deployment, decision: ShiftDecision) -> bool:
        """Whether a person has returned the new version since this decision."""
        current = read_deployment(self._ledger, str(deployment.id))
        requested = current.requested_shift if current else None
        return requested is not None and requested.shift == "return" and requested.id != decision.answered


def find_canary(request: DeploymentRequested) -> CanarySettings | None:
    """Return how the new version of a requested deployment takes over the traffic; None for all of it at once."""
    return resolve_component(requested_configuration(request), request.component, request.environment).canary


def describe_traffic(context: DeploymentContext, decision: ShiftDecision | None) -> str:
    """Return how the new version takes over the traffic; empty where no canary was asked for, and once it does."""
    canary = context.settings.canary if context.settings else None
    if canary is None or decision or context.plan.is_empty:
        return ""
    if context.new_share is None:
        return "all at once: a first deployment has no version to share it with"
    return canary.description


def require_shiftable(stack: Stack, plan: ChangePlan, *, is_first: bool = False) -> None:
    """Raise CanaryRefusedError for a plan that changes more than the code and settings of functions.

    Everything else has no versions: it would change for all of the traffic at once. So would what the first share
    deletes, such as the warm instances of the live version.
    """
    lost = ("delete", "replace") if is_first else ()
    others = [change for change in plan.mutations if change.op in lost or not _has_versions(change)]
    if others:
        raise CanaryRefusedError(
            f"Cannot deploy '{stack}' with a canary: the plan changes more than the code and settings of functions.",
            "CANARY_REFUSED",
            hint="Deploy these changes first with --canary none, or leave them out.",
            faults=[Fault(it.name, f"{it.op} of {it.type} would be for all of the traffic at once") for it in others],
        )


def _has_versions(change: PlannedChange) -> bool:
    is_updated_function = change.op == "update" and _FUNCTION_KIND in change.urn
    return is_updated_function or change.moves_traffic or _VERSION_KIND in change.urn


def removes_version(plan: ChangePlan) -> bool:
    """Whether a plan deletes the resources that a new version has beside the live one."""
    return any(change.op == "delete" and _VERSION_KIND in change.urn for change in plan.mutations)


async def require_good_version(stack: Stack, decision: ShiftDecision) -> None:
    """Raise VersionReturnedError where it was decided that the new version is returned."""
    if decision.action is ShiftAction.RETURN:
        raise VersionReturnedError(
            f"{_RETURNED.format(stack)}{'; '.join(decision.reasons)}.",
            hint="All of the traffic goes to the version before. `semantest-iac logs` shows what the functions wrote.",
        )


def list_operations(shifted: TrafficShifted | None) -> list[str]:
    """Return the operations that a deployment had done when it last changed the traffic."""
    counts = shifted.changes.model_dump() if shifted else {}
    return [op for op, count in counts.items() if op != "same" for _ in range(count)]
