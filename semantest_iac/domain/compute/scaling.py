"""Between how many instances a component scales, what may change that, and how soon after another change."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from semantest_iac.domain.errors import Fault, ValidationError

CONCURRENCY_SHARE = 0.8  # of the most instances at once
DEFAULT_CONCURRENCY = 1000  # instances at once if no maximum is configured

# The autoscaling of a cloud waits as long between two scalings of most kinds of resources, and that of Kubernetes
# before it takes pods away: decision 68 has the sources.
DEFAULT_COOLDOWN_S = 300
COOLDOWNS_BEFORE_REDUCTION = 3
"""So many cooldowns must pass after a scaling out before a scaling in; the other way round, one is enough."""

ScalingDirection = Literal["out", "in"]
"""Whether there are more instances than before, or fewer."""


@dataclass(frozen=True, slots=True)
class ScalingPolicy:
    """Between how many instances a component scales.

    `minimum` instances are kept warm (0: none); without a `maximum` the limit of the account holds.
    """

    minimum: int = 0
    maximum: int | None = None

    def find_direction(self, target: ScalingPolicy) -> ScalingDirection | None:
        """Return the direction of a change to the target: in, if it takes anything away; None if it changes nothing."""
        pairs = ((self.minimum, target.minimum), (_limit(self.maximum), _limit(target.maximum)))
        if any(after < before for before, after in pairs):
            return "in"
        return "out" if any(after > before for before, after in pairs) else None


@dataclass(frozen=True, slots=True)
class ScalingChange:
    """What a request to scale asks for; what is None stays as it is deployed.

    Steps are added to what is deployed, negative ones take away.
    """

    minimum: int | None = None
    maximum: int | None = None
    minimum_step: int = 0
    maximum_step: int = 0


@dataclass(frozen=True, slots=True)
class ScalingBounds:
    """What requests to scale may ask for; a request of an event keeps the cooldown, which is in seconds."""

    minimum: int = 0
    maximum: int | None = None
    cooldown_s: int = DEFAULT_COOLDOWN_S


@dataclass(frozen=True, slots=True)
class PastScaling:
    """A scaling that was carried out: when it ended, and its direction as far as that was recorded."""

    ended_at: datetime
    direction: ScalingDirection | None = None


class ScalingService:
    """Decides how a component scales, what may change that and how soon, and when it comes near its limit."""

    def choose_policy(
        self, default: ScalingPolicy, minimum: int | None, maximum: int | None, *, auto_scale: bool = True
    ) -> ScalingPolicy:
        """Return the configured policy; without `auto_scale` the number of instances is fixed, at least 1."""
        least = default.minimum if minimum is None else minimum
        if auto_scale:
            return ScalingPolicy(least, default.maximum if maximum is None else maximum)
        fixed = max(least, 1)
        return ScalingPolicy(fixed, fixed)

    def choose_concurrency_threshold(self, policy: ScalingPolicy) -> int:
        """Return the number of instances at once from which an alarm is due."""
        most = DEFAULT_CONCURRENCY if policy.maximum is None else policy.maximum
        return max(1, int(most * CONCURRENCY_SHARE))

    def choose_target(self, deployed: ScalingPolicy, change: ScalingChange, bounds: ScalingBounds) -> ScalingPolicy:
        """Return the policy after a change; raises ValidationError with every fault.

        Numbers outside of the bounds are faults. Steps stop at the bounds, and where minimum and maximum meet.
        """
        faults = [*_find_bounds_faults(change, bounds), *_find_step_faults(deployed, change)]
        target = _take_steps(deployed, change, bounds)
        if not faults and target.minimum > _limit(target.maximum):
            kept = "deployed " if None in (change.minimum, change.maximum) else ""
            hint = "Name both." if kept else ""
            faults.append(Fault("min", f"{target.minimum} is above the {kept}max, {target.maximum}", hint))
        if faults:
            raise ValidationError("Cannot scale.", faults=faults)
        return target

    def find_retry_time(
        self, direction: ScalingDirection, past: Iterable[PastScaling], cooldown_s: float, now: datetime
    ) -> datetime | None:
        """Return from when a scaling in this direction is allowed; None if it is allowed now.

        One cooldown must pass after any other scaling, and COOLDOWNS_BEFORE_REDUCTION before a scaling out is taken
        back. A scaling that ended later than now, by the clock of another machine, has ended now.
        """
        times = list[datetime]()
        for scaling in past:
            is_reversal = direction == "in" and scaling.direction == "out"
            wait_s = cooldown_s * (COOLDOWNS_BEFORE_REDUCTION if is_reversal else 1)
            times.append(min(scaling.ended_at, now) + timedelta(seconds=wait_s))
        latest = max(times, default=now)
        return latest if latest > now else None


def _limit(maximum: int | None) -> float:
    return float("inf") if maximum is None else maximum


def _find_bounds_faults(change: ScalingChange, bounds: ScalingBounds) -> Iterator[Fault]:
    hint = "The component's `scaling` bounds it: change that in the configuration, and deploy."
    for name, asked, least in (
        ("min", change.minimum, bounds.minimum),
        ("max", change.maximum, max(bounds.minimum, 1)),
    ):
        if asked is not None and asked < least:
            yield Fault(name, f"must be {least} or more, not {asked}", hint if bounds.minimum else "")
        elif asked is not None and bounds.maximum is not None and asked > bounds.maximum:
            yield Fault(name, f"must be {bounds.maximum} or less, not {asked}", hint)


def _find_step_faults(deployed: ScalingPolicy, change: ScalingChange) -> Iterator[Fault]:
    if change == ScalingChange():
        yield Fault("min", "neither a min nor a max is given", "Give one of them, or both.")
    for name, number, step in (
        ("min", change.minimum, change.minimum_step),
        ("max", change.maximum, change.maximum_step),
    ):
        if number is not None and step:
            yield Fault(name, "has a number and a step", "Give one of them.")
    if change.maximum_step and deployed.maximum is None:
        yield Fault("max", "is not limited, so no step can change it", "Give a number, or deploy with instances.max.")


def _take_steps(deployed: ScalingPolicy, change: ScalingChange, bounds: ScalingBounds) -> ScalingPolicy:
    maximum = deployed.maximum if change.maximum is None else change.maximum
    if change.maximum_step and maximum is not None:
        least = max(bounds.minimum, deployed.minimum if change.minimum_step >= 0 else bounds.minimum, 1)
        maximum = _step(maximum, change.maximum_step, least, _limit(bounds.maximum))
    minimum = deployed.minimum if change.minimum is None else change.minimum
    if change.minimum_step:
        minimum = _step(minimum, change.minimum_step, bounds.minimum, min(_limit(bounds.maximum), _limit(maximum)))
    return ScalingPolicy(minimum, maximum)


def _step(number: int, step: int, least: int, most: float) -> int:
    """Return the number after a step that stops at the ends; a number beyond them is not moved the other way."""
    if step > 0:
        return number if number > most else max(int(min(number + step, most)), least)
    return number if number < least else int(min(max(number + step, least), most))
