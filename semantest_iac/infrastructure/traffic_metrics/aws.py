"""The TrafficObserver of AWS: the metrics of Lambda by version, and the states of the stack's alarms.

Source of the dimensions: SAM's developer guide, safe deployments, whose alarms watch FunctionName, Resource (function
and alias) and ExecutedVersion; Lambda's developer guide describes the last one for aliases with weights.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from semantest_iac.domain.delivery.canary import TrafficObservation
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.errors import ProviderError
from semantest_iac.domain.resource import DeployedResource

_ALIAS, _ALARM = "aws:lambda/alias:Alias", "aws:cloudwatch/metricAlarm:MetricAlarm"
_PERIOD_S = 60
_MOST_ALARM_NAMES = 100
_STATISTICS = {"invocations": ("Invocations", "Sum"), "errors": ("Errors", "Sum"), "duration": ("Duration", "p95")}

FindResources = Callable[[Stack], Awaitable[Sequence[DeployedResource]]]
OpenClient = Callable[[str], Any]
"""Opens a client of CloudWatch in a region."""


def open_cloudwatch(region: str) -> Any:
    """Return a client with the user's own credentials."""
    import boto3

    return boto3.client("cloudwatch", region_name=region)


class CloudWatchTraffic:
    """Observes the versions that have a weight in an alias of the stack.

    Failures are what Lambda counts as errors: exceptions, timeouts, code that cannot be loaded. What the code answers
    itself with 5xx shows in the stack's alarms. CloudWatch has the metrics of a minute some time after it.
    """

    def __init__(
        self,
        find_resources: FindResources,
        open_client: OpenClient = open_cloudwatch,
        read_now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._find_resources = find_resources
        self._open_client = open_client
        self._read_now = read_now

    async def prepare(self, stack: Stack) -> None:
        """Ask once what will be asked, so that a missing permission shows before anything is deployed."""
        await self.observe(stack, self._read_now() - timedelta(minutes=1))

    async def observe(self, stack: Stack, since: datetime) -> TrafficObservation:
        """Return what CloudWatch has of the new versions since that time."""
        resources = await self._find_resources(stack)
        return await asyncio.to_thread(self._observe, stack, resources, since)

    def _observe(self, stack: Stack, resources: Sequence[DeployedResource], since: datetime) -> TrafficObservation:
        try:
            client = self._open_client(stack.region)
            values = self._read_metrics(client, list(_find_new_versions(resources)), since)
            alarms = tuple(_find_raised_alarms(client, resources))
        except (BotoCoreError, ClientError) as error:
            code = error.response["Error"]["Code"] if isinstance(error, ClientError) else type(error).__name__
            raise ProviderError(
                f"Cannot read the metrics of '{stack}': {error}",
                code,
                provider=stack.provider,
                hint="Whoever deploys needs cloudwatch:GetMetricData and cloudwatch:DescribeAlarms.",
            ) from error
        slowest = max(values["duration"], default=None)
        return TrafficObservation(int(sum(values["invocations"])), int(sum(values["errors"])), slowest, alarms)

    def _read_metrics(
        self, client: Any, versions: Sequence[Mapping[str, str]], since: datetime
    ) -> dict[str, list[float]]:
        values: dict[str, list[float]] = {name: [] for name in _STATISTICS}
        queries = [query for number, one in enumerate(versions) for query in _build_queries(number, one)]
        if not queries:
            return values
        start = since - timedelta(seconds=since.second, microseconds=since.microsecond)
        request = {"MetricDataQueries": queries, "StartTime": start, "EndTime": self._read_now()}
        for page in client.get_paginator("get_metric_data").paginate(**request):
            for result in page["MetricDataResults"]:
                values[result["Id"].partition("_")[0]] += result["Values"]
        return values


def _find_new_versions(resources: Sequence[DeployedResource]) -> Iterator[Mapping[str, str]]:
    """Yield the dimensions of each version that has a weight beside the version of its alias."""
    for it in resources:
        weights = (it.outputs.get("routingConfig") or {}).get("additionalVersionWeights") if it.type == _ALIAS else None
        for version in weights or {}:
            function = str(it.outputs["functionName"]).rpartition(":")[2]
            alias = f"{function}:{it.outputs['name']}"
            yield {"FunctionName": function, "Resource": alias, "ExecutedVersion": version}


def _build_queries(number: int, dimensions: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    named = [{"Name": name, "Value": value} for name, value in dimensions.items()]
    for key, (name, statistic) in _STATISTICS.items():
        metric = {"Namespace": "AWS/Lambda", "MetricName": name, "Dimensions": named}
        yield {"Id": f"{key}_{number}", "MetricStat": {"Metric": metric, "Period": _PERIOD_S, "Stat": statistic}}


def _find_raised_alarms(client: Any, resources: Sequence[DeployedResource]) -> Iterator[str]:
    names = [str(it.outputs["name"]) for it in resources if it.type == _ALARM]
    for some in _in_batches(names, _MOST_ALARM_NAMES):
        answer = client.describe_alarms(AlarmNames=some, StateValue="ALARM")
        yield from (alarm["AlarmName"] for alarm in answer["MetricAlarms"])


def _in_batches(names: Sequence[str], size: int) -> Iterator[list[str]]:
    for start in range(0, len(names), size):
        yield list(names[start : start + size])
