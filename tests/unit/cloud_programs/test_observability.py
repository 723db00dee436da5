"""The common log, traces, alarms and the dashboard on both clouds."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from semantest_iac.domain.blueprints.blueprint import Blueprint
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.messaging.notification_channel import NotificationChannel
from semantest_iac.domain.monitoring.observability import (
    Dashboard,
    LogWorkspace,
    PlatformAlarm,
    PlatformSignal,
    TraceStore,
)
from semantest_iac.domain.resource import Ref, Resource
from semantest_iac.domain.security.vaults import AccessRight, RoleAssignment, WorkloadIdentity
from tests.kind_examples.containers import CONTAINER_SERVICE, LOAD_BALANCER, SERVING
from tests.kind_examples.database import PIPELINE, STAGING_STORE
from tests.unit.cloud_programs.recorder import Registration, inputs_named, inputs_of, of_type, record_program

_LOGS = LogWorkspace(name="logs", retention_days=61, daily_quota_gb=5)
_TRACES = TraceStore(name="traces", workspace=Ref("logs"), sampling_percent=20)
_CHANNEL = NotificationChannel(name="alerts")
_ALARM = PlatformAlarm(
    name="alarm", signal=PlatformSignal.LOG_VOLUME, watched=Ref("logs"), threshold=4, channel=Ref("alerts")
)
_DASHBOARD = Dashboard(name="dashboard", title="All", workspace=Ref("logs"), alarms=(Ref("alarm"),))


def _record(provider: str, *resources: Resource) -> list[Registration]:
    region = {"aws": "us-east-1", "azure": "westus2"}[provider]
    return record_program(Blueprint(Stack("platform", provider, "staging", region), 1, resources, {}))


class TestWorkspaces:
    def test_keep_logs_for_the_next_number_of_days_that_cloudwatch_has(self) -> None:
        assert inputs_of("aws:cloudwatch/logGroup:LogGroup", _record("aws", _LOGS))["retentionInDays"] == 90

    @pytest.mark.parametrize(("quota", "expected"), [(5, 5), (None, -1)])
    def test_have_a_quota_or_none(self, quota: float | None, expected: float) -> None:
        registrations = _record("azure", replace(_LOGS, daily_quota_gb=quota))
        workspace = inputs_of("azure-native:operationalinsights:Workspace", registrations)

        assert workspace["workspaceCapping"] == {"dailyQuotaGb": expected}

    @pytest.mark.parametrize("keep", [True, False])
    def test_are_retained_with_their_group(self, keep: bool) -> None:
        registrations = _record("azure", replace(_LOGS, keep=keep))
        types = ("azure-native:resources:ResourceGroup", "azure-native:operationalinsights:Workspace")

        assert [it.retained for type_ in types for it in of_type(type_, registrations)] == [keep, keep]


class TestTraces:
    def test_are_recorded_of_functions_of_the_stack(self) -> None:
        registrations = _record("aws", _LOGS, _TRACES)
        rule = inputs_of("aws:xray/samplingRule:SamplingRule", registrations)

        assert (rule["serviceName"], rule["fixedRate"]) == ("semantest-platform-stg-*", 0.2)
        assert inputs_of("aws:xray/group:Group", registrations)["filterExpression"] == (
            'name BEGINSWITH "semantest-platform-stg-"'
        )

    def test_are_stored_in_the_workspace_and_sent_with_an_identity(self) -> None:
        component = inputs_of("azure-native:applicationinsights:Component", _record("azure", _LOGS, _TRACES))

        assert component["workspaceResourceId"] == "id of logs"
        assert (component["samplingPercentage"], component["disableLocalAuth"]) == (20, True)

    def test_are_sent_to_the_log_and_to_xray(self) -> None:
        identity = WorkloadIdentity(name="api")
        right = RoleAssignment(
            name="right", identity=Ref("api"), target=Ref("traces"), right=AccessRight.SEND_TELEMETRY
        )
        policy = inputs_named("aws:iam/rolePolicy:RolePolicy", "right", _record("aws", _LOGS, _TRACES, identity, right))
        statements = json.loads(policy["policy"])["Statement"]

        assert [it["Action"][0] for it in statements] == ["logs:CreateLogStream", "xray:PutTelemetryRecords"]
        assert statements[0]["Resource"][0].endswith(":*")


class TestAlarms:
    def test_of_the_volume_count_bytes_of_a_day_on_aws(self) -> None:
        alarm = inputs_of("aws:cloudwatch/metricAlarm:MetricAlarm", _record("aws", _LOGS, _CHANNEL, _ALARM))

        assert (alarm["namespace"], alarm["metricName"], alarm["period"]) == ("AWS/Logs", "IncomingBytes", 86400)
        assert alarm["threshold"] == 4_000_000_000

    def test_of_the_volume_ask_the_table_of_usage_on_azure(self) -> None:
        rule = inputs_of("azure-native:monitor:ScheduledQueryRule", _record("azure", _LOGS, _CHANNEL, _ALARM))
        [condition] = rule["criteria"]["allOf"]

        assert condition["query"].startswith("Usage | where IsBillable")
        assert (condition["threshold"], rule["windowSize"], rule["scopes"]) == (4, "P1D", ["id of logs"])


_SERVICE, _BALANCER = Ref(CONTAINER_SERVICE.name), Ref(LOAD_BALANCER.name)
_WATCHED = {
    PlatformSignal.SERVICE_ERRORS: _SERVICE,
    PlatformSignal.SERVICE_LOAD: _SERVICE,
    PlatformSignal.FAILED_INSTANCES: _SERVICE,
    PlatformSignal.BALANCER_ERRORS: _BALANCER,
    PlatformSignal.FAILED_PIPELINES: Ref(PIPELINE.name),
}
_COMMON = replace(_LOGS, name="common-logs")
_ALARMS = tuple(
    replace(_ALARM, name=signal.value, signal=signal, watched=watched, threshold=5)
    for signal, watched in _WATCHED.items()
)
_SERVICES_AND_PIPELINE = (*SERVING, CONTAINER_SERVICE, STAGING_STORE, PIPELINE, _COMMON, _CHANNEL, *_ALARMS)


class TestAlarmsOfServicesAndPipelines:
    def test_name_the_metric_and_its_dimensions_on_aws(self) -> None:
        registrations = _record("aws", *_SERVICES_AND_PIPELINE)
        alarms = {it.name: it.inputs for it in of_type("aws:cloudwatch/metricAlarm:MetricAlarm", registrations)}
        found = {
            name: (alarms[name]["namespace"], alarms[name]["metricName"], {*alarms[name]["dimensions"]})
            for name in _WATCHED
        }
        targets = {"TargetGroup", "LoadBalancer"}

        assert found == {
            "service_errors": ("AWS/ApplicationELB", "HTTPCode_Target_5XX_Count", targets),
            "service_load": ("AWS/ECS", "CPUUtilization", {"ClusterName", "ServiceName"}),
            "failed_instances": ("AWS/ApplicationELB", "UnHealthyHostCount", targets),
            "balancer_errors": ("AWS/ApplicationELB", "HTTPCode_ELB_5XX_Count", {"LoadBalancer"}),
            "failed_pipelines": ("AWS/States", "ExecutionsFailed", {"StateMachineArn"}),
        }

    def test_name_the_metric_and_its_scope_on_azure(self) -> None:
        registrations = _record("azure", *_SERVICES_AND_PIPELINE)
        alerts = {it.name: it.inputs for it in of_type("azure-native:monitor:MetricAlert", registrations)}
        found = {
            name: (it["metricNamespace"], it["metricName"], [one["values"] for one in it.get("dimensions") or ()])
            for name, alert in alerts.items()
            for it in alert["criteria"]["allOf"]
        }

        assert found == {
            "service_errors": ("Microsoft.App/containerapps", "Requests", [["5xx"]]),
            "service_load": ("Microsoft.App/containerapps", "CpuPercentage", []),
            "failed_instances": ("Microsoft.App/containerapps", "RestartCount", []),
            "failed_pipelines": ("Microsoft.DataFactory/factories", "PipelineFailedRuns", []),
        }
        assert alerts["service_errors"]["scopes"] == [f"id of {CONTAINER_SERVICE.name}"]

    def test_have_charts_where_the_workspace_has_the_metric(self) -> None:
        dashboard = replace(_DASHBOARD, workspace=Ref(_COMMON.name), alarms=tuple(Ref(it.name) for it in _ALARMS))
        items = json.loads(_find_workbook(_record("azure", *_SERVICES_AND_PIPELINE, dashboard))["serializedData"])
        titles = [it["content"]["title"].partition(" ")[0] for it in items["items"]]

        assert titles == ["service_load", "failed_instances", "failed_pipelines", "logs"]


class TestDashboards:
    def test_show_each_alarm_and_the_logs_on_aws(self) -> None:
        dashboard = inputs_of("aws:cloudwatch/dashboard:Dashboard", _record("aws", _LOGS, _CHANNEL, _ALARM, _DASHBOARD))
        chart, logs = json.loads(dashboard["dashboardBody"])["widgets"]

        assert (chart["type"], chart["properties"]["annotations"]["horizontal"][0]["value"]) == ("metric", 4e9)
        assert "/semantest/semantest-platform-stg-logs-" in logs["properties"]["query"]

    def test_are_workbooks_whose_name_is_a_guid_and_the_same_every_time(self) -> None:
        resources = (_LOGS, _CHANNEL, _ALARM, _DASHBOARD)
        first, second = (_find_workbook(_record("azure", *resources)) for _ in range(2))
        items: list[dict[str, Any]] = json.loads(first["serializedData"])["items"]

        assert first["resourceName"] == second["resourceName"]
        assert len(first["resourceName"].split("-")) == 5
        assert [it["content"]["title"] for it in items] == ["alarm (threshold 4)", "logs"]


def _find_workbook(registrations: list[Registration]) -> dict[str, Any]:
    return inputs_of("azure-native:applicationinsights:Workbook", registrations)
