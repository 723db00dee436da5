"""What the nemesis requests and breaks, drawn by the seed alone."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from uuid import UUID, uuid5

from semantest_iac.domain.deployment.stack import Stack

STACKS = tuple(
    Stack("rest-api", provider, "development", region)
    for provider, regions in (
        ("aws", ("us-east-1", "us-west-2", "eu-west-1", "ap-south-1")),
        ("azure", ("eastus", "westus2", "westeurope", "northeurope")),
    )
    for region in regions
)
CLIENTS = 3
DEPLOY, DESTROY = "deploy", "destroy"
NO_FAULT, REFUSED, UNHEALTHY, STUCK = "none", "refused", "unhealthy-service", "stuck"
"""What the cloud and the service do: nothing; one operation is refused; the service is unhealthy; one operation is
refused, and everything of the way back too."""
_NAMESPACE = UUID("6f6e4d0c-51f9-4a44-9b30-3f0a1f6e2d10")
_FAULTS = (NO_FAULT,) * 14 + (REFUSED, REFUSED, UNHEALTHY, UNHEALTHY, STUCK)
_REORDERED_WITHIN = 3
_MOST_BETWEEN_STRIKES = 5


@dataclass(frozen=True, slots=True)
class PlannedRequest:
    """One request.

    An event has a `sequence` of its source and comes `copies` times; a command has a priority, may have to wait so many
    seconds, and is given once. `nth` is the operation that is refused. `is_cancelled`: its client cancels it at once.
    """

    number: int
    client: int
    stack: Stack
    kind: str
    version: str
    fault: str
    nth: int
    sequence: int | None = None
    copies: int = 1
    priority: int = 0
    wait_s: float | None = None
    is_cancelled: bool = False

    @property
    def is_event(self) -> bool:
        return self.sequence is not None

    @property
    def name(self) -> str:
        """How the request calls its requester, by which its deployment is recognized."""
        return f"nemesis-{self.number}"

    def event_id(self, seed: int) -> UUID:
        """The id of its event, at each delivery the same."""
        return uuid5(_NAMESPACE, f"{seed}-{self.number}")

    @property
    def source(self) -> str:
        return f"/nemesis/{self.client}"


@dataclass(frozen=True, slots=True)
class Delivery:
    """One delivery of a request by its client."""

    index: int
    request: PlannedRequest


def draw_requests(seed: int, first: int, count: int) -> list[PlannedRequest]:
    """Draw so many requests, numbered from the first."""
    return [_draw_request(random.Random(f"{seed} request {number}"), number) for number in range(first, first + count)]


def _draw_request(dice: random.Random, number: int) -> PlannedRequest:
    given = {
        "number": number,
        "client": dice.randrange(CLIENTS),
        "stack": dice.choice(STACKS),
        "kind": DESTROY if dice.random() < 0.12 else DEPLOY,
        "version": dice.choice(("v1", "v2")),
        "fault": dice.choice(_FAULTS),
        "nth": dice.randint(1, 6),
        "is_cancelled": dice.random() < 0.05,
    }
    if given["kind"] == DESTROY or dice.random() < 0.7:
        copies = dice.choice((1, 1, 1, 2, 3))
        return PlannedRequest(**given, sequence=number, copies=copies)  # type: ignore[arg-type]
    wait_s = dice.choice((None, None, 0.5, 2.0))
    return PlannedRequest(**given, priority=dice.choice((0, 0, 0, 5, -5)), wait_s=wait_s)  # type: ignore[arg-type]


def plan_deliveries(seed: int, requests: Sequence[PlannedRequest], client: int) -> list[Delivery]:
    """Return what one client delivers: the copies of its requests, some of them out of order."""
    dice = random.Random(f"{seed} client {client} {requests[0].number}")
    own = [each for each in requests if each.client == client for _ in range(each.copies)]
    places = sorted(range(len(own)), key=lambda place: place + dice.uniform(0, _REORDERED_WITHIN))
    return [Delivery(index, own[place]) for index, place in enumerate(places)]


KILL_WORKER, PAUSE_WORKER, KILL_CLIENT, CLOCK_FORWARD, CLOCK_BACK, FULL_DISK, STOP_DATABASE, KILL_DATABASE = (
    "worker killed",
    "worker paused past its lease",
    "client killed",
    "clock one hour ahead",
    "clock one hour back",
    "disk full",
    "PostgreSQL restarted",
    "PostgreSQL killed",
)
_WEIGHTS = {
    KILL_WORKER: 6,
    PAUSE_WORKER: 4,
    KILL_CLIENT: 3,
    CLOCK_FORWARD: 2,
    CLOCK_BACK: 2,
    FULL_DISK: 2,
    STOP_DATABASE: 1,
    KILL_DATABASE: 1,
}


def draw_strikes(seed: int, round_number: int, kinds: Sequence[str]) -> Iterator[tuple[int, str, float]]:
    """Draw what is broken without an end: after how many answers, what, and a number below 1 that chooses where."""
    dice = random.Random(f"{seed} strikes {round_number}")
    weights = [_WEIGHTS[kind] for kind in kinds]
    while True:
        yield dice.randint(1, _MOST_BETWEEN_STRIKES), dice.choices(kinds, weights)[0], dice.random()
