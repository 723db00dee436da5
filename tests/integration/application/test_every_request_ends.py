"""With any fault and any cancellation, every request ends once and the ledger stays intact."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st

from semantest_iac.application.deployment.recorder import read_deployment
from semantest_iac.application.ports.ledger import RecordedEvent
from semantest_iac.application.queries.projection import deployment_id_of
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.deployment.status import (
    DEPLOYMENT_KINDS,
    TERMINAL_STATUSES,
    DeploymentStatus,
    find_next_status,
)
from semantest_iac.domain.errors import DeploymentError, ProviderError
from tests.fakes.application import InMemoryApp, configuration_of

STACKS = [Stack("rest-api", "aws", "development", region) for region in ("us-east-1", "us-west-2", "eu-west-1")]
POINTS = ["build", "preview", "apply", "apply:function", "apply:api", "call", "remove", "remove:api"]
FAULTS = [None, None, ProviderError("Cannot do it: no.", provider="aws"), RuntimeError("a defect")]


@dataclass(frozen=True)
class RequestPlan:
    """One request, the faults that it meets, and the turns of the event loop after which it is cancelled."""

    stack: Stack
    destroys: bool
    memory: int
    faults: tuple[tuple[str, Exception | None], ...]
    cancelled_after: int | None


FAULT = st.tuples(st.sampled_from(POINTS), st.sampled_from(FAULTS))
PLAN = st.builds(
    RequestPlan,
    stack=st.sampled_from(STACKS),
    destroys=st.booleans(),
    memory=st.sampled_from([128, 256]),
    faults=st.lists(FAULT, max_size=3).map(tuple),
    cancelled_after=st.none() | st.none() | st.integers(0, 300),
)


async def run_plan(app: InMemoryApp, plan: RequestPlan) -> None:
    """Send the request; cancel it in time."""
    for point, fault in plan.faults:
        app.points.fail(point, fault)
    sending = asyncio.create_task(_send(app, plan))
    for _ in range(plan.cancelled_after or 0):
        await asyncio.sleep(0)
    if plan.cancelled_after is not None:
        sending.cancel()
    with suppress(asyncio.CancelledError, DeploymentError, RuntimeError):
        await sending


async def _send(app: InMemoryApp, plan: RequestPlan) -> None:
    if plan.destroys:
        await app.use_cases.destroy(plan.stack)
    else:
        await app.use_cases.deploy(plan.stack, configuration_of(plan.stack, memory=plan.memory))


async def run_all(app: InMemoryApp, plans: list[RequestPlan], at_once: int) -> None:
    """Run so many plans at a time."""
    for start in range(0, len(plans), at_once):
        await asyncio.gather(*(run_plan(app, plan) for plan in plans[start : start + at_once]))


def states_by_deployment(recorded: list[RecordedEvent]) -> dict[str, list[DeploymentStatus]]:
    """The states of each deployment; raises InvalidStateError for an illegal transition."""
    states: dict[str, list[DeploymentStatus]] = {}
    for row in recorded:
        event = row.event
        deployment = deployment_id_of(event)
        if deployment is None:  # an event about an environment
            continue
        life = states.setdefault(deployment, [])
        life.append(find_next_status(life[-1] if life else None, row.type, event["data"].get("step") or ""))
    return states


class TestEveryRequest:
    @settings(max_examples=150, derandomize=True, deadline=None, database=None)
    @given(plans=st.lists(PLAN, min_size=1, max_size=8), at_once=st.integers(1, 4))
    def test_ends_exactly_once_in_a_ledger_that_holds(self, plans: list[RequestPlan], at_once: int) -> None:
        app = InMemoryApp()
        asyncio.run(run_all(app, plans, at_once))

        recorded = app.ledger.recorded
        opened = Counter(deployment_id_of(row.event) for row in recorded if row.type in DEPLOYMENT_KINDS)
        ended = Counter(
            deployment for deployment, life in states_by_deployment(recorded).items() if life[-1] in TERMINAL_STATUSES
        )
        assert opened == ended
        for row in app.ledger.deployments():
            deployment = read_deployment(app.ledger, row.deployment)
            assert deployment is not None
            assert (deployment.status, deployment.kind) == (row.state, row.kind)
        assert app.ledger.verify().events == len(recorded)
        assert app.locks.holders == {}
