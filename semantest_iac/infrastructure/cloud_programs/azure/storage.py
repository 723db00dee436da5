"""Storage accounts without usable keys, for packages and for tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pulumi
from pulumi_azure_native import storage

from semantest_iac.domain.storage.connection_table import ConnectionTable
from semantest_iac.domain.storage.item_tables import ItemTable, table_variable
from semantest_iac.infrastructure.cloud_programs.azure.foundation import (
    azure_name,
    common_arguments,
    globally_unique_name,
)
from semantest_iac.infrastructure.cloud_programs.azure.security import assign_role
from semantest_iac.infrastructure.cloud_programs.cloud import FOUNDATION
from semantest_iac.infrastructure.cloud_programs.context import Outputs, ProgramContext

STORAGE_SERVICES = ("blob", "queue", "table")


_PRIVATE_ACCESS: Mapping[str, Any] = {
    "public_network_access": "Disabled",
    "network_rule_set": {"bypass": "AzureServices", "default_action": "Deny"},
}


def create_storage_account(
    name: str,
    purpose: str,
    context: ProgramContext,
    *,
    private: bool = False,
    options: pulumi.ResourceOptions | None = None,
) -> storage.StorageAccount:
    """Create an account whose keys are disabled; a private one has no address outside of the network."""
    return storage.StorageAccount(
        name,
        account_name=globally_unique_name("storage", context, purpose),
        kind="StorageV2",
        sku={"name": "Standard_LRS"},
        allow_blob_public_access=False,
        allow_shared_key_access=False,
        default_to_o_auth_authentication=True,
        enable_https_traffic_only=True,
        minimum_tls_version="TLS1_2",
        **common_arguments(context),
        opts=options or context.options(),
        **(_PRIVATE_ACCESS if private else {}),
    )


def create_store_account(
    name: str, context: ProgramContext, *, private: bool = False, keep: bool = False
) -> storage.StorageAccount:
    """Create the account of a store of data; one that is created again after it was kept gets another name."""
    options = context.options(ignore_changes=["accountName"], retain_on_delete=keep or None)
    return create_storage_account(name, context.add_deployment_suffix(name), context, private=private, options=options)


def create_package_storage(name: str, identity: Outputs, context: ProgramContext) -> Outputs:
    """Create an account for one app: two apps whose names begin alike would collide as hosts in a shared one."""
    account = create_storage_account(name, identity["purpose"], context)
    container = storage.BlobContainer(
        name,
        account_name=account.name,
        container_name=azure_name("container", context, "packages"),
        resource_group_name=context.outputs[FOUNDATION]["group"],
        public_access="None",
        opts=context.options(),
    )
    rights = [assign_role(role, account.id, identity, context) for role in ("blobs", "queues", "tables")]
    return {
        "account": account.name,
        "endpoints": account.primary_endpoints,
        "url": pulumi.Output.concat(account.primary_endpoints.apply(lambda it: it.blob), container.name),
        "rights": [*rights, container],
    }


CONNECTIONS_TABLE = "connections"


def create_connection_table(table: ConnectionTable, context: ProgramContext) -> Outputs:
    """Create the table of clients' types and requests; Web PubSub itself knows who is connected.

    The app may read and write rows and has no other right on the account.
    """
    account = create_storage_account(table.name, table.name, context)
    created = storage.Table(
        table.name,
        account_name=account.name,
        table_name=CONNECTIONS_TABLE,
        resource_group_name=context.outputs[FOUNDATION]["group"],
        opts=context.options(),
    )
    return {
        "arn": created.id,
        "name": created.name,
        "variables": {
            "SEMANTEST_TABLES_ENDPOINT": account.primary_endpoints.apply(lambda it: it.table.rstrip("/")),
            "SEMANTEST_CONNECTIONS_TABLE": created.name,
            "SEMANTEST_CONNECTIONS_LIFETIME": str(table.lifetime_s),
        },
        "grants": [("tables", account.id)],
    }


def create_item_table(table: ItemTable, context: ProgramContext) -> Outputs:
    """Create a table in an account of its own; a function's rights are on the table alone."""
    account = create_store_account(table.name, context, private=table.private, keep=table.keep)
    created = storage.Table(
        table.name,
        account_name=account.name,
        table_name=table.table.replace("-", ""),  # names may contain no hyphen
        resource_group_name=context.outputs[FOUNDATION]["group"],
        opts=context.options(retain_on_delete=table.keep or None),
    )
    address = pulumi.Output.concat(account.primary_endpoints.apply(lambda it: it.table), created.name)
    return {
        "id": account.id,
        "arn": created.id,
        "name": created.name,
        "address": address,
        "variables": {table_variable(table.table): address},
        "grants": [("tables", created.id)],
        "needs_login": True,
    }
