"""Renders CDEvents: the ledger tells what an event that ends a deployment means for the service."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from semantest_iac.application.ports.ledger import DeploymentRow, LedgerReader, RecordedEvent
from semantest_iac.application.relay.messages import (
    CLOUDEVENTS_MEDIA_TYPE,
    FormedMessage,
    RelayedEvent,
    RenderForm,
)
from semantest_iac.domain.deployment.status import DeploymentStatus
from semantest_iac.domain.environments.names import ACCOUNT_COMPONENT
from semantest_iac_events.deployments import DeploymentCompleted, DeploymentPlanned, DeploymentRolledBack
from semantest_iac_events.forms.cdevents import (
    ServiceOutcome,
    ServicePredicate,
    to_environment_cdevent,
    to_service_cdevent,
)
from semantest_iac_events.forms.cloudevents import CAUSES_KEY
from semantest_iac_events.infrastructure import EnvironmentConfigured, InfrastructureRemoved, RollbackRequested

_MOST_CORRELATED = 1000  # events; a deployment has about ten, and some senders use one correlation id for many
_ENDINGS = (DeploymentCompleted, DeploymentRolledBack, InfrastructureRemoved)
_TYPES = frozenset(ending.type_name for ending in _ENDINGS) | {EnvironmentConfigured.type_name}


def build_cdevents_renderer(ledger: LedgerReader) -> RenderForm:
    """Return what renders the events that CDEvents has words for: a service changed, or an environment did."""
    return partial(_render_cdevent, ledger)


def _render_cdevent(ledger: LedgerReader, relayed: RelayedEvent) -> FormedMessage | None:
    if relayed.recorded.type not in _TYPES:
        return None
    event = relayed.read()
    if isinstance(event, EnvironmentConfigured):
        return _form(to_environment_cdevent(event))
    if not isinstance(event, _ENDINGS) or event.component == ACCOUNT_COMPONENT:
        return None
    outcome = find_service_outcome(ledger, event)
    return _form(to_service_cdevent(event, outcome)) if outcome else None


def find_service_outcome(
    ledger: LedgerReader, event: DeploymentCompleted | DeploymentRolledBack | InfrastructureRemoved
) -> ServiceOutcome | None:
    """Return what became of the service; None where nothing did, or it has no package.

    Raises LedgerError where the ledger cannot be read.
    """
    requests = ledger.find_events([str(cause) for cause in event.previous_event_ids])
    triggers = _list_causes(requests)
    if isinstance(event, InfrastructureRemoved):
        return ServiceOutcome("removed", trigger_ids=triggers)
    if isinstance(event, DeploymentRolledBack):
        digest = _find_digest(ledger, event.stack, event.restored_deployment) if event.restored_deployment else ""
        failure = {"code": event.code, "reason": event.reason, "restoredDeployment": event.restored_deployment}
        return ServiceOutcome("rolledback", digest, triggers, failure) if digest else None
    digest = "" if event.changes.is_empty else _find_digest(ledger, event.stack, event.deployment_id)
    if not digest:
        return None
    details: dict[str, Any] = {"endpoint": event.endpoint} if event.endpoint else {}
    predicate = _choose_predicate(ledger, event, requests)
    return ServiceOutcome(predicate, digest, triggers, details)


def _choose_predicate(
    ledger: LedgerReader, event: DeploymentCompleted, requests: Sequence[RecordedEvent]
) -> ServicePredicate:
    if any(request.type == RollbackRequested.type_name for request in requests):
        return "rolledback"
    return "upgraded" if _ran_before(ledger, event) else "deployed"


def _form(form: dict[str, Any]) -> FormedMessage:
    return FormedMessage(form["type"], form, CLOUDEVENTS_MEDIA_TYPE)


def _list_causes(requests: Iterable[RecordedEvent]) -> tuple[str, ...]:
    """Return the ids of what led to the requests, which may be events of other systems."""
    causes: dict[str, None] = {}
    for request in requests:
        form = request.event
        named = form["data"].get(CAUSES_KEY) or filter(None, [form.get("causationid")])
        causes.update(dict.fromkeys(map(str, named)))
    return tuple(causes)


def _find_digest(ledger: LedgerReader, stack: str, deployment: str) -> str:
    """Return the digest of the package that a deployment planned to run; empty for one without a package."""
    row = ledger.deployment(deployment)
    if row is None:
        return ""
    [request] = ledger.log(row.position - 1, 1)
    correlated = ledger.find_correlated(str(request.event.get("correlationid")), stack, _MOST_CORRELATED)
    planned = [it.event["data"] for it in correlated if it.type == DeploymentPlanned.type_name]
    digests = [it.get("artifact_digest") for it in planned if it.get("deployment_id") == deployment]
    return next((str(digest) for digest in reversed(digests) if digest), "")


def _ran_before(ledger: LedgerReader, event: DeploymentCompleted) -> bool:
    """Whether a version of the service ran when the deployment began."""
    ended = [
        (moment, row)
        for row in ledger.deployments([event.stack])
        if row.finished_at and row.deployment != event.deployment_id
        if (moment := datetime.fromisoformat(row.finished_at)) <= event.occurred_at
    ]
    newest_first = sorted(ended, key=lambda it: (it[0], it[1].position), reverse=True)
    return next((left for _, row in newest_first if (left := _left_running(row)) is not None), False)


def _left_running(row: DeploymentRow) -> bool | None:
    """Whether a version of the service ran after a deployment; None if it changed nothing of that."""
    if row.state == DeploymentStatus.COMPLETED:
        return row.kind != "destroy"
    if row.state == DeploymentStatus.ROLLED_BACK:
        return bool((row.error or {}).get("restored_deployment"))
    return None
