"""Finds the deployment that a rollback goes back to: a named one, a numbered one, or the good one before another."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from semantest_iac.application.ports.ledger import DeploymentRow, LedgerReader
from semantest_iac.application.queries.history import (
    find_deployment_id,
    find_request_of,
    is_event_of,
    list_events_since,
)
from semantest_iac.domain.deployment.events import PackageBuilt, RequestResolved
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.deployment.status import (
    ACTIVE_STATUSES,
    REMOVAL_KIND,
    ROLLBACK_KIND,
    DeploymentStatus,
)
from semantest_iac.domain.environments.names import make_printable
from semantest_iac.domain.errors import Fault, NotFoundError, ValidationError
from semantest_iac_events.deployments import DeploymentRequested

_SHOWN_ID_LENGTH = 8  # as many characters as the first group of an id has

_NEVER_BEGUN = frozenset({DeploymentStatus.REJECTED, DeploymentStatus.SUPERSEDED, *ACTIVE_STATUSES})

_REQUESTED = ("configuration", "base_environment", "component_type")
_CONTENT = {
    DeploymentRequested.type_name: _REQUESTED,
    RequestResolved.type_name: _REQUESTED,
    PackageBuilt.type_name: ("digest", "companions"),
}
"""By type of event, what it says about what a deployment brought."""


def find_undone_target(ledger: LedgerReader, stack: str) -> DeploymentRow:
    """Return what a rollback without a target goes back to; raises NotFoundError where nothing is.

    It is the last good deployment where another one has begun since then and not ended well. Where the newest one ended
    well, it is the good one before: one further back after a rollback, past deployments that had changed nothing, and
    past those that only restored in the cloud what was deployed before. Raises ValidationError where the one to undo
    rotated a secret, which no rollback takes back.
    """
    good = list(_list_restorable(ledger, stack))
    if not good:
        raise NotFoundError(f"Cannot roll back '{stack}': it has no completed deployment.", hint="Deploy it first.")
    if not _is_newest(ledger, good[0]):
        return good[0]
    live = good[0]
    _require_no_rotation(ledger, live)
    while older := _find_equal(ledger, good, live):
        live = older
        _require_no_rotation(ledger, live)
    message = f"Cannot roll back '{stack}': there is no good deployment before the one that is live."
    return _require_one(_list_before(good, live), message)


def _require_no_rotation(ledger: LedgerReader, live: DeploymentRow) -> None:
    rotated = _read_request(ledger, live).get("rotated_secrets")
    if rotated:
        before = next(_list_before(_list_restorable(ledger, live.stack), live), None)
        named = f", such as `--to {before.number}`" if before else ""
        raise ValidationError(
            f"Cannot roll back '{live.stack}': the deployment to undo rotated {', '.join(rotated)}, and a rollback"
            " brings back no value.",
            hint=f"`semantest-iac secrets rotate` sets another value; to go back further, name a deployment{named}.",
        )


def find_target_before(ledger: LedgerReader, deployment: DeploymentRow) -> DeploymentRow:
    """Return the last good deployment before another one of its stack; raises NotFoundError without one."""
    before = _list_before(_list_restorable(ledger, deployment.stack), deployment)
    message = f"Cannot undo deployment '{deployment.deployment}': no good one of {deployment.stack} is before it."
    return _require_one(before, message)


def find_named_target(ledger: LedgerReader, name: str, stack: str | None) -> DeploymentRow:
    """Return the deployment with this number in the stack, else the one whose id begins so.

    Raises NotFoundError if there is none, ValidationError if several ids begin so.
    """
    if is_deployment_number(name):
        numbered = (row for row in ledger.deployments({stack}) if row.number == int(name)) if stack else iter(())
        if row := next(numbered, None):
            return row
        whose = f"'{stack}' has no such deployment" if stack else "a number needs its stack"
        hint = "`semantest-iac history` lists the deployments with their numbers."
        raise NotFoundError(f"Cannot find deployment no. {name}: {whose}.", hint=hint)
    row = ledger.deployment(find_deployment_id(ledger, name))
    assert row is not None  # noqa: S101  # it was just found
    return row


def is_deployment_number(name: str) -> bool:
    """Whether a name is a number: so few digits begin some id by chance, and nobody means that one."""
    return name.isascii() and name.isdecimal() and len(name) < _SHOWN_ID_LENGTH


def choose_rollback_target(
    ledger: LedgerReader, stack: str | None, *, to: str | None = None, undo: str | None = None
) -> DeploymentRow:
    """Return what a rollback is to go back to: `to` itself, what was good before `undo`, else before what is live.

    Both are ids, beginnings of ids or numbers of the stack, which an id needs no more. Raises NotFoundError or
    ValidationError for what cannot be gone back to.
    """
    if to is not None and undo is not None:
        raise ValidationError("Cannot roll back to one deployment and before another one.", hint="Name one of them.")
    if to is not None:
        target = find_named_target(ledger, to, stack)
        require_restorable(ledger, stack or target.stack, target.deployment)
        return target
    if undo is not None:
        undone = find_named_target(ledger, undo, stack)
        if stack not in (None, undone.stack):
            faults = [Fault("deployment", f"it is of {undone.stack}", "Name a deployment of the stack.")]
            raise ValidationError(f"Cannot undo deployment '{undone.deployment}' of '{stack}'.", faults=faults)
        return find_target_before(ledger, undone)
    if stack is None:
        raise ValidationError("Cannot roll back: no stack is named.", hint="Name a component or a deployment.")
    return find_undone_target(ledger, stack)


def require_restorable(ledger: LedgerReader, stack: str, target: str) -> None:
    """Raise NotFoundError or ValidationError for a deployment that a stack cannot go back to.

    Names in the cloud are those of a generation: what was destroyed since cannot be gone back to.
    """
    row = ledger.deployment(target)
    if row is None:
        raise NotFoundError(f"Cannot roll back to deployment '{make_printable(target)}': it is not in the ledger.")
    problem = ""
    if row.stack != stack:
        problem = f"it is of {row.stack}"
    elif row.kind == REMOVAL_KIND or row.state is not DeploymentStatus.COMPLETED:
        problem = f"it is a {row.kind} that is {row.state.replace('_', ' ')}"
    elif all(row.deployment != other.deployment for other in _list_restorable(ledger, stack)):
        problem = "its stack was destroyed since then"
    if problem:
        faults = [Fault("target_deployment", problem, "Name a completed deployment of the stack.")]
        raise ValidationError(f"Cannot roll back to deployment '{target}'.", faults=faults)


def _list_restorable(ledger: LedgerReader, stack: str) -> Iterator[DeploymentRow]:
    """Yield the completed deployments since the stack was last emptied, newest first."""
    for row in ledger.deployments({stack}):
        if row.kind == REMOVAL_KIND and row.state is DeploymentStatus.COMPLETED:
            return
        if row.kind != REMOVAL_KIND and row.state is DeploymentStatus.COMPLETED:
            yield row


def _is_newest(ledger: LedgerReader, good: DeploymentRow) -> bool:
    """Whether no deployment has begun since this one that may have changed something."""
    for row in ledger.deployments({good.stack}):
        if row.deployment == good.deployment:
            return True
        has_begun = row.was_interrupted or row.state is DeploymentStatus.NEEDS_OPERATOR or not _has_changed_nothing(row)
        if has_begun and row.state not in _NEVER_BEGUN:
            return False
    return True


def _has_changed_nothing(row: DeploymentRow) -> bool:
    return not any(count for operation, count in row.changes.items() if operation != "same")


def _find_equal(ledger: LedgerReader, good: Iterable[DeploymentRow], live: DeploymentRow) -> DeploymentRow | None:
    """Return what a rollback stands for, or the good deployment before one that brought nothing of its own."""
    if live.kind == ROLLBACK_KIND:
        return next((row for row in good if row.deployment == live.restored), None)
    older = next(iter(_list_before(good, live)), None)
    if older and (_has_changed_nothing(live) or _has_only_restored(ledger, live, older)):
        return older
    return None


def _has_only_restored(ledger: LedgerReader, live: DeploymentRow, older: DeploymentRow) -> bool:
    """Whether a deployment that read the cloud, as `drift --fix`, brought what another one had deployed."""
    return bool(_read_request(ledger, live).get("refresh")) and _read_content(ledger, live) == _read_content(
        ledger, older
    )


def _read_content(ledger: LedgerReader, row: DeploymentRow) -> dict[str, Any]:
    """Return what a deployment brought: its configuration, but for a canary, and its packages."""
    content: dict[str, Any] = {}
    for recorded in list_events_since(ledger, row):
        if recorded.type in _CONTENT and is_event_of(recorded, row.deployment):
            content |= {name: recorded.event["data"].get(name) for name in _CONTENT[recorded.type]}
    component = Stack.parse(row.stack).component
    return content | {"configuration": without_canary(content.get("configuration") or {}, component)}


def without_canary(configuration: Mapping[str, Any], component: str) -> dict[str, Any]:
    """Return the configuration without a canary: what has had all of the traffic before gets it back at once."""
    components = dict(configuration.get("components") or {})
    section = components.get(component)
    if not isinstance(section, Mapping) or "canary" not in section:
        return dict(configuration)
    kept = {key: value for key, value in section.items() if key != "canary"}
    return {**configuration, "components": {**components, component: kept}}


def _read_request(ledger: LedgerReader, deployment: DeploymentRow) -> Mapping[str, Any]:
    """Return the data of the event that asked for a deployment."""
    requested = find_request_of(ledger, deployment)
    data: Mapping[str, Any] = requested.event["data"] if requested else {}
    return data


def _list_before(good: Iterable[DeploymentRow], deployment: DeploymentRow) -> Iterator[DeploymentRow]:
    return (row for row in good if row.position < deployment.position)


def _require_one(found: Iterable[DeploymentRow], message: str) -> DeploymentRow:
    row = next(iter(found), None)
    if row is None:
        raise NotFoundError(message, hint="`semantest-iac history` lists the deployments.")
    return row
