"""Logs in Log Analytics, telemetry in Application Insights, alarms on both."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pulumi_azure_native import applicationinsights, monitor, operationalinsights

from semantest_iac.domain.environments.configuration import CONCURRENCY_SHARE
from semantest_iac.domain.environments.defaults import retention
from semantest_iac.domain.monitoring.alarm import Alarm, Signal
from semantest_iac.domain.monitoring.log_store import LogSource, LogStore
from semantest_iac.infrastructure.cloud_programs.azure.limits import name_of
from semantest_iac.infrastructure.cloud_programs.cloud import GROUND
from semantest_iac.infrastructure.cloud_programs.context import Context, Made


def log_store(store: LogStore, context: Context) -> Made:
    """A workspace, and telemetry that is kept in it.

    Without a gateway nobody writes an access log: the function's telemetry has every request.
    """
    if store.source is LogSource.ACCESS and not context.made[GROUND]["has_gateway"]:
        return {}
    workspace = operationalinsights.Workspace(
        store.name,
        workspace_name=name_of("workspace", context, store.purpose or store.source.value),
        resource_group_name=context.made[GROUND]["group"],
        location=context.stack.region,
        sku={"name": "PerGB2018"},
        retention_in_days=retention(store.retention_days, "azure"),
        tags=context.tags,
        opts=context.options(retain_on_delete=store.keep or None),
    )
    insights = _insights(store, workspace, context)
    return {"workspace": workspace.id, "insights": insights.id, "connection": insights.connection_string}


def _insights(store: LogStore, workspace: operationalinsights.Workspace, context: Context) -> Any:
    """Its instrumentation key opens nothing: who sends telemetry shows an identity."""
    return applicationinsights.Component(
        store.name,
        resource_name_=name_of("component", context, store.purpose or _what(store)),
        resource_group_name=context.made[GROUND]["group"],
        location=context.stack.region,
        kind="web",
        application_type="web",
        workspace_resource_id=workspace.id,
        disable_local_auth=True,
        tags=context.tags,
        opts=context.options(),
    )


def _what(store: LogStore) -> str:
    """That of the function is the usual one, and has no further name."""
    return "" if store.source is LogSource.FUNCTION else store.source.value


@dataclass(frozen=True, slots=True)
class _Metric:
    """Where Azure Monitor counts requests by the status that was answered."""

    namespace: str
    name: str
    aggregation: str
    dimension: str
    statuses: tuple[str, ...]


_FAILED = ("microsoft.insights/components", "requests/failed", "Count", "request/resultCode")
_ANSWERED = ("Microsoft.ApiManagement/service", "Requests", "Total")
_BY_APP = {
    Signal.SERVER_ERRORS: _Metric(*_FAILED, ("500", "501", "502", "503", "504")),
    Signal.THROTTLES: _Metric(*_FAILED, ("429",)),
}
_BY_GATEWAY = {
    Signal.SERVER_ERRORS: _Metric(*_ANSWERED, "GatewayResponseCodeCategory", ("5xx",)),
    Signal.THROTTLES: _Metric(*_ANSWERED, "GatewayResponseCode", ("429",)),
}

# Shares, percentiles and distinct instances are no metrics; of a quiet service every one of these is 0.
_QUERIES = {
    Signal.ERROR_RATE: "requests | summarize value = iff(count() == 0, 0.0, todouble(countif(success == false)) "
    "/ count())",
    Signal.LATENCY: "requests | summarize value = coalesce(percentile(duration, 95), 0.0)",
    Signal.CONCURRENCY: "requests | summarize value = todouble(dcount(cloud_RoleInstance))",
}
_SEVERITY = 2  # of 0 to 4: a warning


def alarm(alarm: Alarm, context: Context) -> Made:
    """A metric alert each minute where there is a metric, else a query each five."""
    make = _query_alarm if alarm.signal in _QUERIES else _metric_alarm
    made = make(
        alarm,
        context,
        rule_name=name_of("alarm", context, alarm.signal.value),
        resource_group_name=context.made[GROUND]["group"],
        enabled=True,
        severity=_SEVERITY,
        auto_mitigate=True,
        tags=context.tags,
        opts=context.options(replace_on_changes=["scopes"], delete_before_replace=True),  # what is watched stays
    )
    return {"id": made.id, "name": made.name}


def _query_alarm(alarm: Alarm, context: Context, **common: Any) -> Any:
    condition = {
        "query": _QUERIES[alarm.signal],
        "metric_measure_column": "value",
        "time_aggregation": "Maximum",
        "operator": "GreaterThanOrEqual",
        "threshold": _reachable(alarm, context.made[alarm.function]["most"]),
        "failing_periods": {"number_of_evaluation_periods": 1, "min_failing_periods_to_alert": 1},
    }
    return monitor.ScheduledQueryRule(
        alarm.name,
        kind="LogAlert",
        location=context.stack.region,
        scopes=[context.made[alarm.function]["insights"]],
        criteria={"all_of": [condition]},
        evaluation_frequency="PT5M",
        window_size="PT5M",
        actions={"action_groups": [context.made[alarm.channel]["id"]]},
        **common,
    )


def _reachable(alarm: Alarm, most: int) -> float:
    """An alarm on more instances than there can be would never be raised: the default is that of another cloud."""
    if alarm.signal is not Signal.CONCURRENCY or alarm.threshold <= most:
        return alarm.threshold
    return max(1, int(most * CONCURRENCY_SHARE))


def _metric_alarm(alarm: Alarm, context: Context, **common: Any) -> Any:
    api = context.made[alarm.api]
    gateway = api["gateway_id"]
    metric = (_BY_GATEWAY if gateway else _BY_APP)[alarm.signal]
    return monitor.MetricAlert(
        alarm.name,
        location="global",
        scopes=[gateway or context.made[alarm.function]["insights"]],
        criteria=_counted(metric, alarm.threshold),
        evaluation_frequency="PT1M",
        window_size="PT1M",
        actions=[{"action_group_id": context.made[alarm.channel]["id"]}],
        **common,
    )


def _counted(metric: _Metric, threshold: float) -> monitor.MetricAlertSingleResourceMultipleMetricCriteriaArgs:
    """As the SDK's classes: of a choice of forms it cannot tell which one a mapping means."""
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
