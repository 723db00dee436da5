"""RDS instances and their subnets, and ElastiCache's caches with the users that they let in.

Source of what is `API`: the references of the RDS and ElastiCache services; of what is `DOC`: RDS's pages on SQL
Server, and ElastiCache's on authentication with IAM.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from semantest_iac.infrastructure.simulated_cloud.aws.resource_type import AwsType
from semantest_iac.infrastructure.simulated_cloud.schema.properties import API, DOC, Length, OneOf, Pattern, Range
from semantest_iac.infrastructure.simulated_cloud.schema.published import refine
from semantest_iac.infrastructure.simulated_cloud.schema.refusals import Refusal
from semantest_iac.infrastructure.simulated_cloud.schema.rules import (
    Choice,
    GuardContext,
    OnDelete,
    RequestGuard,
    ResourceReference,
    TypeRule,
)
from semantest_iac.infrastructure.simulated_cloud.schema.values import RequestFacts

DATABASE_INSTANCE_TYPE: Final = "aws:rds/instance:Instance"
DATABASE_SUBNETS_TYPE: Final = "aws:rds/subnetGroup:SubnetGroup"
SERVERLESS_CACHE_TYPE: Final = "aws:elasticache/serverlessCache:ServerlessCache"
CACHE_USER_TYPE: Final = "aws:elasticache/user:User"
CACHE_USERS_TYPE: Final = "aws:elasticache/userGroup:UserGroup"

_SQL_SERVER: Final = "sqlserver-"
_SQL_PORT: Final = 1433
_CACHE_PORT: Final = 6379
_SECONDS_PER_INSTANCE: Final = 900
_LONGEST_RETENTION: Final = 35


def _is_sql_server(context: GuardContext) -> bool:
    return str(context.facts["engine"] or "").startswith(_SQL_SERVER)


def _names_database_of_sql_server(context: GuardContext) -> bool:
    return _is_sql_server(context) and bool(context.facts["dbName"])


def _mirrors_smaller_edition(context: GuardContext) -> bool:
    return bool(context.facts["multiAz"]) and context.facts["engine"] in ("sqlserver-ex", "sqlserver-web")


def _lacks_password(context: GuardContext) -> bool:
    facts = context.facts
    sources = ("manageMasterUserPassword", "password", "passwordWo", "replicateSourceDb", "snapshotIdentifier")
    return not any(facts[name] for name in (*sources, "restoreToPointInTime", "s3Import"))


def _keeps_backups_too_long(context: GuardContext) -> bool:
    return int(context.facts["backupRetentionPeriod"] or 0) > _LONGEST_RETENTION


def _has_user_of_other_name(context: GuardContext) -> bool:
    facts = context.facts
    is_iam = (facts["authenticationMode"] or {}).get("type") == "iam"
    return is_iam and facts["userId"] != facts["userName"]


def _guard(applies: Callable[[GuardContext], bool], code: str, message: str) -> RequestGuard:
    return RequestGuard(applies, Refusal(code, message), DOC)


def _host(facts: RequestFacts) -> str:
    return f"{facts['identifier']}.{facts['small10']}ab.{facts['region']}.rds.amazonaws.com"


def _port(facts: RequestFacts) -> int:
    return int(facts["port"] or (_SQL_PORT if str(facts["engine"]).startswith(_SQL_SERVER) else 3306))


def _list_password_secrets(facts: RequestFacts) -> list[dict[str, str]]:
    if not facts["manageMasterUserPassword"]:
        return []
    region, account = facts["region"], facts["account"]
    arn = f"arn:aws:secretsmanager:{region}:{account}:secret:rds!db-{facts['uuid']}-{facts['mixed6']}"
    key = f"arn:aws:kms:{region}:{account}:key/{facts['uuid']}"
    return [{"secretArn": arn, "secretStatus": "active", "kmsKeyId": key}]


def _cache_endpoint(part: str = "") -> Callable[[RequestFacts], list[dict[str, Any]]]:
    def endpoints(facts: RequestFacts) -> list[dict[str, Any]]:
        host = f"{facts['name']}{part}-{facts['small7']}.serverless.cache.amazonaws.com"
        return [{"address": host, "port": _CACHE_PORT}]

    return endpoints


DATABASE_TYPES: Final[dict[str, TypeRule]] = {
    DATABASE_SUBNETS_TYPE: AwsType(DATABASE_SUBNETS_TYPE, arn="arn:aws:rds:{region}:{account}:subgrp:{name}").rule(
        {"name": refine(Pattern(r"^[a-z0-9._ -]{1,255}\Z", API))},
        computed={
            "vpcId": "{subnet[vpcId]}",
            "description": "Managed by Pulumi",
            "supportedNetworkTypes": lambda _: ["IPV4"],
        },
        exists=Refusal("DBSubnetGroupAlreadyExists", "The DB subnet group '{name}' already exists."),
        in_use_refusal=Refusal(
            "InvalidDBSubnetGroupStateFault",
            "Cannot delete the subnet group '{name}' because at least one database instance is still using it.",
        ),
    ),
    DATABASE_INSTANCE_TYPE: AwsType(
        DATABASE_INSTANCE_TYPE, "db-{large17}", arn="arn:aws:rds:{region}:{account}:db:{identifier}"
    ).rule(
        {
            "allocatedStorage": refine(Range(20, 65536, API), computed_default=True),
            "instanceClass": refine(Pattern(r"^db\.[a-z0-9-]+\.[a-z0-9]+\Z", API)),
            "storageType": refine(OneOf(("standard", "gp2", "gp3", "io1", "io2"), API), computed_default=True),
        },
        computed={
            "address": _host,
            "endpoint": lambda facts: f"{_host(facts)}:{_port(facts)}",
            "port": _port,
            "status": "available",
            "resourceId": "{id}",
            "hostedZoneId": "Z2R2ITUGPM61AM",
            "masterUserSecrets": _list_password_secrets,
            "engineVersionActual": "16.00.4165.4.v1",
            "engineVersion": "16.00.4165.4.v1",
            "licenseModel": "license-included",
            "dbSubnetGroupName": "default",
            "networkType": "IPV4",
            "storageThroughput": lambda facts: 125 if facts["storageType"] == "gp3" else 0,
            "iops": lambda facts: 3000 if facts["storageType"] == "gp3" else 0,
        },
        exists=Refusal("DBInstanceAlreadyExists", "DB instance already exists"),
        references=(
            ResourceReference(
                "dbSubnetGroupName",
                (DATABASE_SUBNETS_TYPE,),
                Refusal("DBSubnetGroupNotFoundFault", "DB subnet group '{value}' does not exist."),
                API,
                pattern=r"^((?!default\Z).+)$",
                on_delete=OnDelete.REFUSE,
            ),
        ),
        guards=(
            _guard(_names_database_of_sql_server, "InvalidParameterValue", "DBName must be null for engine: {engine}"),
            _guard(
                _mirrors_smaller_edition,
                "InvalidParameterCombination",
                "Multi-AZ is not supported by {engine}.",
            ),
            _guard(_lacks_password, "InvalidParameterValue", "The parameter MasterUserPassword must be provided."),
            _guard(
                _keeps_backups_too_long,
                "InvalidParameterValue",
                "Invalid backup retention period. Must be between 0 and 35.",
            ),
        ),
        conditions=(Choice(0, 1, ("manageMasterUserPassword", "password", "passwordWo"), DOC),),
        deletion_protection=(
            "deletionProtection",
            Refusal(
                "InvalidParameterCombination",
                "Cannot delete protected DB Instance, please disable deletion protection and try again.",
            ),
        ),
        latency_seconds=_SECONDS_PER_INSTANCE,
    ),
    CACHE_USER_TYPE: AwsType(CACHE_USER_TYPE).rule(
        {"userId": refine(Length(1, 40, API)), "userName": refine(Length(1, 120, API))},
        exists=Refusal("UserAlreadyExists", "User {userId} already exists."),
        guards=(
            _guard(
                _has_user_of_other_name,
                "InvalidParameterCombination",
                "A user with IAM authentication has the same user name and user id.",
            ),
        ),
    ),
    CACHE_USERS_TYPE: AwsType(CACHE_USERS_TYPE).rule(
        {"userGroupId": refine(Length(1, 40, API))},
        exists=Refusal("UserGroupAlreadyExists", "User group {userGroupId} already exists."),
        references=(
            ResourceReference(
                "userIds.*",
                (CACHE_USER_TYPE,),
                Refusal("UserNotFound", "User {value} not found.", 404),
                API,
                on_delete=OnDelete.REFUSE,
            ),
        ),
    ),
    SERVERLESS_CACHE_TYPE: AwsType(SERVERLESS_CACHE_TYPE).rule(
        {"name": refine(Length(1, 40, API), Pattern(r"^[a-zA-Z](-?[a-zA-Z0-9])*\Z", API))},
        computed={
            "endpoints": _cache_endpoint(),
            "readerEndpoints": _cache_endpoint("-ro"),
            "status": "available",
            "dailySnapshotTime": "03:00",
            "majorEngineVersion": "8",
            "fullEngineVersion": "8.0",
            "networkType": "ipv4",
        },
        exists=Refusal("ServerlessCacheAlreadyExistsFault", "Serverless cache {name} already exists."),
        references=(
            ResourceReference(
                "userGroupId",
                (CACHE_USERS_TYPE,),
                Refusal("UserGroupNotFound", "User group {value} not found.", 404),
                API,
                on_delete=OnDelete.REFUSE,
            ),
        ),
        latency_seconds=120,
    ),
}
