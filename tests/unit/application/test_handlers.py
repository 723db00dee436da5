"""Which requests are carried out by whom."""

from __future__ import annotations

import pytest

from semantest_iac_events.deployments import DeploymentRequested
from tests.fakes.house import House


class TestDeployRestApi:
    @pytest.mark.parametrize(("component", "taken_up"), [("rest-api", True), ("platform", False)])
    async def test_leaves_other_components_to_their_own_handlers(
        self, house: House, component: str, taken_up: bool
    ) -> None:
        request = DeploymentRequested(
            component=component, provider="aws", environment="development", region="us-east-1"
        )
        await house.bus.publish(request)

        assert ("deployment.started" in house.told) is taken_up
