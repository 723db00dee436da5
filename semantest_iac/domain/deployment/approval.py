"""What a person approves: one plan, named by its digest, until a time."""

from __future__ import annotations

import hashlib
import json
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from operator import attrgetter
from typing import TypedDict

from semantest_iac.domain.errors import DeploymentError
from semantest_iac.domain.instants import format_instant
from semantest_iac.domain.security.redaction import MASK
from semantest_iac_events.deployments import DeploymentPlanned
from semantest_iac_events.values import ChangeCounts, ResourceChange

SHOWN_DIGEST_LENGTH = 12
"""So many characters of a digest are shown: enough for people to tell the plans of one deployment apart."""

USUAL_APPROVAL_TIME = timedelta(days=7)
"""For how long a plan waits for an approval where nothing else is configured."""

APPROVAL_DENIED = "APPROVAL_DENIED"
"""The code of a deployment whose plan a person rejected."""

EVENT_MARK = ", event "
"""Separates who sent a request, as the event says, from the event that it came with."""

_HARMLESS = ("create", "update")


@dataclass(frozen=True, slots=True)
class ApprovalTerms:
    """Until when a plan may be approved, and by whom: `approvers` is empty for anybody.

    With `four_eyes`, whoever requested the deployment may not approve it.
    """

    expires_at: datetime
    approvers: tuple[str, ...] = ()
    four_eyes: bool = False


class ApprovalFields(TypedDict):
    """The fields of a request for an approval that say what waits, why, until when and for whom."""

    changes: ChangeCounts
    reasons: tuple[str, ...]
    plan_digest: str
    resources: tuple[ResourceChange, ...]
    expires_at: datetime
    approvers: tuple[str, ...]
    four_eyes: bool


def approval_fields(planned: DeploymentPlanned, reasons: Iterable[str], terms: ApprovalTerms) -> ApprovalFields:
    """Return the fields of the request for an approval of this plan."""
    return ApprovalFields(
        changes=planned.changes,
        reasons=tuple(reasons),
        plan_digest=digest_plan(planned),
        resources=planned.resources,
        expires_at=terms.expires_at,
        approvers=terms.approvers,
        four_eyes=terms.four_eyes,
    )


def approval_denied_error(disapproved_by: str, reason: str) -> DeploymentError:
    """Return the error of a deployment whose plan a person rejected."""
    cause = f": {reason}" if reason else "."
    return DeploymentError(f"{disapproved_by} did not approve the plan{cause}", APPROVAL_DENIED)


def approval_expired_error(end: datetime) -> DeploymentError:
    """Return the error of a deployment whose plan nobody approved in time."""
    hint = "Deploy again: it is planned anew."
    return DeploymentError(f"Nobody approved the plan before {format_instant(end)}.", "APPROVAL_EXPIRED", hint=hint)


def is_requested_by_event(requested_by: str) -> bool:
    """Whether a request came with an event, so that its sender has said by whom."""
    return EVENT_MARK in requested_by or requested_by.startswith(EVENT_MARK.removeprefix(", "))


def is_same_person(name: str, requested_by: str) -> bool:
    """Whether a name may be that of whoever requested a deployment, in another spelling too.

    Of an event, that is what its sender says of itself before the event is named. Whoever is masked may be anybody.
    """
    said = requested_by.partition(EVENT_MARK)[0]
    if MASK in said:
        return True
    return _fold(name) in (_fold(requested_by), _fold(said))


def _fold(name: str) -> str:
    """Return a name without what does not tell people apart: case, width and composition, spaces, hidden characters."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
    return "".join(each for each in folded if each.isprintable() and not each.isspace())


def digest_plan(planned: DeploymentPlanned) -> str:
    """Return the digest of a plan: its operations, the resources with what causes each, and the package.

    The order of the resources is not a part of it: engines plan in the order of the moment. Values of properties are
    none either, as secrets could be guessed from a digest.
    """
    resources = sorted(planned.resources, key=attrgetter("urn", "op"))
    parts = {
        "changes": planned.changes.model_dump(),
        "resources": [resource.model_dump() for resource in resources],
        "artifact": planned.artifact_digest,
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def is_rest_of_plan(planned: DeploymentPlanned, approved: DeploymentPlanned) -> bool:
    """Whether a plan only goes on with an approved one of which a part is done.

    A resource that a killed run was creating may be there by now, and is updated; none is deleted or replaced that was
    not to be before.
    """
    operations = {resource.urn: resource.op for resource in approved.resources}
    return planned.artifact_digest == approved.artifact_digest and all(
        resource.urn in operations and resource.op in (*_HARMLESS, operations[resource.urn])
        for resource in planned.resources
    )
