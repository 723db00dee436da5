"""What Lambda refuses of functions, and what it counts over all functions of an account.

Source of what is `OBSERVED`: answers of AWS that the snapshots of LocalStack's tests record.
"""

from __future__ import annotations

import re
from typing import Any, Final

from semantest_iac.infrastructure.clouds.aws_variables import ENVIRONMENT_LIMIT_BYTES, measure_environment
from semantest_iac.infrastructure.simulated_cloud.aws.compute_guards.runtimes import blocks_create, blocks_update
from semantest_iac.infrastructure.simulated_cloud.aws.networking import SECURITY_GROUP_TYPE, SUBNET_TYPE
from semantest_iac.infrastructure.simulated_cloud.aws.security import role_allows, role_trusts
from semantest_iac.infrastructure.simulated_cloud.schema.properties import API, DOC, OBSERVED
from semantest_iac.infrastructure.simulated_cloud.schema.refusals import Refusal
from semantest_iac.infrastructure.simulated_cloud.schema.rules import GuardContext, RequestGuard
from semantest_iac.infrastructure.simulated_cloud.schema.values import RequestFacts, ResourceProperties

FUNCTION_TYPE: Final = "aws:lambda/function:Function"
ALIAS_TYPE: Final = "aws:lambda/alias:Alias"
PROVISIONED_CONCURRENCY_TYPE: Final = "aws:lambda/provisionedConcurrencyConfig:ProvisionedConcurrencyConfig"
FUNCTION_NAME_PATTERN: Final = r"(?:^(?:.*:)?function:|^)([a-zA-Z0-9-_]+)(?::[$a-zA-Z0-9-_]+)?$"
"""Finds the name in a name, an ARN or a part of one, each with or without a qualifier."""

INVALID_PARAMETER: Final = "InvalidParameterValueException"
_MEMORY_LIMIT: Final = 10_240
_ACCOUNT_CONCURRENCY: Final = 1000
MINIMUM_UNRESERVED: Final = 100
_RESERVED_VARIABLES: Final = frozenset(  # source: the environment variables in Lambda's developer guide
    (
        *("_HANDLER", "_X_AMZN_TRACE_ID", "AWS_DEFAULT_REGION", "AWS_REGION", "AWS_EXECUTION_ENV"),
        *("AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "AWS_LAMBDA_FUNCTION_VERSION"),
        *("AWS_LAMBDA_INITIALIZATION_TYPE", "AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME"),
        *("AWS_ACCESS_KEY", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"),
        *("AWS_LAMBDA_RUNTIME_API", "LAMBDA_TASK_ROOT", "LAMBDA_RUNTIME_DIR"),
    )
)
_NETWORK_INTERFACE_ACTIONS: Final = (
    "ec2:CreateNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DeleteNetworkInterface",
)


def _role_is_not_assumable(context: GuardContext) -> bool:
    return not role_trusts(context.facts["role_found"], "lambda.amazonaws.com")


def _vpc_config_ids(facts: RequestFacts, name: str) -> list[Any]:
    return list((facts["vpcConfig"] or {}).get(name) or [])


def _is_in_vpc(facts: RequestFacts) -> bool:
    return bool(_vpc_config_ids(facts, "subnetIds"))


def _has_subnets_xor_groups(context: GuardContext) -> bool:
    return _is_in_vpc(context.facts) != bool(_vpc_config_ids(context.facts, "securityGroupIds"))


def _spans_vpcs(context: GuardContext) -> bool:
    chosen_ids = {*_vpc_config_ids(context.facts, "subnetIds"), *_vpc_config_ids(context.facts, "securityGroupIds")}
    parts = (*context.resources_of(SUBNET_TYPE), *context.resources_of(SECURITY_GROUP_TYPE))
    return len({part["vpcId"] for part in parts if part["id"] in chosen_ids}) > 1


def _role_cannot_create_interfaces(context: GuardContext) -> bool:
    role = context.facts["role_found"]
    return _is_in_vpc(context.facts) and not role_allows(context, role, _NETWORK_INTERFACE_ACTIONS, "VPCAccess")


def function_name(reference: str) -> str:
    """Return the name in a name or ARN of a function, or of one of its versions or aliases."""
    match = re.search(FUNCTION_NAME_PATTERN, reference)
    return match.group(1) if match else reference


def find_qualifier(reference: str) -> str:
    name = function_name(reference)
    return reference.rpartition(f"{name}:")[2] if f"{name}:" in reference else ""


def provisioned_concurrency(context: GuardContext, name: str, without: str = "") -> int:
    """Return the provisioned concurrency of a function, that under the qualifier `without` left out."""
    return sum(
        int(row["provisionedConcurrentExecutions"])
        for row in context.resources_of(PROVISIONED_CONCURRENCY_TYPE)
        if function_name(row["functionName"]) == name and row["qualifier"] != without
    )


def unreserved_concurrency(context: GuardContext, name: str) -> int:
    """Return what other functions leave of the account's concurrency."""
    others = [row for row in context.resources_of(FUNCTION_TYPE) if row["name"] != name]
    return _ACCOUNT_CONCURRENCY - sum(_taken_concurrency(context, row) for row in others)


def _taken_concurrency(context: GuardContext, function: ResourceProperties) -> int:
    """Return the reserved concurrency of a function, or its provisioned concurrency where it reserves none."""
    reserved = int(function["reservedConcurrentExecutions"])
    return reserved if reserved >= 0 else provisioned_concurrency(context, function["name"])


def _reserves_too_much_concurrency(context: GuardContext) -> bool:
    requested = int(context.facts["reservedConcurrentExecutions"])
    unreserved = unreserved_concurrency(context, function_name(context.facts["name"]))
    return requested > 0 and unreserved - requested < MINIMUM_UNRESERVED


def _reserves_less_than_provisioned(context: GuardContext) -> bool:
    requested = int(context.facts["reservedConcurrentExecutions"])
    total = provisioned_concurrency(context, function_name(context.facts["name"]))
    context.facts["provisioned_in_total"] = total
    return 0 <= requested < total


def _variables(facts: RequestFacts) -> dict[str, str]:
    return dict((facts["environment"] or {}).get("variables") or {})


def _exceeds_environment_limit(context: GuardContext) -> bool:
    return measure_environment(_variables(context.facts)) > ENVIRONMENT_LIMIT_BYTES


def _sets_reserved_variables(context: GuardContext) -> bool:
    return not _RESERVED_VARIABLES.isdisjoint(_variables(context.facts))


def _misnames_variables(context: GuardContext) -> bool:
    return not all(re.fullmatch(r"[a-zA-Z][a-zA-Z0-9_]+", name) for name in _variables(context.facts))


def _name_arn_has_other_region(context: GuardContext) -> bool:
    parts = str(context.facts["name"]).split(":")
    return len(parts) > 3 and parts[3] != context.facts["region"]


def _function_name_exists(context: GuardContext) -> bool:
    name = function_name(context.facts["name"])
    return any(row["name"] == name for row in context.resources_of(FUNCTION_TYPE))


def _exceeds_default_memory_limit(context: GuardContext) -> bool:
    return int(context.facts["memorySize"]) > _MEMORY_LIMIT and not context.facts["capacityProviderConfig"]


_BLOCKED_RUNTIME: Final = Refusal(
    INVALID_PARAMETER,
    "The runtime parameter of {runtime} is no longer supported for creating or updating AWS Lambda functions. "
    "We recommend you use a supported runtime while creating or updating functions.",
)

FUNCTION_GUARDS: Final = (
    RequestGuard(
        lambda context: blocks_create(context.facts["runtime"], context.today),
        _BLOCKED_RUNTIME,
        DOC,
        on_update=False,
    ),
    RequestGuard(lambda context: blocks_update(context.facts["runtime"], context.today), _BLOCKED_RUNTIME, DOC),
    RequestGuard(
        _role_is_not_assumable,
        Refusal(INVALID_PARAMETER, "The role defined for the function cannot be assumed by Lambda."),
        OBSERVED,
    ),
    RequestGuard(
        _has_subnets_xor_groups,
        Refusal(INVALID_PARAMETER, "SubnetIds and SecurityIds must coexist or be both empty list."),
        OBSERVED,
    ),
    RequestGuard(
        _spans_vpcs,
        Refusal(INVALID_PARAMETER, "Security Groups are required to be in the same VPC"),
        OBSERVED,
    ),
    RequestGuard(
        _role_cannot_create_interfaces,
        Refusal(
            INVALID_PARAMETER,
            "The provided execution role does not have permissions to call CreateNetworkInterface on EC2",
        ),
        OBSERVED,
    ),
    RequestGuard(
        _reserves_too_much_concurrency,
        Refusal(
            INVALID_PARAMETER,
            "Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution "
            f"below its minimum value of [{MINIMUM_UNRESERVED}].",
        ),
        OBSERVED,
    ),
    RequestGuard(
        _reserves_less_than_provisioned,
        Refusal(
            INVALID_PARAMETER,
            "ReservedConcurrentExecutions  {reservedConcurrentExecutions} should not be lower than function's total "
            "provisioned concurrency [{provisioned_in_total}].",
        ),
        OBSERVED,
    ),
    RequestGuard(
        _misnames_variables,
        Refusal(
            "ValidationException",
            "1 validation error detected: Value at 'environment.variables' failed to satisfy constraint: Map keys must "
            "satisfy constraint: [Member must satisfy regular expression pattern: [a-zA-Z]([a-zA-Z0-9_])+]",
        ),
        API,
    ),
    RequestGuard(
        _sets_reserved_variables,
        Refusal(
            INVALID_PARAMETER,
            "Lambda was unable to configure your environment variables because the environment variables you have "
            "provided contains reserved keys that are currently not supported for modification.",
        ),
        DOC,
    ),
    RequestGuard(
        _exceeds_environment_limit,
        # AWS repeats all variables behind this sentence; here no message repeats a value.
        Refusal(
            INVALID_PARAMETER,
            "Lambda was unable to configure your environment variables because the environment variables you have "
            "provided exceeded the 4KB limit.",
        ),
        OBSERVED,
    ),
    RequestGuard(
        _name_arn_has_other_region,
        Refusal(
            "ResourceNotFoundException",
            "Functions from another region are not reachable in this region ('{region}')",
            404,
        ),
        OBSERVED,
        on_update=False,
    ),
    RequestGuard(
        _function_name_exists,
        Refusal("ResourceConflictException", "Function already exist: {name}", 409),
        API,
        on_update=False,
    ),
    RequestGuard(
        _exceeds_default_memory_limit,
        Refusal(INVALID_PARAMETER, f"'MemorySize' must be at most {_MEMORY_LIMIT} MB without a capacity provider."),
        DOC,
    ),
)
