"""Log Analytics workspaces, Application Insights, diagnostic settings and alerts."""

from __future__ import annotations

from typing import Final

from semantest_iac.infrastructure.simulated_cloud.azure.resource_type import (
    PROVIDERS_ID_PREFIX,
    SIMULATED_TENANT,
    ArmType,
    id_reference,
    refine,
    stable_guid,
)
from semantest_iac.infrastructure.simulated_cloud.runtime.clock import SECONDS_PER_DAY
from semantest_iac.infrastructure.simulated_cloud.schema.properties import (
    DOC,
    GENERAL,
    TERRAFORM,
    Length,
    OneOf,
    Pattern,
    Range,
)
from semantest_iac.infrastructure.simulated_cloud.schema.refusals import Refusal
from semantest_iac.infrastructure.simulated_cloud.schema.rules import (
    Choice,
    GuardContext,
    NameReservation,
    OnDelete,
    RequestGuard,
    TypeRule,
    UniqueHandle,
)
from semantest_iac.infrastructure.simulated_cloud.schema.values import RequestFacts

WORKSPACE_TYPE: Final = "azure-native:operationalinsights:Workspace"
APPLICATION_INSIGHTS_TYPE: Final = "azure-native:applicationinsights:Component"
DIAGNOSTIC_SETTING_TYPE: Final = "azure-native:monitor:DiagnosticSetting"

_NAME_RESERVATION_DAYS: Final = 14
_LOG_DESTINATIONS: Final = (
    *("workspaceId", "storageAccountId", "eventHubAuthorizationRuleId", "marketplacePartnerId", "serviceBusRuleId"),
)


def _connection_string(facts: RequestFacts) -> str:
    place = facts["location"] or facts["region"]
    return ";".join(
        (
            f"InstrumentationKey={facts['instrumentationKey']}",
            f"IngestionEndpoint=https://{place}-0.in.applicationinsights.azure.com/",
            f"LiveEndpoint=https://{place}.livediagnostics.monitor.azure.com/",
            f"ApplicationId={facts['appId']}",
        )
    )


def _diagnoses_consumption_gateway(context: GuardContext) -> bool:
    watched = context.facts["watched"] or {}
    is_gateway = watched.get("type") == "Microsoft.ApiManagement/service"
    return is_gateway and watched["sku"]["name"] == "Consumption"


TELEMETRY_TYPES: Final[dict[str, TypeRule]] = {
    WORKSPACE_TYPE: ArmType(
        WORKSPACE_TYPE, f"{PROVIDERS_ID_PREFIX}Microsoft.OperationalInsights/workspaces/{{workspaceName}}"
    ).rule(
        {
            "workspaceName": refine(Pattern(r"^[A-Za-z0-9][A-Za-z0-9-]{2,61}[A-Za-z0-9]\Z", TERRAFORM)),
            "retentionInDays": refine(Range(30, 730, TERRAFORM), computed_default=True),
            "workspaceCapping.dailyQuotaGb": refine(Range(-1, None, TERRAFORM)),
            "sku.name": refine(case_insensitive=True),
        },
        computed={
            "etag": stable_guid("etag"),
            "customerId": stable_guid("customer"),
            "createdDate": "{now}",
            "modifiedDate": "{now}",
            "retentionInDays": lambda _: 30,
            **dict.fromkeys(("publicNetworkAccessForIngestion", "publicNetworkAccessForQuery"), "Enabled"),
        },
        unique=(
            UniqueHandle(
                "{workspaceName}",
                Refusal("WorkspaceNameNotAvailable", "The workspace name '{workspaceName}' is not available.", 409),
            ),
        ),
        name_reservation=NameReservation(
            lambda _: _NAME_RESERVATION_DAYS * SECONDS_PER_DAY,
            Refusal(
                "Conflict",
                "The workspace name '{workspaceName}' is reserved by a workspace that was deleted in the last "
                f"{_NAME_RESERVATION_DAYS} days in another resource group.",
                409,
            ),
            reusable_within="{resourceGroupName}",
        ),
        latency_seconds=20,
    ),
    APPLICATION_INSIGHTS_TYPE: ArmType(
        APPLICATION_INSIGHTS_TYPE, f"{PROVIDERS_ID_PREFIX}Microsoft.Insights/components/{{resourceName}}"
    ).rule(
        {
            "resourceName": refine(Length(1, 260, DOC), Pattern(r"^[^%&\\?/]*[^%&\\?/. ]\Z", DOC)),
            "applicationType": refine(force_new=True),
            "samplingPercentage": refine(Range(0, 100, TERRAFORM)),
            "retentionInDays": refine(computed_default=True),
        },
        computed={
            "instrumentationKey": stable_guid("instrumentation"),
            "appId": stable_guid("application"),
            "applicationId": "{resourceName}",
            "connectionString": _connection_string,
            "creationDate": "{now}",
            "tenantId": SIMULATED_TENANT,
            "hockeyAppToken": "",
            "laMigrationDate": "{now}",
            "retentionInDays": lambda _: 90,
        },
        references=(id_reference("workspaceResourceId", WORKSPACE_TYPE),),
        latency_seconds=10,
    ),
    DIAGNOSTIC_SETTING_TYPE: ArmType(
        DIAGNOSTIC_SETTING_TYPE, "{resourceUri}/providers/Microsoft.Insights/diagnosticSettings/{name}"
    ).rule(
        {
            "name": refine(Length(1, 260, TERRAFORM)),
            "logAnalyticsDestinationType": refine(computed_default=True),
        },
        references=(
            id_reference("resourceUri", fact_name="watched", on_delete=OnDelete.CASCADE),
            id_reference("workspaceId", WORKSPACE_TYPE),
        ),
        guards=(
            RequestGuard(
                _diagnoses_consumption_gateway,
                Refusal("BadRequest", "The Consumption tier of API Management has no resource logs."),
                DOC,
            ),
        ),
        conditions=(Choice(1, 5, _LOG_DESTINATIONS, DOC), Choice(1, 2, ("logs", "metrics"), GENERAL)),
        latency_seconds=3,
    ),
}

ACTION_GROUP_TYPE: Final = "azure-native:monitor:ActionGroup"
METRIC_ALERT_TYPE: Final = "azure-native:monitor:MetricAlert"
QUERY_RULE_TYPE: Final = "azure-native:monitor:ScheduledQueryRule"

_MINUTES: Final = {"PT1M": 1, "PT5M": 5, "PT15M": 15, "PT30M": 30, "PT1H": 60, "PT6H": 360, "PT12H": 720, "P1D": 1440}
_FREQUENCIES: Final = tuple(_MINUTES)[:5]
_SEVERITY: Final = Range(0, 4, TERRAFORM)


def _evaluates_less_often_than_window(context: GuardContext) -> bool:
    frequency, window = (_MINUTES.get(context.facts[name]) for name in ("evaluationFrequency", "windowSize"))
    return frequency is not None and window is not None and frequency > window


_SINGLE_RESOURCE: Final = "Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria"
_NEEDED_BY: Final = {
    "StaticThresholdCriterion": ("threshold",),
    "DynamicThresholdCriterion": ("alertSensitivity", "failingPeriods"),
}


def _has_misfitting_criterion(context: GuardContext) -> bool:
    """The SDK has a class for each form; that of one resource takes no threshold that is learnt."""
    criteria = context.facts["criteria"]
    of_one = criteria.get("odataType") == _SINGLE_RESOURCE
    return any(
        any(it.get(name) is None for name in _NEEDED_BY.get(it.get("criterionType"), ()))
        or (of_one and it.get("criterionType") == "DynamicThresholdCriterion")
        for it in criteria.get("allOf") or ()
    )


ALERT_TYPES: Final[dict[str, TypeRule]] = {
    ACTION_GROUP_TYPE: ArmType(
        ACTION_GROUP_TYPE, f"{PROVIDERS_ID_PREFIX}Microsoft.Insights/actionGroups/{{actionGroupName}}"
    ).rule(
        {
            "actionGroupName": refine(Length(1, 260, DOC), Pattern(r"^[^/&%\\?]+\Z", DOC)),
            "groupShortName": refine(Length(1, 12, DOC)),
        },
        latency_seconds=5,
    ),
    METRIC_ALERT_TYPE: ArmType(
        METRIC_ALERT_TYPE, f"{PROVIDERS_ID_PREFIX}Microsoft.Insights/metricAlerts/{{ruleName}}"
    ).rule(
        {
            "ruleName": refine(Length(1, 260, DOC), Pattern(r"^[^*#&+:<>?@%{}/]+\Z", DOC)),
            "severity": refine(_SEVERITY),
            "evaluationFrequency": refine(OneOf(_FREQUENCIES, TERRAFORM)),
            "windowSize": refine(OneOf(tuple(_MINUTES), TERRAFORM)),
            "location": refine(Pattern(r"^(?i:global)\Z", DOC)),
            "scopes": refine(force_new=True),
        },
        planned={"location": "global"},
        computed={"isMigrated": lambda _: False, "lastUpdatedTime": "{now}"},
        references=(id_reference("scopes.*"), id_reference("actions.*.actionGroupId", ACTION_GROUP_TYPE)),
        guards=(
            RequestGuard(
                _evaluates_less_often_than_window,
                Refusal(
                    "BadRequest",
                    "The evaluation frequency {evaluationFrequency} must not be longer than the window {windowSize}.",
                ),
                TERRAFORM,
            ),
            RequestGuard(
                _has_misfitting_criterion,
                Refusal("BadRequest", "A criterion lacks what its type needs, or cannot be in criteria of this type."),
                DOC,
            ),
        ),
        latency_seconds=5,
    ),
    QUERY_RULE_TYPE: ArmType(
        QUERY_RULE_TYPE, f"{PROVIDERS_ID_PREFIX}Microsoft.Insights/scheduledQueryRules/{{ruleName}}"
    ).rule(
        {
            "ruleName": refine(Length(1, 260, DOC), Pattern(r"^[^*#&+:<>?@%{}/\\]+\Z", DOC)),
            "severity": refine(_SEVERITY),
            "evaluationFrequency": refine(Pattern(r"^P(\d+D)?(T(\d+H)?(\d+M)?)?\Z", GENERAL)),
        },
        computed={
            **dict.fromkeys(("isLegacyLogAnalyticsRule", "isWorkspaceAlertsStorageConfigured"), lambda _: False),
            "createdWithApiVersion": "2025-01-01-preview",
        },
        references=(id_reference("scopes.*"), id_reference("actions.actionGroups.*", ACTION_GROUP_TYPE)),
        latency_seconds=5,
    ),
}
