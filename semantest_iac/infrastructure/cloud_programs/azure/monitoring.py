"""Logs in Log Analytics, telemetry in Application Insights, alarms on both, notification channels as action groups."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pulumi_azure_native import applicationinsights, monitor, operationalinsights

from semantest_iac.domain.compute.scaling import CONCURRENCY_SHARE
from semantest_iac.domain.messaging.notification_channel import NotificationChannel
from semantest_iac.domain.monitoring.logs_and_alarms import Alarm, LogSource, LogStore, Signal
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
    workspace = operationalinsights.Workspace(
        store.name,
        workspace_name=azure_name("workspace", context, store.purpose or store.source.value),
        sku={"name": "PerGB2018"},
        retention_in_days=round_workspace_retention(store.retention_days),
        **common_arguments(context),
        opts=context.options(retain_on_delete=store.keep or None),
    )
    insights = _create_insights(store, workspace, context)
    return {"workspace": workspace.id, "insights": insights.id, "connection": insights.connection_string}


def _create_insights(store: LogStore, workspace: operationalinsights.Workspace, context: ProgramContext) -> Any:
    """Create the component; local authentication is off, so that senders need an identity."""
    return applicationinsights.Component(
        store.name,
        resource_name_=azure_name("component", context, store.purpose or _insights_purpose(store)),
        kind="web",
        application_type="web",
        workspace_resource_id=workspace.id,
        disable_local_auth=True,
        **common_arguments(context),
        opts=context.options(),
    )


def _insights_purpose(store: LogStore) -> str:
    """Return the purpose in its name, none for the function's own."""
    return "" if store.source is LogSource.FUNCTION else store.source.value


@dataclass(frozen=True, slots=True)
class _Metric:
    """An Azure Monitor metric that counts requests by response status."""

    namespace: str
    name: str
    aggregation: str
    dimension: str
    statuses: tuple[str, ...]


_FAILED_REQUESTS = ("microsoft.insights/components", "requests/failed", "Count", "request/resultCode")
_GATEWAY_REQUESTS = ("Microsoft.ApiManagement/service", "Requests", "Total")
_APP_METRICS = {
    Signal.SERVER_ERRORS: _Metric(*_FAILED_REQUESTS, ("500", "501", "502", "503", "504")),
    Signal.THROTTLES: _Metric(*_FAILED_REQUESTS, ("429",)),
}
_GATEWAY_METRICS = {
    Signal.SERVER_ERRORS: _Metric(*_GATEWAY_REQUESTS, "GatewayResponseCodeCategory", ("5xx",)),
    Signal.THROTTLES: _Metric(*_GATEWAY_REQUESTS, "GatewayResponseCode", ("429",)),
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
    create = _create_query_alert if alarm.signal in _QUERIES else _create_metric_alert
    created = create(
        alarm,
        context,
        rule_name=azure_name("alarm", context, alarm.signal.value),
        resource_group_name=context.outputs[FOUNDATION]["group"],
        enabled=True,
        severity=_WARNING_SEVERITY,
        auto_mitigate=True,
        tags=context.tags,
        opts=context.options(replace_on_changes=["scopes"], delete_before_replace=True),  # the watched resource stays
    )
    return {"id": created.id, "name": created.name}


def _create_query_alert(alarm: Alarm, context: ProgramContext, **common: Any) -> Any:
    condition = {
        "query": _QUERIES[alarm.signal],
        "metric_measure_column": "value",
        "time_aggregation": "Maximum",
        "operator": "GreaterThanOrEqual",
        "threshold": _reachable_threshold(alarm, context.outputs[alarm.function]["max_instances"]),
        "failing_periods": {"number_of_evaluation_periods": 1, "min_failing_periods_to_alert": 1},
    }
    return monitor.ScheduledQueryRule(
        alarm.name,
        kind="LogAlert",
        location=context.stack.region,
        scopes=[context.outputs[alarm.function]["insights"]],
        criteria={"all_of": [condition]},
        evaluation_frequency="PT5M",
        window_size="PT5M",
        actions={"action_groups": [context.outputs[alarm.channel]["id"]]},
        **common,
    )


def _reachable_threshold(alarm: Alarm, max_instances: int) -> float:
    """Lower a threshold above the maximum of instances, which comes from another cloud's default."""
    if alarm.signal is not Signal.CONCURRENCY or alarm.threshold <= max_instances:
        return alarm.threshold
    return max(1, int(max_instances * CONCURRENCY_SHARE))


def _create_metric_alert(alarm: Alarm, context: ProgramContext, **common: Any) -> Any:
    api = context.outputs[alarm.api]
    gateway = api["gateway_id"]
    metric = (_GATEWAY_METRICS if gateway else _APP_METRICS)[alarm.signal]
    return monitor.MetricAlert(
        alarm.name,
        location="global",
        scopes=[gateway or context.outputs[alarm.function]["insights"]],
        criteria=_metric_criteria(metric, alarm.threshold),
        evaluation_frequency="PT1M",
        window_size="PT1M",
        actions=[{"action_group_id": context.outputs[alarm.channel]["id"]}],
        **common,
    )


def _metric_criteria(metric: _Metric, threshold: float) -> monitor.MetricAlertSingleResourceMultipleMetricCriteriaArgs:
    """Use the SDK's classes, because it cannot infer the variant from a mapping."""
    criterion = monitor.MetricCriteriaArgs(
        criterion_type="StaticThresholdCriterion",
        name="answers",
        metric_namespace=metric.namespace,
        metric_name=metric.name,
        time_aggregation=metric.aggregation,
        operator="GreaterThanOrEqual",
        threshold=threshold,
        dimensions=[
            monitor.MetricDimensionArgs(name=metric.dimension, operator="Include", values=list(metric.statuses))
        ],
    )
    return monitor.MetricAlertSingleResourceMultipleMetricCriteriaArgs(
        odata_type="Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria", all_of=[criterion]
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
