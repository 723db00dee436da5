"""Answers what a request to scale changes, and whether it may now, by what is deployed and when that was scaled before.

All of it is in the ledger, so that every worker judges alike.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from semantest_iac.application.ports.ledger import DeploymentRow, LedgerReader
from semantest_iac.application.queries.history import list_events_since
from semantest_iac.domain.compute.scaling import (
    COOLDOWNS_BEFORE_REDUCTION,
    PastScaling,
    ScalingChange,
    ScalingDirection,
    ScalingPolicy,
    ScalingService,
)
from semantest_iac.domain.deployment.events import RequestResolved
from semantest_iac.domain.deployment.status import DeploymentStatus
from semantest_iac.domain.environments.settings import ComponentSettings
from semantest_iac.domain.errors import Fault, RefusedError, TooSoonError, ValidationError
from semantest_iac.domain.instants import format_instant
from semantest_iac_events.infrastructure import ScalingTriggered

_SCALE_KIND = "scale"
_CARRIED_OUT = frozenset({DeploymentStatus.COMPLETED, DeploymentStatus.FAILED, DeploymentStatus.ROLLED_BACK})
_FIRST_PAGE = 50


@dataclass(frozen=True, slots=True)
class ResolvedScaling:
    """The instances that are deployed, and those that a request asks for."""

    deployed: ScalingPolicy
    target: ScalingPolicy

    @property
    def direction(self) -> ScalingDirection | None:
        """Whether there are more or fewer instances afterwards; None for a request that changes nothing."""
        return self.deployed.find_direction(self.target)


def resolve_scaling(
    ledger: LedgerReader, request: ScalingTriggered, settings: ComponentSettings, now: datetime, *, is_fixed: bool
) -> ResolvedScaling:
    """Return what a request changes of the deployed settings; raises ValidationError with every fault.

    Raises RefusedError for steps of an event that the bounds leave nothing of, TooSoonError for an event within the
    cooldown. `is_fixed` says that the number of instances does not follow the load.
    """
    resolved = ResolvedScaling(settings.instances, _choose_instances(request, settings, is_fixed=is_fixed))
    if request.automatic:
        _require_change(request, resolved)
        _require_cooldown(ledger, request, resolved, settings.scaling_bounds.cooldown_s, now)
    return resolved


def _choose_instances(request: ScalingTriggered, settings: ComponentSettings, *, is_fixed: bool) -> ScalingPolicy:
    change = ScalingChange(request.min_instances, request.max_instances, request.min_step, request.max_step)
    message = f"Cannot scale '{request.stack}'."
    if is_fixed and (change.maximum is not None or change.maximum_step):
        fault = Fault("max", "scaling.auto_scale is false: min is the number of instances", "Give a min alone.")
        raise ValidationError(message, faults=[fault])
    deployed = ScalingPolicy(settings.instances.minimum) if is_fixed else settings.instances
    try:
        target = ScalingService().choose_target(deployed, change, settings.scaling_bounds)
    except ValidationError as error:
        raise ValidationError(message, faults=error.faults) from error
    return ScalingService().choose_policy(target, None, None, auto_scale=not is_fixed)


def _require_change(request: ScalingTriggered, resolved: ResolvedScaling) -> None:
    """Raise RefusedError for steps that change nothing."""
    if resolved.direction is None and (request.min_step or request.max_step):
        message = f"Cannot scale '{request.stack}' any further: it is at its bounds."
        raise RefusedError(message, "SCALING_AT_LIMIT", hint="`scaling` bounds it; a deployment changes the bounds.")


def _require_cooldown(
    ledger: LedgerReader, request: ScalingTriggered, resolved: ResolvedScaling, cooldown_s: int, now: datetime
) -> None:
    direction = resolved.direction
    if direction is None or not cooldown_s:
        return
    since = now - timedelta(seconds=cooldown_s * COOLDOWNS_BEFORE_REDUCTION)
    past = list_past_scalings(ledger, request.stack, since)
    retry_at = ScalingService().find_retry_time(direction, past, cooldown_s, now)
    if retry_at is not None:
        newest = max(scaling.ended_at for scaling in past)
        raise TooSoonError(
            f"Cannot scale '{request.stack}' {direction} yet: it was scaled at {format_instant(newest)}.",
            "SCALING_COOLDOWN",
            retry_at=retry_at,
            hint=f"Ask again after {format_instant(retry_at)}; scaling.cooldown_s is {cooldown_s}. A person may scale"
            " at any time.",
        )


def list_past_scalings(ledger: LedgerReader, stack: str, since: datetime) -> list[PastScaling]:
    """Return the scalings of a stack that were carried out and ended since then, newest request first.

    Failed ones and those that were rolled back count: a scaling that cannot succeed must not be tried all the time.
    What was refused, and what had nothing to change, does not count.
    """
    rows = list(_list_ended_since(ledger, stack, since))
    directions = _read_directions(ledger, rows[-1]) if rows else {}
    return [PastScaling(_ended_at(row), directions.get(row.deployment)) for row in rows]


def _list_ended_since(ledger: LedgerReader, stack: str, since: datetime) -> Iterator[DeploymentRow]:
    """Yield the rows of scalings up to the first deployment that was carried out before, page by page."""
    seen, limit = 0, _FIRST_PAGE
    while True:
        rows = ledger.deployments([stack], limit)
        for row in rows[seen:]:
            if row.state not in _CARRIED_OUT:
                continue
            if _ended_at(row) < since:
                return
            if row.kind == _SCALE_KIND and (row.state is not DeploymentStatus.COMPLETED or _has_changed(row)):
                yield row
        if len(rows) < limit:
            return
        seen, limit = len(rows), limit * 4


def _has_changed(row: DeploymentRow) -> bool:
    return any(count for operation, count in row.changes.items() if operation not in ("same", "keep"))


def _ended_at(row: DeploymentRow) -> datetime:
    return datetime.fromisoformat(row.finished_at or row.requested_at)


def _read_directions(ledger: LedgerReader, oldest: DeploymentRow) -> dict[str, ScalingDirection]:
    """Return the directions of the scalings since that one, as far as they were recorded, by deployment."""
    found: dict[str, ScalingDirection] = {}
    for recorded in list_events_since(ledger, oldest):
        if recorded.type == RequestResolved.type_name:
            data = recorded.event["data"]
            if direction := data.get("scaling"):
                found[str(data["deployment_id"])] = direction
    return found
