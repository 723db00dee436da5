"""How a new version takes over the traffic step by step, and what decides whether it goes on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal
from uuid import UUID

from semantest_iac.domain.errors import RefusedError

WHOLE = 100  # percent
DEFAULT_BAKE_S, DEFAULT_ERROR_RATE, DEFAULT_MIN_REQUESTS = 300, 0.01, 20
LONGEST_BAKE_S = 7 * 86_400
CHECK_INTERVAL_S = 15.0
"""How often a new version is judged before the time of its step is over."""

RequestedShift = Literal["promote", "return"]
"""What a person decides about a new version before its time is over."""


class CanaryRefusedError(RefusedError):
    """The traffic cannot be divided for this deployment; without a canary it may go on."""

    code = "CANARY_REFUSED"


@dataclass(frozen=True, slots=True)
class CanarySettings:
    """The shares of the traffic in percent that a new version gets one after the other, each for `bake_s` seconds.

    A share is judged by the requests to the new version: it is returned where more than `max_error_rate` of them (0 to
    1) failed, or where the slowest twentieth took longer than `max_latency_ms`. Of fewer than `min_requests` only the
    alarms and the health of the service count.
    """

    steps: tuple[int, ...]
    bake_s: int = DEFAULT_BAKE_S
    max_error_rate: float = DEFAULT_ERROR_RATE
    max_latency_ms: float | None = None
    min_requests: int = DEFAULT_MIN_REQUESTS

    @property
    def description(self) -> str:
        """How the traffic moves: `10 % for 5 min, 50 % for 5 min, then all`."""
        shares = ", ".join(f"{weight} % for {describe_duration(self.bake_s)}" for weight in self.steps)
        return f"{shares}, then all"


@dataclass(frozen=True, slots=True)
class TrafficObservation:
    """The requests to the new version since its last step, those of them that failed, and the alarms that are raised.

    `p95_ms` is what all but the slowest twentieth took at most; None where it is not known.
    """

    requests: int = 0
    errors: int = 0
    p95_ms: float | None = None
    alarms: tuple[str, ...] = ()

    @property
    def error_rate(self) -> float:
        """The failed share of the requests, 0 to 1; 0 without any."""
        return self.errors / self.requests if self.requests else 0.0

    @property
    def description(self) -> str:
        """What was observed: `120 requests, 6 failed (5.0 %)`."""
        if not self.requests:
            return "no requests"
        failed = f"{self.errors} failed ({100 * self.error_rate:.1f} %)" if self.errors else "none failed"
        return f"{self.requests} request{'s' if self.requests > 1 else ''}, {failed}"


class ShiftAction(StrEnum):
    """What to do with the traffic of a new version."""

    WAIT = "wait"
    CONTINUE = "continue"
    PROMOTE = "promote"
    RETURN = "return"


@dataclass(frozen=True, slots=True)
class ShiftDecision:
    """What to do, the share of the new version after it in percent, and why.

    `answered` is the event with what a person has decided about it, by the time of this decision.
    """

    action: ShiftAction
    weight: int
    reasons: tuple[str, ...]
    answered: UUID | None = None

    @property
    def share(self) -> int | None:
        """The share of the new version after it, None for all of the traffic."""
        return None if self.weight == WHOLE else self.weight


def decide_shift(
    canary: CanarySettings,
    weight: int,
    observation: TrafficObservation,
    *,
    is_over: bool,
    requested: RequestedShift | None = None,
    because: str = "a person decided so",
) -> ShiftDecision:
    """Decide about a new version that has this share of the traffic; `is_over` says that the time of its step is.

    `because` says why something was `requested`.

    A new version that does badly is returned before its time is over, even one that a person promotes.
    """
    problems = tuple(find_problems(canary, observation))
    if problems:
        return ShiftDecision(ShiftAction.RETURN, 0, problems)
    if requested == "return":
        return ShiftDecision(ShiftAction.RETURN, 0, (because,))
    if requested == "promote":
        return ShiftDecision(ShiftAction.PROMOTE, WHOLE, (because,))
    if not is_over:
        return ShiftDecision(ShiftAction.WAIT, weight, ())
    later = [step for step in canary.steps if step > weight]
    action = ShiftAction.CONTINUE if later else ShiftAction.PROMOTE
    return ShiftDecision(action, later[0] if later else WHOLE, (_conclude(canary, observation),))


def find_problems(canary: CanarySettings, observation: TrafficObservation) -> Iterator[str]:
    """Yield why a new version must not get more of the traffic."""
    for alarm in observation.alarms:
        yield f"the alarm '{alarm}' is raised"
    if observation.requests < canary.min_requests:
        return
    if observation.error_rate > canary.max_error_rate:
        yield f"{observation.description}: more than {100 * canary.max_error_rate:g} %"
    if canary.max_latency_ms is not None and (observation.p95_ms or 0) > canary.max_latency_ms:
        yield f"the slowest twentieth took {observation.p95_ms:.0f} ms or more, above {canary.max_latency_ms:g} ms"


def _conclude(canary: CanarySettings, observation: TrafficObservation) -> str:
    if observation.requests < canary.min_requests:
        return f"{observation.description}: too few to judge, so its health counted alone"
    return observation.description


def describe_duration(seconds: float) -> str:
    """Return a duration in its largest whole unit: `5 min`, `90 s`, `2 h`."""
    for unit, length in (("h", 3600), ("min", 60)):
        if seconds >= length and seconds % length == 0:
            return f"{seconds / length:g} {unit}"
    return f"{seconds:g} s"
