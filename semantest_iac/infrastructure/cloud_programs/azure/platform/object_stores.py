"""Stores of objects: a container in a storage account of its own, without usable keys."""

from __future__ import annotations

import pulumi
from pulumi_azure_native import storage

from semantest_iac.domain.storage.object_stores import ObjectStore, bucket_variable
from semantest_iac.infrastructure.cloud_programs.azure.security import create_role_assignment
from semantest_iac.infrastructure.cloud_programs.azure.storage import create_store_account
from semantest_iac.infrastructure.cloud_programs.cloud import FOUNDATION
from semantest_iac.infrastructure.cloud_programs.context import Outputs, ProgramContext


def create_object_store(store: ObjectStore, context: ProgramContext) -> Outputs:
    """Create the account, its rules for deleted blobs, and the container, on which users have a role."""
    group = context.outputs[FOUNDATION]["group"]
    account = create_store_account(store.name, context, private=store.private, keep=store.keep)
    recovery = {"enabled": True, "days": store.recovery_days}
    services = storage.BlobServiceProperties(
        store.name,
        account_name=account.name,
        blob_services_name="default",
        resource_group_name=group,
        delete_retention_policy=recovery,
        container_delete_retention_policy=recovery,
        opts=context.options(retain_on_delete=store.keep or None),
    )
    container = storage.BlobContainer(
        store.name,
        account_name=account.name,
        container_name=store.bucket,
        resource_group_name=group,
        public_access="None",
        opts=context.options(retain_on_delete=store.keep or None),
    )
    if store.lifetime_days is not None:
        _create_lifetime(store, account, store.lifetime_days, context)
    for user in store.users:
        create_role_assignment(f"{store.name}-{user}", "objects", container.id, context.outputs[user], context)
    blobs = account.primary_endpoints.apply(lambda it: it.blob)
    address = pulumi.Output.concat(blobs, container.name)
    return {
        "id": account.id,
        "arn": container.id,
        "name": container.name,
        "account": account.name,
        "blobs": blobs,
        "address": address,
        "diagnostics_scope": services.id,
        "diagnostics": ("logs",),
        "variables": {bucket_variable(store.bucket): address},
        "grants": [("objects", container.id)],
        "needs_login": True,
    }


def _create_lifetime(store: ObjectStore, account: storage.StorageAccount, days: int, context: ProgramContext) -> None:
    """Delete blobs so many days after their last change."""
    storage.ManagementPolicy(
        store.name,
        account_name=account.name,
        management_policy_name="default",
        resource_group_name=context.outputs[FOUNDATION]["group"],
        policy={
            "rules": [
                {
                    "name": "lifetime",
                    "type": "Lifecycle",
                    "enabled": True,
                    "definition": {
                        "filters": {"blob_types": ["blockBlob", "appendBlob"]},
                        "actions": {"base_blob": {"delete": {"days_after_modification_greater_than": days}}},
                    },
                }
            ]
        },
        opts=context.options(retain_on_delete=store.keep or None),
    )
