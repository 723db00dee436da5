"""Logs and alarms on CloudWatch, notification channels on SNS."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_aws as aws

from semantest_iac.domain.messaging.notification_channel import NotificationChannel
from semantest_iac.domain.monitoring.logs_and_alarms import Alarm, LogSource, LogStore, Signal
from semantest_iac.infrastructure.cloud_programs.aws.foundation import aws_name
from semantest_iac.infrastructure.cloud_programs.context import Outputs, ProgramContext

# Lambda requires its own prefix. One wildcard of the account's log policy covers the other, because one entry per
# API would exceed the policy's 5120 characters.
_LOG_GROUP_PREFIXES = {
    LogSource.FUNCTION: "/aws/lambda/",
    LogSource.ACCESS: "/aws/vendedlogs/apis/",
    LogSource.SERVICE: "/aws/ecs/",
}


def create_log_store(store: LogStore, context: ProgramContext) -> Outputs:
    """Create the log group before its writer does: Lambda would create one that never expires."""
    group = aws.cloudwatch.LogGroup(
        store.name,
        name=_LOG_GROUP_PREFIXES[store.source] + aws_name("function", context, store.purpose),
        retention_in_days=store.retention_days,
        tags=context.tags,
        opts=context.options(retain_on_delete=store.keep or None),
    )
    return {"arn": group.arn, "name": group.name, "resource": group}


@dataclass(frozen=True, slots=True)
class _Metric:
    """A CloudWatch metric; `dimensions_of` says whose dimensions it has."""

    namespace: str
    name: str
    statistic: str
    dimensions_of: str


_FUNCTION_METRICS = {
    Signal.THROTTLES: _Metric("AWS/Lambda", "Throttles", "Sum", "function"),
    Signal.CONCURRENCY: _Metric("AWS/Lambda", "ConcurrentExecutions", "Maximum", "function"),
}
_METRICS = {
    "HTTP": {
        Signal.LATENCY: _Metric("AWS/ApiGateway", "Latency", "p95", "api"),
        Signal.SERVER_ERRORS: _Metric("AWS/ApiGateway", "5xx", "Sum", "api"),
        **_FUNCTION_METRICS,
    },
    "WEBSOCKET": {
        Signal.LATENCY: _Metric("AWS/ApiGateway", "IntegrationLatency", "p95", "api"),
        **_FUNCTION_METRICS,
    },
}
"""By protocol of the API; metrics of functions are the same for both."""

_PERIOD_S = 60


def create_alarm(alarm: Alarm, context: ProgramContext) -> Outputs:
    """Create an alarm that an idle service does not raise: missing data counts as good."""
    channel = context.outputs[alarm.channel]["arn"]
    watched = "-".join(filter(None, (alarm.signal.value.replace("_", "-"), alarm.purpose)))
    created = aws.cloudwatch.MetricAlarm(
        alarm.name,
        name=aws_name("alarm", context, watched),
        comparison_operator="GreaterThanOrEqualToThreshold",
        threshold=alarm.threshold,
        evaluation_periods=5,
        datapoints_to_alarm=3,
        treat_missing_data="notBreaching",
        alarm_actions=[channel],
        ok_actions=[channel],
        tags=context.tags,
        opts=context.options(),
        **_metric_arguments(alarm, context),
    )
    return {"arn": created.arn, "name": created.name}


def _metric_arguments(alarm: Alarm, context: ProgramContext) -> dict[str, Any]:
    function = {"FunctionName": context.outputs[alarm.function]["name"]}
    if alarm.signal is Signal.ERROR_RATE:
        return {"metric_queries": _error_rate_queries(function)}
    api = context.outputs[alarm.api]
    if alarm.signal is Signal.SERVER_ERRORS and api.get("protocol") == "WEBSOCKET":
        return {"metric_queries": _web_socket_error_queries(function, api)}
    metric = _METRICS[api.get("protocol", "HTTP")][alarm.signal]
    dimensions = function if metric.dimensions_of == "function" else {"ApiId": api["id"], "Stage": api["stage"]}
    statistic = "extended_statistic" if metric.statistic.startswith("p") else "statistic"
    return {
        "namespace": metric.namespace,
        "metric_name": metric.name,
        "dimensions": dimensions,
        "period": _PERIOD_S,
        statistic: metric.statistic,
    }


def _error_rate_queries(function: Mapping[str, pulumi.Input[str]]) -> list[dict[str, Any]]:
    """Compute the share from two metrics by an expression; no single metric has it."""
    terms = [_sum_query(name.lower(), "AWS/Lambda", name, function) for name in ("Errors", "Invocations")]
    return [
        {"id": "rate", "expression": "errors/invocations", "label": "error rate", "return_data": True},
        *terms,
    ]


def _web_socket_error_queries(
    function: Mapping[str, pulumi.Input[str]], api: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """Add failed calls of the function to those that failed inside it.

    IntegrationError also counts clients that the code refuses with 4xx; source: the table of metrics in API Gateway's
    developer guide.
    """
    stage = {"ApiId": api["id"], "Stage": api["stage"]}
    return [
        {
            "id": "failures",
            "expression": "FILL(calls, 0) + FILL(errors, 0)",
            "label": "server errors",
            "return_data": True,
        },
        _sum_query("calls", "AWS/ApiGateway", "ExecutionError", stage),
        _sum_query("errors", "AWS/Lambda", "Errors", function),
    ]


def _sum_query(query_id: str, namespace: str, name: str, dimensions: Mapping[str, pulumi.Input[str]]) -> dict[str, Any]:
    metric = {
        "namespace": namespace,
        "metric_name": name,
        "dimensions": dimensions,
        "period": _PERIOD_S,
        "stat": "Sum",
    }
    return {"id": query_id, "metric": metric}


def create_notification_channel(channel: NotificationChannel, context: ProgramContext) -> Outputs:
    """Create a topic with one subscription per address."""
    topic = aws.sns.Topic(
        channel.name,
        name=aws_name("topic", context, channel.name),
        tags=context.tags,
        opts=context.options(),
    )
    for email in channel.emails:
        aws.sns.TopicSubscription(
            f"{channel.name}-{email}",
            topic=topic.arn,
            protocol="email",
            endpoint=email,
            opts=context.options(),
        )
    return {"arn": topic.arn, "name": topic.name}
