"""The TrafficObserver of Azure: the requests that the app of a new version has recorded, and the alerts that are fired.

Sources: the request format of the Log Analytics query API (`POST /v1/workspaces/{id}/query`), the columns of the table
AppRequests, and the operation `Alerts - Get All` of the Alerts Management REST reference.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from semantest_iac.domain.blueprints.parts import FUNCTION_LOGS_REF
from semantest_iac.domain.delivery.canary import TrafficObservation
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.errors import ProviderError
from semantest_iac.domain.instants import format_instant
from semantest_iac.domain.networking.http_exchange import HttpRequest, HttpResponse, Pairs
from semantest_iac.domain.resource import DeployedResource
from semantest_iac.infrastructure.cloud_programs.azure.credentials import find_azure_token
from semantest_iac.infrastructure.cloud_programs.azure.publishing import CANARY_APP, FUNCTION_APP_TYPE
from semantest_iac.infrastructure.cloud_programs.code_publishing import SendRequest
from semantest_iac.infrastructure.cloud_programs.https import send_https
from semantest_iac.infrastructure.nested_text import parse_json

_WORKSPACE = "azure-native:operationalinsights:Workspace"
_ALERTS = ("azure-native:monitor:MetricAlert", "azure-native:monitor:ScheduledQueryRule")
_QUERY_ORIGIN, _QUERY_AUDIENCE = "https://api.loganalytics.azure.com", "https://api.loganalytics.io"
_MANAGEMENT = "https://management.azure.com"
_ALERTS_VERSION = "2019-05-05-preview"
_DENIED_HINT = "Whoever deploys needs the roles Log Analytics Reader and Monitoring Reader on the resource group."
# The host counts an answer with 5xx that the code gives itself as a success.
_QUERY = """\
AppRequests
| where TimeGenerated >= datetime({since}) and AppRoleName =~ '{app}'
| summarize requests = sum(ItemCount), errors = sumif(ItemCount, Success == false or toint(ResultCode) >= 500),
    p95 = percentile(DurationMs, 95)
"""

_FindResources = Callable[[Stack], Awaitable[Sequence[DeployedResource]]]
_FindToken = Callable[[str], str]
"""Returns the token of this machine's user for an audience."""


def find_user_token(audience: str) -> str:
    """Return a token of the login that deploys."""
    return find_azure_token(os.environ, send_https, audience)


class AzureMonitorTraffic:
    """Observes the app that runs a new version beside the live one.

    Application Insights has a request in its workspace minutes after it. A host with sampling counts what it left out.
    """

    def __init__(
        self,
        find_resources: _FindResources,
        send: SendRequest = send_https,
        find_token: _FindToken = find_user_token,
        read_now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._find_resources = find_resources
        self._send = send
        self._find_token = find_token
        self._read_now = read_now

    async def prepare(self, stack: Stack) -> None:
        """Ask once what will be asked, so that a missing permission shows before anything is deployed."""
        await self.observe(stack, self._read_now() - timedelta(minutes=1))

    async def observe(self, stack: Stack, since: datetime) -> TrafficObservation:
        """Return what is recorded of the new version since that time."""
        resources = await self._find_resources(stack)
        return await asyncio.to_thread(self._observe, stack, resources, since)

    def _observe(self, stack: Stack, resources: Sequence[DeployedResource], since: datetime) -> TrafficObservation:
        measured = self._query_requests(stack, resources, since)
        alarms = tuple(self._list_fired(stack, resources))
        slowest = measured.get("p95")
        requests, errors = (int(measured.get(name) or 0) for name in ("requests", "errors"))
        return TrafficObservation(requests, errors, None if slowest is None else float(slowest), alarms)

    def _query_requests(
        self, stack: Stack, resources: Sequence[DeployedResource], since: datetime
    ) -> Mapping[str, Any]:
        workspaces = (it for it in resources if it.type == _WORKSPACE and it.name == FUNCTION_LOGS_REF)
        workspace = next((str(it.outputs.get("customerId") or "") for it in workspaces), "")
        apps = (it for it in resources if it.type == FUNCTION_APP_TYPE and it.name == CANARY_APP)
        app = next((str(it.outputs["name"]) for it in apps), "")
        query = {"query": _QUERY.format(since=format_instant(since), app=app)}
        request = HttpRequest("POST", f"/v1/workspaces/{workspace}/query", body=json.dumps(query).encode())
        return _read_first_row(self._ask(stack, _QUERY_ORIGIN, _QUERY_AUDIENCE, request))

    def _list_fired(self, stack: Stack, resources: Sequence[DeployedResource]) -> Iterator[str]:
        """Yield the names of the stack's own alert rules that are fired."""
        rules = {it.id.lower(): str(it.outputs.get("name") or it.name) for it in resources if it.type in _ALERTS}
        if not rules:
            return
        _, _, subscription, _, group, *_ = next(iter(rules)).split("/")
        query: Pairs = (
            ("api-version", _ALERTS_VERSION),
            ("targetResourceGroup", group),
            ("monitorCondition", "Fired"),
        )
        path = f"/subscriptions/{subscription}/providers/Microsoft.AlertsManagement/alerts"
        answer = self._ask(stack, _MANAGEMENT, _MANAGEMENT, HttpRequest("GET", path, query))
        for alert in answer.get("value") or ():
            essentials = (alert.get("properties") or {}).get("essentials") or {}
            rule = str(essentials.get("alertRule", "")).lower()
            if rule in rules and essentials.get("monitorCondition") == "Fired":
                yield rules.pop(rule)

    def _ask(self, stack: Stack, origin: str, audience: str, request: HttpRequest) -> dict[str, Any]:
        token = self._find_token(audience)
        headers = (("authorization", f"Bearer {token}"), ("content-type", "application/json"))
        full = HttpRequest(request.method, request.path, request.query, headers, request.body)
        try:
            response = self._send(origin, full)
        except OSError as error:
            raise _unreadable(stack, f"{origin} does not answer ({type(error).__name__})") from error
        answer = _read_object(response)
        if response.status != 200:
            details = answer.get("error")
            reason = str(details.get("message") or "") if isinstance(details, dict) else ""
            raise _unreadable(stack, reason.rstrip(".") or f"{origin} answered {response.status}", response.status)
        return answer


def _unreadable(stack: Stack, reason: str, status: int = 0) -> ProviderError:
    hint = _DENIED_HINT if status in (0, 401, 403, 404) else "Its next look is in a few seconds."
    return ProviderError(
        f"Cannot read the requests of '{stack}': {reason}.", "METRICS_UNREADABLE", provider=stack.provider, hint=hint
    )


def _read_object(response: HttpResponse) -> dict[str, Any]:
    try:
        answer = parse_json(response.body.decode())
    except ValueError:
        return {}
    return answer if isinstance(answer, dict) else {}


def _read_first_row(answer: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the first row of a query's result, by the names of its columns."""
    for table in answer.get("tables") or ():
        names = [str(column.get("name")) for column in table.get("columns") or ()]
        for row in table.get("rows") or ():
            return dict(zip(names, row, strict=False))
    return {}
