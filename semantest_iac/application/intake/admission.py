"""Judges a request before it is accepted, and words the answer to one that is not.

Loops and hops are judged here, by the ledger; duplicates, conflicts, staleness and the rate by the queue, in the
transaction that accepts the request.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from uuid import uuid4

from semantest_iac.application.deployment.failures import error_fields
from semantest_iac.application.intake.ancestry import MAX_HOPS, Ancestry, trace_ancestry
from semantest_iac.application.intake.request_origin import RequestOrigin, is_published_copy
from semantest_iac.application.intake.source_rules import CONFLICT_CODE, build_conflict_refusal
from semantest_iac.application.ports.ledger import LedgerReader
from semantest_iac.application.ports.request_sources import RequestLimit, RequestRefusal
from semantest_iac.application.ports.run_queue import Submission
from semantest_iac.domain.errors import DeploymentError, TooSoonError
from semantest_iac_events.deployments import DeploymentRejected, DeploymentRequested
from semantest_iac_events.event import StackRequest
from semantest_iac_events.forms.fields import dump_own_fields
from semantest_iac_events.infrastructure import InfrastructureRemovalRequested

_COMPLETE_STATES = (DeploymentRequested, InfrastructureRemovalRequested)  # they say all that the stack is to be


@dataclass(frozen=True, slots=True)
class JudgedRequest:
    """A request with its hops counted, and what the queue is to be told about it, without the events yet.

    The refusal of the submission holds unless the request is a duplicate; `duplicate_of` says that it is one of our own
    events that came back.
    """

    request: StackRequest
    submission: Submission
    duplicate_of: str | None = None


def judge_request(
    ledger: LedgerReader, request: StackRequest, origin: RequestOrigin, limit: RequestLimit | None = None
) -> JudgedRequest:
    """Return what is to be done with a request; a command is neither stale nor limited, and closes no loop."""
    submission = Submission(
        request.deployment_id,
        request.stack,
        (),
        origin.source,
        origin.key_of(request),
        origin.digest_of(request),
        replaces_waiting=isinstance(request, _COMPLETE_STATES),
    )
    if origin.is_command:
        return JudgedRequest(request, submission)
    causes = tuple(dict.fromkeys((*request.previous_event_ids, *origin.causes)))
    caused = request.model_copy(update={"previous_event_ids": causes})
    ancestry = trace_ancestry(ledger, caused)
    if isinstance(request, DeploymentRequested):
        caused = caused.model_copy(update={"hops": ancestry.hops})
    refusal = _find_refusal(ledger, request, ancestry)
    return JudgedRequest(
        caused,
        replace(submission, order=origin.order, limit=limit, refusal=refusal),
        duplicate_of=find_own_request(ledger, request),
    )


def refuse_after_error(error: DeploymentError) -> RequestRefusal:
    """Return the refusal of an event whose request is not valid or not allowed."""
    retry_at = error.retry_at.timestamp() if isinstance(error, TooSoonError) else None
    return RequestRefusal(**error_fields(error), retry_at=retry_at)


def build_rejection(request: StackRequest, refusal: RequestRefusal) -> DeploymentRejected:
    """Return the answer to a refused request, which names the request and its causes as its own.

    The deployment id of the request may be that of another one, or be used when the request is sent again: the answer
    then has an id of its own.
    """
    retry_at = refusal.retry_at
    is_open = refusal.code == CONFLICT_CODE or retry_at is not None
    return DeploymentRejected(
        component=request.component,
        provider=request.provider,
        environment=request.environment,
        region=request.region,
        project=request.project,
        deployment_id=str(uuid4()) if is_open else request.deployment_id,
        previous_event_ids=(*request.previous_event_ids, request.id),
        correlation_id=request.correlation_id,
        code=refusal.code,
        reason=refusal.reason,
        hint=refusal.hint,
        ancestry=refusal.path,
        request_type=request.type_name,
        accepted_deployment=refusal.deployment,
        retry_at=None if retry_at is None else datetime.fromtimestamp(retry_at, UTC),
    )


def _find_refusal(ledger: LedgerReader, request: StackRequest, ancestry: Ancestry) -> RequestRefusal | None:
    known = ledger.deployment(request.deployment_id)
    if known is not None:
        return build_conflict_refusal(known.deployment)
    if ancestry.loop:
        return RequestRefusal(
            "REQUEST_LOOP",
            f"The request was caused by a deployment of its own stack: {' -> '.join(ancestry.loop)}.",
            "Break the loop at one of these stacks. A request that is meant to follow needs a new correlation id and"
            " no cause.",
            path=ancestry.loop,
        )
    if ancestry.hops > MAX_HOPS:
        return RequestRefusal(
            "TOO_MANY_HOPS",
            f"More than {MAX_HOPS} deployments, each caused by the one before, led to the request.",
            "Check what requests deployments after each other. A request that is meant to follow needs a new"
            " correlation id and no cause.",
        )
    return None


def find_own_request(ledger: LedgerReader, request: StackRequest) -> str | None:
    """Return the deployment of a request that this ledger published, and a subscriber gave back to it.

    Secrets were masked in it, and Semantest's server has given it another id.
    """
    rows = ledger.find_events([str(request.id)])
    if known := ledger.deployment(request.deployment_id):
        rows += ledger.log(known.position - 1, 1)
    asked = dump_own_fields(request)
    for row in rows:
        recorded = row.event["data"]
        if row.type == request.type_name and is_published_copy(recorded, asked):
            return str(recorded["deployment_id"])
    return None
