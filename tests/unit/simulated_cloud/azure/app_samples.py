"""Samples of a function app and of everything that it depends on."""

from __future__ import annotations

from typing import Any

from tests.unit.simulated_cloud.azure.tokens import (
    ACTION_GROUP,
    APP,
    APP_SETTINGS,
    BLOB_SERVICE,
    COMPONENT,
    CONTAINER,
    DIAGNOSTIC_SETTING,
    GROUP,
    IDENTITY,
    IN_GROUP,
    LIFECYCLE,
    LOCATED,
    METRIC_ALERT,
    NETWORK,
    PLAN,
    QUERY_RULE,
    ROLE_ASSIGNMENT,
    SECRET,
    SECURITY_GROUP,
    STORAGE,
    SUBNET,
    TABLE,
    TENANT,
    VAULT,
    WORKSPACE,
    Sample,
    World,
)

BLOB_OWNER = "b7e6dc6d-f1e8-4753-8033-0f276bb0955b"
PACKAGES = "https://stsemantest.blob.core.windows.net/app-package-func-semantest"


def role(name: str) -> str:
    """Return the id of a built-in role."""
    return (
        f"/subscriptions/00000000-0000-4000-8000-5e3a17e57002/providers/Microsoft.Authorization/roleDefinitions/{name}"
    )


def function_app_config(world: World, **scale: Any) -> dict[str, Any]:
    """Return the configuration that a Flex Consumption app requires."""
    return {
        "deployment": {
            "storage": {
                "type": "blobContainer",
                "value": PACKAGES,
                "authentication": {
                    "type": "UserAssignedIdentity",
                    "userAssignedIdentityResourceId": world[IDENTITY].id,
                },
            }
        },
        "runtime": {"name": "node", "version": "22"},
        "scaleAndConcurrency": {"instanceMemoryMB": 2048, "maximumInstanceCount": 100, **scale},
    }


SAMPLES: dict[str, Sample] = {
    GROUP: lambda _: {"resourceGroupName": "rg-semantest", "location": "westeurope", "tags": {"app": "semantest"}},
    WORKSPACE: lambda _: {
        **LOCATED,
        "workspaceName": "log-semantest",
        "sku": {"name": "PerGB2018"},
        "retentionInDays": 30,
        "workspaceCapping": {"dailyQuotaGb": 1},
    },
    COMPONENT: lambda world: {
        **LOCATED,
        "resourceName": "appi-semantest",
        "kind": "web",
        "applicationType": "web",
        "workspaceResourceId": world[WORKSPACE].id,
        "disableLocalAuth": True,
    },
    STORAGE: lambda _: {
        **LOCATED,
        "accountName": "stsemantest",
        "kind": "StorageV2",
        "sku": {"name": "Standard_LRS"},
        "allowBlobPublicAccess": False,
        "allowSharedKeyAccess": False,
        "minimumTlsVersion": "TLS1_2",
        "networkRuleSet": {"defaultAction": "Allow"},
    },
    CONTAINER: lambda _: {
        **IN_GROUP,
        "accountName": "stsemantest",
        "containerName": "app-package-func-semantest",
        "publicAccess": "None",
    },
    BLOB_SERVICE: lambda _: {
        **IN_GROUP,
        "accountName": "stsemantest",
        "blobServicesName": "default",
        "deleteRetentionPolicy": {"enabled": True, "days": 7},
    },
    LIFECYCLE: lambda _: {
        **IN_GROUP,
        "accountName": "stsemantest",
        "managementPolicyName": "default",
        "policy": {
            "rules": [
                {
                    "name": "lifetime",
                    "type": "Lifecycle",
                    "definition": {
                        "filters": {"blobTypes": ["blockBlob"]},
                        "actions": {"baseBlob": {"delete": {"daysAfterModificationGreaterThan": 30}}},
                    },
                }
            ]
        },
    },
    TABLE: lambda _: {**IN_GROUP, "accountName": "stsemantest", "tableName": "presence"},
    IDENTITY: lambda _: {**LOCATED, "resourceName": "id-semantest"},
    ROLE_ASSIGNMENT: lambda world: {
        "roleAssignmentName": "0d3c1e5a-1111-4222-8333-444455556666",
        "scope": world[STORAGE].id,
        "principalId": world[IDENTITY].outputs["principalId"],
        "principalType": "ServicePrincipal",
        "roleDefinitionId": role(BLOB_OWNER),
    },
    SECURITY_GROUP: lambda _: {
        **LOCATED,
        "networkSecurityGroupName": "nsg-semantest",
        "securityRules": [
            {
                "name": "https",
                "access": "Allow",
                "direction": "Outbound",
                "priority": 100,
                "protocol": "Tcp",
                "sourceAddressPrefix": "*",
                "sourcePortRange": "*",
                "destinationAddressPrefix": "*",
                "destinationPortRange": "443",
            }
        ],
    },
    NETWORK: lambda _: {
        **LOCATED,
        "virtualNetworkName": "vnet-semantest",
        "addressSpace": {"addressPrefixes": ["10.0.0.0/16"]},
    },
    SUBNET: lambda world: {
        **IN_GROUP,
        "virtualNetworkName": "vnet-semantest",
        "subnetName": "functions",
        "addressPrefix": "10.0.1.0/24",
        "delegations": [{"name": "functions", "serviceName": "Microsoft.App/environments"}],
        "networkSecurityGroup": {"id": world[SECURITY_GROUP].id},
    },
    PLAN: lambda _: {
        **LOCATED,
        "name": "plan-semantest",
        "kind": "functionapp",
        "reserved": True,
        "sku": {"name": "FC1", "tier": "FlexConsumption"},
    },
    APP: lambda world: {
        **LOCATED,
        "name": "func-semantest",
        "kind": "functionapp,linux",
        "reserved": True,
        "httpsOnly": True,
        "serverFarmId": world[PLAN].id,
        "virtualNetworkSubnetId": world[SUBNET].id,
        "identity": {"type": "UserAssigned", "userAssignedIdentities": [world[IDENTITY].id]},
        "functionAppConfig": function_app_config(world),
        "siteConfig": {
            "appSettings": [{"name": "AzureWebJobsStorage__credential", "value": "managedidentity"}],
            "cors": {"allowedOrigins": ["https://a.example"]},
        },
    },
    APP_SETTINGS: lambda _: {**IN_GROUP, "name": "func-semantest", "properties": {"PLAIN": "1"}},
    VAULT: lambda _: {
        **LOCATED,
        "vaultName": "kv-semantest",
        "properties": {
            "tenantId": TENANT,
            "sku": {"family": "A", "name": "standard"},
            "enableRbacAuthorization": True,
            "softDeleteRetentionInDays": 7,
        },
    },
    SECRET: lambda _: {
        **IN_GROUP,
        "vaultName": "kv-semantest",
        "secretName": "database-url",
        "properties": {"value": "correct horse", "contentType": "text/plain"},
    },
    DIAGNOSTIC_SETTING: lambda world: {
        "resourceUri": world[APP].id,
        "name": "logs",
        "workspaceId": world[WORKSPACE].id,
        "logs": [{"categoryGroup": "allLogs", "enabled": True}],
    },
    ACTION_GROUP: lambda _: {
        **IN_GROUP,
        "location": "Global",
        "actionGroupName": "ag-semantest",
        "groupShortName": "semantest",
        "enabled": True,
        "emailReceivers": [{"name": "someone", "emailAddress": "someone@example.org"}],
    },
    METRIC_ALERT: lambda world: {
        **IN_GROUP,
        "location": "global",
        "ruleName": "latency",
        "enabled": True,
        "severity": 2,
        "scopes": [world[COMPONENT].id],
        "evaluationFrequency": "PT1M",
        "windowSize": "PT5M",
        "criteria": {
            "odataType": "Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria",
            "allOf": [
                {
                    "criterionType": "StaticThresholdCriterion",
                    "name": "duration",
                    "metricName": "requests/duration",
                    "metricNamespace": "microsoft.insights/components",
                    "operator": "GreaterThan",
                    "threshold": 1000,
                    "timeAggregation": "Average",
                }
            ],
        },
        "actions": [{"actionGroupId": world[ACTION_GROUP].id}],
    },
    QUERY_RULE: lambda world: {
        **LOCATED,
        "ruleName": "error-rate",
        "enabled": True,
        "severity": 1,
        "scopes": [world[COMPONENT].id],
        "evaluationFrequency": "PT5M",
        "windowSize": "PT5M",
        "criteria": {
            "allOf": [
                {
                    "query": "requests | summarize rate = 1.0 * countif(success == false) / count()",
                    "metricMeasureColumn": "rate",
                    "operator": "GreaterThan",
                    "threshold": 0.01,
                    "timeAggregation": "Average",
                }
            ]
        },
        "actions": {"actionGroups": [world[ACTION_GROUP].id]},
    },
}
