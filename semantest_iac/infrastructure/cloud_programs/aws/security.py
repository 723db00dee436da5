"""Secrets in Secrets Manager, identities in IAM, and the actions of their rights."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import pulumi
import pulumi_aws as aws

from semantest_iac.domain.security.access import AppSecret, FunctionIdentity
from semantest_iac.domain.security.vaults import AccessRight
from semantest_iac.infrastructure.cloud_programs.aws.foundation import (
    allow_actions,
    attach_policy,
    aws_name,
    create_role,
)
from semantest_iac.infrastructure.cloud_programs.context import Outputs, ProgramContext


class _Actions(NamedTuple):
    """Actions on a resource itself, and on what is below it."""

    own: tuple[str, ...]
    below: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()


RIGHT_ACTIONS: Mapping[tuple[AccessRight, str], _Actions] = {
    # By the service in the ARN of the target; source: the service authorization reference.
    (AccessRight.READ_SECRETS, "secretsmanager"): _Actions(("secretsmanager:GetSecretValue",)),
    (AccessRight.CONNECT_DATABASE, "secretsmanager"): _Actions(("secretsmanager:GetSecretValue",)),
    (AccessRight.SEND_MESSAGES, "sqs"): _Actions(("sqs:GetQueueAttributes", "sqs:GetQueueUrl", "sqs:SendMessage")),
    (AccessRight.SEND_MESSAGES, "sns"): _Actions(("sns:Publish",)),
    (AccessRight.RECEIVE_MESSAGES, "sqs"): _Actions(
        (
            *("sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:GetQueueUrl"),
            "sqs:ReceiveMessage",
        )
    ),
    (AccessRight.READ_WRITE_OBJECTS, "s3"): _Actions(
        ("s3:ListBucket",), ("s3:DeleteObject", "s3:GetObject", "s3:PutObject"), ("/*",)
    ),
    (AccessRight.READ_WRITE_ITEMS, "dynamodb"): _Actions(
        (
            *("dynamodb:BatchGetItem", "dynamodb:BatchWriteItem", "dynamodb:DeleteItem", "dynamodb:GetItem"),
            *("dynamodb:PutItem", "dynamodb:Query", "dynamodb:Scan", "dynamodb:UpdateItem"),
        ),
        ("dynamodb:Query", "dynamodb:Scan"),
        ("/index/*",),
    ),
    (AccessRight.SEND_TELEMETRY, "logs"): _Actions((), ("logs:CreateLogStream", "logs:PutLogEvents"), (":*",)),
}

_LONGEST_RECOVERY_DAYS = 30  # source: Secrets Manager's reference of DeleteSecret


def create_app_secret(secret: AppSecret, context: ProgramContext) -> Outputs:
    """Create a secret; other resources see its ARN only."""
    vault = context.outputs[secret.vault] if secret.vault else None
    created = aws.secretsmanager.Secret(
        secret.name,
        name=_secret_name(secret, context),
        kms_key_id=vault["arn"] if vault else None,
        recovery_window_in_days=min(secret.recovery_days, _LONGEST_RECOVERY_DAYS),
        tags=context.tags,
        opts=context.options(ignore_changes=["name"]),
    )
    version = aws.secretsmanager.SecretVersion(
        secret.name,
        secret_id=created.id,
        secret_string=pulumi.Output.secret(context.secret_value(secret.key)),
        opts=context.options(),
    )
    return {
        "arn": created.arn,
        "resource": version,
        "version": secret.version,
        **({"vault": secret.vault} if secret.vault else {}),
    }


def _secret_name(secret: AppSecret, context: ProgramContext) -> str:
    """Return a name of the stack, below that of its vault if it has one."""
    own = context.add_deployment_suffix(secret.key.replace("_", "-"))
    return f"{context.outputs[secret.vault]['name']}/{own}" if secret.vault else aws_name("secret", context, own)


_TRACE_ACTIONS = ["xray:PutTelemetryRecords", "xray:PutTraceSegments"]
_NETWORK_ACTIONS = [
    "ec2:AssignPrivateIpAddresses",
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:UnassignPrivateIpAddresses",
]


def create_function_identity(identity: FunctionIdentity, context: ProgramContext) -> Outputs:
    """Create a role for one function, without managed policies: they also allow creating log groups anywhere."""
    role = create_role(identity.name, identity.purpose, "lambda.amazonaws.com", context)
    policy = attach_policy(
        identity.name, role.name, _policy_statements(identity, context), context, policy_name="function"
    )
    return {"arn": role.arn, "name": role.name, "resource": policy}


def _policy_statements(identity: FunctionIdentity, context: ProgramContext) -> list[dict[str, Any]]:
    log_streams = pulumi.Output.concat(context.outputs[identity.log_store]["arn"], ":*")
    secrets = [context.outputs[secret]["arn"] for secret in identity.secrets]
    vaults = sorted({vault for secret in identity.secrets if (vault := context.outputs[secret].get("vault"))})
    wanted = [
        (True, ["logs:CreateLogStream", "logs:PutLogEvents"], [log_streams]),
        (bool(secrets), ["secretsmanager:GetSecretValue"], secrets),
        (bool(vaults), ["kms:Decrypt"], [context.outputs[vault]["arn"] for vault in vaults]),
        # neither X-Ray nor network interfaces can be limited to resources
        (identity.policy.trace, _TRACE_ACTIONS, ["*"]),
        (identity.policy.join_network, _NETWORK_ACTIONS, ["*"]),
    ]
    own = [allow_actions(actions, on) for allowed, actions, on in wanted if allowed]
    wanted_of = [
        *((ref, "statements") for ref in identity.uses),
        *((ref, "receive_statements") for ref in identity.receives_from),
    ]
    return own + [statement for ref, key in wanted_of for statement in context.outputs[ref].get(key, ())]
