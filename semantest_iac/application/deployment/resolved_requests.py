"""Resolves requests that refer to what is deployed, to roll back or to scale, into requests that say all of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from semantest_iac.application.deployment.context import stack_of
from semantest_iac.application.deployment.preparation import requested_configuration
from semantest_iac.application.deployment.recorder import decode_event
from semantest_iac.application.deployment.rollback import (
    LastGood,
    build_resolved_request,
    find_good_deployment,
    find_last_good,
)
from semantest_iac.application.ports.ledger import LedgerReader
from semantest_iac.application.queries.history import is_event_of, list_events_since
from semantest_iac.application.queries.rollback_targets import require_restorable
from semantest_iac.application.queries.scalings import ResolvedScaling, resolve_scaling
from semantest_iac.domain.compute.scaling import ScalingPolicy
from semantest_iac.domain.deployment.events import PackageBuilt, RequestResolved
from semantest_iac.domain.errors import NotFoundError
from semantest_iac.domain.ports.provisioner import event_identity
from semantest_iac_events.deployments import DeploymentRequested
from semantest_iac_events.infrastructure import RollbackRequested, ScalingTriggered

ChangeRequest = RollbackRequested | ScalingTriggered
"""A request that refers to what is deployed."""


@dataclass(frozen=True, slots=True)
class ResolvedChange:
    """What a request asks for: a deployment with this configuration, and with the package of the one it is taken from.

    `entry` is what the journal records of it, so that a run that goes on deploys the same. `scaling` says what a
    request to scale changes.
    """

    request: DeploymentRequested
    package: PackageBuilt | None
    entry: RequestResolved
    scaling: ResolvedScaling | None = None


def resolve_change(ledger: LedgerReader, request: ChangeRequest, now: datetime) -> ResolvedChange:
    """Return what a request asks for now; raises NotFoundError where there is nothing to go back to, or to scale.

    Raises ValidationError for a deployment that cannot be gone back to and for instances that cannot be, RefusedError
    for a scaling that an event asks for and that is too soon, or that the bounds leave nothing of.
    """
    good = _find_source(ledger, request)
    configuration = dict(good.request.configuration)
    scaling = None
    if isinstance(request, ScalingTriggered):
        is_fixed = requested_configuration(good.request).scaling.auto_scale is False
        scaling = resolve_scaling(ledger, request, good.settings, now, is_fixed=is_fixed)
        configuration = _with_instances(configuration, request, scaling.target)
    entry = RequestResolved(
        **event_identity(request.deployment_id, stack_of(request)),
        configuration=configuration,
        restored_deployment=good.deployment,
        base_environment=good.request.base_environment,
        component_type=good.request.component_type,
        scaling=scaling.direction if scaling else None,
    )
    return ResolvedChange(_build_request(request, entry), _adopt_package(good.package, request), entry, scaling)


def find_resolved_change(ledger: LedgerReader, request: ChangeRequest) -> ResolvedChange | None:
    """Return what an earlier run of the request has recorded as asked for; None before that."""
    row = ledger.deployment(request.deployment_id)
    entry, package = None, None
    for recorded in list_events_since(ledger, row) if row else ():
        if recorded.type in _RECORDED_TYPES and is_event_of(recorded, request.deployment_id):
            event = decode_event(recorded)
            entry = event if isinstance(event, RequestResolved) else entry
            package = event if isinstance(event, PackageBuilt) else package
    return None if entry is None else ResolvedChange(_build_request(request, entry), package, entry)


_RECORDED_TYPES = (RequestResolved.type_name, PackageBuilt.type_name)


def _find_source(ledger: LedgerReader, request: ChangeRequest) -> LastGood:
    stack = stack_of(request)
    if isinstance(request, RollbackRequested) and request.target_deployment is not None:
        require_restorable(ledger, request.stack, request.target_deployment)
        return find_good_deployment(ledger, stack, request.target_deployment)
    good = find_last_good(ledger, stack)
    if good is None:
        verb = "scale" if isinstance(request, ScalingTriggered) else "roll back"
        message = f"Cannot {verb} '{stack}': it has no completed deployment."
        raise NotFoundError(message, hint="Deploy it first.")
    return good


def _with_instances(configuration: dict[str, Any], request: ScalingTriggered, target: ScalingPolicy) -> dict[str, Any]:
    """Return the configuration with the instances of the component that are asked for, and all else as it is."""
    components = dict(configuration.get("components") or {})
    section = dict(components.get(request.component) or {})
    instances = dict(section.get("instances") or {})
    if request.min_instances is not None or request.min_step:
        instances["min"] = target.minimum
    if request.max_instances is not None or request.max_step:
        instances["max"] = target.maximum
    section["instances"] = instances
    return configuration | {"components": components | {request.component: section}}


def _build_request(request: ChangeRequest, entry: RequestResolved) -> DeploymentRequested:
    """Return the request to deploy with the identity of the request; a rollback reads what is in the cloud first."""
    return build_resolved_request(
        entry,
        id=request.id,
        occurred_at=request.occurred_at,
        previous_event_ids=request.previous_event_ids,
        correlation_id=request.correlation_id,
        requested_by=request.requested_by,
        refresh=isinstance(request, RollbackRequested),
    )


def _adopt_package(package: PackageBuilt | None, request: ChangeRequest) -> PackageBuilt | None:
    """Return the record of a package as one of this deployment, from which a later one can be restored."""
    if package is None:
        return None
    identity = event_identity(request.deployment_id, stack_of(request))
    own = package.model_dump(exclude={"id", "occurred_at", "previous_event_ids", "correlation_id", *identity})
    return PackageBuilt(**own, **identity)
