"""The log of every request at a gateway, in an Application Insights of its own."""

from __future__ import annotations

from pulumi_azure_native import apimanagement

from semantest_iac.infrastructure.cloud_programs.azure.security import grant
from semantest_iac.infrastructure.cloud_programs.cloud import GROUND
from semantest_iac.infrastructure.cloud_programs.context import Context, Made

PURPOSE = "gateway"


def access_log(
    api: apimanagement.Api, service: apimanagement.ApiManagementService, logs: Made, context: Context
) -> None:
    """By the gateway's own identity. Its tier has no logs for a workspace (source: Azure's comparison of the tiers)."""
    inside = {"resource_group_name": context.made[GROUND]["group"], "service_name": service.name}
    identity = {"principal": service.identity.apply(lambda told: told.principal_id), "purpose": PURPOSE}
    logger = apimanagement.Logger(
        PURPOSE,
        logger_id="access",
        logger_type="applicationInsights",
        resource_id=logs["insights"],
        credentials={"connectionString": logs["connection"], "identityClientId": "SystemAssigned"},
        opts=context.options(depends_on=[grant("telemetry", logs["insights"], identity, context)]),
        **inside,
    )
    apimanagement.ApiDiagnostic(
        PURPOSE,
        api_id=api.name,
        diagnostic_id="applicationinsights",
        logger_id=logger.id,
        always_log="allErrors",
        http_correlation_protocol="W3C",
        log_client_ip=True,
        sampling={"sampling_type": "fixed", "percentage": 100},
        opts=context.options(),
        **inside,
    )
