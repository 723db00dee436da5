"""SQL Server on RDS, caches on ElastiCache, and documents on DynamoDB."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import pulumi_aws as aws

from semantest_iac.domain.costs.tiers import Tier
from semantest_iac.domain.networking.access_rules import SQL_PORT
from semantest_iac.domain.security.vaults import AccessRight
from semantest_iac.domain.storage.databases import (
    DOCUMENT_KEY,
    DocumentDatabase,
    RedisCache,
    SqlDatabase,
    SqlServer,
)
from semantest_iac.infrastructure.cloud_programs.aws.foundation import allow_actions, attach_policy, aws_name
from semantest_iac.infrastructure.cloud_programs.aws.security import RIGHT_ACTIONS
from semantest_iac.infrastructure.cloud_programs.context import Outputs, ProgramContext

_ADMINISTRATOR = "semantest"
_CACHE_ENGINE, _CACHE_VERSION = "valkey", "8"
_LARGEST_CACHE_GB = 5


class _ServerSize(NamedTuple):
    """The edition of SQL Server with the smallest class that it runs on, and the storage in GiB."""

    engine: str
    instance_class: str
    gib: int


_SIZES: Mapping[Tier, _ServerSize] = {
    # source: RDS's page on the classes of instances for SQL Server
    "basic": _ServerSize("sqlserver-web", "db.t3.small", 20),
    "standard": _ServerSize("sqlserver-se", "db.m5.large", 100),
    "premium": _ServerSize("sqlserver-ee", "db.m5.xlarge", 200),
}


def create_sql_server(server: SqlServer, context: ProgramContext) -> Outputs:
    """Create an instance whose password is made, kept and rotated by AWS; the administrator may read it."""
    size = _SIZES[server.tier]
    network: dict[str, Any] = {}
    if server.subnet:
        subnet = context.outputs[server.subnet]
        group = aws.rds.SubnetGroup(
            server.name,
            name=aws_name("database", context, server.name),
            subnet_ids=subnet["subnet_ids"],
            tags=context.tags,
            opts=context.options(),
        )
        network = {"db_subnet_group_name": group.name, "vpc_security_group_ids": subnet["security_group_ids"]}
    snapshot = aws_name("database", context, f"{server.name}-final")
    created = aws.rds.Instance(
        server.name,
        identifier=aws_name("database", context, server.name),
        engine=size.engine,
        instance_class=size.instance_class,
        license_model="license-included",
        allocated_storage=size.gib,
        storage_type="gp3",
        storage_encrypted=True,
        username=_ADMINISTRATOR,
        manage_master_user_password=True,
        port=SQL_PORT,
        publicly_accessible=False,
        multi_az=server.high_availability and server.tier != "basic",
        backup_retention_period=server.backup_days,
        copy_tags_to_snapshot=True,
        skip_final_snapshot=not server.final_snapshot,
        final_snapshot_identifier=snapshot if server.final_snapshot else None,
        apply_immediately=True,
        tags=context.tags,
        opts=context.options(),
        **network,
    )
    password = created.master_user_secrets.apply(lambda secrets: secrets[0]["secret_arn"])
    reading = [allow_actions(["secretsmanager:GetSecretValue"], [password])]
    administrator = context.outputs[server.administrator]["name"]
    attach_policy(f"{server.name}-{server.administrator}", administrator, reading, context)
    return {
        "id": created.arn,
        "arn": created.arn,
        "name": created.identifier,
        "instance": created.identifier,
        "host": created.address,
        "variables": {
            "SEMANTEST_SQL_HOST": created.address,
            "SEMANTEST_SQL_PORT": str(SQL_PORT),
            "SEMANTEST_SQL_SECRET": password,
        },
        "rights": {"connect_database": reading},
    }


def use_server_for_database(database: SqlDatabase, context: ProgramContext) -> Outputs:
    """Create nothing: databases of an instance are created with SQL by its administrator."""
    return {**context.outputs[database.server], "name": database.database}


def create_redis_cache(cache: RedisCache, context: ProgramContext) -> Outputs:
    """Create a cache that grows with its use, and a user without a password for each identity."""
    names = {user: aws_name("cache user", context, f"{cache.name}-{user}") for user in cache.users}
    users = {
        user: aws.elasticache.User(
            f"{cache.name}-{user}",
            user_id=name,
            user_name=name,
            engine=_CACHE_ENGINE,
            access_string="on ~* +@all -@dangerous",
            authentication_mode={"type": "iam"},
            tags=context.tags,
            opts=context.options(),
        )
        for user, name in names.items()
    }
    group = _group_users(cache, list(users.values()), context) if users else None
    subnet = context.outputs[cache.subnet] if cache.subnet else {}
    created = aws.elasticache.ServerlessCache(
        cache.name,
        name=aws_name("cache", context, cache.name),
        engine=_CACHE_ENGINE,
        major_engine_version=_CACHE_VERSION,
        cache_usage_limits={"data_storage": {"maximum": _LARGEST_CACHE_GB, "unit": "GB"}},
        subnet_ids=subnet.get("subnet_ids"),
        security_group_ids=subnet.get("security_group_ids"),
        user_group_id=group.user_group_id if group else None,
        tags=context.tags,
        opts=context.options(),
    )
    for user, login in users.items():
        connecting = [allow_actions(["elasticache:Connect"], [created.arn, login.arn])]
        attach_policy(f"{cache.name}-{user}", context.outputs[user]["name"], connecting, context)
    endpoint = created.endpoints.apply(lambda endpoints: endpoints[0])
    return {
        "id": created.arn,
        "arn": created.arn,
        "name": created.name,
        "host": endpoint["address"],
        "variables": {
            "SEMANTEST_REDIS_HOST": endpoint["address"],
            "SEMANTEST_REDIS_PORT": endpoint["port"].apply(str),
        },
    }


def _group_users(
    cache: RedisCache, users: list[aws.elasticache.User], context: ProgramContext
) -> aws.elasticache.UserGroup:
    return aws.elasticache.UserGroup(
        cache.name,
        user_group_id=aws_name("cache user", context, cache.name),
        engine=_CACHE_ENGINE,
        user_ids=[user.user_id for user in users],
        tags=context.tags,
        opts=context.options(),
    )


def create_document_database(documents: DocumentDatabase, context: ProgramContext) -> Outputs:
    """Create a table that costs by use, and can be restored to any moment of so many days."""
    created = aws.dynamodb.Table(
        documents.name,
        name=aws_name("table", context, documents.name),
        billing_mode="PAY_PER_REQUEST",
        hash_key=DOCUMENT_KEY,
        attributes=[{"name": DOCUMENT_KEY, "type": "S"}],
        point_in_time_recovery={"enabled": True, "recovery_period_in_days": documents.backup_days},
        tags=context.tags,
        opts=context.options(),
    )
    actions = RIGHT_ACTIONS[AccessRight.READ_WRITE_ITEMS, "dynamodb"]
    statements = [allow_actions(actions.own, [created.arn])]
    for user in documents.users:
        attach_policy(f"{documents.name}-{user}", context.outputs[user]["name"], statements, context)
    return {
        "id": created.arn,
        "arn": created.arn,
        "name": created.name,
        "host": f"dynamodb.{context.stack.region}.amazonaws.com",
        "variables": {
            "SEMANTEST_DOCUMENTS_ADDRESS": f"https://dynamodb.{context.stack.region}.amazonaws.com",
            "SEMANTEST_DOCUMENTS_NAME": created.name,
        },
        "statements": statements,
    }
