"""SQL servers and databases, managed Redis, and Cosmos.

Source of what is `TERRAFORM`: the validators and the replacements of Terraform's provider for Azure; of what is `DOC`:
Azure's pages on the limits and tiers of these services.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from semantest_iac.infrastructure.simulated_cloud.azure.resource_type import (
    PROVIDERS_ID_PREFIX,
    SUCCEEDED_STATE,
    ArmType,
    parent_reference,
    refine,
    stable_guid,
)
from semantest_iac.infrastructure.simulated_cloud.schema.properties import (
    DOC,
    TERRAFORM,
    Length,
    OneOf,
    Pattern,
    Range,
)
from semantest_iac.infrastructure.simulated_cloud.schema.refusals import Refusal
from semantest_iac.infrastructure.simulated_cloud.schema.rules import GuardContext, RequestGuard, TypeRule, UniqueHandle
from semantest_iac.infrastructure.simulated_cloud.schema.values import RequestFacts

SQL_SERVER_TYPE: Final = "azure-native:sql:Server"
SQL_DATABASE_TYPE: Final = "azure-native:sql:Database"
SQL_FIREWALL_RULE_TYPE: Final = "azure-native:sql:FirewallRule"
SQL_ENCRYPTION_TYPE: Final = "azure-native:sql:TransparentDataEncryption"
SQL_BACKUP_TYPE: Final = "azure-native:sql:BackupShortTermRetentionPolicy"
REDIS_CLUSTER_TYPE: Final = "azure-native:redisenterprise:RedisEnterprise"
REDIS_DATABASE_TYPE: Final = "azure-native:redisenterprise:Database"
REDIS_USER_TYPE: Final = "azure-native:redisenterprise:AccessPolicyAssignment"
COSMOS_ACCOUNT_TYPE: Final = "azure-native:cosmosdb:DatabaseAccount"
COSMOS_DATABASE_TYPE: Final = "azure-native:cosmosdb:SqlResourceSqlDatabase"
COSMOS_CONTAINER_TYPE: Final = "azure-native:cosmosdb:SqlResourceSqlContainer"
COSMOS_ROLE_TYPE: Final = "azure-native:cosmosdb:SqlResourceSqlRoleAssignment"

_SERVERS_ID: Final = f"{PROVIDERS_ID_PREFIX}Microsoft.Sql/servers"
_DATABASES_ID: Final = f"{_SERVERS_ID}/{{serverName}}/databases"
_CLUSTERS_ID: Final = f"{PROVIDERS_ID_PREFIX}Microsoft.Cache/redisEnterprise"
_ACCOUNTS_ID: Final = f"{PROVIDERS_ID_PREFIX}Microsoft.DocumentDB/databaseAccounts"
_DOCUMENT_DATABASES_ID: Final = f"{_ACCOUNTS_ID}/{{accountName}}/sqlDatabases"

_CHOSEN: Final = refine(computed_default=True)
_ACCESS: Final = refine(OneOf(("Enabled", "Disabled", "SecuredByPerimeter"), DOC), computed_default=True)
_LONGEST_BASIC_DAYS: Final = 7
_BASIC_HOURS: Final = 24


def _is_basic(facts: RequestFacts) -> bool:
    return bool(((facts["database"] or {}).get("sku") or {}).get("tier") == "Basic")


def _keeps_basic_too_long(context: GuardContext) -> bool:
    return _is_basic(context.facts) and int(context.facts["retentionDays"] or 0) > _LONGEST_BASIC_DAYS


def _backs_basic_up_more_often(context: GuardContext) -> bool:
    hours = int(context.facts["diffBackupIntervalInHours"] or _BASIC_HOURS)
    return _is_basic(context.facts) and hours != _BASIC_HOURS


def _has_no_login(context: GuardContext) -> bool:
    facts = context.facts
    has_only_entra = bool((facts["administrators"] or {}).get("azureADOnlyAuthentication"))
    return not context.previous and not has_only_entra and not facts["administratorLogin"]


def _changes_keys(*names: str) -> Callable[[GuardContext], bool]:
    """Whether an update changes what is fixed when the resource is created."""
    return lambda context: (
        bool(context.previous) and any(context.facts[name] not in (None, context.previous.get(name)) for name in names)
    )


def _is_serverless(account: Any) -> bool:
    return any(it.get("name") == "EnableServerless" for it in (account or {}).get("capabilities") or ())


def _gives_serverless_throughput(context: GuardContext) -> bool:
    options = context.facts["options"] or {}
    return _is_serverless(context.facts["cosmos"]) and bool(
        options.get("throughput") or options.get("autoscaleSettings")
    )


def _refuse(
    applies: Callable[[GuardContext], bool], code: str, message: str, *, on_update: bool = True
) -> RequestGuard:
    return RequestGuard(applies, Refusal(code, message), DOC, on_update=on_update)


def _taken(handle: str, code: str, message: str) -> UniqueHandle:
    return UniqueHandle(handle, Refusal(code, message, 409))


_SERVER_REFERENCE: Final = parent_reference("serverName", SQL_SERVER_TYPE, _SERVERS_ID)
_DATABASE_REFERENCE: Final = parent_reference("databaseName", SQL_DATABASE_TYPE, _DATABASES_ID, fact_name="database")
_CLUSTER_REFERENCE: Final = parent_reference("clusterName", REDIS_CLUSTER_TYPE, _CLUSTERS_ID)
_ACCOUNT_REFERENCE: Final = parent_reference("accountName", COSMOS_ACCOUNT_TYPE, _ACCOUNTS_ID, fact_name="cosmos")


def _document_resource(facts: RequestFacts) -> dict[str, Any]:
    return {**(facts["resource"] or {}), "rid": facts["small7"], "ts": 1.0, "etag": facts["uuid"]}


def _account_locations(facts: RequestFacts) -> list[dict[str, Any]]:
    return [
        {
            "documentEndpoint": f"https://{facts['accountName']}-{it['locationName']}.documents.azure.com:443/",
            "id": f"{facts['accountName']}-{it['locationName']}",
            "provisioningState": "Succeeded",
            "failoverPriority": 0,
            "isZoneRedundant": False,
            **it,
        }
        for it in facts["locations"] or ()
    ]


SQL_TYPES: Final[dict[str, TypeRule]] = {
    SQL_SERVER_TYPE: ArmType(SQL_SERVER_TYPE, f"{_SERVERS_ID}/{{serverName}}").rule(
        {
            "serverName": refine(Pattern(r"^(?!-)[a-z0-9-]{1,63}(?<!-)\Z", TERRAFORM)),
            "administratorLogin": refine(force_new=True, computed_default=True),
            "administratorLoginPassword": refine(sensitive=True, reported_differently=True),
            "minimalTlsVersion": refine(OneOf(("None", "1.0", "1.1", "1.2", "1.3"), DOC), computed_default=True),
            "publicNetworkAccess": _ACCESS,
            "version": refine(OneOf(("2.0", "12.0"), TERRAFORM), force_new=True, computed_default=True),
            **dict.fromkeys(("isIPv6Enabled", "restrictOutboundNetworkAccess"), _CHOSEN),
        },
        computed={
            "fullyQualifiedDomainName": "{serverName}.database.windows.net",
            "administratorLogin": "CloudSA{hex8}",
            "state": "Ready",
            "kind": "v12.0",
            "version": "12.0",
            "minimalTlsVersion": "1.2",
            "publicNetworkAccess": "Enabled",
            "externalGovernanceStatus": "Disabled",
            "isIPv6Enabled": "Disabled",
            "restrictOutboundNetworkAccess": "Disabled",
            "privateEndpointConnections": lambda _: [],
            "workspaceFeature": "Disconnected",
        },
        unique=(_taken("{serverName}", "NameAlreadyExists", "The name '{serverName}' already exists."),),
        guards=(
            _refuse(_has_no_login, "InvalidParameterValue", "A server needs a login, or Entra-only authentication."),
        ),
        latency_seconds=60,
    ),
    SQL_DATABASE_TYPE: ArmType(SQL_DATABASE_TYPE, f"{_DATABASES_ID}/{{databaseName}}").rule(
        {
            "databaseName": refine(Length(1, 128, TERRAFORM), Pattern(r"^[^<>*%&:\\/?]*[^<>*%&:\\/?. ]\Z", TERRAFORM)),
            "requestedBackupStorageRedundancy": refine(
                OneOf(("Geo", "GeoZone", "Local", "Zone"), DOC), computed_default=True
            ),
            "collation": refine(force_new=True, computed_default=True),
            "sku": refine(computed_default=True, reported_differently=True),
            **dict.fromkeys(
                (
                    *("autoPauseDelay", "availabilityZone", "catalogCollation", "highAvailabilityReplicaCount"),
                    *("isLedgerOn", "licenseType", "maintenanceConfigurationId", "maxSizeBytes", "minCapacity"),
                    *("readScale", "zoneRedundant"),
                ),
                _CHOSEN,
            ),
        },
        rendered={
            "sku": lambda facts: {"capacity": 5, **(facts["sku"] or {"name": "GP_S_Gen5_2", "tier": "GeneralPurpose"})}
        },
        computed={
            "status": "Online",
            "kind": "v12.0,user",
            "collation": "SQL_Latin1_General_CP1_CI_AS",
            "catalogCollation": "SQL_Latin1_General_CP1_CI_AS",
            "databaseId": stable_guid("database"),
            "creationDate": "{now}",
            "earliestRestoreDate": "{now}",
            "defaultSecondaryLocation": "{region}",
            "availabilityZone": "NoPreference",
            "currentBackupStorageRedundancy": lambda facts: facts["requestedBackupStorageRedundancy"] or "Geo",
            "requestedBackupStorageRedundancy": "Geo",
            "currentServiceObjectiveName": lambda facts: (facts["sku"] or {}).get("name", "GP_S_Gen5_2"),
            "requestedServiceObjectiveName": lambda facts: (facts["sku"] or {}).get("name", "GP_S_Gen5_2"),
            "currentSku": lambda facts: {"capacity": 5, **(facts["sku"] or {})},
            "maxSizeBytes": lambda _: 2147483648.0,
            "readScale": "Disabled",
            **dict.fromkeys(("isInfraEncryptionEnabled", "isLedgerOn", "zoneRedundant"), lambda _: False),
            **dict.fromkeys(("failoverGroupId", "managedBy", "pausedDate", "resumedDate"), ""),
            "maxLogSizeBytes": lambda _: 0.0,
        },
        latency_seconds=30,
    ),
    SQL_FIREWALL_RULE_TYPE: ArmType(
        SQL_FIREWALL_RULE_TYPE, f"{_SERVERS_ID}/{{serverName}}/firewallRules/{{firewallRuleName}}"
    ).rule(
        {
            "firewallRuleName": refine(Length(1, 128, DOC), Pattern(r"^[^<>*%&:\\/?]+\Z", DOC)),
            **dict.fromkeys(("startIpAddress", "endIpAddress"), refine(Pattern(r"^\d{1,3}(\.\d{1,3}){3}\Z", DOC))),
        },
    ),
    SQL_ENCRYPTION_TYPE: ArmType(
        SQL_ENCRYPTION_TYPE, f"{_DATABASES_ID}/{{databaseName}}/transparentDataEncryption/{{tdeName}}"
    ).rule(
        {"tdeName": refine(OneOf(("current",), DOC))},
        references=(_SERVER_REFERENCE, _DATABASE_REFERENCE),
    ),
    SQL_BACKUP_TYPE: ArmType(
        SQL_BACKUP_TYPE, f"{_DATABASES_ID}/{{databaseName}}/backupShortTermRetentionPolicies/{{policyName}}"
    ).rule(
        {
            "policyName": refine(OneOf(("default",), DOC)),
            "retentionDays": refine(Range(1, 35, TERRAFORM), computed_default=True),
            "diffBackupIntervalInHours": refine(OneOf((12, 24), TERRAFORM), computed_default=True),
        },
        computed={
            "retentionDays": lambda _: 7,
            "diffBackupIntervalInHours": lambda facts: _BASIC_HOURS if _is_basic(facts) else 12,
        },
        references=(_SERVER_REFERENCE, _DATABASE_REFERENCE),
        guards=(
            _refuse(
                _keeps_basic_too_long,
                "InvalidBackupRetentionPeriod",
                "Basic databases keep backups for 7 days at most.",
            ),
            _refuse(
                _backs_basic_up_more_often,
                "InvalidDiffBackupIntervalInHours",
                "Basic databases have differential backups every 24 hours.",
            ),
        ),
    ),
}

_REDIS_SKU: Final = r"^(Enterprise(Flash)?_|Balanced_B|ComputeOptimized_X|MemoryOptimized_M|FlashOptimized_A)\w*\Z"

DOCUMENT_AND_CACHE_TYPES: Final[dict[str, TypeRule]] = {
    REDIS_CLUSTER_TYPE: ArmType(REDIS_CLUSTER_TYPE, f"{_CLUSTERS_ID}/{{clusterName}}").rule(
        {
            "clusterName": refine(
                Length(3, 63, TERRAFORM), Pattern(r"^(?!.*--)[A-Za-z0-9][A-Za-z0-9-]*[A-Za-z0-9]\Z", TERRAFORM)
            ),
            "highAvailability": refine(OneOf(("Enabled", "Disabled"), DOC), force_new=True, computed_default=True),
            "minimumTlsVersion": refine(OneOf(("1.0", "1.1", "1.2"), DOC), computed_default=True),
            "publicNetworkAccess": refine(OneOf(("Enabled", "Disabled"), DOC)),
            "sku.name": refine(Pattern(_REDIS_SKU, DOC)),
        },
        computed={
            **SUCCEEDED_STATE,
            "hostName": "{clusterName}.{region}.redis.azure.net",
            "resourceState": "Running",
            "redisVersion": "7.4",
            "redundancyMode": lambda facts: "None" if facts["highAvailability"] == "Disabled" else "ZR",
            "kind": "v2",
            "highAvailability": "Enabled",
            "minimumTlsVersion": "1.2",
            "privateEndpointConnections": lambda _: [],
        },
        unique=(_taken("{clusterName}", "NameNotAvailable", "The name '{clusterName}' is not available."),),
        latency_seconds=300,
    ),
    REDIS_DATABASE_TYPE: ArmType(
        REDIS_DATABASE_TYPE, f"{_CLUSTERS_ID}/{{clusterName}}/databases/{{databaseName}}"
    ).rule(
        {
            "databaseName": refine(OneOf(("default",), TERRAFORM)),
            "clusteringPolicy": refine(
                OneOf(("EnterpriseCluster", "OSSCluster", "NoCluster"), TERRAFORM),
                force_new=True,
                computed_default=True,
            ),
            "clientProtocol": refine(OneOf(("Encrypted", "Plaintext"), TERRAFORM), computed_default=True),
            "port": refine(force_new=True, computed_default=True),
            **dict.fromkeys(("accessKeysAuthentication", "deferUpgrade", "evictionPolicy", "persistence"), _CHOSEN),
        },
        computed={
            **SUCCEEDED_STATE,
            "resourceState": "Running",
            "redisVersion": "7.4",
            "clusteringPolicy": "OSSCluster",
            "clientProtocol": "Encrypted",
            "evictionPolicy": "VolatileLRU",
            "accessKeysAuthentication": "Disabled",
            "deferUpgrade": "NotDeferred",
            "port": lambda _: 10000,
        },
        latency_seconds=60,
    ),
    REDIS_USER_TYPE: ArmType(
        REDIS_USER_TYPE,
        f"{_CLUSTERS_ID}/{{clusterName}}/databases/{{databaseName}}/accessPolicyAssignments/{{accessPolicyAssignmentName}}",
    ).rule(
        {
            "accessPolicyAssignmentName": refine(Pattern(r"^[A-Za-z0-9]{1,60}\Z", DOC)),
            "accessPolicyName": refine(Pattern(r"^[A-Za-z0-9]{1,60}\Z", DOC)),
        },
        computed=SUCCEEDED_STATE,
        references=(
            _CLUSTER_REFERENCE,
            parent_reference("databaseName", REDIS_DATABASE_TYPE, f"{_CLUSTERS_ID}/{{clusterName}}/databases"),
        ),
    ),
    COSMOS_ACCOUNT_TYPE: ArmType(COSMOS_ACCOUNT_TYPE, f"{_ACCOUNTS_ID}/{{accountName}}").rule(
        {
            "accountName": refine(Pattern(r"^[a-z0-9][a-z0-9-]{2,43}\Z", TERRAFORM)),
            "kind": refine(
                OneOf(("GlobalDocumentDB", "MongoDB", "Parse"), TERRAFORM), force_new=True, computed_default=True
            ),
            "capabilities": refine(reported_differently=True),
            "enableFreeTier": refine(force_new=True, computed_default=True),
            "locations": refine(reported_differently=True),
            "publicNetworkAccess": _ACCESS,
            "minimalTlsVersion": refine(OneOf(("Tls", "Tls11", "Tls12"), DOC), computed_default=True),
            "backupPolicy": refine(computed_default=True, reported_differently=True),
            "consistencyPolicy": refine(computed_default=True, reported_differently=True),
            **dict.fromkeys(
                (
                    *("analyticalStorageConfiguration", "capacity", "createMode", "customerManagedKeyStatus"),
                    *("defaultIdentity", "disableKeyBasedMetadataWriteAccess", "disableLocalAuth"),
                    *("enableAnalyticalStorage", "enableAutomaticFailover", "enableBurstCapacity"),
                    *("enableMultipleWriteLocations", "enablePartitionMerge", "isVirtualNetworkFilterEnabled"),
                    *("networkAclBypass", "enablePerRegionPerPartitionAutoscale", "enablePriorityBasedExecution"),
                    "defaultPriorityLevel",
                ),
                _CHOSEN,
            ),
        },
        rendered={"locations": _account_locations},
        computed={
            **SUCCEEDED_STATE,
            "documentEndpoint": "https://{accountName}.documents.azure.com:443/",
            "instanceId": stable_guid("instance"),
            "keyVaultKeyUriVersion": "",
            "kind": "GlobalDocumentDB",
            "publicNetworkAccess": "Enabled",
            "minimalTlsVersion": "Tls12",
            "readLocations": _account_locations,
            "writeLocations": _account_locations,
            "failoverPolicies": lambda facts: [
                {"failoverPriority": it["failoverPriority"], "id": it["id"], "locationName": it["locationName"]}
                for it in _account_locations(facts)
            ],
            "keysMetadata": lambda facts: {"primaryMasterKey": {"generationTime": facts["now"]}},
            "privateEndpointConnections": lambda _: [],
            **dict.fromkeys(("disableLocalAuth", "enableFreeTier", "isVirtualNetworkFilterEnabled"), lambda _: False),
        },
        unique=(
            _taken("{accountName}", "AccountNameAlreadyExists", "The account name '{accountName}' is already taken."),
        ),
        guards=(
            _refuse(
                _changes_keys("capabilities"),
                "BadRequest",
                "The capability EnableServerless can only be given when the account is created.",
            ),
        ),
        latency_seconds=180,
    ),
    COSMOS_DATABASE_TYPE: ArmType(COSMOS_DATABASE_TYPE, f"{_DOCUMENT_DATABASES_ID}/{{databaseName}}").rule(
        {"resource": refine(reported_differently=True), "options": refine(reported_differently=True)},
        rendered={"resource": _document_resource},
        references=(_ACCOUNT_REFERENCE,),
        guards=(
            _refuse(
                _gives_serverless_throughput,
                "BadRequest",
                "Setting offer throughput or autopilot on container is not supported for serverless accounts.",
            ),
        ),
    ),
    COSMOS_CONTAINER_TYPE: ArmType(
        COSMOS_CONTAINER_TYPE, f"{_DOCUMENT_DATABASES_ID}/{{databaseName}}/containers/{{containerName}}"
    ).rule(
        {
            "resource": refine(reported_differently=True),
            "resource.partitionKey": refine(force_new=True),
            "options": refine(reported_differently=True),
        },
        rendered={"resource": _document_resource},
        references=(
            _ACCOUNT_REFERENCE,
            parent_reference("databaseName", COSMOS_DATABASE_TYPE, _DOCUMENT_DATABASES_ID),
        ),
        guards=(
            _refuse(
                _gives_serverless_throughput,
                "BadRequest",
                "Setting offer throughput or autopilot on container is not supported for serverless accounts.",
            ),
        ),
    ),
    COSMOS_ROLE_TYPE: ArmType(
        COSMOS_ROLE_TYPE, f"{_ACCOUNTS_ID}/{{accountName}}/sqlRoleAssignments/{{roleAssignmentId}}"
    ).rule(
        {"roleAssignmentId": refine(Pattern(r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z", TERRAFORM))},
        references=(_ACCOUNT_REFERENCE,),
    ),
}
