"""Valid samples of Container Apps: a public environment with one app, and the registry of its images."""

from __future__ import annotations

from semantest_iac.infrastructure.simulated_cloud.azure.platform.containers.containers import (
    CONTAINER_APP_TYPE,
    ENVIRONMENT_TYPE,
    REGISTRY_TYPE,
)
from tests.unit.simulated_cloud.azure.tokens import IDENTITY, LOCATED, Sample

SAMPLES: dict[str, Sample] = {
    ENVIRONMENT_TYPE: lambda _: {
        **LOCATED,
        "environmentName": "semantest-environment",
        "workloadProfiles": [{"name": "Consumption", "workloadProfileType": "Consumption"}],
        "appLogsConfiguration": {"destination": "azure-monitor"},
        "publicNetworkAccess": "Enabled",
    },
    REGISTRY_TYPE: lambda _: {
        **LOCATED,
        "registryName": "semantestimages",
        "sku": {"name": "Basic"},
        "adminUserEnabled": False,
    },
    CONTAINER_APP_TYPE: lambda world: {
        **LOCATED,
        "containerAppName": "semantest-orders",
        "environmentId": world[ENVIRONMENT_TYPE].id,
        "workloadProfileName": "Consumption",
        "identity": {"type": "UserAssigned", "userAssignedIdentities": [world[IDENTITY].id]},
        "configuration": {
            "activeRevisionsMode": "Single",
            "ingress": {"external": True, "targetPort": 8080, "transport": "auto"},
            "registries": [{"server": "semantestimages.azurecr.io", "identity": world[IDENTITY].id}],
        },
        "template": {
            "containers": [
                {
                    "name": "orders",
                    "image": "semantestimages.azurecr.io/orders:1",
                    "resources": {"cpu": 0.5, "memory": "1Gi"},
                    "env": [{"name": "PORT", "value": "8080"}],
                }
            ],
            "scale": {"minReplicas": 0, "maxReplicas": 5},
        },
    },
}
