"""Logs in Log Analytics, telemetry in Application Insights, alarms on both, notification channels as action groups."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi_azure_native import applicationinsights, monitor, operationalinsights

from semantest_iac.domain.compute.scaling import CONCURRENCY_SHARE
from semantest_iac.domain.messaging.notification_channel import NotificationChannel
from semantest_iac.domain.monitoring.logs_and_alarms import Alarm, LogSource, LogStore, Signal
from semantest_iac.domain.monitoring.observability import LogWorkspace, NotifyingAlarm, PlatformAlarm
from semantest_iac.infrastructure.cloud_programs.azure.foundation import azure_name, common_arguments
from semantest_iac.infrastructure.cloud_programs.cloud import FOUNDATION
from semantest_iac.infrastructure.cloud_programs.context import Outputs, ProgramContext
from semantest_iac.infrastructure.clouds.azure_rules import round_workspace_retention


def create_log_store(store: LogStore, context: ProgramContext) -> Outputs:
    """Create a workspace and the telemetry component that stores in it.

    Without a gateway there is no access log: the function's telemetry records every request.
    """
    if store.source is LogSource.ACCESS and not context.outputs[FOUNDATION]["has_gateway"]:
        return {}
    workspace = create_workspace(store, store.purpose or store.source.value, context)
    insights = create_insights(store.name, store.purpose or _insights_purpose(store), workspace.id, context)
    return {"workspace": workspace.id, "insights": insights.id, "connection": insights.connection_string}


def create_workspace(
    store: LogStore | LogWorkspace, purpose: str, context: ProgramContext, **arguments: Any
) -> operationalinsights.Workspace:
    """Create a workspace that costs by what it takes."""
    return operationalinsights.Workspace(
        store.name,
        workspace_name=azure_name("workspace", context, purpose),
        sku={"name": "PerGB2018"},
        retention_in_days=round_workspace_retention(store.retention_days),
        **common_arguments(context),
        opts=context.options(retain_on_delete=store.keep or None),
        **arguments,
    )


def create_insights(
    name: str, purpose: str, workspace: pulumi.Input[str], context: ProgramContext, **arguments: Any
) -> applicationinsights.Component:
    """Create a component that stores in a workspace; local authentication is off, so that senders need an identity."""
    return applicationinsights.Component(
        name,
        resource_name_=azure_name("component", context, purpose),
        kind="web",
        application_type="web",
        workspace_resource_id=workspace,
        disable_local_auth=True,
        **common_arguments(context),
        opts=context.options(),
        **arguments,
    )


def _insights_purpose(store: LogStore) -> str:
    """Return the purpose in its name, none for the function's own."""
    return "" if store.source is LogSource.FUNCTION else store.source.value


@dataclass(frozen=True, slots=True)
class WatchedMetric:
    """A metric of Azure Monitor; of one with a dimension, what has one of the values in it counts."""

    namespace: str
    name: str
    aggregation: str
    dimension: str = ""
    values: tuple[pulumi.Input[str], ...] = ()


_FAILED_REQUESTS = ("microsoft.insights/components", "requests/failed", "Count", "request/resultCode")
_GATEWAY_REQUESTS = ("Microsoft.ApiManagement/service", "Requests", "Total")
_APP_METRICS = {
    Signal.SERVER_ERRORS: WatchedMetric(*_FAILED_REQUESTS, ("500", "501", "502", "503", "504")),
    Signal.THROTTLES: WatchedMetric(*_FAILED_REQUESTS, ("429",)),
}
_GATEWAY_METRICS = {
    Signal.SERVER_ERRORS: WatchedMetric(*_GATEWAY_REQUESTS, "GatewayResponseCodeCategory", ("5xx",)),
    Signal.THROTTLES: WatchedMetric(*_GATEWAY_REQUESTS, "GatewayResponseCode", ("429",)),
}

# Azure has no metrics for shares, percentiles and distinct instances. With no requests each query returns 0.
_QUERIES = {
    Signal.ERROR_RATE: "requests | summarize value = iff(count() == 0, 0.0, todouble(countif(success == false)) "
    "/ count())",
    Signal.LATENCY: "requests | summarize value = coalesce(percentile(duration, 95), 0.0)",
    Signal.CONCURRENCY: "requests | summarize value = todouble(dcount(cloud_RoleInstance))",
}
_WARNING_SEVERITY = 2  # from 0 to 4: a warning


def create_alarm(alarm: Alarm, context: ProgramContext) -> Outputs:
    """Create a metric alert (every minute) if there is a metric, otherwise a query alert (every five minutes)."""
    create = _create_query_alarm if alarm.signal in _QUERIES else _create_metric_alarm
    created = create(alarm, context)
    return {"id": created.id, "name": created.name}


def _create_query_alarm(alarm: Alarm, context: ProgramContext) -> monitor.ScheduledQueryRule:
    function = context.outputs[alarm.function]
    threshold = _reachable_threshold(alarm, function["max_instances"])
    arguments = alert_arguments(alarm.signal.value, function["insights"], ("PT5M", "PT5M"), context)
    return create_query_alert(alarm, _QUERIES[alarm.signal], threshold, arguments, context)


def _reachable_threshold(alarm: Alarm, max_instances: int) -> float:
    """Lower a threshold above the maximum of instances, which comes from another cloud's default."""
    if alarm.signal is not Signal.CONCURRENCY or alarm.threshold <= max_instances:
        return alarm.threshold
    return max(1, int(max_instances * CONCURRENCY_SHARE))


def _create_metric_alarm(alarm: Alarm, context: ProgramContext) -> monitor.MetricAlert:
    gateway = context.outputs[alarm.api]["gateway_id"]
    metric = (_GATEWAY_METRICS if gateway else _APP_METRICS)[alarm.signal]
    scope = gateway or context.outputs[alarm.function]["insights"]
    arguments = alert_arguments(alarm.signal.value, scope, ("PT1M", "PT1M"), context)
    return create_metric_alert(alarm, metric, "answers", arguments, context)


def alert_arguments(
    purpose: str, scope: pulumi.Input[str], times: tuple[str, str], context: ProgramContext
) -> dict[str, Any]:
    """Return what both kinds of alert take; the times are how often they look, and at how much."""
    frequency, window = times
    return {
        "rule_name": azure_name("alarm", context, purpose),
        "resource_group_name": context.outputs[FOUNDATION]["group"],
        "scopes": [scope],
        "evaluation_frequency": frequency,
        "window_size": window,
        "enabled": True,
        "severity": _WARNING_SEVERITY,
        "auto_mitigate": True,
        "tags": context.tags,
        "opts": context.options(replace_on_changes=["scopes"], delete_before_replace=True),  # the watched one stays
    }


def create_query_alert(
    alarm: Alarm | PlatformAlarm, query: str, threshold: float, arguments: Mapping[str, Any], context: ProgramContext
) -> monitor.ScheduledQueryRule:
    """Create an alert on the column `value` of what a query finds."""
    condition = {
        "query": query,
        "metric_measure_column": "value",
        "time_aggregation": "Maximum",
        "operator": "GreaterThanOrEqual",
        "threshold": threshold,
        "failing_periods": {"number_of_evaluation_periods": 1, "min_failing_periods_to_alert": 1},
    }
    return monitor.ScheduledQueryRule(
        alarm.name,
        kind="LogAlert",
        location=context.stack.region,
        criteria={"all_of": [condition]},
        actions={"action_groups": [context.outputs[alarm.channel]["id"]]},
        **arguments,
    )


def create_metric_alert(
    alarm: Alarm | PlatformAlarm,
    metric: WatchedMetric,
    criterion_name: str,
    arguments: Mapping[str, Any],
    context: ProgramContext,
) -> monitor.MetricAlert:
    """Create an alert on a metric, with the SDK's classes, because it cannot infer the variant from a mapping."""
    dimension = monitor.MetricDimensionArgs(name=metric.dimension, operator="Include", values=list(metric.values))
    criterion = monitor.MetricCriteriaArgs(
        criterion_type="StaticThresholdCriterion",
        name=criterion_name,
        metric_namespace=metric.namespace,
        metric_name=metric.name,
        time_aggregation=metric.aggregation,
        operator="GreaterThanOrEqual",
        threshold=alarm.threshold,
        dimensions=[dimension] if metric.dimension else None,
    )
    criteria = monitor.MetricAlertSingleResourceMultipleMetricCriteriaArgs(
        odata_type="Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria", all_of=[criterion]
    )
    return create_criteria_alert(alarm, criteria, arguments, context)


def create_criteria_alert(
    alarm: Alarm | NotifyingAlarm, criteria: Any, arguments: Mapping[str, Any], context: ProgramContext
) -> monitor.MetricAlert:
    """Create an alert on metrics that belongs to no region."""
    return monitor.MetricAlert(
        alarm.name,
        location="global",
        criteria=criteria,
        actions=[{"action_group_id": context.outputs[alarm.channel]["id"]}],
        **arguments,
    )


_SENDER_NAME = "semantest"  # the sender in text messages; at most 12 characters


def create_notification_channel(channel: NotificationChannel, context: ProgramContext) -> Outputs:
    """Create an action group with one receiver per address; it belongs to no region."""
    group = monitor.ActionGroup(
        channel.name,
        action_group_name=azure_name("action group", context, channel.name),
        group_short_name=_SENDER_NAME,
        resource_group_name=context.outputs[FOUNDATION]["group"],
        location="global",
        enabled=True,
        email_receivers=[{"name": email, "email_address": email} for email in channel.emails],
        tags=context.tags,
        opts=context.options(),
    )
    return {"id": group.id, "name": group.name}
