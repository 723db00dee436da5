"""Which version of a function is live, on Lambda aliases."""

from __future__ import annotations

import pulumi_aws as aws

from semantest_iac.domain.delivery.live_version import LiveVersion
from semantest_iac.infrastructure.cloud_programs.context import Context, Made

ALIAS = "live"


def live_version(live: LiveVersion, context: Context) -> Made:
    """An alias at the newest published version, and the copies kept warm behind it."""
    function = context.made[live.function]
    alias = aws.lambda_.Alias(
        live.name,
        name=ALIAS,
        function_name=function["name"],
        function_version=function["version"],
        opts=context.options(),
    )
    if live.warm:
        aws.lambda_.ProvisionedConcurrencyConfig(
            live.name,
            function_name=function["name"],
            qualifier=alias.name,
            provisioned_concurrent_executions=live.warm,
            opts=context.options(),
        )
    return {
        "invoke_arn": alias.invoke_arn,
        "function_name": function["name"],
        "qualifier": alias.name,
        "version": alias.function_version,
    }
