"""Alerts: how often they look, and at what."""

from __future__ import annotations

from collections.abc import Callable

from semantest_iac.infrastructure.simulated_cloud.runtime.cloud import SimulatedCloud
from semantest_iac.infrastructure.simulated_cloud.schema.refusals import CloudRefusal
from tests.unit.simulated_cloud.azure.samples import SAMPLES
from tests.unit.simulated_cloud.azure.tokens import METRIC_ALERT, VAULT, World

Refused = Callable[..., CloudRefusal]


class TestMetricAlerts:
    def test_look_at_least_once_in_their_window(self, refused: Refused) -> None:
        refusal = refused(METRIC_ALERT, ruleName="other", evaluationFrequency="PT15M", windowSize="PT5M")

        assert refusal.message == "The evaluation frequency PT15M must not be longer than the window PT5M."

    def test_call_an_action_group_that_exists(self, refused: Refused) -> None:
        assert refused(METRIC_ALERT, ruleName="other", actions=[{"actionGroupId": "/no"}]).code == "ResourceNotFound"

    def test_are_made_anew_for_another_scope(self, cloud: SimulatedCloud, world: World) -> None:
        inputs = SAMPLES[METRIC_ALERT](world)

        found = cloud.diff(METRIC_ALERT, inputs, world[METRIC_ALERT].outputs, {**inputs, "scopes": [world[VAULT].id]})

        assert found.replaces == ("scopes",)
