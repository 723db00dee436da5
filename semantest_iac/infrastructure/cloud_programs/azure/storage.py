"""Tables in a storage account of their own."""

from __future__ import annotations

from pulumi_azure_native import storage

from semantest_iac.domain.storage.connection_table import ConnectionTable
from semantest_iac.infrastructure.cloud_programs.azure.packages import account
from semantest_iac.infrastructure.cloud_programs.cloud import GROUND
from semantest_iac.infrastructure.cloud_programs.context import Context, Made

TABLE = "connections"


def connection_table(table: ConnectionTable, context: Context) -> Made:
    """Web PubSub knows who is connected; what they said that they are, and who asked for what, is kept here.

    The app may do with rows what it wants, and has no other right on the account.
    """
    kept_in = account(table.name, table.name, context)
    made = storage.Table(
        table.name,
        account_name=kept_in.name,
        table_name=TABLE,
        resource_group_name=context.made[GROUND]["group"],
        opts=context.options(),
    )
    return {
        "arn": made.id,
        "name": made.name,
        "variables": {
            "SEMANTEST_TABLES_ENDPOINT": kept_in.primary_endpoints.apply(lambda ends: ends.table.rstrip("/")),
            "SEMANTEST_CONNECTIONS_TABLE": made.name,
            "SEMANTEST_CONNECTIONS_LIFETIME": str(table.lifetime_s),
        },
        "grants": [("tables", kept_in.id)],
    }
