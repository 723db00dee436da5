"""The storage that a function app keeps its packages and its own notes in, without any key."""

from __future__ import annotations

import pulumi
from pulumi_azure_native import storage

from semantest_iac.infrastructure.cloud_programs.azure.limits import name_of, worldwide
from semantest_iac.infrastructure.cloud_programs.azure.security import grant
from semantest_iac.infrastructure.cloud_programs.cloud import GROUND
from semantest_iac.infrastructure.cloud_programs.context import Context, Made

SERVICES = ("blob", "queue", "table")


def account(name: str, purpose: str, context: Context) -> storage.StorageAccount:
    """An account whose keys open nothing."""
    return storage.StorageAccount(
        name,
        account_name=worldwide("storage", context, purpose),
        resource_group_name=context.made[GROUND]["group"],
        location=context.stack.region,
        kind="StorageV2",
        sku={"name": "Standard_LRS"},
        allow_blob_public_access=False,
        allow_shared_key_access=False,
        default_to_o_auth_authentication=True,
        enable_https_traffic_only=True,
        minimum_tls_version="TLS1_2",
        tags=context.tags,
        opts=context.options(),
    )


def package_store(name: str, identity: Made, context: Context) -> Made:
    """An account for one app: two whose names begin alike would take each other for one host."""
    made = account(name, identity["purpose"], context)
    container = storage.BlobContainer(
        name,
        account_name=made.name,
        container_name=name_of("container", context, "packages"),
        resource_group_name=context.made[GROUND]["group"],
        public_access="None",
        opts=context.options(),
    )
    rights = [grant(role, made.id, identity, context) for role in ("blobs", "queues", "tables")]
    return {
        "account": made.name,
        "endpoints": made.primary_endpoints,
        "url": pulumi.Output.concat(made.primary_endpoints.apply(lambda ends: ends.blob), container.name),
        "rights": [*rights, container],
    }
