"""How a new version takes over the traffic: what decides on each step."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from semantest_iac.domain.delivery.canary import (
    WHOLE,
    CanarySettings,
    ShiftAction,
    TrafficObservation,
    decide_shift,
    describe_duration,
)

TWO_STEPS = CanarySettings((10, 50), bake_s=60)
GOOD, BAD = TrafficObservation(200, 0), TrafficObservation(100, 5)
observations = st.builds(
    lambda requests, share: TrafficObservation(requests, int(requests * share)),
    st.integers(0, 1000),
    st.floats(0, 1),
)
settings = st.builds(
    lambda steps, rate, least: CanarySettings(tuple(sorted(steps)), 60, rate, min_requests=least),
    st.sets(st.integers(1, 99), min_size=1, max_size=5),
    st.floats(0, 0.5),
    st.integers(1, 50),
)


class TestDecideShift:
    def test_waits_until_the_time_of_the_step_is_over(self) -> None:
        decision = decide_shift(TWO_STEPS, 10, GOOD, is_over=False)

        assert (decision.action, decision.weight) == (ShiftAction.WAIT, 10)

    def test_goes_on_to_the_next_share_and_says_why(self) -> None:
        decision = decide_shift(TWO_STEPS, 10, GOOD, is_over=True)

        assert (decision.action, decision.weight) == (ShiftAction.CONTINUE, 50)
        assert decision.reasons == ("200 requests, none failed",)

    def test_promotes_after_the_last_share(self) -> None:
        decision = decide_shift(TWO_STEPS, 50, GOOD, is_over=True)

        assert (decision.action, decision.weight) == (ShiftAction.PROMOTE, WHOLE)

    @pytest.mark.parametrize("is_over", [True, False])
    def test_returns_what_fails_too_often_at_once(self, is_over: bool) -> None:
        decision = decide_shift(TWO_STEPS, 10, BAD, is_over=is_over)

        assert (decision.action, decision.weight) == (ShiftAction.RETURN, 0)
        assert decision.reasons == ("100 requests, 5 failed (5.0 %): more than 1 %",)

    def test_does_not_judge_by_a_few_requests_and_says_so(self) -> None:
        decision = decide_shift(TWO_STEPS, 50, TrafficObservation(3, 3), is_over=True)

        assert decision.action is ShiftAction.PROMOTE
        assert "too few to judge" in decision.reasons[0]

    def test_returns_what_is_too_slow(self) -> None:
        slow = TrafficObservation(100, 0, p95_ms=900)

        decision = decide_shift(CanarySettings((10,), max_latency_ms=500), 10, slow, is_over=False)

        assert decision.action is ShiftAction.RETURN
        assert decision.reasons == ("the slowest twentieth took 900 ms or more, above 500 ms",)

    def test_returns_at_an_alarm_without_any_request(self) -> None:
        decision = decide_shift(TWO_STEPS, 10, TrafficObservation(alarms=("latency",)), is_over=False)

        assert decision.reasons == ("the alarm 'latency' is raised",)

    def test_a_person_promotes_before_the_time_is_over(self) -> None:
        assert decide_shift(TWO_STEPS, 10, GOOD, is_over=False, requested="promote").action is ShiftAction.PROMOTE

    def test_a_person_returns_what_does_well(self) -> None:
        assert decide_shift(TWO_STEPS, 50, GOOD, is_over=True, requested="return").action is ShiftAction.RETURN

    def test_what_does_badly_is_not_promoted_by_a_person_either(self) -> None:
        assert decide_shift(TWO_STEPS, 10, BAD, is_over=False, requested="promote").action is ShiftAction.RETURN

    @given(settings, observations)
    def test_ends_after_its_steps_with_all_or_nothing(
        self, canary: CanarySettings, observation: TrafficObservation
    ) -> None:
        weight, taken = canary.steps[0], 0
        while weight not in (0, WHOLE):
            decision = decide_shift(canary, weight, observation, is_over=True)
            assert decision.weight == 0 or decision.weight > weight
            weight, taken = decision.weight, taken + 1

        assert taken <= len(canary.steps)

    @given(settings, observations, st.booleans())
    def test_more_failures_never_give_more_traffic(
        self, canary: CanarySettings, observation: TrafficObservation, is_over: bool
    ) -> None:
        worse = TrafficObservation(observation.requests, observation.requests)
        weights = [decide_shift(canary, canary.steps[0], it, is_over=is_over).weight for it in (observation, worse)]

        assert weights[1] <= weights[0]


class TestDescription:
    def test_names_every_share_and_its_time(self) -> None:
        assert CanarySettings((10, 50)).description == "10 % for 5 min, 50 % for 5 min, then all"

    @pytest.mark.parametrize(("seconds", "text"), [(90, "90 s"), (300, "5 min"), (7200, "2 h"), (1, "1 s")])
    def test_durations_have_their_largest_whole_unit(self, seconds: int, text: str) -> None:
        assert describe_duration(seconds) == text
