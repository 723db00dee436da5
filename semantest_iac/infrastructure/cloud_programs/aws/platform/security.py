"""Keys of vaults, roles of workloads, and policies on single resources."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pulumi
import pulumi_aws as aws

from semantest_iac.domain.security.vaults import AccessRight, RoleAssignment, SecretVault, Workload, WorkloadIdentity
from semantest_iac.infrastructure.cloud_programs.aws.foundation import (
    allow_actions,
    attach_policy,
    aws_name,
    create_role,
)
from semantest_iac.infrastructure.cloud_programs.aws.security import RIGHT_ACTIONS
from semantest_iac.infrastructure.cloud_programs.context import Outputs, ProgramContext
from semantest_iac.infrastructure.clouds.plan.aws_departures import choose_recovery_window

_SERVICES: Mapping[Workload, str] = {
    Workload.FUNCTION: "lambda.amazonaws.com",
    Workload.CONTAINER: "ecs-tasks.amazonaws.com",
    Workload.PIPELINE: "states.amazonaws.com",
}


def create_secret_vault(vault: SecretVault, context: ProgramContext) -> Outputs:
    """Create a key, which is rotated every year; secrets of the vault are encrypted with it, and share a prefix."""
    prefix = aws_name("vault", context, vault.name)
    key = aws.kms.Key(
        vault.name,
        description=f"Secrets of {context.stack}",
        enable_key_rotation=True,
        deletion_window_in_days=choose_recovery_window(vault.recovery_days),
        tags=context.tags,
        opts=context.options(),
    )
    aws.kms.Alias(vault.name, name=f"alias/{prefix}", target_key_id=key.key_id, opts=context.options())
    secrets = key.arn.apply(lambda arn: _list_secrets_below(arn, prefix))
    reading = [
        allow_actions(["secretsmanager:GetSecretValue"], [secrets]),
        allow_actions(["kms:Decrypt"], [key.arn]),
    ]
    return {
        "id": key.key_id,
        "arn": key.arn,
        "name": prefix,
        "rights": {AccessRight.READ_SECRETS.value: reading},
    }


def _list_secrets_below(key_arn: str, prefix: str) -> str:
    """Return the ARN of all secrets with the prefix, in the account and region of the key."""
    _, partition, _, region, account, _ = key_arn.split(":", 5)
    return f"arn:{partition}:secretsmanager:{region}:{account}:secret:{prefix}/*"


def create_workload_identity(identity: WorkloadIdentity, context: ProgramContext) -> Outputs:
    """Create the role of a service."""
    role = create_role(identity.name, identity.name, _SERVICES[identity.workload], context)
    return {"id": role.name, "arn": role.arn, "name": role.name, "purpose": identity.name, "resource": role}


_TRACE_STATEMENT = {  # X-Ray limits these to no resource
    "Effect": "Allow",
    "Action": ["xray:PutTelemetryRecords", "xray:PutTraceSegments"],
    "Resource": ["*"],
}


def assign_right(assignment: RoleAssignment, context: ProgramContext) -> Outputs:
    """Put a policy into the role that allows the right on this target only."""
    target = context.outputs[assignment.target]
    role = context.outputs[assignment.identity]["name"]
    keys = [context.outputs[target["vault"]]["arn"]] if target.get("vault") else []  # of a secret in a vault
    statements = target.get("rights", {}).get(assignment.right.value)
    if statements is None:
        statements = pulumi.Output.all(target["arn"], *keys).apply(lambda arns: _list_statements(assignment, *arns))
    policy = attach_policy(assignment.name, role, statements, context)
    return {"id": policy.id, "resource": policy}


def _list_statements(assignment: RoleAssignment, arn: str, *keys: str) -> list[dict[str, Any]]:
    actions = RIGHT_ACTIONS[assignment.right, arn.split(":")[2]]
    own = [allow_actions(actions.own, [arn])] if actions.own else []
    below = [allow_actions(actions.below, [f"{arn}{part}" for part in actions.parts])] if actions.below else []
    traces = [_TRACE_STATEMENT] if assignment.right is AccessRight.SEND_TELEMETRY else []
    return own + below + traces + [allow_actions(["kms:Decrypt"], [key]) for key in keys]
