"""What the functions of AWS share: names within AWS's limits, roles of services, and settings of the whole account.

Source of the limits (in characters): the service models of botocore.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pulumi
import pulumi_aws as aws

from semantest_iac.domain.monitoring.logs_and_alarms import GatewayLogging
from semantest_iac.infrastructure.cloud_programs.context import Outputs, ProgramContext
from semantest_iac.infrastructure.clouds.aws_variables import (
    LONGEST_BUCKET_NAME,
    LONGEST_SECRET_NAME,
    LONGEST_TABLE_NAME,
)

_LOG_POLICY_ARN = "arn:aws:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs"
_MAX_NAME_LENGTHS = {
    "access control": 64,
    "alarm": 255,
    "api": 128,
    "fifo queue": 75,  # with five characters behind it
    "fifo topic": 251,
    "bucket": LONGEST_BUCKET_NAME,
    "cache": 40,
    "cache policy": 128,
    "cache user": 40,
    "cluster": 255,
    "dashboard": 255,
    "database": 63,
    "edge function": 64,
    "function": 64,
    "load balancer": 32,
    "namespace": 40,  # the host name of a rule has 128, with the name of a service and a suffix
    "policy": 255,
    "headers policy": 128,
    "queue": 80,
    "firewall": 128,
    "protection": 128,
    "query": 100,  # of 255, with a slash and a title behind it
    "repository": 190,  # of 256, with the name of a service behind it
    "role": 64,
    "schedule": 64,
    "sampling rule": 32,
    "secret": LONGEST_SECRET_NAME,
    "security group": 255,
    "service": 255,
    "state machine": 80,
    "table": LONGEST_TABLE_NAME,
    "tag": 256,
    "target group": 32,
    "topic": 256,
    "trace group": 32,
    "vault": 250,  # of a key's alias, without `alias/`
    "web acl": 128,
    "workspace": 500,  # of a log group, without its prefix
}


def aws_name(kind: str, context: ProgramContext, purpose: str = "") -> str:
    """Return a name that is unique within the account and region."""
    return context.physical_name(purpose, limit=_MAX_NAME_LENGTHS[kind])


def globally_unique_aws_name(kind: str, context: ProgramContext, purpose: str = "") -> pulumi.Output[str]:
    """Return a name that is unique worldwide, because all accounts have their names in common."""
    caller = aws.get_caller_identity_output(opts=pulumi.InvokeOutputOptions(parent=context.parent))
    named: pulumi.Output[str] = caller.account_id.apply(
        lambda account: context.physical_name(purpose, limit=_MAX_NAME_LENGTHS[kind], account=account)
    )
    return named


def trust_policy(service: str) -> str:
    """Build the policy that lets this service, and nothing else, assume a role."""
    allowed = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    return json.dumps({"Version": "2012-10-17", "Statement": [allowed]}, sort_keys=True)


def create_role(name: str, purpose: str, service: str, context: ProgramContext) -> aws.iam.Role:
    """Create a role that this service, and nothing else, may assume, without any policy."""
    return aws.iam.Role(
        name,
        name=aws_name("role", context, purpose),
        assume_role_policy=trust_policy(service),
        tags=context.tags,
        opts=context.options(),
    )


def allow_actions(actions: Iterable[str], resources: Sequence[pulumi.Input[str]]) -> dict[str, Any]:
    """Return the statement that allows these actions on these resources alone."""
    return {"Effect": "Allow", "Action": [*actions], "Resource": [*resources]}


def attach_policy(
    name: str,
    role: pulumi.Input[str],
    statements: pulumi.Input[Sequence[Mapping[str, Any]]],
    context: ProgramContext,
    policy_name: str = "",
) -> aws.iam.RolePolicy:
    """Put a policy of these statements into a role; without a name of its own it has that of the resource."""
    return aws.iam.RolePolicy(
        name,
        name=policy_name or name,
        role=role,
        policy=pulumi.Output.json_dumps({"Version": "2012-10-17", "Statement": statements}),
        opts=context.options(),
    )


def create_gateway_logging(logging: GatewayLogging, context: ProgramContext) -> Outputs:
    """Create the logging role of every API in the region. A destroy keeps it, because other stacks log through it."""
    role = aws.iam.Role(
        logging.name,
        name=aws_name("role", context),
        assume_role_policy=trust_policy("apigateway.amazonaws.com"),
        tags=context.tags,
        opts=context.options(retain_on_delete=True),
    )
    policy = aws.iam.RolePolicyAttachment(
        logging.name, role=role.name, policy_arn=_LOG_POLICY_ARN, opts=context.options(retain_on_delete=True)
    )
    aws.apigateway.Account(
        logging.name,
        cloudwatch_role_arn=role.arn,
        opts=context.options(retain_on_delete=True, depends_on=[policy]),
    )
    return {"arn": role.arn}
