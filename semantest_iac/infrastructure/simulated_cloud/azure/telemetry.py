"""Workspaces, application insights and what sends logs to them."""

from __future__ import annotations

from typing import Final

from semantest_iac.infrastructure.simulated_cloud.azure.every_type import (
    DOC,
    GENERAL,
    IN_GROUP,
    SUCCEEDED,
    TENANT,
    TERRAFORM,
    ArmType,
    guid,
    refers,
)
from semantest_iac.infrastructure.simulated_cloud.azure.shapes import known
from semantest_iac.infrastructure.simulated_cloud.clock import DAY
from semantest_iac.infrastructure.simulated_cloud.limits import Length, Pattern, Range
from semantest_iac.infrastructure.simulated_cloud.refusal import Refusal
from semantest_iac.infrastructure.simulated_cloud.rules import (
    Choice,
    Guard,
    Hold,
    OnDelete,
    Surroundings,
    TypeRule,
    Unique,
)
from semantest_iac.infrastructure.simulated_cloud.values import Facts

WORKSPACE: Final = "azure-native:operationalinsights:Workspace"
COMPONENT: Final = "azure-native:applicationinsights:Component"
DIAGNOSTIC_SETTING: Final = "azure-native:monitor:DiagnosticSetting"

_DAYS_KEPT: Final = 14
_DESTINATIONS: Final = (
    *("workspaceId", "storageAccountId", "eventHubAuthorizationRuleId", "marketplacePartnerId", "serviceBusRuleId"),
)


def _connection(facts: Facts) -> str:
    place = facts["location"] or facts["region"]
    return ";".join(
        (
            f"InstrumentationKey={facts['instrumentationKey']}",
            f"IngestionEndpoint=https://{place}-0.in.applicationinsights.azure.com/",
            f"LiveEndpoint=https://{place}.livediagnostics.monitor.azure.com/",
            f"ApplicationId={facts['appId']}",
        )
    )


def _watches_a_gateway_without_logs(around: Surroundings) -> bool:
    watched = around.facts["watched"] or {}
    is_gateway = watched.get("type") == "Microsoft.ApiManagement/service"
    return is_gateway and watched["sku"]["name"] == "Consumption"


TYPES: Final[dict[str, TypeRule]] = {
    WORKSPACE: ArmType(WORKSPACE, f"{IN_GROUP}Microsoft.OperationalInsights/workspaces/{{workspaceName}}").rule(
        {
            "workspaceName": known(Pattern(r"^[A-Za-z0-9][A-Za-z0-9-]{2,61}[A-Za-z0-9]\Z", TERRAFORM)),
            "retentionInDays": known(Range(30, 730, TERRAFORM), settled=True),
            "workspaceCapping.dailyQuotaGb": known(Range(-1, None, TERRAFORM)),
            "sku.name": known(folded=True),
        },
        computed={
            **SUCCEEDED,
            "customerId": guid("customer"),
            "createdDate": "{now}",
            "modifiedDate": "{now}",
            "etag": guid("etag"),
            "retentionInDays": lambda _: 30,
            "privateLinkScopedResources": lambda _: [],
            **dict.fromkeys(("publicNetworkAccessForIngestion", "publicNetworkAccessForQuery"), "Enabled"),
        },
        unique=(
            Unique(
                "{workspaceName}",
                Refusal("WorkspaceNameNotAvailable", "The workspace name '{workspaceName}' is not available.", 409),
            ),
        ),
        held=Hold(
            lambda _: _DAYS_KEPT * DAY,
            Refusal(
                "Conflict",
                "The workspace name '{workspaceName}' is reserved by a workspace that was deleted in the last "
                f"{_DAYS_KEPT} days in another resource group.",
                409,
            ),
            returns_to="{resourceGroupName}",
        ),
        latency=20,
    ),
    COMPONENT: ArmType(COMPONENT, f"{IN_GROUP}Microsoft.Insights/components/{{resourceName}}").rule(
        {
            "resourceName": known(Length(1, 260, DOC), Pattern(r"^[^%&\\?/]*[^%&\\?/. ]\Z", DOC)),
            "applicationType": known(replaces=True),
            "samplingPercentage": known(Range(0, 100, TERRAFORM)),
            "retentionInDays": known(settled=True),
        },
        computed={
            **SUCCEEDED,
            "instrumentationKey": guid("instrumentation"),
            "appId": guid("application"),
            "applicationId": "{resourceName}",
            "connectionString": _connection,
            "creationDate": "{now}",
            "tenantId": TENANT,
            "hockeyAppToken": "",
            "laMigrationDate": "{now}",
            "privateLinkScopedResources": lambda _: [],
            "retentionInDays": lambda _: 90,
        },
        references=(refers("workspaceResourceId", WORKSPACE),),
        latency=10,
    ),
    DIAGNOSTIC_SETTING: ArmType(
        DIAGNOSTIC_SETTING, "{resourceUri}/providers/Microsoft.Insights/diagnosticSettings/{name}"
    ).rule(
        {
            "name": known(Length(1, 260, TERRAFORM)),
            "logAnalyticsDestinationType": known(settled=True),
        },
        references=(
            refers("resourceUri", named="watched", on_delete=OnDelete.CASCADE),
            refers("workspaceId", WORKSPACE),
        ),
        guards=(
            Guard(
                _watches_a_gateway_without_logs,
                Refusal("BadRequest", "The Consumption tier of API Management has no resource logs."),
                DOC,
            ),
        ),
        conditions=(Choice(1, 5, _DESTINATIONS, DOC), Choice(1, 2, ("logs", "metrics"), GENERAL)),
        latency=3,
    ),
}
