"""The events with which a deployment gives a new version more or less of the traffic."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from semantest_iac.domain.delivery.canary import RequestedShift
from semantest_iac.domain.deployment.deployment import Deployment
from semantest_iac.domain.deployment.events import ShiftRequested, StepIntended
from semantest_iac.domain.deployment.status import find_next_status
from semantest_iac.domain.errors import InvalidStateError
from semantest_iac_events.deployments import TrafficShifted
from semantest_iac_events.values import ChangeCounts

_UNCHANGED = ChangeCounts()


def is_shifting(deployment: Deployment) -> bool:
    """Whether two versions share the traffic until it is decided how that goes on."""
    has_share = deployment.shifted is not None and deployment.shifted.until is not None
    return has_share and not (deployment.has_ended or deployment.is_going_back)


def judge_version(deployment: Deployment) -> StepIntended:
    """Begin to judge the version that has a share of the traffic."""
    find_next_status(deployment.status, StepIntended.type_name, "judge")
    return StepIntended(**deployment.identity, step="judge").caused_by(deployment.request)


def shift_traffic(
    deployment: Deployment,
    weight: int,
    reasons: Iterable[str],
    *,
    until: datetime | None = None,
    changes: ChangeCounts = _UNCHANGED,
    answered: UUID | None = None,
) -> TrafficShifted:
    """Give the new version so many percent of the traffic, until it is judged at that time.

    What a person has decided stays to be done unless it was `answered` by this.
    """
    shifted = TrafficShifted(**deployment.identity, weight=weight, until=until, reasons=tuple(reasons), changes=changes)
    shifted = shifted.caused_by(deployment.request)
    causes = (*shifted.previous_event_ids, *filter(None, [answered]))
    return shifted.model_copy(update={"previous_event_ids": causes})


def request_shift(deployment: Deployment, shift: RequestedShift, requested_by: str, reason: str = "") -> ShiftRequested:
    """Decide about the new version before its time is over; raises InvalidStateError where nothing is divided.

    One that somebody has returned cannot be promoted any more, whoever was faster.
    """
    if not is_shifting(deployment):
        message = f"Cannot {shift} the new version of deployment '{deployment.id}': it has no share of the traffic."
        raise InvalidStateError(message, hint="`semantest-iac status` shows what the stacks wait for.")
    before = deployment.requested_shift
    if shift == "promote" and before is not None and before.shift == "return":
        message = (
            f"Cannot promote the new version of deployment '{deployment.id}': {before.requested_by} has returned it."
        )
        raise InvalidStateError(message, hint="Deploy again, with what was wrong mended.")
    requested = ShiftRequested(**deployment.identity, shift=shift, requested_by=requested_by, reason=reason)
    return requested.caused_by(deployment.request)
