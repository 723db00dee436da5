"""Tables on DynamoDB."""

from __future__ import annotations

import pulumi
import pulumi_aws as aws

from semantest_iac.domain.storage.connection_table import ConnectionTable
from semantest_iac.infrastructure.cloud_programs.aws.limits import longest
from semantest_iac.infrastructure.cloud_programs.context import Context, Made

KEY, KIND, EXPIRY = "connectionId", "clientType", "expiresAt"
INDEX = "by-client-type"
_ON_ROWS = ["dynamodb:DeleteItem", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"]


def connection_table(table: ConnectionTable, context: Context) -> Made:
    """A table that is paid for by request, with an index over the kinds of clients."""
    made = aws.dynamodb.Table(
        table.name,
        name=context.physical_name(limit=longest("table")),
        billing_mode="PAY_PER_REQUEST",
        hash_key=KEY,
        attributes=[{"name": name, "type": "S"} for name in (KEY, KIND)],
        global_secondary_indexes=[{"name": INDEX, "hash_key": KIND, "projection_type": "ALL"}],
        ttl={"attribute_name": EXPIRY, "enabled": True},
        tags=context.tags,
        opts=context.options(),
    )
    return {
        "arn": made.arn,
        "name": made.name,
        "variables": {
            "SEMANTEST_CONNECTIONS_TABLE": made.name,
            "SEMANTEST_CONNECTIONS_INDEX": INDEX,
            "SEMANTEST_CONNECTIONS_LIFETIME": str(table.lifetime_s),
        },
        "statements": [
            {"Effect": "Allow", "Action": _ON_ROWS, "Resource": [made.arn]},
            {
                "Effect": "Allow",
                "Action": ["dynamodb:Query"],
                "Resource": [pulumi.Output.concat(made.arn, "/index/", INDEX)],
            },
        ],
    }
