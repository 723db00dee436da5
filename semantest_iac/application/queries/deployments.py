"""What the events of a deployment add up to, for that deployment and for its stack."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from semantest_iac.application.ports.ledger import DeploymentRow, StackRow
from semantest_iac.domain.deployment.states import OPENING, TERMINAL, DeploymentState, next_state
from semantest_iac.domain.errors import InvalidStateError

# What a terminal event says of its reason -> what readers of `error` find.
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


def fold(row: DeploymentRow | None, event: Mapping[str, Any], position: int) -> DeploymentRow | None:
    """The row after one more event of its deployment; None until a request opens it.

    The log holds facts, so nothing is refused here: an event that no transition allows changes nothing.
    """
    data = event["data"]
    try:
        state = next_state(row.state if row else None, event["type"], str(data.get("step") or ""))
    except InvalidStateError:
        return row
    if row is None:
        return _opened(event, position)
    return _continued(row, state, event) if row.stack == event["subject"] else row


def deployment_of(event: Mapping[str, Any]) -> str | None:
    """The id of the deployment that an event is about, if it is about one and says of which stack."""
    data = event.get("data")
    if not isinstance(data, dict) or not event.get("subject"):
        return None
    return data.get("deployment_id") or None


def fold_stack(stack: StackRow, before: DeploymentRow | None, after: DeploymentRow) -> StackRow:
    """The stack after one of its deployments went from `before` to `after`."""
    if before is None:
        return replace(stack, newest=after.deployment)
    if before.state is after.state:
        return stack
    if _left_nothing(after):
        return StackRow(stack.stack, generation=stack.generation + 1, newest=stack.newest)
    if after.state is DeploymentState.ROLLED_BACK and after.outputs:  # the restored versions have numbers of their own
        return replace(stack, endpoint=after.endpoint, outputs=after.outputs)
    if after.state is not DeploymentState.COMPLETED:
        return stack
    return replace(stack, last_good=after.deployment, endpoint=after.endpoint, outputs=after.outputs)


def _left_nothing(row: DeploymentRow) -> bool:
    """Removed, or a first deployment taken back: the names it used may be reserved from now on."""
    if row.state is DeploymentState.ROLLED_BACK:
        return "restored_deployment" not in (row.error or {})
    return row.state is DeploymentState.COMPLETED and row.kind == "destroy"


def _opened(event: Mapping[str, Any], position: int) -> DeploymentRow:
    return DeploymentRow(
        deployment=event["data"]["deployment_id"],
        stack=event["subject"],
        kind=OPENING[event["type"]],
        state=DeploymentState.PENDING,
        requested_at=event.get("time", ""),
        position=position,
    )


def _continued(row: DeploymentRow, state: DeploymentState, event: Mapping[str, Any]) -> DeploymentRow:
    data = event["data"]
    ended = state in TERMINAL
    completed = state is DeploymentState.COMPLETED
    outputs = data.get("outputs") or {}
    return replace(
        row,
        state=state,
        changes=data.get("changes") or row.changes,
        finished_at=event.get("time") if ended else None,
        endpoint=data.get("endpoint") or outputs.get("endpoint") if ended else None,
        outputs=outputs if ended else {},
        error=_error(data) if ended and not completed else None,
    )


def _error(data: Mapping[str, Any]) -> dict[str, Any]:
    return {name: data[field] for field, name in ERROR_FIELDS.items() if data.get(field)}
