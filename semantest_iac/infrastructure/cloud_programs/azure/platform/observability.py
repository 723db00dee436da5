"""The common workspace, Application Insights, diagnostic settings, alarms on single resources, and the workbook."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pulumi
from pulumi_azure_native import applicationinsights, monitor, operationalinsights

from semantest_iac.domain.monitoring.observability import (
    AnomalyAlarm,
    Dashboard,
    DiagnosticLogs,
    LogWorkspace,
    PlatformAlarm,
    PlatformSignal,
    SavedQuery,
    TraceStore,
)
from semantest_iac.infrastructure.cloud_programs.azure.foundation import common_arguments, make_guid
from semantest_iac.infrastructure.cloud_programs.azure.monitoring import (
    WatchedMetric,
    alert_arguments,
    create_criteria_alert,
    create_insights,
    create_metric_alert,
    create_query_alert,
    create_workspace,
)
from semantest_iac.infrastructure.cloud_programs.cloud import FOUNDATION
from semantest_iac.infrastructure.cloud_programs.context import Outputs, ProgramContext

_UNLIMITED_GB = -1


def create_log_workspace(workspace: LogWorkspace, context: ProgramContext) -> Outputs:
    """Create a workspace, which stops taking logs for the day when its quota is used up."""
    quota = _UNLIMITED_GB if workspace.daily_quota_gb is None else workspace.daily_quota_gb
    created = create_workspace(workspace, workspace.name, context, workspace_capping={"daily_quota_gb": quota})
    return {"id": created.id, "name": created.name, "workspace": created.id}


def create_trace_store(traces: TraceStore, context: ProgramContext) -> Outputs:
    """Create a component on the workspace, which takes a share of the traces."""
    workspace = context.outputs[traces.workspace]["id"]
    sampling = traces.sampling_percent
    created = create_insights(traces.name, traces.name, workspace, context, sampling_percentage=sampling)
    return {
        "id": created.id,
        "name": created.name,
        # as a log store of functions
        "insights": created.id,
        "workspace": workspace,
        "connection": created.connection_string,
    }


def create_diagnostic_logs(diagnostics: DiagnosticLogs, context: ProgramContext) -> Outputs:
    """Create a setting per source; `diagnostics` of its outputs names what it writes, if not both logs and metrics.

    `diagnostics_scope` is the resource that has the setting, where it is a part of the source.
    """
    for source in diagnostics.sources:
        outputs = context.outputs[source]
        written = outputs.get("diagnostics", ("logs", "metrics"))
        monitor.DiagnosticSetting(
            f"{diagnostics.name}-{source}",
            name=diagnostics.name,
            resource_uri=outputs.get("diagnostics_scope", outputs.get("id")),
            workspace_id=context.outputs[diagnostics.workspace]["id"],
            logs=[{"category_group": "allLogs", "enabled": True}] if "logs" in written else None,
            metrics=[{"category": "AllMetrics", "enabled": True}] if "metrics" in written else None,
            opts=context.options(),
        )
    return {}


_QUEUES = ("Microsoft.ServiceBus/namespaces", "EntityName")
_APPS = "Microsoft.App/containerapps"
_METRICS: Mapping[PlatformSignal, WatchedMetric] = {
    # A dimension without values has the name of the watched one; source: Azure's pages on the metrics of each type.
    PlatformSignal.WAITING_MESSAGES: WatchedMetric(_QUEUES[0], "ActiveMessages", "Maximum", _QUEUES[1]),
    PlatformSignal.DEAD_LETTERS: WatchedMetric(_QUEUES[0], "DeadletteredMessages", "Maximum", _QUEUES[1]),
    PlatformSignal.DATABASE_LOAD: WatchedMetric("Microsoft.Sql/servers/databases", "cpu_percent", "Average"),
    PlatformSignal.SERVICE_ERRORS: WatchedMetric(_APPS, "Requests", "Total", "statusCodeCategory", ("5xx",)),
    PlatformSignal.SERVICE_LOAD: WatchedMetric(_APPS, "CpuPercentage", "Average"),
    PlatformSignal.FAILED_INSTANCES: WatchedMetric(_APPS, "RestartCount", "Maximum"),
    PlatformSignal.FAILED_PIPELINES: WatchedMetric("Microsoft.DataFactory/factories", "PipelineFailedRuns", "Total"),
}
# A workspace has no metric of what it takes; its table of usage counts megabytes.
_VOLUME_QUERY = "Usage | where IsBillable | summarize value = coalesce(sum(Quantity), 0.0) / 1000"


def create_platform_alarm(alarm: PlatformAlarm, context: ProgramContext) -> Outputs:
    """Create a metric alert, or a query alert where there is no metric.

    The load balancer of Azure is the ingress of the environment, whose answers are counted with those of each app.
    """
    if alarm.signal is PlatformSignal.BALANCER_ERRORS:
        return {}
    create = _create_resource_alarm if alarm.signal in _METRICS else _create_volume_alarm
    created, chart = create(alarm, context)
    return {"id": created.id, "name": created.name, "chart": chart, "threshold": alarm.threshold}


def _create_volume_alarm(alarm: PlatformAlarm, context: ProgramContext) -> tuple[Any, Any]:
    arguments = alert_arguments(alarm.name, context.outputs[alarm.watched]["id"], ("PT1H", "P1D"), context)
    created = create_query_alert(alarm, _VOLUME_QUERY, alarm.threshold, arguments, context)
    return created, "Usage | where IsBillable | summarize gigabytes = sum(Quantity) / 1000 by bin(TimeGenerated, 1d)"


def _create_resource_alarm(alarm: PlatformAlarm, context: ProgramContext) -> tuple[Any, Any]:
    watched = context.outputs[alarm.watched]
    metric = _METRICS[alarm.signal]
    has_own_values = bool(metric.values)
    metric = metric if has_own_values else replace(metric, values=(watched["name"],))
    scope = watched.get("metrics_scope", watched["id"])  # of queues, their namespace
    arguments = alert_arguments(alarm.name, scope, ("PT5M", "PT15M"), context)
    created = create_metric_alert(alarm, metric, alarm.signal.value, arguments, context)
    if has_own_values:  # the workspace gets metrics without their dimensions
        return created, None
    of_metric = f'" | where MetricName == "{metric.name}" | summarize max({metric.aggregation})'
    return created, pulumi.Output.concat('AzureMetrics | where ResourceId =~ "', scope, of_metric, _BY_TIME)


def create_anomaly_alarm(alarm: AnomalyAlarm, context: ProgramContext) -> Outputs:
    """Create an alert on more exceptions than Azure Monitor has learnt to expect at that time."""
    criterion = monitor.DynamicMetricCriteriaArgs(
        criterion_type="DynamicThresholdCriterion",
        name="exceptions",
        metric_namespace="microsoft.insights/components",
        metric_name="exceptions/count",
        time_aggregation="Count",
        operator="GreaterThan",
        alert_sensitivity="Medium",
        failing_periods={"number_of_evaluation_periods": 4, "min_failing_periods_to_alert": 4},
    )
    criteria = monitor.MetricAlertMultipleResourceMultipleMetricCriteriaArgs(
        odata_type="Microsoft.Azure.Monitor.MultipleResourceMultipleMetricCriteria", all_of=[criterion]
    )
    arguments = alert_arguments(alarm.name, context.outputs[alarm.traces]["id"], ("PT5M", "PT5M"), context)
    created = create_criteria_alert(alarm, criteria, arguments, context)
    return {"id": created.id, "name": created.name}


_BY_TIME = " by bin(TimeGenerated, 5m)"
_RECENT_LOGS = "search * | top 100 by TimeGenerated desc"
_DAY_MS = 24 * 60 * 60 * 1000


def create_dashboard(dashboard: Dashboard, context: ProgramContext) -> Outputs:
    """Create a workbook with a chart per alarm and the last lines of the logs; its name must be a GUID."""
    workspace = context.outputs[dashboard.workspace]["id"]
    charts = [
        _query_item(f"{alarm} (threshold {it['threshold']:g})", it["chart"], "timechart", workspace)
        for alarm, it in ((alarm, context.outputs[alarm]) for alarm in dashboard.alarms)
        if it.get("chart") is not None
    ]
    items = [*charts, _query_item("logs", _RECENT_LOGS, "table", workspace)]
    created = applicationinsights.Workbook(
        dashboard.name,
        resource_name_=make_guid(dashboard.name, context),
        kind="shared",
        category="workbook",
        display_name=dashboard.title,
        source_id=workspace,
        serialized_data=pulumi.Output.json_dumps(
            {"version": "Notebook/1.0", "items": items, "isLocked": False}, sort_keys=True
        ),
        **common_arguments(context),
        opts=context.options(),
    )
    return {"id": created.id, "name": created.name}


def _query_item(title: str, query: pulumi.Input[str], view: str, workspace: pulumi.Input[str]) -> dict[str, Any]:
    """Build an item of the type 3, a query, of a workbook."""
    return {
        "type": 3,
        "name": title,
        "content": {
            "version": "KqlItem/1.0",
            "title": title,
            "query": query,
            "size": 0,
            "timeContext": {"durationMs": _DAY_MS},
            "queryType": 0,
            "resourceType": "microsoft.operationalinsights/workspaces",
            "crossComponentResources": [workspace],
            "visualization": view,
        },
    }


def create_saved_query(query: SavedQuery, context: ProgramContext) -> Outputs:
    """Save a query for the newest lines that were written as errors or worse."""
    created = operationalinsights.SavedSearch(
        query.name,
        saved_search_id=query.name,
        resource_group_name=context.outputs[FOUNDATION]["group"],
        workspace_name=context.outputs[query.workspace]["name"],
        category="Semantest",
        display_name=query.title,
        query=f"AppTraces | where SeverityLevel >= 3 | top {query.rows} by TimeGenerated desc",
        opts=context.options(),
    )
    return {"id": created.id, "name": created.name}
