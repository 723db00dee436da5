"""Valid samples of databases, a cache, an account of Cosmos and a data factory, each with its parts."""

from __future__ import annotations

from semantest_iac.infrastructure.simulated_cloud.azure.platform.data_pipelines import (
    DATASET_TYPE,
    FACTORY_TYPE,
    LINKED_SERVICE_TYPE,
    PIPELINE_TYPE,
    WORKFLOW_TYPE,
)
from semantest_iac.infrastructure.simulated_cloud.azure.platform.databases import (
    COSMOS_ACCOUNT_TYPE,
    COSMOS_CONTAINER_TYPE,
    COSMOS_DATABASE_TYPE,
    COSMOS_ROLE_TYPE,
    REDIS_CLUSTER_TYPE,
    REDIS_DATABASE_TYPE,
    REDIS_USER_TYPE,
    SQL_BACKUP_TYPE,
    SQL_DATABASE_TYPE,
    SQL_ENCRYPTION_TYPE,
    SQL_FIREWALL_RULE_TYPE,
    SQL_SERVER_TYPE,
)
from tests.unit.simulated_cloud.azure.tokens import IN_GROUP, LOCATED, TENANT, Sample

_PRINCIPAL = "5c1d2f7e-0000-4000-8000-5e3a17e57002"
_ON_SERVER = {**IN_GROUP, "serverName": "semantest-sql"}
_OF_DATABASE = {**_ON_SERVER, "databaseName": "semantest"}
_IN_CLUSTER = {**IN_GROUP, "clusterName": "semantest-cache"}
_IN_FACTORY = {**IN_GROUP, "factoryName": "semantest-pipeline"}
_IN_ACCOUNT = {**IN_GROUP, "accountName": "semantest-documents"}

SAMPLES: dict[str, Sample] = {
    SQL_SERVER_TYPE: lambda _: {
        **LOCATED,
        "serverName": "semantest-sql",
        "version": "12.0",
        "minimalTlsVersion": "1.2",
        "administrators": {
            "administratorType": "ActiveDirectory",
            "azureADOnlyAuthentication": True,
            "login": "semantest-administrator",
            "principalType": "Application",
            "sid": _PRINCIPAL,
            "tenantId": TENANT,
        },
    },
    SQL_DATABASE_TYPE: lambda _: {
        **LOCATED,
        **_OF_DATABASE,
        "sku": {"name": "Basic", "tier": "Basic"},
        "requestedBackupStorageRedundancy": "Local",
    },
    SQL_FIREWALL_RULE_TYPE: lambda _: {
        **_ON_SERVER,
        "firewallRuleName": "egress",
        "startIpAddress": "203.0.113.4",
        "endIpAddress": "203.0.113.4",
    },
    SQL_ENCRYPTION_TYPE: lambda _: {**_OF_DATABASE, "tdeName": "current", "state": "Enabled"},
    SQL_BACKUP_TYPE: lambda _: {**_OF_DATABASE, "policyName": "default", "retentionDays": 7},
    REDIS_CLUSTER_TYPE: lambda _: {
        **LOCATED,
        **_IN_CLUSTER,
        "sku": {"name": "Balanced_B0"},
        "publicNetworkAccess": "Enabled",
        "highAvailability": "Disabled",
    },
    REDIS_DATABASE_TYPE: lambda _: {**_IN_CLUSTER, "databaseName": "default", "clientProtocol": "Encrypted"},
    REDIS_USER_TYPE: lambda _: {
        **_IN_CLUSTER,
        "databaseName": "default",
        "accessPolicyAssignmentName": "orders",
        "accessPolicyName": "default",
        "user": {"objectId": _PRINCIPAL},
    },
    COSMOS_ACCOUNT_TYPE: lambda _: {
        **LOCATED,
        **_IN_ACCOUNT,
        "databaseAccountOfferType": "Standard",
        "capabilities": [{"name": "EnableServerless"}],
        "locations": [{"locationName": "westeurope", "failoverPriority": 0, "isZoneRedundant": False}],
        "disableLocalAuth": True,
    },
    COSMOS_DATABASE_TYPE: lambda _: {**_IN_ACCOUNT, "databaseName": "semantest", "resource": {"id": "semantest"}},
    COSMOS_CONTAINER_TYPE: lambda _: {
        **_IN_ACCOUNT,
        "databaseName": "semantest",
        "containerName": "documents",
        "resource": {"id": "documents", "partitionKey": {"paths": ["/id"], "kind": "Hash", "version": 2}},
    },
    COSMOS_ROLE_TYPE: lambda world: {
        **_IN_ACCOUNT,
        "roleAssignmentId": "0b6f3c52-0000-4000-8000-5e3a17e57003",
        "roleDefinitionId": f"{world[COSMOS_ACCOUNT_TYPE].id}/sqlRoleDefinitions/00000000-0000-0000-0000-000000000002",
        "principalId": _PRINCIPAL,
        "scope": world[COSMOS_ACCOUNT_TYPE].id,
    },
    FACTORY_TYPE: lambda _: {
        **LOCATED,
        **_IN_FACTORY,
        "identity": {"type": "SystemAssigned"},
        "publicNetworkAccess": "Enabled",
    },
    LINKED_SERVICE_TYPE: lambda _: {
        **_IN_FACTORY,
        "linkedServiceName": "staging",
        "properties": {"type": "AzureBlobStorage", "serviceEndpoint": "https://stsemantest.blob.core.windows.net/"},
    },
    DATASET_TYPE: lambda _: {
        **_IN_FACTORY,
        "datasetName": "incoming",
        "properties": {
            "type": "Binary",
            "linkedServiceName": {"referenceName": "staging", "type": "LinkedServiceReference"},
            "location": {"type": "AzureBlobStorageLocation", "container": "staging", "folderPath": "incoming"},
        },
    },
    PIPELINE_TYPE: lambda _: {
        **_IN_FACTORY,
        "pipelineName": "move",
        "activities": [{"name": "pause", "type": "Wait", "waitTimeInSeconds": 1}],
    },
    WORKFLOW_TYPE: lambda _: {
        **LOCATED,
        "workflowName": "semantest-pipeline",
        "state": "Enabled",
        "definition": {"contentVersion": "1.0.0.0", "triggers": {}, "actions": {}},
    },
}
