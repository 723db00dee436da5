"""Whatever fails and whoever is called off: every request ends once, and the ledger can be believed."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st

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
class Wish:
    """One request, what is in its way, and after how many turns of the loop its requester loses patience."""

    stack: Stack
    destroys: bool
    memory: int
    faults: tuple[tuple[str, Exception | None], ...]
    patience: int | None


FAULT = st.tuples(st.sampled_from(POINTS), st.sampled_from(FAULTS))
WISH = st.builds(
    Wish,
    stack=st.sampled_from(STACKS),
    destroys=st.booleans(),
    memory=st.sampled_from([128, 256]),
    faults=st.lists(FAULT, max_size=3).map(tuple),
    patience=st.none() | st.none() | st.integers(0, 300),
)


async def fulfil(app: InMemoryApp, wish: Wish) -> None:
    """Ask; give up when patience is over."""
    for point, fault in wish.faults:
        app.points.fail(point, fault)
    asking = asyncio.create_task(_asked(app, wish))
    for _ in range(wish.patience or 0):
        await asyncio.sleep(0)
    if wish.patience is not None:
        asking.cancel()
    with suppress(asyncio.CancelledError, DeploymentError, RuntimeError):
        await asking


async def _asked(app: InMemoryApp, wish: Wish) -> None:
    if wish.destroys:
        await app.use_cases.destroy(wish.stack)
    else:
        await app.use_cases.deploy(wish.stack, configuration_of(wish.stack, memory=wish.memory))


async def fulfil_all(app: InMemoryApp, wishes: list[Wish], at_once: int) -> None:
    """So many at a time, as many people would."""
    for start in range(0, len(wishes), at_once):
        await asyncio.gather(*(fulfil(app, wish) for wish in wishes[start : start + at_once]))


def lives(recorded: list[RecordedEvent]) -> dict[str, list[DeploymentStatus]]:
    """The states of each deployment; raises InvalidStateError for a transition that there is not."""
    states: dict[str, list[DeploymentStatus]] = {}
    for row in recorded:
        event = row.event
        life = states.setdefault(str(deployment_id_of(event)), [])
        life.append(find_next_status(life[-1] if life else None, row.type, event["data"].get("step") or ""))
    return states


class TestEveryRequest:
    @settings(max_examples=150, derandomize=True, deadline=None, database=None)
    @given(wishes=st.lists(WISH, min_size=1, max_size=8), at_once=st.integers(1, 4))
    def test_ends_exactly_once_in_a_ledger_that_holds(self, wishes: list[Wish], at_once: int) -> None:
        app = InMemoryApp()
        asyncio.run(fulfil_all(app, wishes, at_once))

        recorded = app.ledger.recorded
        opened = Counter(deployment_id_of(row.event) for row in recorded if row.type in DEPLOYMENT_KINDS)
        ended = Counter(deployment for deployment, life in lives(recorded).items() if life[-1] in TERMINAL_STATUSES)
        assert opened == ended
        assert app.ledger.verify().events == len(recorded)
        assert app.queue.holders == {}
