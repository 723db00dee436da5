"""SQL servers and databases, managed Redis and Cosmos; none of them takes a password or a key."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import pulumi
from pulumi_azure_native import cosmosdb, redisenterprise, sql

from semantest_iac.domain.costs.tiers import Tier
from semantest_iac.domain.networking.access_rules import SQL_PORT
from semantest_iac.domain.resource import Ref
from semantest_iac.domain.storage.databases import (
    DOCUMENT_KEY,
    DocumentDatabase,
    RedisCache,
    SqlDatabase,
    SqlServer,
)
from semantest_iac.infrastructure.cloud_programs.azure.foundation import (
    common_arguments,
    globally_unique_name,
    make_guid,
)
from semantest_iac.infrastructure.cloud_programs.cloud import FOUNDATION
from semantest_iac.infrastructure.cloud_programs.context import Outputs, ProgramContext

_GIB = 1024**3
_REDIS_PORT = 10000  # the only one of managed Redis


class _DatabaseSize(NamedTuple):
    """The name and tier of a size, its most bytes, and the hours between differential backups."""

    name: str
    tier: str
    gib: int
    hours: int


_SIZES: Mapping[Tier, _DatabaseSize] = {
    # source: Azure's page on the DTU purchase model
    "basic": _DatabaseSize("Basic", "Basic", 2, 24),
    "standard": _DatabaseSize("S2", "Standard", 250, 12),
    "premium": _DatabaseSize("P1", "Premium", 500, 12),
}


def create_sql_server(server: SqlServer, context: ProgramContext) -> Outputs:
    """Create a server that knows no login but an identity of Entra, which creates the users of its databases.

    The administrator can only be given when the server is created.
    """
    foundation, administrator = context.outputs[FOUNDATION], context.outputs[server.administrator]
    created = sql.Server(
        server.name,
        server_name=globally_unique_name("sql server", context, server.name),
        version="12.0",
        minimal_tls_version="1.2",
        public_network_access=_public_access(server.private),
        administrators={
            "administrator_type": "ActiveDirectory",
            "azure_ad_only_authentication": True,
            "login": administrator["name"],
            "principal_type": "Application",
            "sid": administrator["principal"],
            "tenant_id": foundation["tenant"],
        },
        **common_arguments(context),
        opts=context.options(ignore_changes=["administrators"]),
    )
    if server.allowed_egress and not server.private:
        address = context.outputs[server.allowed_egress]["public_ip"]
        sql.FirewallRule(
            server.name,
            firewall_rule_name="egress",
            server_name=created.name,
            resource_group_name=foundation["group"],
            start_ip_address=address,
            end_ip_address=address,
            opts=context.options(),
        )
    host = created.fully_qualified_domain_name
    return {
        "id": created.id,
        "arn": created.id,
        "name": created.name,
        "host": host,
        "variables": {"SEMANTEST_SQL_HOST": host, "SEMANTEST_SQL_PORT": str(SQL_PORT)},
    }


def _public_access(private: bool) -> str:
    return "Disabled" if private else "Enabled"


def create_sql_database(database: SqlDatabase, context: ProgramContext) -> Outputs:
    """Create a database that is encrypted and can be restored to any moment of so many days."""
    server, group = context.outputs[database.server], context.outputs[FOUNDATION]["group"]
    size = _SIZES[database.tier]
    created = sql.Database(
        database.name,
        database_name=database.database,
        server_name=server["name"],
        sku={"name": size.name, "tier": size.tier},
        max_size_bytes=float(size.gib * _GIB),
        requested_backup_storage_redundancy="Geo" if database.high_availability else "Local",
        zone_redundant=(database.high_availability and database.tier == "premium") or None,
        **common_arguments(context),
        opts=context.options(),
    )
    parent: dict[str, Any] = {
        "database_name": created.name,
        "server_name": server["name"],
        "resource_group_name": group,
    }
    sql.TransparentDataEncryption(database.name, tde_name="current", state="Enabled", **parent, opts=context.options())
    sql.BackupShortTermRetentionPolicy(
        database.name,
        policy_name="default",
        retention_days=database.backup_days,
        diff_backup_interval_in_hours=size.hours,
        **parent,
        opts=context.options(),
    )
    return {"id": created.id, "arn": created.id, "name": created.name, "host": server["host"]}


def create_redis_cache(cache: RedisCache, context: ProgramContext) -> Outputs:
    """Create a cluster with the database that each has, and let its users in by their identities."""
    group = context.outputs[FOUNDATION]["group"]
    cluster = redisenterprise.RedisEnterprise(
        cache.name,
        cluster_name=globally_unique_name("cache", context, cache.name),
        sku={"name": "Balanced_B3" if cache.high_availability else "Balanced_B0"},
        high_availability="Enabled" if cache.high_availability else "Disabled",
        minimum_tls_version="1.2",
        public_network_access=_public_access(cache.private),
        **common_arguments(context),
        opts=context.options(),
    )
    database = redisenterprise.Database(
        cache.name,
        cluster_name=cluster.name,
        database_name="default",
        resource_group_name=group,
        client_protocol="Encrypted",
        clustering_policy="OSSCluster",
        eviction_policy="VolatileLRU",
        access_keys_authentication="Disabled",
        port=_REDIS_PORT,
        opts=context.options(),
    )
    for user in cache.users:
        redisenterprise.AccessPolicyAssignment(
            f"{cache.name}-{user}",
            access_policy_assignment_name=_name_user(user),
            access_policy_name="default",
            cluster_name=cluster.name,
            database_name=database.name,
            resource_group_name=group,
            user={"object_id": context.outputs[user]["principal"]},
            opts=context.options(),
        )
    return {
        "id": cluster.id,
        "arn": cluster.id,
        "name": cluster.name,
        "host": cluster.host_name,
        "variables": {"SEMANTEST_REDIS_HOST": cluster.host_name, "SEMANTEST_REDIS_PORT": str(_REDIS_PORT)},
    }


def _name_user(user: Ref) -> str:
    """Return the name of an assignment, which takes letters and digits alone."""
    return user.replace("-", "")


_DATA_CONTRIBUTOR = "00000000-0000-0000-0000-000000000002"
"""Cosmos's own role for reading and writing documents; source: Azure's page on access by role in Cosmos."""
_CONTINUOUS_BACKUPS = {7: "Continuous7Days", 30: "Continuous30Days"}


def create_document_database(documents: DocumentDatabase, context: ProgramContext) -> Outputs:
    """Create an account without keys that costs by use, with one database and container."""
    group = context.outputs[FOUNDATION]["group"]
    tier = next((name for days, name in _CONTINUOUS_BACKUPS.items() if days >= documents.backup_days), None)
    account = cosmosdb.DatabaseAccount(
        documents.name,
        account_name=globally_unique_name("documents", context, documents.name),
        kind="GlobalDocumentDB",
        database_account_offer_type="Standard",
        capabilities=[{"name": "EnableServerless"}],
        consistency_policy={"default_consistency_level": "Session"},
        locations=[{"location_name": context.stack.region, "failover_priority": 0, "is_zone_redundant": False}],
        backup_policy={
            "type": "Continuous",
            "continuous_mode_properties": {"tier": tier or _CONTINUOUS_BACKUPS[30]},
        },
        disable_local_auth=True,
        minimal_tls_version="Tls12",
        public_network_access=_public_access(documents.private),
        **common_arguments(context),
        opts=context.options(),
    )
    database = cosmosdb.SqlResourceSqlDatabase(
        documents.name,
        account_name=account.name,
        database_name="semantest",
        resource_group_name=group,
        resource={"id": "semantest"},
        tags=context.tags,
        opts=context.options(),
    )
    container = cosmosdb.SqlResourceSqlContainer(
        documents.name,
        account_name=account.name,
        database_name=database.name,
        container_name="documents",
        resource_group_name=group,
        resource={"id": "documents", "partition_key": {"paths": [f"/{DOCUMENT_KEY}"], "kind": "Hash", "version": 2}},
        tags=context.tags,
        opts=context.options(),
    )
    for user in documents.users:
        _let_write_documents(documents, user, account, context)
    return {
        "id": account.id,
        "arn": account.id,
        "name": account.name,
        "host": account.document_endpoint,
        "variables": {
            "SEMANTEST_DOCUMENTS_ADDRESS": account.document_endpoint,
            "SEMANTEST_DOCUMENTS_NAME": pulumi.Output.concat(database.name, "/", container.name),
        },
    }


def _let_write_documents(
    documents: DocumentDatabase, user: Ref, account: cosmosdb.DatabaseAccount, context: ProgramContext
) -> None:
    """Give an identity Cosmos's role, which is none of Resource Manager's, under a GUID of ours."""
    cosmosdb.SqlResourceSqlRoleAssignment(
        f"{documents.name}-{user}",
        account_name=account.name,
        resource_group_name=context.outputs[FOUNDATION]["group"],
        role_assignment_id=make_guid(f"{documents.name}:{user}", context),
        role_definition_id=pulumi.Output.concat(account.id, "/sqlRoleDefinitions/", _DATA_CONTRIBUTOR),
        principal_id=context.outputs[user]["principal"],
        scope=account.id,
        opts=context.options(),
    )
