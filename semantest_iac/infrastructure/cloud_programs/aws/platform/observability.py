"""The common log group, X-Ray's group and sampling, alarms on single resources, and the dashboard."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from semantest_iac.domain.environments.environment_settings import round_retention
from semantest_iac.domain.monitoring.observability import (
    AnomalyAlarm,
    Dashboard,
    DiagnosticLogs,
    LogWorkspace,
    NotifyingAlarm,
    PlatformAlarm,
    PlatformSignal,
    SavedQuery,
    TraceStore,
)
from semantest_iac.infrastructure.cloud_programs.aws.foundation import aws_name
from semantest_iac.infrastructure.cloud_programs.context import Outputs, ProgramContext


def create_log_workspace(workspace: LogWorkspace, context: ProgramContext) -> Outputs:
    """Create a log group; it has no quota, of which an alarm of the volume takes the place."""
    group = aws.cloudwatch.LogGroup(
        workspace.name,
        name=f"/semantest/{aws_name('workspace', context, workspace.name)}",
        retention_in_days=round_retention(workspace.retention_days),
        tags=context.tags,
        opts=context.options(retain_on_delete=workspace.keep or None),
    )
    return {"id": group.name, "arn": group.arn, "name": group.name, "resource": group}


_LOWEST_PRIORITY = 9000  # of 9999; rules that people add for single functions come first
_ANY = "*"


def create_trace_store(traces: TraceStore, context: ProgramContext) -> Outputs:
    """Create a group of the traces of this stack's functions, and the rule that says how many are recorded.

    Sources: X-Ray's developer guide on filter expressions and on sampling rules (one request a second is always
    recorded, and the rate is of the others).
    """
    services = f"{_find_function_prefix(context)}-"
    group = aws.xray.Group(
        traces.name,
        group_name=aws_name("trace group", context, traces.name),
        filter_expression=f'name BEGINSWITH "{services}"',
        tags=context.tags,
        opts=context.options(),
    )
    aws.xray.SamplingRule(
        traces.name,
        rule_name=aws_name("sampling rule", context, traces.name),
        fixed_rate=traces.sampling_percent / 100,
        reservoir_size=1,
        priority=_LOWEST_PRIORITY,
        service_name=f"{services}{_ANY}",
        service_type=_ANY,
        host=_ANY,
        http_method=_ANY,
        url_path=_ANY,
        resource_arn=_ANY,
        version=1,
        tags=context.tags,
        opts=context.options(),
    )
    log = context.outputs[traces.workspace]
    return {"id": group.arn, "name": log["name"], "arn": log["arn"], "resource": log["resource"], "group": group.arn}


def _find_function_prefix(context: ProgramContext) -> str:
    """Return how the names of the stack's functions begin: its own without the hash."""
    return aws_name("function", context).rpartition("-")[0]


def skip_diagnostic_logs(_diagnostics: DiagnosticLogs, _context: ProgramContext) -> Outputs:
    """Create nothing: services of AWS write their metrics to CloudWatch, and calls to CloudTrail, by themselves."""
    return {}


@dataclass(frozen=True, slots=True)
class _Metric:
    """A metric of CloudWatch; by its dimensions, the outputs of the watched resource whose values they have."""

    namespace: str
    name: str
    statistic: str
    dimensions: Mapping[str, str]
    period_s: int = 300
    unit: float = 1.0


_MESSAGES = ("AWS/SQS", "ApproximateNumberOfMessagesVisible", "Maximum")
_BALANCER = "AWS/ApplicationELB"
_TARGETS = {"TargetGroup": "target_group", "LoadBalancer": "balancer"}
_GIGABYTE, _DAY_S = 10**9, 24 * 60 * 60
_METRICS: Mapping[PlatformSignal, _Metric] = {
    # source: the pages of CloudWatch Logs, SQS, RDS, load balancers, ECS and Step Functions on their metrics
    PlatformSignal.LOG_VOLUME: _Metric(
        *("AWS/Logs", "IncomingBytes", "Sum"), {"LogGroupName": "name"}, period_s=_DAY_S, unit=_GIGABYTE
    ),
    PlatformSignal.WAITING_MESSAGES: _Metric(*_MESSAGES, {"QueueName": "name"}),
    PlatformSignal.DEAD_LETTERS: _Metric(*_MESSAGES, {"QueueName": "dead_letter_name"}),
    PlatformSignal.DATABASE_LOAD: _Metric(
        *("AWS/RDS", "CPUUtilization", "Average"), {"DBInstanceIdentifier": "instance"}
    ),
    PlatformSignal.SERVICE_ERRORS: _Metric(_BALANCER, "HTTPCode_Target_5XX_Count", "Sum", _TARGETS),
    PlatformSignal.SERVICE_LOAD: _Metric(
        *("AWS/ECS", "CPUUtilization", "Average"), {"ClusterName": "cluster", "ServiceName": "name"}
    ),
    PlatformSignal.FAILED_INSTANCES: _Metric(_BALANCER, "UnHealthyHostCount", "Maximum", _TARGETS),
    PlatformSignal.BALANCER_ERRORS: _Metric(*(_BALANCER, "HTTPCode_ELB_5XX_Count", "Sum"), {"LoadBalancer": "suffix"}),
    PlatformSignal.FAILED_PIPELINES: _Metric("AWS/States", "ExecutionsFailed", "Sum", {"StateMachineArn": "arn"}),
}


def create_platform_alarm(alarm: PlatformAlarm, context: ProgramContext) -> Outputs:
    """Create an alarm, and describe its chart."""
    metric, watched = _METRICS[alarm.signal], context.outputs[alarm.watched]
    dimensions = {name: watched[output] for name, output in metric.dimensions.items()}
    threshold = alarm.threshold * metric.unit
    created = _create_alarm(alarm, metric, dimensions, threshold, context)
    chart = {
        "metrics": [[metric.namespace, metric.name, *(part for pair in dimensions.items() for part in pair)]],
        "stat": metric.statistic,
        "period": metric.period_s,
        "annotations": {"horizontal": [{"label": "alarm", "value": threshold}]},
    }
    return {"id": created.arn, "arn": created.arn, "name": created.name, "chart": chart}


def _create_alarm(
    alarm: NotifyingAlarm,
    metric: _Metric,
    dimensions: Mapping[str, pulumi.Input[str]],
    threshold: float,
    context: ProgramContext,
) -> aws.cloudwatch.MetricAlarm:
    """Create an alarm that missing data does not raise."""
    channel = context.outputs[alarm.channel]["arn"]
    return aws.cloudwatch.MetricAlarm(
        alarm.name,
        name=aws_name("alarm", context, alarm.name),
        namespace=metric.namespace,
        metric_name=metric.name,
        dimensions=dimensions,
        statistic=metric.statistic,
        period=metric.period_s,
        comparison_operator="GreaterThanOrEqualToThreshold",
        threshold=threshold,
        evaluation_periods=1,
        treat_missing_data="notBreaching",
        alarm_actions=[channel],
        ok_actions=[channel],
        tags=context.tags,
        opts=context.options(),
    )


def create_anomaly_alarm(alarm: AnomalyAlarm, context: ProgramContext) -> Outputs:
    """Create a detector of patterns that are new in the log, and an alarm for those that it finds important."""
    detector = aws.cloudwatch.LogAnomalyDetector(
        alarm.name,
        detector_name=aws_name("alarm", context, alarm.name),
        log_group_arn_lists=[context.outputs[alarm.workspace]["arn"]],
        evaluation_frequency="FIFTEEN_MIN",
        enabled=True,
        tags=context.tags,
        opts=context.options(),
    )
    metric = _Metric("AWS/Logs", "AnomalyCount", "Sum", {})  # source: the page on detectors' metrics
    dimensions = {"LogAnomalyDetector": detector.detector_name, "LogAnomalyPriority": "HIGH"}
    created = _create_alarm(alarm, metric, dimensions, 1, context)
    return {"id": created.arn, "name": created.name}


_COLUMNS, _WIDTH, _HEIGHT = 24, 12, 6


def create_dashboard(dashboard: Dashboard, context: ProgramContext) -> Outputs:
    """Create a dashboard with a chart per alarm, and the last lines of the logs below.

    Source of its form: CloudWatch's page on the structure of dashboard bodies.
    """
    region = context.stack.region
    charts = [
        {"type": "metric", **_place(index), "properties": {"title": alarm, "region": region, **chart}}
        for index, alarm in enumerate(dashboard.alarms)
        for chart in [context.outputs[alarm]["chart"]]
    ]
    query = pulumi.Output.concat(
        "SOURCE '",
        context.outputs[dashboard.workspace]["name"],
        "' | fields @timestamp, @message | sort @timestamp desc | limit 100",
    )
    logs = {
        "type": "log",
        **_place(len(charts) + len(charts) % 2),
        "width": _COLUMNS,
        "properties": {"title": "logs", "region": region, "query": query, "view": "table"},
    }
    created = aws.cloudwatch.Dashboard(
        dashboard.name,
        dashboard_name=aws_name("dashboard", context, dashboard.name),
        dashboard_body=pulumi.Output.json_dumps({"widgets": [*charts, logs]}, sort_keys=True),
        opts=context.options(),
    )
    return {"id": created.id, "name": created.dashboard_name, "arn": created.dashboard_arn}


def _place(index: int) -> dict[str, int]:
    """Return where a widget is: two in a row."""
    row, column = divmod(index, _COLUMNS // _WIDTH)
    return {"x": column * _WIDTH, "y": row * _HEIGHT, "width": _WIDTH, "height": _HEIGHT}


def create_saved_query(query: SavedQuery, context: ProgramContext) -> Outputs:
    """Save a query for the newest lines of the log that speak of an error."""
    errors = "fields @timestamp, @message | filter @message like /(?i)error/ | sort @timestamp desc"
    created = aws.cloudwatch.QueryDefinition(
        query.name,
        name=f"{aws_name('query', context)}/{query.title}",
        query_string=f"{errors} | limit {query.rows}",
        log_group_names=[context.outputs[query.workspace]["name"]],
        opts=context.options(),
    )
    return {"id": created.query_definition_id, "name": created.name}
