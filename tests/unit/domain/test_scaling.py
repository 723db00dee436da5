from __future__ import annotations

import pytest

from semantest_iac.domain.compute.functions import ScalingPolicy, ScalingService


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
