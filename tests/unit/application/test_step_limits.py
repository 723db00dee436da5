"""How often a step is tried, and what ends it."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, field
from typing import Any

import pytest

from semantest_iac.application.deployment.step_limits import LONGEST_RETRY_PAUSE_S, STEP_LIMITS, StepLimit, StepLimiter
from semantest_iac.domain.environments.sections import DeadlinesSection
from semantest_iac.domain.errors import (
    CloudUnavailableError,
    DeploymentError,
    ProviderError,
    StackBusyError,
    ThrottledError,
    UnreachableStoreError,
)
from semantest_iac.domain.ports.provisioner import ResourceProgress, ignore_progress
from tests.fakes.timer import FakeTimer

THROTTLED = ThrottledError("Cannot deploy 'topic': Rate exceeded.", provider="aws")
UNKNOWN = CloudUnavailableError("Cannot deploy 'topic': no answer.", provider="aws")
REFUSED = ProviderError("Cannot deploy 'topic': no quota.", provider="aws")


@dataclass
class Step:
    """A step that raises these errors first; `recorded` is what was recorded of its repetitions."""

    errors: list[Exception]
    recorded: list[tuple[str, int, float]] = field(default_factory=list)
    tries: int = 0

    async def take(self) -> str:
        self.tries += 1
        if self.errors:
            raise self.errors.pop(0)
        return "done"

    async def record_retry(self, error: DeploymentError, attempt: int, pause_s: float) -> None:
        self.recorded.append((error.error_code, attempt, pause_s))


def draw_all() -> float:
    """Draw the longest pause."""
    return 1.0


async def run(step: Step, name: str = "preview", timer: FakeTimer | None = None, **limits: Any) -> str:
    """Take a step within its limits, some of them changed."""
    limit = {name: StepLimit("doing it", "preview_s", **{"seconds": 600.0, "tries": 4} | limits)} if limits else None
    limiter = StepLimiter(timer or FakeTimer(), limits=limit or STEP_LIMITS, draw_part=draw_all)
    return await limiter.run(name, step.take, step.record_retry)


class TestTries:
    async def test_follow_errors_that_may_be_gone(self) -> None:
        busy, unreachable = StackBusyError("It is busy."), UnreachableStoreError("It does not answer.")
        step, timer = Step([THROTTLED, busy, unreachable]), FakeTimer()

        assert await run(step, timer=timer) == "done"
        assert [attempt for _, attempt, _ in step.recorded] == [2, 3, 4]
        assert [code for code, _, _ in step.recorded] == [
            "PROVIDER_THROTTLED",
            "STACK_BUSY",
            "ARTIFACT_STORE_UNREACHABLE",
        ]
        assert timer.pauses == [pause for _, _, pause in step.recorded] == [2.0, 4.0, 8.0]

    async def test_follow_no_other_error(self) -> None:
        step = Step([REFUSED])

        with pytest.raises(ProviderError, match="no quota"):
            await run(step)

        assert (step.tries, step.recorded) == (1, [])

    async def test_end_with_the_last_error(self) -> None:
        step = Step([THROTTLED] * 9)

        with pytest.raises(ThrottledError):
            await run(step, seconds=600.0, tries=3)

        assert (step.tries, len(step.recorded)) == (3, 2)

    async def test_wait_for_as_long_as_the_cloud_asks(self) -> None:
        asked = [ThrottledError("Wait.", provider="azure", retry_after_s=seconds) for seconds in (17.0, 0.0)]
        timer = FakeTimer()

        await run(Step([*asked]), timer=timer)

        assert timer.pauses == [17.0, 0.0]

    async def test_wait_no_longer_than_half_a_minute_by_themselves(self) -> None:
        timer = FakeTimer()

        await run(Step([THROTTLED] * 7), timer=timer, seconds=6000.0, tries=8)

        assert (timer.pauses[3:], LONGEST_RETRY_PAUSE_S) == ([16.0, 30.0, 30.0, 30.0], 30.0)

    async def test_are_spread_over_their_pauses(self) -> None:
        parts, timer = iter([0.5, 0.0, 0.25]), FakeTimer()
        asked = ThrottledError("Wait.", provider="azure", retry_after_s=17.0)
        limiter = StepLimiter(timer, draw_part=lambda: next(parts)).for_run({}, ignore_progress)

        await limiter.run("preview", Step([THROTTLED, THROTTLED, THROTTLED, asked]).take)

        assert timer.pauses == [1.0, 0.0, 2.0, 17.0]

    async def test_are_drawn_unless_something_else_is_given(self) -> None:
        timers = [FakeTimer() for _ in range(20)]

        for timer in timers:
            await StepLimiter(timer).run("preview", Step([THROTTLED]).take)

        pauses = {timer.pauses[0] for timer in timers}
        assert len(pauses) > 1
        assert all(0.0 <= pause <= 2.0 for pause in pauses)

    async def test_begin_no_pause_that_would_last_past_the_deadline(self) -> None:
        step = Step([ThrottledError("Wait an hour.", provider="azure", retry_after_s=3600.0)])

        with pytest.raises(ThrottledError, match="Wait an hour"):
            await run(step)

        assert step.recorded == []

    @pytest.mark.parametrize(("name", "tries"), [("apply", 1), ("preview", 2), ("remove", 2), ("publish_code", 2)])
    async def test_do_not_repeat_creates_of_which_nobody_knows_the_outcome(self, name: str, tries: int) -> None:
        step = Step([UNKNOWN])

        try:
            await run(step, name)
        except CloudUnavailableError:
            assert name == "apply"

        assert step.tries == tries

    async def test_are_shown(self) -> None:
        shown: list[ResourceProgress] = []
        limiter = StepLimiter(FakeTimer(), draw_part=draw_all).for_run({}, shown.append)

        await limiter.run("apply", Step([THROTTLED]).take)

        words = "another try of applying the plan in 2 s: Cannot deploy 'topic': Rate exceeded."
        assert [(each.op, each.name, each.state) for each in shown] == [
            ("wait", words, "running"),
            ("wait", words, "done"),
        ]

    async def test_end_at_once_when_they_are_cancelled(self) -> None:
        pausing = asyncio.Event()

        class EndlessTimer(FakeTimer):
            async def pause(self, seconds: float) -> None:
                pausing.set()
                await asyncio.Event().wait()

        step = Step([THROTTLED])
        running = asyncio.create_task(run(step, timer=EndlessTimer()))
        await pausing.wait()
        running.cancel()

        with pytest.raises(asyncio.CancelledError):
            await running
        assert step.tries == 1


class TestDeadlines:
    async def test_cancel_a_step_and_say_what_to_change(self) -> None:
        ended: list[str] = []

        async def never_end() -> None:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                ended.append("as by Ctrl-C")
                raise

        limits = {"apply": StepLimit("applying the plan", "apply_s", 0.01, tries=3)}
        with pytest.raises(DeploymentError, match=r"Cannot finish applying the plan within 0\.01 seconds") as caught:
            await StepLimiter(FakeTimer(), limits=limits).run("apply", never_end)

        assert (caught.value.error_code, caught.value.retryable, ended) == ("STEP_TIMEOUT", False, ["as by Ctrl-C"])
        assert "deadlines.apply_s" in caught.value.hint

    async def test_are_not_those_that_a_step_has_itself(self) -> None:
        with pytest.raises(TimeoutError):
            await run(Step([TimeoutError()]))

    @pytest.mark.parametrize("step", ["validate", "verify"])
    async def test_leave_other_steps_alone(self, step: str) -> None:
        assert (step in STEP_LIMITS, await run(Step([]), step)) == (False, "done")

    @pytest.mark.parametrize("written", [None, "soon", {"apply_s": "soon", "nothing_s": 7}, {"preview_s": 7}])
    async def test_of_a_configuration_need_not_be_valid(self, written: object) -> None:
        limiter = StepLimiter(FakeTimer()).for_run({"deadlines": written}, ignore_progress)

        assert await limiter.run("apply", Step([THROTTLED]).take) == "done"

    async def test_come_from_the_configuration(self) -> None:
        limiter = StepLimiter(FakeTimer()).for_run({"deadlines": {"preview_s": 20}}, ignore_progress)
        step = Step([ThrottledError("Wait.", provider="azure", retry_after_s=30.0)])

        with pytest.raises(ThrottledError):
            await limiter.run("preview", step.take)

    def test_are_described_as_they_are(self) -> None:
        described = {
            name: float(re.findall(r"(\d+) by default", str(field.description))[0])
            for name, field in DeadlinesSection.model_fields.items()
        }

        assert described == {limit.key: limit.seconds for limit in STEP_LIMITS.values()}
