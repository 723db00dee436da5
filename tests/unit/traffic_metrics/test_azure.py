"""What Azure is asked about the app of a new version, and how its answers are read."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from semantest_iac.domain.delivery.canary import TrafficObservation
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.errors import ProviderError
from semantest_iac.domain.networking.http_exchange import HttpRequest, HttpResponse
from semantest_iac.domain.resource import DeployedResource
from semantest_iac.infrastructure.traffic_metrics.azure import AzureMonitorTraffic

REST = Stack("rest-api", "azure", "qa", "westeurope")
SINCE = datetime(2026, 1, 1, 10, 0, 30, tzinfo=UTC)
RULE = "/subscriptions/s-1/resourceGroups/semantest-qa/providers/Microsoft.Insights/metricAlerts/errors-qa"
RESOURCES = [
    DeployedResource("azure-native:operationalinsights:Workspace", "access-logs", {"customerId": "other"}),
    DeployedResource("azure-native:operationalinsights:Workspace", "function-logs", {"customerId": "w-1"}),
    DeployedResource("azure-native:web:WebApp", "function", {"name": "api-live"}),
    DeployedResource("azure-native:web:WebApp", "canary", {"name": "api-canary"}),
    DeployedResource("azure-native:monitor:MetricAlert", "alarm", {"name": "errors-qa"}, id=RULE),
]
COLUMNS = [{"name": "requests", "type": "long"}, {"name": "errors", "type": "long"}, {"name": "p95", "type": "real"}]


class Azure:
    """Answers both services as a test says, and keeps what was asked and with which audience."""

    def __init__(self, row: Sequence[Any] = (0, 0, None), fired: Sequence[str] = (), status: int = 200) -> None:
        self.row, self.fired, self.status = row, fired, status
        self.asked: list[tuple[str, HttpRequest]] = []
        self.audiences: list[str] = []

    def find_token(self, audience: str) -> str:
        self.audiences.append(audience)
        return "token"

    def send(self, origin: str, request: HttpRequest) -> HttpResponse:
        self.asked.append((origin, request))
        if self.status != 200:
            return HttpResponse(self.status, body=b'{"error": {"message": "The caller is not authorized."}}')
        if request.path.endswith("/query"):
            table = {"name": "PrimaryResult", "columns": COLUMNS, "rows": [list(self.row)]}
            return HttpResponse(200, body=json.dumps({"tables": [table]}).encode())
        alerts = [{"properties": {"essentials": {"alertRule": it, "monitorCondition": "Fired"}}} for it in self.fired]
        return HttpResponse(200, body=json.dumps({"value": alerts}).encode())

    def observer(self) -> AzureMonitorTraffic:
        async def find_resources(stack: Stack) -> Sequence[DeployedResource]:
            return RESOURCES

        return AzureMonitorTraffic(find_resources, self.send, self.find_token, lambda: SINCE)


class TestAzureMonitorTraffic:
    async def test_returns_the_requests_of_the_new_version(self) -> None:
        azure = Azure((120, 6, 310.5))

        assert await azure.observer().observe(REST, SINCE) == TrafficObservation(120, 6, 310.5)

    async def test_asks_the_workspace_of_the_function_for_the_new_app_alone(self) -> None:
        azure = Azure()
        await azure.observer().observe(REST, SINCE)
        (origin, query), (_, alerts) = azure.asked

        assert (origin, query.path) == ("https://api.loganalytics.azure.com", "/v1/workspaces/w-1/query")
        assert "AppRoleName =~ 'api-canary'" in json.loads(query.body)["query"]
        assert "datetime(2026-01-01T10:00:30" in json.loads(query.body)["query"]
        assert alerts.path == "/subscriptions/s-1/providers/Microsoft.AlertsManagement/alerts"
        assert dict(alerts.query)["targetResourceGroup"] == "semantest-qa"
        assert azure.audiences == ["https://api.loganalytics.io", "https://management.azure.com"]

    async def test_names_own_alerts_that_are_fired(self) -> None:
        azure = Azure(fired=[RULE.upper(), f"{RULE}-of-another"])

        assert (await azure.observer().observe(REST, SINCE)).alarms == ("errors-qa",)

    async def test_says_which_roles_are_missing(self) -> None:
        with pytest.raises(ProviderError) as raised:
            await Azure(status=403).observer().prepare(REST)

        assert "The caller is not authorized" in raised.value.message
        assert "Log Analytics Reader" in raised.value.hint

    async def test_no_answer_is_an_error_of_the_provider(self) -> None:
        azure = Azure()

        def send(origin: str, request: HttpRequest) -> HttpResponse:
            raise ConnectionResetError

        async def find_resources(stack: Stack) -> Sequence[DeployedResource]:
            return RESOURCES

        with pytest.raises(ProviderError, match="does not answer"):
            await AzureMonitorTraffic(find_resources, send, azure.find_token).observe(REST, SINCE)
