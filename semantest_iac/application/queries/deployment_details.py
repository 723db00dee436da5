"""Everything that the ledger says of one deployment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from semantest_iac.application.ports.ledger import LedgerReader
from semantest_iac.application.queries.history import (
    deployment_to_dict,
    find_deployment,
    is_event_of,
    list_events_since,
    requested_engine,
)

# What events say besides the row of history. The newest of each counts.
_SAID_BY_EVENTS: Mapping[str, tuple[str, ...]] = {
    "infrastructure.deployment.requested": ("requested_by",),
    "infrastructure.removal.requested": ("requested_by",),
    "infrastructure.rollback.requested": ("requested_by", "accepted_data_loss"),
    "infrastructure.scaling.triggered": ("requested_by", "reason"),
    "infrastructure.approval.requested": ("expires_at",),
    "infrastructure.approval.granted": ("approved_by",),
    "infrastructure.approval.denied": ("disapproved_by",),
    "infrastructure.deployment.superseded": ("successor",),
    "infrastructure.deployment.needs_operator": ("remainder", "commands"),
    "infrastructure.removal.failed": ("remainder",),
    "infrastructure.deployment.resolved": ("resolved_by",),
}


def read_deployment_details(reader: LedgerReader, deployment: str) -> dict[str, Any]:
    """Return a deployment as `history --json` prints it, with who requested, approved or resolved it, and what is left.

    Fields of which no event says anything are left out. Raises NotFoundError for an unknown id.
    """
    row = find_deployment(reader, deployment)
    engine = requested_engine(reader, row)
    details = deployment_to_dict(row) | {"simulated": engine.is_simulated if engine else None}
    for recorded in list_events_since(reader, row):
        names = _SAID_BY_EVENTS.get(recorded.type, ())
        if names and is_event_of(recorded, deployment):
            data = recorded.event["data"]
            details |= {name: data[name] for name in names if data.get(name)}
    return details
