"""Folds the events of the log into rows of deployments and stacks."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from itertools import pairwise
from typing import Any, Protocol

from semantest_iac.application.ports.ledger import DeploymentRow, RecordedEvent, StackRow
from semantest_iac.domain.deployment.status import (
    CHANGING_STATUSES,
    DEPLOYMENT_KINDS,
    DEPLOYMENT_RESOLVED,
    GENERATION_STARTED,
    INTERRUPTED,
    REMOVAL_KIND,
    REQUEST_RESOLVED,
    ROLLBACK_KIND,
    TERMINAL_STATUSES,
    DeploymentStatus,
    find_next_status,
    interrupts_changes,
)
from semantest_iac.domain.environments.names import read_component_type
from semantest_iac.domain.errors import InvalidStateError

# Field of a terminal event -> field of `error`.
ERROR_FIELDS = {
    "code": "code",
    "reason": "message",
    "hint": "hint",
    "resource": "resource",
    "remainder": "remainder",
    "commands": "commands",
    "successor": "successor",
    "restored_deployment": "restored_deployment",
}


def fold_deployment(row: DeploymentRow | None, event: Mapping[str, Any], position: int) -> DeploymentRow | None:
    """Return the row after one more event of its deployment; None until a request opens it, or is refused.

    The log holds facts, so no event is refused: one that no transition allows changes nothing.
    """
    data = event["data"]
    try:
        state = find_next_status(row.state if row else None, event["type"], str(data.get("step") or ""))
    except InvalidStateError:
        return row
    if row is None:
        return _first_row(event, position, state)
    if row.stack != event["subject"] or row.state in TERMINAL_STATUSES:
        return row
    return _next_row(row, state, event)


def deployment_id_of(event: Mapping[str, Any]) -> str | None:
    """Return the id of the deployment that an event is about; None without a deployment or a stack."""
    data = event.get("data")
    if not isinstance(data, dict) or not event.get("subject"):
        return None
    return data.get("deployment_id") or None


def number_deployment(row: DeploymentRow, stack: StackRow) -> DeploymentRow:
    """Return a new deployment with its number within the stack; the answer to a refused request has none."""
    return row if row.state is DeploymentStatus.REJECTED else replace(row, number=stack.requests + 1)


def fold_stack(stack: StackRow, before: DeploymentRow | None, after: DeploymentRow) -> StackRow:
    """Return the stack after one of its deployments went from `before` to `after`; a refused request is none."""
    if before is None:
        return stack if after.number is None else replace(stack, newest=after.deployment, requests=after.number)
    if before.state is after.state:
        return stack
    if _has_emptied_stack(after):
        return StackRow(
            stack.stack,
            generation=stack.generation + 1,
            newest=stack.newest,
            component_type=stack.component_type,
            requests=stack.requests,
        )
    if after.state in CHANGING_STATUSES:
        return _mark_unsettled(stack, after)
    if _failed_before_any_change(after):
        return _clear_unsettled(stack, after.deployment)
    end = _STACK_AFTER.get(after.state)
    return end(stack, after) if end else stack


def fold_generation_start(stack: StackRow, event: Mapping[str, Any]) -> StackRow:
    """Return the stack after a deployment that starts the next generation, whose names are unused."""
    if event["type"] != GENERATION_STARTED:
        return stack
    return replace(stack, generation=event["data"]["generation"], removal=None)


def fold_resolution(stack: StackRow, event: Mapping[str, Any]) -> StackRow:
    """Return the stack after a person has resolved the deployment that held it."""
    is_resolved = event["type"] == DEPLOYMENT_RESOLVED and event["data"]["deployment_id"] == stack.held_by
    return replace(stack, held_by=None, resolved=stack.held_by) if is_resolved else stack


def fold_component_type(stack: StackRow, event: Mapping[str, Any]) -> StackRow:
    """Return the stack after a request, which says the type of a component that is not called like one."""
    if DEPLOYMENT_KINDS.get(event["type"]) != "deploy":
        return stack
    data = event["data"]
    component = data.get("component", "")
    type_ = data.get("component_type") or read_component_type(component, data.get("configuration") or {})
    own_type = None if type_ == component else type_
    return stack if own_type == stack.component_type else replace(stack, component_type=own_type)


def _mark_unsettled(stack: StackRow, row: DeploymentRow) -> StackRow:
    """Return the stack while a deployment changes it; going back without a good deployment is a removal too."""
    is_rolling_back = row.state is DeploymentStatus.ROLLING_BACK
    if row.kind == REMOVAL_KIND or (is_rolling_back and stack.last_good is None):
        stack = replace(stack, removal=row.deployment)
    if row.kind == REMOVAL_KIND:
        return stack
    return replace(stack, owner=stack.owner or row.deployment, unsettled=stack.unsettled or row.deployment)


def _complete(stack: StackRow, row: DeploymentRow) -> StackRow:
    """Return the stack after a deployment that brought it to its configuration."""
    return replace(
        _settle(stack),
        last_good=row.deployment,
        owner=stack.owner or row.deployment,
        endpoint=row.endpoint,
        outputs=row.outputs,
    )


def _restore(stack: StackRow, row: DeploymentRow) -> StackRow:
    """Return the stack after a rollback to its last good deployment, whose functions have new versions then."""
    settled = _settle(stack)
    return replace(settled, endpoint=row.endpoint, outputs=row.outputs) if row.outputs else settled


def _settle(stack: StackRow) -> StackRow:
    """Return the stack when it is known again; one that was held before holds could be resolved is free, too."""
    return replace(stack, unsettled=None, removal=None, held_by=None, resolved=None)


def _hold(stack: StackRow, row: DeploymentRow) -> StackRow:
    return replace(stack, held_by=row.deployment)


_STACK_AFTER: Mapping[DeploymentStatus, Callable[[StackRow, DeploymentRow], StackRow]] = {
    DeploymentStatus.COMPLETED: _complete,
    DeploymentStatus.ROLLED_BACK: _restore,
    DeploymentStatus.NEEDS_OPERATOR: _hold,
}


def _clear_unsettled(stack: StackRow, deployment: str) -> StackRow:
    """Return the stack after a deployment that ended before its first operation."""
    return replace(
        stack,
        unsettled=None if stack.unsettled == deployment else stack.unsettled,
        removal=None if stack.removal == deployment else stack.removal,
    )


def _failed_before_any_change(row: DeploymentRow) -> bool:
    """Whether the deployment failed before its first operation; one whose process died may have done some."""
    was_interrupted = row.was_interrupted or (row.error or {}).get("code") == INTERRUPTED
    return row.state is DeploymentStatus.FAILED and not was_interrupted and not any(row.changes.values())


def _has_emptied_stack(row: DeploymentRow) -> bool:
    """Whether the stack was destroyed, or its first deployment rolled back: its names may stay reserved."""
    if row.state is DeploymentStatus.ROLLED_BACK:
        return "restored_deployment" not in (row.error or {})
    return row.state is DeploymentStatus.COMPLETED and row.kind == REMOVAL_KIND


def _first_row(event: Mapping[str, Any], position: int, state: DeploymentStatus) -> DeploymentRow:
    data = event["data"]
    row = DeploymentRow(
        deployment=data["deployment_id"],
        stack=event["subject"],
        kind=DEPLOYMENT_KINDS.get(data.get("request_type") or event["type"], "deploy"),
        state=DeploymentStatus.PENDING,
        requested_at=event.get("time", ""),
        position=position,
    )
    return _next_row(row, state, event) if state in TERMINAL_STATUSES else row


def _next_row(row: DeploymentRow, state: DeploymentStatus, event: Mapping[str, Any]) -> DeploymentRow:
    data = event["data"]
    ended = state in TERMINAL_STATUSES
    completed = state is DeploymentStatus.COMPLETED
    outputs = data.get("outputs") or {}
    return replace(
        row,
        state=state,
        changes=data.get("changes") or ({} if _ended_unchanged(row, state) else row.changes),
        finished_at=event.get("time") if ended else None,
        endpoint=data.get("endpoint") or outputs.get("endpoint") if ended else None,
        outputs=outputs if ended else {},
        error=_rename_error_fields(data) if ended and not completed else None,
        was_interrupted=row.was_interrupted or interrupts_changes(row.state, event["type"]),
        restored=_find_restored(row, event),
    )


def _ended_unchanged(row: DeploymentRow, state: DeploymentStatus) -> bool:
    """Whether the deployment ended with a plan that was not carried out; one that was interrupted may have begun."""
    return state in (DeploymentStatus.REJECTED, DeploymentStatus.SUPERSEDED) and not row.was_interrupted


def _find_restored(row: DeploymentRow, event: Mapping[str, Any]) -> str | None:
    if event["type"] != REQUEST_RESOLVED or row.kind != ROLLBACK_KIND:
        return row.restored
    return str(event["data"]["restored_deployment"])


def _rename_error_fields(data: Mapping[str, Any]) -> dict[str, Any]:
    return {name: data[field] for field, name in ERROR_FIELDS.items() if data.get(field)}


class ProjectionRows(Protocol):
    """Where rows of deployments and stacks are kept; the reading methods are those of LedgerReader."""

    def deployment(self, deployment: str) -> DeploymentRow | None: ...

    def deployments(self, stacks: Collection[str] | None, limit: int | None) -> list[DeploymentRow]: ...

    def find_deployments(self, prefix: str) -> list[DeploymentRow]: ...

    def list_similar_ids(self, deployments: Collection[str]) -> list[str]: ...

    def newest(self) -> list[DeploymentRow]: ...

    def stack(self, name: str) -> StackRow: ...

    def stacks(self) -> list[StackRow]: ...

    def holds(self) -> dict[str, str]:
        """Return the deployment that holds each of the held stacks."""
        ...

    def save(self, deployment: DeploymentRow, stack: StackRow) -> None:
        """Insert or replace both rows; a stack of which every request was refused has none."""
        ...


def project_event(rows: ProjectionRows, event: Mapping[str, Any], position: int) -> None:
    """Update the rows with one more event, which is at that position of the log."""
    deployment = deployment_id_of(event)
    if deployment is None:
        return
    before = rows.deployment(deployment)
    after = fold_deployment(before, event, position)
    if after is None:
        return
    stack = rows.stack(after.stack)
    if before is None:
        after = number_deployment(after, stack)
    folded = fold_stack(stack, before, after)
    for fold in (fold_generation_start, fold_resolution, fold_component_type):
        folded = fold(folded, event)
    if after != before or folded != stack:
        rows.save(after, folded)


class MemoryRows:
    """Rows in dictionaries, for folding a whole log at once."""

    def __init__(self, log: Iterable[RecordedEvent] = ()) -> None:
        self.by_deployment: dict[str, DeploymentRow] = {}
        self.by_stack: dict[str, StackRow] = {}
        for recorded in log:
            project_event(self, recorded.event, recorded.position)

    def deployment(self, deployment: str) -> DeploymentRow | None:
        return self.by_deployment.get(deployment)

    def deployments(self, stacks: Collection[str] | None, limit: int | None) -> list[DeploymentRow]:
        chosen = [row for row in self.by_deployment.values() if stacks is None or row.stack in stacks]
        return sorted(chosen, key=lambda row: -row.position)[:limit]

    def find_deployments(self, prefix: str) -> list[DeploymentRow]:
        return [row for row in self.deployments(None, None) if row.deployment.startswith(prefix)]

    def list_similar_ids(self, deployments: Collection[str]) -> list[str]:
        ordered = sorted(self.by_deployment)
        pairs = [*pairwise(ordered), *((two, one) for one, two in pairwise(ordered))]
        return [other for one, other in pairs if one in deployments]

    def newest(self) -> list[DeploymentRow]:
        newest = {row.newest for row in self.by_stack.values()}
        return [row for row in self.deployments(None, None) if row.deployment in newest]

    def stack(self, name: str) -> StackRow:
        return self.by_stack.get(name) or StackRow(name)

    def stacks(self) -> list[StackRow]:
        return [row for _, row in sorted(self.by_stack.items())]

    def holds(self) -> dict[str, str]:
        return {row.stack: row.held_by for row in self.by_stack.values() if row.held_by}

    def save(self, deployment: DeploymentRow, stack: StackRow) -> None:
        self.by_deployment[deployment.deployment] = deployment
        if stack.newest:
            self.by_stack[stack.stack] = stack
