"""Workspaces, Application Insights, diagnostic settings and alerts."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import pytest

from semantest_iac.infrastructure.simulated_cloud.runtime.clock import SECONDS_PER_DAY, VirtualClock
from semantest_iac.infrastructure.simulated_cloud.runtime.cloud import SimulatedCloud
from semantest_iac.infrastructure.simulated_cloud.schema.refusals import CloudRefusal
from tests.unit.simulated_cloud.azure.samples import SAMPLES
from tests.unit.simulated_cloud.azure.tokens import (
    COMPONENT,
    DIAGNOSTIC_SETTING,
    GROUP,
    METRIC_ALERT,
    SERVICE,
    VAULT,
    WORKSPACE,
    World,
)

Refused = Callable[..., CloudRefusal]
_LEARNED = {
    "criterionType": "DynamicThresholdCriterion",
    "threshold": None,
    "alertSensitivity": "Medium",
    "failingPeriods": {"numberOfEvaluationPeriods": 4, "minFailingPeriodsToAlert": 4},
}


class TestWorkspaceNames:
    @pytest.fixture(autouse=True)
    def deleted(self, cloud: SimulatedCloud, world: World, make: Any) -> None:
        make(GROUP, resourceGroupName="rg-other")
        cloud.delete(WORKSPACE, world[WORKSPACE].id)

    def test_are_free_in_the_same_group(self, make: Any, world: World) -> None:
        assert make(WORKSPACE).id == world[WORKSPACE].id

    def test_are_refused_to_another_group(self, make: Any) -> None:
        with pytest.raises(CloudRefusal, match="reserved by a workspace that was deleted"):
            make(WORKSPACE, resourceGroupName="rg-other")

    def test_are_free_after_two_weeks(self, make: Any, clock: VirtualClock) -> None:
        clock.advance(14 * SECONDS_PER_DAY + 1)

        assert "/rg-other/" in make(WORKSPACE, resourceGroupName="rg-other").id


class TestComponents:
    def test_report_a_connection_string(self, world: World) -> None:
        settings = dict(part.split("=", 1) for part in world[COMPONENT].outputs["connectionString"].split(";"))

        assert settings["InstrumentationKey"] == world[COMPONENT].outputs["instrumentationKey"]
        assert settings["IngestionEndpoint"] == "https://westeurope-0.in.applicationinsights.azure.com/"


class TestDiagnosticSettings:
    def test_are_deleted_with_the_watched_resource(self, cloud: SimulatedCloud, world: World) -> None:
        cloud.delete("azure-native:web:WebApp", world["azure-native:web:WebApp"].id)

        assert cloud.read(DIAGNOSTIC_SETTING, world[DIAGNOSTIC_SETTING].id) is None

    def test_warn_without_logs_and_metrics(self, cloud: SimulatedCloud, world: World) -> None:
        inputs = {**SAMPLES[DIAGNOSTIC_SETTING](world), "logs": []}

        assert [failure.warning for failure in cloud.check(DIAGNOSTIC_SETTING, inputs)] == [True]

    def test_are_refused_for_a_service_without_resource_logs(self, cloud: SimulatedCloud, world: World) -> None:
        sample = SAMPLES[SERVICE](world)
        consumption = {**sample, "serviceName": "apim-consumption", "sku": {"name": "Consumption", "capacity": 0}}
        made = cloud.create(SERVICE, consumption, owner="urn:consumption")

        with pytest.raises(CloudRefusal, match="has no resource logs"):
            cloud.create(DIAGNOSTIC_SETTING, {**SAMPLES[DIAGNOSTIC_SETTING](world), "resourceUri": made.id}, owner="x")


class TestMetricAlerts:
    @pytest.mark.parametrize(
        ("form", "change", "is_refused"),
        [
            ("Single", {}, False),
            ("Single", {"threshold": None}, True),
            ("Single", _LEARNED, True),
            ("Multiple", _LEARNED, False),
            ("Multiple", {**_LEARNED, "alertSensitivity": None}, True),
        ],
    )
    def test_criterion_has_what_its_type_needs(
        self, cloud: SimulatedCloud, world: World, form: str, change: dict[str, Any], is_refused: bool
    ) -> None:
        inputs = SAMPLES[METRIC_ALERT](world)
        [criterion] = inputs["criteria"]["allOf"]
        criterion = {name: value for name, value in {**criterion, **change}.items() if value is not None}
        odata = f"Microsoft.Azure.Monitor.{form}ResourceMultipleMetricCriteria"
        written = {**inputs, "ruleName": "other", "criteria": {"odataType": odata, "allOf": [criterion]}}

        with pytest.raises(CloudRefusal, match="criterion") if is_refused else nullcontext():
            cloud.create(METRIC_ALERT, written, owner="urn:other")

    def test_are_evaluated_at_least_once_per_window(self, refused: Refused) -> None:
        refusal = refused(METRIC_ALERT, ruleName="other", evaluationFrequency="PT15M", windowSize="PT5M")

        assert refusal.message == "The evaluation frequency PT15M must not be longer than the window PT5M."

    def test_require_an_existing_action_group(self, refused: Refused) -> None:
        assert refused(METRIC_ALERT, ruleName="other", actions=[{"actionGroupId": "/no"}]).code == "ResourceNotFound"

    def test_are_replaced_for_another_scope(self, cloud: SimulatedCloud, world: World) -> None:
        inputs = SAMPLES[METRIC_ALERT](world)

        found = cloud.diff(METRIC_ALERT, inputs, world[METRIC_ALERT].outputs, {**inputs, "scopes": [world[VAULT].id]})

        assert found.replaces == ("scopes",)
