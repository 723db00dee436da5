"""Workspaces that come back, and what is sent to them."""

from __future__ import annotations

from typing import Any

import pytest

from semantest_iac.infrastructure.simulated_cloud.runtime.clock import SECONDS_PER_DAY, VirtualClock
from semantest_iac.infrastructure.simulated_cloud.runtime.cloud import SimulatedCloud
from semantest_iac.infrastructure.simulated_cloud.schema.refusals import CloudRefusal
from tests.unit.simulated_cloud.azure.samples import SAMPLES
from tests.unit.simulated_cloud.azure.tokens import COMPONENT, DIAGNOSTIC_SETTING, GROUP, SERVICE, WORKSPACE, World


class TestWorkspaceNames:
    @pytest.fixture(autouse=True)
    def deleted(self, cloud: SimulatedCloud, world: World, make: Any) -> None:
        make(GROUP, resourceGroupName="rg-other")
        cloud.delete(WORKSPACE, world[WORKSPACE].id)

    def test_come_back_to_their_group(self, make: Any, world: World) -> None:
        assert make(WORKSPACE).id == world[WORKSPACE].id

    def test_are_refused_to_another_group(self, make: Any) -> None:
        with pytest.raises(CloudRefusal, match="reserved by a workspace that was deleted"):
            make(WORKSPACE, resourceGroupName="rg-other")

    def test_are_free_after_two_weeks(self, make: Any, clock: VirtualClock) -> None:
        clock.advance(14 * SECONDS_PER_DAY + 1)

        assert "/rg-other/" in make(WORKSPACE, resourceGroupName="rg-other").id


class TestComponents:
    def test_tell_how_to_connect(self, world: World) -> None:
        told = dict(part.split("=", 1) for part in world[COMPONENT].outputs["connectionString"].split(";"))

        assert told["InstrumentationKey"] == world[COMPONENT].outputs["instrumentationKey"]
        assert told["IngestionEndpoint"] == "https://westeurope-0.in.applicationinsights.azure.com/"


class TestDiagnosticSettings:
    def test_go_with_what_they_watch(self, cloud: SimulatedCloud, world: World) -> None:
        cloud.delete("azure-native:web:WebApp", world["azure-native:web:WebApp"].id)

        assert cloud.read(DIAGNOSTIC_SETTING, world[DIAGNOSTIC_SETTING].id) is None

    def test_warn_when_nothing_is_sent(self, cloud: SimulatedCloud, world: World) -> None:
        inputs = {**SAMPLES[DIAGNOSTIC_SETTING](world), "logs": []}

        assert [failure.warning for failure in cloud.check(DIAGNOSTIC_SETTING, inputs)] == [True]

    def test_are_refused_to_a_gateway_that_writes_no_logs(self, cloud: SimulatedCloud, world: World) -> None:
        sample = SAMPLES[SERVICE](world)
        consumption = {**sample, "serviceName": "apim-consumption", "sku": {"name": "Consumption", "capacity": 0}}
        made = cloud.create(SERVICE, consumption, owner="urn:consumption")

        with pytest.raises(CloudRefusal, match="has no resource logs"):
            cloud.create(DIAGNOSTIC_SETTING, {**SAMPLES[DIAGNOSTIC_SETTING](world), "resourceUri": made.id}, owner="x")
