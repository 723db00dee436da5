"""Answers which values of secrets were set in the stores of clouds, for which stacks, when and by whom."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from semantest_iac.application.ports.ledger import LedgerReader, RecordedEvent
from semantest_iac.domain.deployment.status import ACTIVE_STATUSES, DeploymentStatus

_MOST_CHANGES = 100  # that are looked at: rotations that failed one after the other
_COUNTING_STATUSES = frozenset({*ACTIVE_STATUSES, DeploymentStatus.COMPLETED}) - {DeploymentStatus.ROLLING_BACK}
SECRET_CHANGED = "infrastructure.secret.changed"  # noqa: S105  # a type of events


@dataclass(frozen=True, slots=True)
class SetSecret:
    """A value that was set: its id in the store of the cloud, the secret that it is a version of, by whom and when.

    `position` is that of the change in the ledger.
    """

    version: str
    address: str
    changed_by: str = ""
    changed_at: str = ""
    position: int = 0


def secret_correlation(stack: str, secret: str) -> str:
    """Return the correlation id that all changes of one secret of one stack share, by which they are found."""
    return str(uuid5(NAMESPACE_URL, f"semantest:secret:{stack}:{secret}"))


def find_set_secret(reader: LedgerReader, stack: str, secret: str) -> SetSecret | None:
    """Return the value that a deployment takes from the store of the cloud; None where the configuration gives it.

    What was set before the stack was destroyed is gone, and a rotation counts from its request on until it fails. The
    cost does not grow with the ledger.
    """
    generation = reader.stack(stack).generation
    for limit in (1, _MOST_CHANGES):
        found = reader.find_correlated(secret_correlation(stack, secret), stack, limit)
        for recorded in reversed(found):
            change = recorded.event["data"] if recorded.type == SECRET_CHANGED else {}
            if change.get("generation") == generation and _counts(reader, change):
                return _to_set_secret(recorded, change)
        if len(found) < limit:
            break
    return None


def find_secret_version(reader: LedgerReader, stack: str, secret: str, version: str) -> SetSecret | None:
    """Return a version of a secret, whether it counts or not; None for one that is not among the newest hundred."""
    for recorded in reversed(reader.find_correlated(secret_correlation(stack, secret), stack, _MOST_CHANGES)):
        change = recorded.event["data"] if recorded.type == SECRET_CHANGED else {}
        if change.get("version") == version:
            return _to_set_secret(recorded, change)
    return None


def find_secret_versions(reader: LedgerReader, stack: str, secrets: Iterable[str]) -> dict[str, str]:
    """Return the versions of those secrets whose values were set, by secret."""
    found = {secret: find_set_secret(reader, stack, secret) for secret in secrets}
    return {secret: change.version for secret, change in found.items() if change}


def _counts(reader: LedgerReader, change: Mapping[str, Any]) -> bool:
    """Whether a value was set, or its rotation has been requested and has not failed."""
    if change.get("action") != "rotated":
        return True
    rotation = reader.deployment(str(change.get("deployment_id")))
    return rotation is not None and rotation.state in _COUNTING_STATUSES


def _to_set_secret(recorded: RecordedEvent, change: Mapping[str, Any]) -> SetSecret:
    moment = str(recorded.event.get("time", ""))
    by = str(change.get("changed_by", ""))
    return SetSecret(str(change["version"]), str(change["address"]), by, moment, recorded.position)
