"""How a component scales, and how requests to scale are bounded, on a clock of the tests."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from semantest_iac.domain.compute.scaling import (
    PastScaling,
    ScalingBounds,
    ScalingChange,
    ScalingDirection,
    ScalingPolicy,
    ScalingService,
)
from semantest_iac.domain.errors import ValidationError


class TestScalingService:
    @pytest.mark.parametrize(
        ("minimum", "maximum", "policy"),
        [
            (None, None, ScalingPolicy(1, 10)),
            (0, None, ScalingPolicy(0, 10)),
            (None, 20, ScalingPolicy(1, 20)),
        ],
        ids=["defaults", "minimum", "maximum"],
    )
    def test_prefers_what_is_configured(self, minimum: int | None, maximum: int | None, policy: ScalingPolicy) -> None:
        assert ScalingService().choose_policy(ScalingPolicy(1, 10), minimum, maximum) == policy

    @pytest.mark.parametrize(("minimum", "fixed"), [(None, 1), (3, 3)])
    def test_fixes_the_number_without_auto_scaling(self, minimum: int | None, fixed: int) -> None:
        policy = ScalingService().choose_policy(ScalingPolicy(), minimum, 10, auto_scale=False)

        assert policy == ScalingPolicy(fixed, fixed)

    @pytest.mark.parametrize(("maximum", "threshold"), [(None, 800), (10, 8), (1, 1)])
    def test_warns_near_the_limit(self, maximum: int | None, threshold: int) -> None:
        assert ScalingService().choose_concurrency_threshold(ScalingPolicy(0, maximum)) == threshold


DEPLOYED = ScalingPolicy(2, 10)
NOON = datetime(2026, 11, 30, 12, tzinfo=UTC)
COOLDOWN_S = 300


class TestTarget:
    @pytest.mark.parametrize(
        ("change", "target"),
        [
            (ScalingChange(minimum=4), ScalingPolicy(4, 10)),
            (ScalingChange(maximum=50), ScalingPolicy(2, 50)),
            (ScalingChange(minimum_step=2), ScalingPolicy(4, 10)),
            (ScalingChange(minimum_step=-1), ScalingPolicy(1, 10)),
            (ScalingChange(maximum_step=5), ScalingPolicy(2, 15)),
            (ScalingChange(minimum_step=2, maximum_step=5), ScalingPolicy(4, 15)),
            (ScalingChange(minimum=3, maximum_step=5), ScalingPolicy(3, 15)),
        ],
        ids=["min alone", "max alone", "step", "step back", "step of max", "both steps", "number and step"],
    )
    def test_keeps_what_is_not_asked_for(self, change: ScalingChange, target: ScalingPolicy) -> None:
        assert ScalingService().choose_target(DEPLOYED, change, ScalingBounds()) == target

    @pytest.mark.parametrize(
        ("change", "target"),
        [
            (ScalingChange(minimum_step=100), ScalingPolicy(10, 10)),
            (ScalingChange(minimum_step=-100), ScalingPolicy(1, 10)),
            (ScalingChange(maximum_step=100), ScalingPolicy(2, 20)),
            (ScalingChange(maximum_step=-100), ScalingPolicy(2, 2)),
            (ScalingChange(minimum_step=100, maximum_step=100), ScalingPolicy(20, 20)),
            (ScalingChange(minimum_step=-100, maximum_step=-100), ScalingPolicy(1, 1)),
        ],
    )
    def test_of_steps_stops_at_the_bounds(self, change: ScalingChange, target: ScalingPolicy) -> None:
        assert ScalingService().choose_target(DEPLOYED, change, ScalingBounds(1, 20)) == target

    @pytest.mark.parametrize("step", [1, -1])
    def test_of_a_step_is_never_in_the_other_direction(self, step: int) -> None:
        beyond = ScalingPolicy(30, 30) if step > 0 else ScalingPolicy(0, 30)

        target = ScalingService().choose_target(beyond, ScalingChange(minimum_step=step), ScalingBounds(1, 20))

        assert target == beyond

    @pytest.mark.parametrize(
        ("change", "faults"),
        [
            (ScalingChange(), ["min: neither a min nor a max is given"]),
            (ScalingChange(0, 21), ["min: must be 1 or more, not 0", "max: must be 20 or less, not 21"]),
            (ScalingChange(minimum=11), ["min: 11 is above the deployed max, 10"]),
            (ScalingChange(9, 3), ["min: 9 is above the max, 3"]),
            (ScalingChange(minimum=3, minimum_step=1), ["min: has a number and a step"]),
        ],
        ids=["nothing", "bounds", "deployed max", "max", "number and step"],
    )
    def test_that_cannot_be_is_refused_with_all_faults(self, change: ScalingChange, faults: list[str]) -> None:
        with pytest.raises(ValidationError) as refusal:
            ScalingService().choose_target(DEPLOYED, change, ScalingBounds(1, 20))

        assert [f"{fault.path}: {fault.message}" for fault in refusal.value.faults] == faults

    def test_needs_a_limit_for_steps_of_it(self) -> None:
        with pytest.raises(ValidationError) as refusal:
            ScalingService().choose_target(ScalingPolicy(1), ScalingChange(maximum_step=1), ScalingBounds())

        assert [fault.path for fault in refusal.value.faults] == ["max"]


class TestDirection:
    @pytest.mark.parametrize(
        ("target", "direction"),
        [
            (ScalingPolicy(3, 10), "out"),
            (ScalingPolicy(2, None), "out"),
            (ScalingPolicy(2, 9), "in"),
            (ScalingPolicy(3, 9), "in"),
            (ScalingPolicy(2, 10), None),
        ],
        ids=["more", "unlimited", "fewer", "both", "same"],
    )
    def test_is_in_if_anything_is_taken_away(self, target: ScalingPolicy, direction: str | None) -> None:
        assert DEPLOYED.find_direction(target) == direction


class TestCooldown:
    @pytest.mark.parametrize(
        ("before", "direction", "cooldowns"),
        [("out", "out", 1), ("in", "in", 1), ("in", "out", 1), ("out", "in", 3), (None, "in", 1)],
    )
    def test_is_longer_before_a_scaling_out_is_taken_back(
        self, before: ScalingDirection | None, direction: ScalingDirection, cooldowns: int
    ) -> None:
        ends = NOON + timedelta(seconds=cooldowns * COOLDOWN_S)

        assert find_retry(direction, [PastScaling(NOON, before)], ends - timedelta(seconds=1)) == ends
        assert find_retry(direction, [PastScaling(NOON, before)], ends) is None

    def test_is_not_kept_without_a_scaling_before(self) -> None:
        assert find_retry("in", [], NOON) is None

    def test_of_a_scaling_in_the_future_begins_now(self) -> None:
        tomorrow = PastScaling(NOON + timedelta(days=1), "out")

        assert find_retry("out", [tomorrow], NOON) == NOON + timedelta(seconds=COOLDOWN_S)

    def test_bounds_what_an_alarm_does_that_changes_every_minute(self) -> None:
        directions: list[ScalingDirection] = ["out", "in"] * 30

        scaled = play_alarm(directions, step_s=60)

        assert len(scaled) <= 3600 / COOLDOWN_S
        assert {scaling.direction for scaling in scaled} == {"out"}  # what it takes away too soon is not taken away

    @settings(max_examples=200, derandomize=True, deadline=None, database=None)
    @given(st.lists(st.tuples(st.sampled_from(["out", "in"]), st.integers(1, 600)), max_size=80), st.integers(1, 900))
    def test_keeps_scalings_apart_whatever_an_alarm_does(
        self, changes: list[tuple[ScalingDirection, int]], cooldown_s: int
    ) -> None:
        now, scaled = NOON, list[PastScaling]()
        for direction, seconds in changes:
            now += timedelta(seconds=seconds)
            if ScalingService().find_retry_time(direction, scaled, cooldown_s, now) is None:
                scaled.append(PastScaling(now, direction))

        duration_s = sum(seconds for _, seconds in changes)
        assert len(scaled) <= 1 + duration_s / cooldown_s
        for earlier, later in pairwise(scaled):
            is_taken_back = (earlier.direction, later.direction) == ("out", "in")
            assert (later.ended_at - earlier.ended_at).total_seconds() >= cooldown_s * (3 if is_taken_back else 1)
        reversals = sum(one.direction != two.direction for one, two in pairwise(scaled))
        assert reversals <= 2 + 2 * duration_s / (4 * cooldown_s)


def find_retry(direction: ScalingDirection, past: list[PastScaling], now: datetime) -> datetime | None:
    return ScalingService().find_retry_time(direction, past, COOLDOWN_S, now)


def play_alarm(directions: list[ScalingDirection], step_s: int) -> list[PastScaling]:
    """Return the scalings that requests lead to, one every so many seconds of a virtual clock."""
    scaled = list[PastScaling]()
    for number, direction in enumerate(directions):
        now = NOON + timedelta(seconds=number * step_s)
        if find_retry(direction, scaled, now) is None:
            scaled.append(PastScaling(now, direction))
    return scaled
