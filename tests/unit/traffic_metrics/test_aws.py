"""What CloudWatch is asked about the versions of a stack; botocore checks requests and answers against its model."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from semantest_iac.domain.delivery.canary import TrafficObservation
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.errors import ProviderError
from semantest_iac.domain.resource import DeployedResource
from semantest_iac.infrastructure.traffic_metrics.aws import CloudWatchTraffic

REST = Stack("rest-api", "aws", "qa", "eu-west-1")
SINCE, NOW = datetime(2026, 1, 1, 10, 0, 30, tzinfo=UTC), datetime(2026, 1, 1, 10, 5, tzinfo=UTC)
ALARM = DeployedResource("aws:cloudwatch/metricAlarm:MetricAlarm", "errors", {"name": "api-errors"})
WEIGHTS = {"additionalVersionWeights": {"8": 0.1}}


def alias(**outputs: Any) -> DeployedResource:
    return DeployedResource("aws:lambda/alias:Alias", "live", {"functionName": "api", "name": "live", **outputs})


class CloudWatch:
    """A real client whose answers a test gives, and the regions in which it was opened."""

    def __init__(self) -> None:
        import boto3
        from botocore.stub import Stubber

        given = {"aws_access_key_id": "none", "aws_secret_access_key": "none"}
        self.client = boto3.client("cloudwatch", region_name="eu-west-1", **given)
        self.stubber = Stubber(self.client)
        self.stubber.activate()
        self.regions: list[str] = []

    def open(self, region: str) -> Any:
        self.regions.append(region)
        return self.client

    def expect_metrics(self, **values: list[float]) -> None:
        dimensions = [
            {"Name": "FunctionName", "Value": "api"},
            {"Name": "Resource", "Value": "api:live"},
            {"Name": "ExecutedVersion", "Value": "8"},
        ]
        statistics = {
            "invocations": ("Invocations", "Sum"),
            "errors": ("Errors", "Sum"),
            "duration": ("Duration", "p95"),
        }
        queries = [
            {
                "Id": f"{key}_0",
                "MetricStat": {
                    "Metric": {"Namespace": "AWS/Lambda", "MetricName": name, "Dimensions": dimensions},
                    "Period": 60,
                    "Stat": statistic,
                },
            }
            for key, (name, statistic) in statistics.items()
        ]
        request = {"MetricDataQueries": queries, "StartTime": SINCE.replace(second=0), "EndTime": NOW}
        results = [{"Id": f"{key}_0", "Values": found} for key, found in values.items()]
        self.stubber.add_response("get_metric_data", {"MetricDataResults": results}, request)

    def expect_alarms(self, *raised: str) -> None:
        request = {"AlarmNames": ["api-errors"], "StateValue": "ALARM"}
        self.stubber.add_response("describe_alarms", {"MetricAlarms": [{"AlarmName": it} for it in raised]}, request)

    async def observe(self, resources: Sequence[DeployedResource]) -> TrafficObservation:
        async def find(stack: Stack) -> Sequence[DeployedResource]:
            return resources

        observed = await CloudWatchTraffic(find, self.open, lambda: NOW).observe(REST, SINCE)
        self.stubber.assert_no_pending_responses()
        return observed


@pytest.fixture
def cloudwatch() -> CloudWatch:
    return CloudWatch()


class TestCloudWatchTraffic:
    async def test_sums_the_metrics_of_the_version_with_a_weight(self, cloudwatch: CloudWatch) -> None:
        cloudwatch.expect_metrics(invocations=[60, 40], errors=[2, 3], duration=[120.5, 80])
        cloudwatch.expect_alarms()

        observed = await cloudwatch.observe([alias(routingConfig=WEIGHTS), ALARM])

        assert observed == TrafficObservation(100, 5, 120.5)
        assert cloudwatch.regions == ["eu-west-1"]

    async def test_names_the_alarms_that_are_raised(self, cloudwatch: CloudWatch) -> None:
        cloudwatch.expect_alarms("api-errors")

        assert await cloudwatch.observe([alias(), ALARM]) == TrafficObservation(alarms=("api-errors",))

    async def test_asks_nothing_of_a_stack_without_weights_and_alarms(self, cloudwatch: CloudWatch) -> None:
        assert await cloudwatch.observe([alias(routingConfig=None)]) == TrafficObservation()

    async def test_says_which_rights_are_missing(self, cloudwatch: CloudWatch) -> None:
        cloudwatch.stubber.add_client_error("describe_alarms", "AccessDenied", "not authorized", 403)

        with pytest.raises(ProviderError) as raised:
            await cloudwatch.observe([alias(), ALARM])

        assert raised.value.error_code == "AccessDenied"
        assert "cloudwatch:DescribeAlarms" in raised.value.hint
