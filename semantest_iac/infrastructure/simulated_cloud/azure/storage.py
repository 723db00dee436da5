"""Storage accounts, their containers and tables."""

from __future__ import annotations

from typing import Any, Final

from semantest_iac.infrastructure.simulated_cloud.azure.every_type import (
    DOC,
    GENERAL,
    IN_GROUP,
    SUCCEEDED,
    TERRAFORM,
    ArmType,
    guid,
    inside,
)
from semantest_iac.infrastructure.simulated_cloud.azure.shapes import known
from semantest_iac.infrastructure.simulated_cloud.limits import Length, Pattern
from semantest_iac.infrastructure.simulated_cloud.refusal import Refusal
from semantest_iac.infrastructure.simulated_cloud.rules import Guard, Surroundings, TypeRule, Unique
from semantest_iac.infrastructure.simulated_cloud.values import Facts

ACCOUNT: Final = "azure-native:storage:StorageAccount"
CONTAINER: Final = "azure-native:storage:BlobContainer"
TABLE: Final = "azure-native:storage:Table"

_ACCOUNTS: Final = f"{IN_GROUP}Microsoft.Storage/storageAccounts"
_IN_ACCOUNT: Final = inside("accountName", ACCOUNT, _ACCOUNTS, named="storage")
_SERVICES: Final = ("blob", "dfs", "file", "queue", "table", "web")


def blob_endpoint(account: str) -> str:
    """Where the blobs of an account are reached."""
    return f"https://{account}.blob.core.windows.net/"


def _endpoints(facts: Facts) -> dict[str, Any]:
    hosts = {service: f"{facts['accountName']}.{service}.core.windows.net" for service in _SERVICES}
    hosts["web"] = f"{facts['accountName']}.z6.web.core.windows.net"
    return {service: f"https://{host}/" for service, host in hosts.items()}


def _is_public_in_a_closed_account(around: Surroundings) -> bool:
    open_to_all = around.facts["publicAccess"] not in ("", "None")
    return open_to_all and not around.facts["storage"]["allowBlobPublicAccess"]


TYPES: Final[dict[str, TypeRule]] = {
    ACCOUNT: ArmType(ACCOUNT, f"{_ACCOUNTS}/{{accountName}}").rule(
        {
            "accountName": known(Pattern(r"^[a-z0-9]{3,24}\Z", DOC)),
            "isHnsEnabled": known(replaces=True),  # the provider's own table of replacements
            "enableNfsV3": known(replaces=True),
            "encryption.requireInfrastructureEncryption": known(replaces=True),
        },
        computed={
            **SUCCEEDED,
            "primaryEndpoints": _endpoints,
            "primaryLocation": "{region}",
            "statusOfPrimary": "available",
            "creationTime": "{now}",
            "keyCreationTime": lambda facts: {"key1": facts["now"], "key2": facts["now"]},
            "privateEndpointConnections": lambda _: [],
            "storageAccountSkuConversionStatus": lambda _: {"skuConversionStatus": "Succeeded"},
            "accessTier": "Hot",
            **dict.fromkeys(
                ("accountMigrationInProgress", "failoverInProgress", "isSkuConversionBlocked"), lambda _: False
            ),
        },
        unique=(
            Unique(
                "{accountName}",
                Refusal("StorageAccountAlreadyTaken", "The storage account named {accountName} is already taken.", 409),
            ),
        ),
        latency=25,
    ),
    CONTAINER: ArmType(
        CONTAINER, f"{_ACCOUNTS}/{{accountName}}/blobServices/default/containers/{{containerName}}"
    ).rule(
        {"containerName": known(Pattern(r"^(\$web|\$root|(?!.*--)[a-z0-9][a-z0-9-]{1,61}[a-z0-9])\Z", TERRAFORM))},
        computed={
            **dict.fromkeys(("deleted", "hasImmutabilityPolicy", "hasLegalHold"), lambda _: False),
            "lastModifiedTime": "{now}",
            "etag": guid("etag"),
            "leaseState": "Available",
            "leaseStatus": "Unlocked",
            "remainingRetentionDays": lambda _: 0,
        },
        references=(_IN_ACCOUNT,),
        handles=(lambda facts: (blob_endpoint(facts["accountName"]) + facts["containerName"],),),
        guards=(
            Guard(
                _is_public_in_a_closed_account,
                Refusal("PublicAccessNotPermitted", "Public access is not permitted on this storage account.", 409),
                GENERAL,
            ),
        ),
    ),
    TABLE: ArmType(TABLE, f"{_ACCOUNTS}/{{accountName}}/tableServices/default/tables/{{tableName}}").rule(
        {"tableName": known(Length(3, 63, GENERAL), Pattern(r"^[A-Za-z][A-Za-z0-9]*\Z", GENERAL))},
        references=(_IN_ACCOUNT,),
    ),
}
