"""What an AWS account has once per region, on IAM and API Gateway."""

from __future__ import annotations

import pulumi_aws as aws

from semantest_iac.domain.monitoring.logs_and_alarms import GatewayLogging
from semantest_iac.infrastructure.cloud_programs.aws.foundation import max_name_length
from semantest_iac.infrastructure.cloud_programs.aws.security import trust_policy
from semantest_iac.infrastructure.cloud_programs.context import Outputs, ProgramContext

_LOG_POLICY_ARN = "arn:aws:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs"


def create_gateway_logging(logging: GatewayLogging, context: ProgramContext) -> Outputs:
    """A role, set for every API of the region. A destroy leaves all of it: other stacks' logs would end with it."""
    role = aws.iam.Role(
        logging.name,
        name=context.physical_name(limit=max_name_length("role")),
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
