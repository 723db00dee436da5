"""Finds which deployments led to a request, and the loop that it would close.

The causes that the request and the events before it name are followed through the ledger. Where a cause is not in it,
because another system acted in between and named none of ours, every result that has the same correlation id and came
before counts as a cause.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from semantest_iac.application.ports.ledger import LedgerReader, RecordedEvent
from semantest_iac.application.queries.projection import deployment_id_of
from semantest_iac.domain.deployment.status import DEPLOYMENT_KINDS
from semantest_iac_events import deployments, infrastructure, triggers
from semantest_iac_events.event import StackRequest
from semantest_iac_events.forms.cloudevents import CAUSES_KEY

MAX_HOPS = 10  # a platform has fewer stacks that follow from each other; each hop of a loop costs a deployment
_MAX_STEPS = 4 * MAX_HOPS  # from event to event: several lie between two deployments
_MAX_CAUSES = 100  # of one step
_MAX_CORRELATED = 200
_REQUEST_TYPES = frozenset(
    event.type_name
    for event in (
        deployments.DeploymentRequested,
        infrastructure.InfrastructureRemovalRequested,
        infrastructure.RollbackRequested,
        infrastructure.ScalingTriggered,
    )
)
# What others act upon. An answer of the intake, a plan, an approval or a found drift is no result of a deployment.
_RESULT_TYPES = frozenset(
    event.type_name
    for event in (
        deployments.DeploymentCompleted,
        deployments.DeploymentFailed,
        deployments.DeploymentRolledBack,
        deployments.DeploymentNeedsOperator,
        infrastructure.FunctionDeployed,
        infrastructure.HttpApiDeployed,
        infrastructure.WebSocketApiDeployed,
        infrastructure.ContainerServiceDeployed,
        infrastructure.InfrastructureUpdated,
        infrastructure.InfrastructureUpdateFailed,
        infrastructure.InfrastructureRemoved,
        infrastructure.InfrastructureRemovalFailed,
    )
)
_FOREIGN_TYPES = frozenset({triggers.ServiceDeploymentNeeded.type_name})
_TYPE_OF_KIND = {kind: event_type for event_type, kind in DEPLOYMENT_KINDS.items()}
_END = 1 << 62


@dataclass(frozen=True, slots=True)
class CausingDeployment:
    """A deployment that led to a request; `request_type` is None where the ledger does not know what was requested."""

    deployment: str
    stack: str
    request_type: str | None
    hops: int = 0


@dataclass(frozen=True, slots=True)
class Ancestry:
    """How many deployments led one to the other up to a request, and the loop of stacks that it would close."""

    hops: int = 0
    loop: tuple[str, ...] = ()


_Chain = tuple[CausingDeployment, ...]  # oldest first


@dataclass(frozen=True, slots=True)
class _Step:
    """One event on the way back from a request; `follows` says that something before it led to it."""

    causes: Sequence[str]
    chain: _Chain
    position: int
    follows: bool


def trace_ancestry(ledger: LedgerReader, request: StackRequest) -> Ancestry:
    """Return the deployments that led to a request.

    A request for the same stack closes a loop if it is of the same kind: what was deployed may be destroyed, scaled or
    rolled back because of that.
    """
    steps, unknown_before, is_complete = _follow_causes(ledger, list(map(str, request.previous_event_ids)))
    chains = [step.chain for step in steps]
    if unknown_before:
        chains += _chain_correlated(ledger, request, unknown_before)
    lengths = [len(step.chain) for step in steps]
    recorded = [one.hops + 1 for chain in chains for one in chain]
    hops = max([getattr(request, "hops", 0), *lengths, *recorded]) if is_complete else MAX_HOPS + 1
    return Ancestry(hops, next((loop for chain in chains if (loop := _find_loop(chain, request))), ()))


def _find_loop(chain: _Chain, request: StackRequest) -> tuple[str, ...]:
    """Return the stacks from the nearest deployment that asked for the same up to the request, empty without one."""
    for index in range(len(chain) - 1, -1, -1):
        one = chain[index]
        if one.stack == request.stack and one.request_type in (None, request.type_name):
            return (*(it.stack for it in chain[index:]), request.stack)
    return ()


def _follow_causes(ledger: LedgerReader, causes: Sequence[str]) -> tuple[list[_Step], int, bool]:
    """Return each event that led to a request, before which position a cause is unknown, and whether that is all."""
    followed: list[_Step] = []
    steps, seen, unknown_before = [_Step(causes, (), _END, follows=True)], set[str](), 0
    for _ in range(_MAX_STEPS):
        wanted = list(dict.fromkeys(cause for step in steps for cause in step.causes))[-_MAX_CAUSES:]
        found = {str(row.event.get("id")): row for row in ledger.find_events(wanted)}
        unknown = [step.position for step in steps if step.follows and found.keys().isdisjoint(step.causes)]
        unknown_before = max([unknown_before, *unknown])
        earlier = []
        for step in steps:
            for cause in [it for it in step.causes if it in found and it not in seen]:
                seen.add(cause)
                earlier.append(_step_back(ledger, found[cause], step.chain))
        if not earlier:
            return followed, unknown_before, True
        followed += earlier
        steps = earlier
    return followed, unknown_before, False


def _step_back(ledger: LedgerReader, row: RecordedEvent, chain: _Chain) -> _Step:
    event = row.event
    hops = _read_hops(event)
    follows = row.type in _FOREIGN_TYPES or hops > 0  # a request that nothing led to was accepted with no hops
    deployment = deployment_id_of(event)
    if deployment and row.type in _REQUEST_TYPES | _RESULT_TYPES:
        one = CausingDeployment(deployment, row.stream, _find_request_type(ledger, row, deployment), hops)
        is_known = chain and chain[0].deployment == deployment
        chain = (one, *chain[1:]) if is_known else (one, *chain)
    return _Step(_list_causes(event), chain, row.position, follows)


def _find_request_type(ledger: LedgerReader, row: RecordedEvent, deployment: str) -> str | None:
    if row.type in _REQUEST_TYPES:
        return row.type
    known = ledger.deployment(deployment)
    return _TYPE_OF_KIND.get(known.kind) if known else None


def _read_hops(event: Mapping[str, Any]) -> int:
    return int(event["data"].get("hops") or 0)


def _list_causes(event: Mapping[str, Any]) -> list[str]:
    causes = event["data"].get(CAUSES_KEY) or [event.get("causationid")]
    return [str(cause) for cause in causes if cause]


def _chain_correlated(ledger: LedgerReader, request: StackRequest, before: int) -> Iterator[_Chain]:
    """Yield the deployments that had a result under the request's correlation id before a position, as one chain."""
    correlation = request.correlation_id
    newest = ledger.find_correlated(correlation, limit=_MAX_CORRELATED)
    has_older = len(newest) == _MAX_CORRELATED
    own = ledger.find_correlated(correlation, request.stack, limit=_MAX_CORRELATED) if has_older else []
    rows = {row.position: row for row in (*own, *newest) if row.position < before}
    hops, results = dict[str, int](), dict[str, CausingDeployment]()
    for _, row in sorted(rows.items()):
        event = row.event
        deployment = deployment_id_of(event) or ""
        hops.setdefault(deployment, _read_hops(event))
        if row.type in _RESULT_TYPES and deployment and deployment not in results:
            request_type = _find_request_type(ledger, row, deployment)
            results[deployment] = CausingDeployment(deployment, row.stream, request_type, hops[deployment])
    if results:
        yield tuple(results.values())
