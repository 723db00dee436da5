"""Words the events that people want to hear of: how deployments ended, what waits for them, and what has drifted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from semantest_iac.domain.delivery.canary import WHOLE
from semantest_iac.domain.environments.names import make_printable
from semantest_iac.domain.instants import format_instant
from semantest_iac_events import deployments, infrastructure
from semantest_iac_events.event import Event, StackEvent
from semantest_iac_events.values import ChangeCounts

Tone = Literal["good", "bad", "waiting", "neutral"]
LONGEST_VALUE = 1500
_MOST_TEXT = 5000  # characters in all: Teams takes 28 KB
_MOST_LISTED = 10
_TITLES: Mapping[type[StackEvent], tuple[Tone, str]] = {
    deployments.DeploymentCompleted: ("good", "{component} is deployed to {environment}"),
    deployments.DeploymentFailed: ("bad", "{component} could not be deployed to {environment}"),
    deployments.DeploymentRolledBack: ("bad", "{component} was rolled back in {environment}"),
    deployments.DeploymentCancelled: ("neutral", "The deployment of {component} to {environment} was cancelled"),
    deployments.DeploymentSuperseded: ("neutral", "A later request replaced one for {component} in {environment}"),
    deployments.DeploymentRejected: ("bad", "A request for {component} in {environment} was rejected"),
    deployments.DeploymentNeedsOperator: ("bad", "{component} in {environment} needs an operator"),
    deployments.DeploymentResolved: ("good", "{component} in {environment} is free again"),
    deployments.ApprovalRequested: ("waiting", "A plan for {component} in {environment} waits for approval"),
    deployments.DeploymentApproved: ("good", "The plan for {component} in {environment} was approved"),
    deployments.DeploymentDisapproved: ("bad", "The plan for {component} in {environment} was rejected"),
    deployments.TrafficShifted: ("neutral", "{traffic} in {environment}"),
    infrastructure.InfrastructureRemoved: ("neutral", "{component} was destroyed in {environment}"),
    infrastructure.InfrastructureRemovalFailed: ("bad", "{component} could not be destroyed in {environment}"),
    infrastructure.DriftDetected: ("waiting", "{component} in {environment} was changed outside of deployments"),
}
_LABELS: Mapping[str, str] = {
    "stack": "Stack",
    "deployment_id": "Deployment",
    "changes": "Changes",
    "endpoint": "Endpoint",
    "code": "Code",
    "reason": "Reason",
    "reasons": "Reasons",
    "requested_by": "Requested by",
    "approvers": "Approvers",
    "expires_at": "Until",
    "until": "Until",
    "plan_digest": "Plan",
    "hint": "Hint",
    "resource": "Resource",
    "restored_deployment": "Restored",
    "successor": "Replaced by",
    "accepted_deployment": "Accepted instead",
    "approved_by": "By",
    "disapproved_by": "By",
    "resolved_by": "By",
    "remainder": "Left over",
    "commands": "Commands",
}
"""The fields that are shown, in this order, with their labels."""

_OPERATIONS: Mapping[str, str] = {
    "create": "created",
    "update": "updated",
    "replace": "replaced",
    "delete": "deleted",
    "keep": "left in the cloud",
    "same": "unchanged",
}

_PLANNED_OPERATIONS: Mapping[str, str] = {name: f"to {name}" for name in ("create", "update", "replace", "delete")}


@dataclass(frozen=True, slots=True)
class ChatSummary:
    """What is said of an event; every text is printable, on one line and of bounded length."""

    tone: Tone
    title: str
    facts: tuple[tuple[str, str], ...]


def summarize_event(event: Event) -> ChatSummary | None:
    """Return what people are told; None for an event that nobody waits for."""
    known = _TITLES.get(type(event))  # type: ignore[arg-type]  # other events are not among the keys
    if known is None or not isinstance(event, StackEvent):
        return None
    tone, title = known
    names = {"component": make_printable(event.component), "environment": make_printable(event.environment)}
    if isinstance(event, deployments.TrafficShifted):
        names["traffic"] = _describe_share(event.weight, names["component"])
    return ChatSummary(tone, title.format(**names), tuple(_list_facts(event)))


def _describe_share(weight: int, component: str) -> str:
    if weight == 0:
        return f"All traffic of {component} goes back to the version before"
    share = "All" if weight == WHOLE else f"{weight} % of the"
    return f"{share} traffic goes to the new version of {component}"


def _list_facts(event: StackEvent) -> Iterator[tuple[str, str]]:
    remaining = _MOST_TEXT
    is_waiting = isinstance(event, deployments.ApprovalRequested)
    for name, label in _LABELS.items():
        value = getattr(event, name, None)
        text = _describe(value, _PLANNED_OPERATIONS if is_waiting else _OPERATIONS)
        if text and remaining > 0:
            shown = make_printable(text, LONGEST_VALUE)[:remaining]
            remaining -= len(shown)
            yield label, shown
    if is_waiting:
        yield "Commands", "; ".join(f"semantest-iac {verb} {event.deployment_id}" for verb in ("approve", "reject"))


def _describe(value: Any, words: Mapping[str, str]) -> str:
    if isinstance(value, ChangeCounts):
        counts = value.model_dump()
        return ", ".join(f"{counts[name]} {word}" for name, word in words.items() if counts.get(name))
    if isinstance(value, datetime):
        return format_instant(value)
    if isinstance(value, tuple):
        more = f"; {len(value) - _MOST_LISTED} more" if len(value) > _MOST_LISTED else ""
        return "; ".join(map(str, value[:_MOST_LISTED])) + more
    return "" if value is None else str(value)
