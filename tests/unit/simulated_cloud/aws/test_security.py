"""Names of secrets, which stay reserved after a delete."""

from __future__ import annotations

from typing import Any

import pytest

from semantest_iac.infrastructure.simulated_cloud.aws.catalogue import simulated_aws
from semantest_iac.infrastructure.simulated_cloud.runtime.clock import SECONDS_PER_DAY, VirtualClock
from semantest_iac.infrastructure.simulated_cloud.runtime.cloud import SimulatedCloud
from semantest_iac.infrastructure.simulated_cloud.runtime.inventory import Inventory
from semantest_iac.infrastructure.simulated_cloud.schema.refusals import CloudRefusal

LOG_GROUP = "aws:cloudwatch/logGroup:LogGroup"
SECRET = "aws:secretsmanager/secret:Secret"


class TestSecretNames:
    @pytest.fixture
    def clock(self) -> VirtualClock:
        return VirtualClock()

    @pytest.fixture
    def cloud(self, inventory: Inventory, clock: VirtualClock) -> SimulatedCloud:
        return simulated_aws(inventory, region="us-east-1", clock=clock)

    def deleted(self, cloud: SimulatedCloud, days: int) -> dict[str, Any]:
        inputs = {"name": "database", "recoveryWindowInDays": days}
        cloud.delete(SECRET, cloud.create(SECRET, inputs, owner="urn:one").id)
        return inputs

    def test_stay_reserved_after_a_delete(self, cloud: SimulatedCloud) -> None:
        inputs = self.deleted(cloud, days=7)

        with pytest.raises(CloudRefusal) as caught:
            cloud.create(SECRET, inputs, owner="urn:two")

        assert caught.value.message == (
            "You can't create this secret because a secret with this name is already scheduled for deletion."
        )

    def test_are_free_again_after_the_recovery_window(self, cloud: SimulatedCloud, clock: VirtualClock) -> None:
        inputs = self.deleted(cloud, days=7)

        clock.advance(7 * SECONDS_PER_DAY + 1)

        assert cloud.create(SECRET, inputs, owner="urn:two").outputs["name"] == "database"

    def test_are_free_at_once_without_a_recovery_window(self, cloud: SimulatedCloud) -> None:
        inputs = self.deleted(cloud, days=0)

        assert cloud.create(SECRET, inputs, owner="urn:two").outputs["name"] == "database"
