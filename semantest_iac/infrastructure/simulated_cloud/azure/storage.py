"""Storage accounts, their containers and tables, and how long blobs are kept.

Source of what is `DOC`: the reference of Microsoft.Storage (DeleteRetentionPolicy, ManagementPolicyRule).
"""

from __future__ import annotations

from typing import Any, Final

from semantest_iac.infrastructure.simulated_cloud.azure.resource_type import (
    PROVIDERS_ID_PREFIX,
    ArmType,
    refine,
)
from semantest_iac.infrastructure.simulated_cloud.schema.properties import (
    DOC,
    GENERAL,
    TERRAFORM,
    Length,
    OneOf,
    Pattern,
    Range,
)
from semantest_iac.infrastructure.simulated_cloud.schema.published import refine_elements
from semantest_iac.infrastructure.simulated_cloud.schema.refusals import Refusal
from semantest_iac.infrastructure.simulated_cloud.schema.rules import GuardContext, RequestGuard, TypeRule, UniqueHandle
from semantest_iac.infrastructure.simulated_cloud.schema.values import RequestFacts

STORAGE_ACCOUNT_TYPE: Final = "azure-native:storage:StorageAccount"
CONTAINER_TYPE: Final = "azure-native:storage:BlobContainer"
BLOB_SERVICE_TYPE: Final = "azure-native:storage:BlobServiceProperties"
LIFECYCLE_TYPE: Final = "azure-native:storage:ManagementPolicy"
TABLE_TYPE: Final = "azure-native:storage:Table"

_ACCOUNTS_ID: Final = f"{PROVIDERS_ID_PREFIX}Microsoft.Storage/storageAccounts"
_RETENTION: Final = Range(1, 365, DOC)
_SERVICES: Final = ("blob", "dfs", "file", "queue", "table", "web")


def blob_endpoint(account: str) -> str:
    """Return the URL of the blob service of an account."""
    return f"https://{account}.blob.core.windows.net/"


def _service_endpoints(facts: RequestFacts) -> dict[str, Any]:
    hosts = {service: f"{facts['accountName']}.{service}.core.windows.net" for service in _SERVICES}
    hosts["web"] = f"{facts['accountName']}.z6.web.core.windows.net"
    return {service: f"https://{host}/" for service, host in hosts.items()}


def _is_public_in_private_account(context: GuardContext) -> bool:
    open_to_all = context.facts["publicAccess"] not in ("", "None")
    return open_to_all and not context.facts["storageAccount"]["allowBlobPublicAccess"]


STORAGE_TYPES: Final[dict[str, TypeRule]] = {
    STORAGE_ACCOUNT_TYPE: ArmType(STORAGE_ACCOUNT_TYPE, f"{_ACCOUNTS_ID}/{{accountName}}").rule(
        {
            "accountName": refine(Pattern(r"^[a-z0-9]{3,24}\Z", DOC)),
            "isHnsEnabled": refine(force_new=True),  # as in the provider's own table of replacements
            "enableNfsV3": refine(force_new=True),
            "encryption.requireInfrastructureEncryption": refine(force_new=True),
        },
        computed={
            "primaryEndpoints": _service_endpoints,
            "primaryLocation": "{region}",
            "statusOfPrimary": "available",
            "creationTime": "{now}",
            "keyCreationTime": lambda facts: {"key1": facts["now"], "key2": facts["now"]},
            "storageAccountSkuConversionStatus": lambda _: {"skuConversionStatus": "Succeeded"},
            "accessTier": "Hot",
            **dict.fromkeys(
                ("accountMigrationInProgress", "failoverInProgress", "isSkuConversionBlocked"), lambda _: False
            ),
        },
        unique=(
            UniqueHandle(
                "{accountName}",
                Refusal("StorageAccountAlreadyTaken", "The storage account named {accountName} is already taken.", 409),
            ),
        ),
        latency_seconds=25,
    ),
    CONTAINER_TYPE: ArmType(
        CONTAINER_TYPE, f"{_ACCOUNTS_ID}/{{accountName}}/blobServices/default/containers/{{containerName}}"
    ).rule(
        {"containerName": refine(Pattern(r"^(\$web|\$root|(?!.*--)[a-z0-9][a-z0-9-]{1,61}[a-z0-9])\Z", TERRAFORM))},
        computed={
            **dict.fromkeys(("deleted", "hasImmutabilityPolicy", "hasLegalHold"), lambda _: False),
            "lastModifiedTime": "{now}",
            "leaseState": "Available",
            "leaseStatus": "Unlocked",
            "remainingRetentionDays": lambda _: 0,
        },
        handles=(lambda facts: (blob_endpoint(facts["accountName"]) + facts["containerName"],),),
        guards=(
            RequestGuard(
                _is_public_in_private_account,
                Refusal("PublicAccessNotPermitted", "Public access is not permitted on this storage account.", 409),
                GENERAL,
            ),
        ),
    ),
    BLOB_SERVICE_TYPE: ArmType(
        BLOB_SERVICE_TYPE, f"{_ACCOUNTS_ID}/{{accountName}}/blobServices/{{blobServicesName}}"
    ).rule(
        {
            "blobServicesName": refine(OneOf(("default",), DOC)),
            "deleteRetentionPolicy.days": refine(_RETENTION),
            "containerDeleteRetentionPolicy.days": refine(_RETENTION),
        },
        computed={"sku": lambda _: {"name": "Standard_LRS", "tier": "Standard"}},
    ),
    LIFECYCLE_TYPE: ArmType(
        LIFECYCLE_TYPE, f"{_ACCOUNTS_ID}/{{accountName}}/managementPolicies/{{managementPolicyName}}"
    ).rule(
        {
            "managementPolicyName": refine(OneOf(("default",), DOC)),
            "policy.rules.definition.filters.blobTypes": refine_elements(OneOf(("blockBlob", "appendBlob"), DOC)),
            "policy.rules.type": refine(OneOf(("Lifecycle",), DOC)),
        },
        computed={"lastModifiedTime": "{now}"},
    ),
    TABLE_TYPE: ArmType(TABLE_TYPE, f"{_ACCOUNTS_ID}/{{accountName}}/tableServices/default/tables/{{tableName}}").rule(
        {"tableName": refine(Length(3, 63, GENERAL), Pattern(r"^[A-Za-z][A-Za-z0-9]*\Z", GENERAL))},
    ),
}
