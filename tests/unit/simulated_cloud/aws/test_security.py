"""Names of secrets, which outlive the secrets."""

from __future__ import annotations

from typing import Any

import pytest

from semantest_iac.infrastructure.simulated_cloud.aws.catalogue import simulated_aws
from semantest_iac.infrastructure.simulated_cloud.clock import DAY, Clock
from semantest_iac.infrastructure.simulated_cloud.cloud import Cloud
from semantest_iac.infrastructure.simulated_cloud.inventory import Inventory
from semantest_iac.infrastructure.simulated_cloud.refusal import CloudRefusal

LOG_GROUP = "aws:cloudwatch/logGroup:LogGroup"
SECRET = "aws:secretsmanager/secret:Secret"


class TestSecretNames:
    @pytest.fixture
    def clock(self) -> Clock:
        return Clock()

    @pytest.fixture
    def cloud(self, inventory: Inventory, clock: Clock) -> Cloud:
        return simulated_aws(inventory, region="us-east-1", clock=clock)

    def deleted(self, cloud: Cloud, days: int) -> dict[str, Any]:
        inputs = {"name": "database", "recoveryWindowInDays": days}
        cloud.delete(SECRET, cloud.create(SECRET, inputs, owner="urn:one").id)
        return inputs

    def test_stay_reserved_after_a_delete(self, cloud: Cloud) -> None:
        inputs = self.deleted(cloud, days=7)

        with pytest.raises(CloudRefusal) as caught:
            cloud.create(SECRET, inputs, owner="urn:two")

        assert caught.value.message == (
            "You can't create this secret because a secret with this name is already scheduled for deletion."
        )

    def test_are_free_again_after_the_recovery_window(self, cloud: Cloud, clock: Clock) -> None:
        inputs = self.deleted(cloud, days=7)

        clock.advance(7 * DAY + 1)

        assert cloud.create(SECRET, inputs, owner="urn:two").outputs["name"] == "database"

    def test_are_free_at_once_without_a_recovery_window(self, cloud: Cloud) -> None:
        inputs = self.deleted(cloud, days=0)

        assert cloud.create(SECRET, inputs, owner="urn:two").outputs["name"] == "database"
