"""Action groups and the rules that call them."""

from __future__ import annotations

from typing import Final

from semantest_iac.infrastructure.simulated_cloud.azure.every_type import (
    DOC,
    GENERAL,
    IN_GROUP,
    TERRAFORM,
    ArmType,
    guid,
    refers,
)
from semantest_iac.infrastructure.simulated_cloud.azure.shapes import known
from semantest_iac.infrastructure.simulated_cloud.limits import Length, OneOf, Pattern, Range
from semantest_iac.infrastructure.simulated_cloud.refusal import Refusal
from semantest_iac.infrastructure.simulated_cloud.rules import Guard, Surroundings, TypeRule

ACTION_GROUP: Final = "azure-native:monitor:ActionGroup"
METRIC_ALERT: Final = "azure-native:monitor:MetricAlert"
QUERY_RULE: Final = "azure-native:monitor:ScheduledQueryRule"

_MINUTES: Final = {"PT1M": 1, "PT5M": 5, "PT15M": 15, "PT30M": 30, "PT1H": 60, "PT6H": 360, "PT12H": 720, "P1D": 1440}
_FREQUENCIES: Final = tuple(_MINUTES)[:5]
_SEVERITY: Final = Range(0, 4, TERRAFORM)


def _looks_oftener_than_its_window(around: Surroundings) -> bool:
    frequency, window = (_MINUTES.get(around.facts[name]) for name in ("evaluationFrequency", "windowSize"))
    return frequency is not None and window is not None and frequency > window


TYPES: Final[dict[str, TypeRule]] = {
    ACTION_GROUP: ArmType(ACTION_GROUP, f"{IN_GROUP}Microsoft.Insights/actionGroups/{{actionGroupName}}").rule(
        {
            "actionGroupName": known(Length(1, 260, DOC), Pattern(r"^[^/&%\\?]+\Z", DOC)),
            "groupShortName": known(Length(1, 12, DOC)),
        },
        latency=5,
    ),
    METRIC_ALERT: ArmType(METRIC_ALERT, f"{IN_GROUP}Microsoft.Insights/metricAlerts/{{ruleName}}").rule(
        {
            "ruleName": known(Length(1, 260, DOC), Pattern(r"^[^*#&+:<>?@%{}/]+\Z", DOC)),
            "severity": known(_SEVERITY),
            "evaluationFrequency": known(OneOf(_FREQUENCIES, TERRAFORM)),
            "windowSize": known(OneOf(tuple(_MINUTES), TERRAFORM)),
            "location": known(Pattern(r"^(?i:global)\Z", DOC)),
            "scopes": known(replaces=True),
        },
        planned={"location": "global"},
        computed={"isMigrated": lambda _: False, "lastUpdatedTime": "{now}"},
        references=(refers("scopes.*"), refers("actions.*.actionGroupId", ACTION_GROUP)),
        guards=(
            Guard(
                _looks_oftener_than_its_window,
                Refusal(
                    "BadRequest",
                    "The evaluation frequency {evaluationFrequency} must not be longer than the window {windowSize}.",
                ),
                TERRAFORM,
            ),
        ),
        latency=5,
    ),
    QUERY_RULE: ArmType(QUERY_RULE, f"{IN_GROUP}Microsoft.Insights/scheduledQueryRules/{{ruleName}}").rule(
        {
            "ruleName": known(Length(1, 260, DOC), Pattern(r"^[^*#&+:<>?@%{}/\\]+\Z", DOC)),
            "severity": known(_SEVERITY),
            "evaluationFrequency": known(Pattern(r"^P(\d+D)?(T(\d+H)?(\d+M)?)?\Z", GENERAL)),
        },
        computed={
            **dict.fromkeys(("isLegacyLogAnalyticsRule", "isWorkspaceAlertsStorageConfigured"), lambda _: False),
            "etag": guid("etag"),
            "createdWithApiVersion": "2025-01-01-preview",
        },
        references=(refers("scopes.*"), refers("actions.actionGroups.*", ACTION_GROUP)),
        latency=5,
    ),
}
