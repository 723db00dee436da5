"""Workbooks and saved queries; workspaces, Application Insights and alerts are with those of single functions."""

from __future__ import annotations

from typing import Final

from semantest_iac.infrastructure.simulated_cloud.azure.resource_type import (
    PROVIDERS_ID_PREFIX,
    ArmType,
    id_reference,
    refine,
    stable_guid,
)
from semantest_iac.infrastructure.simulated_cloud.schema.properties import TERRAFORM, Pattern
from semantest_iac.infrastructure.simulated_cloud.schema.rules import NamingScheme, TypeRule

SAVED_QUERY_TYPE: Final = "azure-native:operationalinsights:SavedSearch"
_WORKSPACES_ID: Final = f"{PROVIDERS_ID_PREFIX}Microsoft.OperationalInsights/workspaces"
WORKBOOK_TYPE: Final = "azure-native:applicationinsights:Workbook"
_GUID: Final = Pattern(r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\Z", TERRAFORM)

DASHBOARD_TYPES: Final[dict[str, TypeRule]] = {
    WORKBOOK_TYPE: ArmType(WORKBOOK_TYPE, f"{PROVIDERS_ID_PREFIX}Microsoft.Insights/workbooks/{{resourceName}}").rule(
        {
            "resourceName": refine(_GUID),
            "sourceId": refine(case_insensitive=True),  # it is reported in lower case
        },
        naming=NamingScheme.UUID,
        computed={
            "revision": stable_guid("revision"),
            "timeModified": "{now}",
            "userId": stable_guid("user"),
        },
        references=(id_reference("sourceId"),),
    ),
    SAVED_QUERY_TYPE: ArmType(
        SAVED_QUERY_TYPE, f"{_WORKSPACES_ID}/{{workspaceName}}/savedSearches/{{savedSearchId}}"
    ).rule(),
}
