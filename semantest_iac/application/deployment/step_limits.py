"""How long a step may take, and how often it is tried."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from semantest_iac.domain.errors import CloudUnavailableError, DeploymentError, ProviderError
from semantest_iac.domain.ports.provisioner import ReportProgress, ignore_progress, report_step
from semantest_iac.domain.ports.timer import Timer

_Result = TypeVar("_Result")
TakeStep = Callable[[], Awaitable[_Result]]

RecordRetry = Callable[[DeploymentError, int, float], Awaitable[None]]
"""Records an error after which the step is tried again: which try that will be, and the pause before it in seconds."""

REAL_FIRST_PAUSE_S, SIMULATED_FIRST_PAUSE_S = 2.0, 0.1  # a simulated cloud has a clock of its own
LONGEST_RETRY_PAUSE_S = 30.0


@dataclass(frozen=True, slots=True)
class StepLimit:
    """The limits of one step: `seconds` over all tries, and the `tries` themselves.

    `name` completes "Cannot finish …"; `key` is that of `deadlines` in the configuration. A step that does not repeat
    what is `uncertain` is not tried again where the cloud may have done what it gave no answer to: to create a resource
    twice fails, and hides the first error.
    """

    name: str
    key: str
    seconds: float
    tries: int
    repeats_uncertain: bool = True

    def allows(self, error: DeploymentError) -> bool:
        """Whether the step may be tried again after this error."""
        return error.retryable and (self.repeats_uncertain or not isinstance(error, CloudUnavailableError))


STEP_LIMITS: Mapping[str, StepLimit] = {
    "build_artifact": StepLimit("building the package", "build_s", 1800.0, tries=4),
    "preview": StepLimit("planning the changes", "preview_s", 600.0, tries=5),
    "apply": StepLimit("applying the plan", "apply_s", 3600.0, tries=5, repeats_uncertain=False),
    "publish_code": StepLimit("publishing the code", "publish_s", 900.0, tries=5),
    "roll_back": StepLimit("rolling back", "rollback_s", 900.0, tries=5),
    "remove": StepLimit("deleting the resources", "remove_s", 3600.0, tries=5),
}
"""The steps that ask somebody outside of this process; `verify` has a time of its own, `validate` asks nobody."""


async def record_nothing(error: DeploymentError, attempt: int, pause_s: float) -> None:
    """Record no retries: nothing is recorded of the request yet."""


class StepLimiter:
    """Takes steps within their limits; a step that is not in the table is taken once.

    A retryable error is followed by another try after what the cloud asked for, or else after a drawn part of a pause
    that doubles: what was refused together does not come back together. `draw_part` returns it, from 0 to 1. The pause
    ends with its cancellation; one that would last past the deadline is not begun. A step over its deadline is
    cancelled, as by Ctrl-C, and fails with STEP_TIMEOUT.
    """

    def __init__(
        self,
        timer: Timer,
        first_pause_s: float = REAL_FIRST_PAUSE_S,
        limits: Mapping[str, StepLimit] = STEP_LIMITS,
        progress: ReportProgress = ignore_progress,
        draw_part: Callable[[], float] = random.random,
    ) -> None:
        self._timer = timer
        self._first_pause_s = first_pause_s
        self._limits = limits
        self._progress = progress
        self._draw_part = draw_part

    def for_run(self, configuration: Mapping[str, Any], progress: ReportProgress) -> StepLimiter:
        """Return the limiter of one run, with the deadlines of its configuration, which need not be valid."""
        written = configuration.get("deadlines")
        given = written if isinstance(written, Mapping) else {}
        seconds = {key: value for key, value in given.items() if isinstance(value, int)}
        limits = {
            step: replace(limit, seconds=float(seconds.get(limit.key, limit.seconds)))
            for step, limit in self._limits.items()
        }
        return StepLimiter(self._timer, self._first_pause_s, limits, progress, self._draw_part)

    async def run(self, step: str, take: TakeStep[_Result], record_retry: RecordRetry = record_nothing) -> _Result:
        """Take the step; raises what its last try raised, or DeploymentError after its deadline."""
        limit = self._limits.get(step)
        if limit is None:
            return await take()
        try:
            async with asyncio.timeout(limit.seconds) as deadline:
                return await self._try_again(limit, take, record_retry, deadline)
        except TimeoutError as error:
            if not deadline.expired():
                raise
            raise _timeout_error(limit) from error

    async def _try_again(
        self, limit: StepLimit, take: TakeStep[_Result], record_retry: RecordRetry, deadline: asyncio.Timeout
    ) -> _Result:
        for attempt in range(1, limit.tries):
            try:
                return await take()
            except DeploymentError as error:
                pause_s = self._choose_pause(error, attempt)
                if not limit.allows(error) or pause_s >= _seconds_left(deadline):
                    raise
                await record_retry(error, attempt + 1, pause_s)
                waiting = f"another try of {limit.name} in {pause_s:g} s: {error.message}"
                with report_step(self._progress, "wait", waiting):
                    await self._timer.pause(pause_s)
        return await take()

    def _choose_pause(self, error: DeploymentError, attempt: int) -> float:
        asked = error.retry_after_s if isinstance(error, ProviderError) else None
        if asked is not None:
            return asked
        longest_s: float = min(self._first_pause_s * 2 ** (attempt - 1), LONGEST_RETRY_PAUSE_S)
        return round(longest_s * self._draw_part(), 3)


def _seconds_left(deadline: asyncio.Timeout) -> float:
    when = deadline.when()
    assert when is not None  # noqa: S101  # every step of the table has one
    return when - asyncio.get_running_loop().time()


def _timeout_error(limit: StepLimit) -> DeploymentError:
    return DeploymentError(
        f"Cannot finish {limit.name} within {limit.seconds:g} seconds.",
        "STEP_TIMEOUT",
        hint=f"Look why it takes so long. If it needs more time, set deadlines.{limit.key} in the configuration.",
    )
