"""Tables on DynamoDB."""

from __future__ import annotations

import pulumi
import pulumi_aws as aws

from semantest_iac.domain.security.vaults import AccessRight
from semantest_iac.domain.storage.connection_table import ConnectionTable
from semantest_iac.domain.storage.item_tables import PARTITION_KEY, ROW_KEY, ItemTable, table_variable
from semantest_iac.infrastructure.cloud_programs.aws.foundation import allow_actions, aws_name
from semantest_iac.infrastructure.cloud_programs.aws.security import RIGHT_ACTIONS
from semantest_iac.infrastructure.cloud_programs.context import Outputs, ProgramContext
from semantest_iac.infrastructure.clouds.aws_variables import CLIENT_TYPE_INDEX, connection_table_variables

CONNECTION_ID_ATTRIBUTE, CLIENT_TYPE_ATTRIBUTE, EXPIRY_ATTRIBUTE = "connectionId", "clientType", "expiresAt"
_ROW_ACTIONS = ["dynamodb:DeleteItem", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"]


def create_connection_table(table: ConnectionTable, context: ProgramContext) -> Outputs:
    """Create a table with on-demand billing and an index of client types."""
    created = aws.dynamodb.Table(
        table.name,
        name=aws_name("table", context),
        billing_mode="PAY_PER_REQUEST",
        hash_key=CONNECTION_ID_ATTRIBUTE,
        attributes=[{"name": name, "type": "S"} for name in (CONNECTION_ID_ATTRIBUTE, CLIENT_TYPE_ATTRIBUTE)],
        global_secondary_indexes=[
            {"name": CLIENT_TYPE_INDEX, "hash_key": CLIENT_TYPE_ATTRIBUTE, "projection_type": "ALL"}
        ],
        ttl={"attribute_name": EXPIRY_ATTRIBUTE, "enabled": True},
        tags=context.tags,
        opts=context.options(),
    )
    return {
        "arn": created.arn,
        "name": created.name,
        "variables": connection_table_variables(created.name, table.lifetime_s),
        "statements": [
            allow_actions(_ROW_ACTIONS, [created.arn]),
            allow_actions(["dynamodb:Query"], [pulumi.Output.concat(created.arn, "/index/", CLIENT_TYPE_INDEX)]),
        ],
    }


def create_item_table(table: ItemTable, context: ProgramContext) -> Outputs:
    """Create a table whose keys have the names that they have on Azure.

    One that is created again after it was kept gets another name.
    """
    created = aws.dynamodb.Table(
        table.name,
        name=aws_name("table", context, context.add_deployment_suffix(table.name)),
        billing_mode="PAY_PER_REQUEST",
        hash_key=PARTITION_KEY,
        range_key=ROW_KEY,
        attributes=[{"name": name, "type": "S"} for name in (PARTITION_KEY, ROW_KEY)],
        point_in_time_recovery={"enabled": True, "recovery_period_in_days": table.backup_days},
        tags=context.tags,
        opts=context.options(ignore_changes=["name"], retain_on_delete=table.keep or None),
    )
    actions = RIGHT_ACTIONS[AccessRight.READ_WRITE_ITEMS, "dynamodb"]
    return {
        "id": created.arn,
        "arn": created.arn,
        "name": created.name,
        "address": created.name,
        "variables": {table_variable(table.table): created.name},
        "statements": [allow_actions(actions.own, [created.arn])],
    }
