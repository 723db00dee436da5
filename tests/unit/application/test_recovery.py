"""Terminal events of deployments that were cancelled."""

from __future__ import annotations

import pytest

from semantest_iac.application.deployment.recovery import cancelled_event
from semantest_iac.domain.deployment.status import DeploymentStatus
from semantest_iac_events.deployments import DeploymentRequested

REQUEST = DeploymentRequested(component="rest-api", provider="aws", environment="development", region="us-east-1")


class TestCancelledEvent:
    @pytest.mark.parametrize(
        ("state", "words"),
        [
            (DeploymentStatus.PLANNED, "before anything was changed"),
            (DeploymentStatus.ROLLING_BACK, "while rolling back"),
        ],
        ids=["unchanged", "changing"],
    )
    def test_says_how_far_the_deployment_was(self, state: DeploymentStatus, words: str) -> None:
        assert words in cancelled_event(REQUEST, state).reason
