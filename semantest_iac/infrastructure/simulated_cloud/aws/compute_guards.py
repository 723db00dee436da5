"""What Lambda refuses of a function where a table cannot say it, and the runtimes that it accepts."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from semantest_iac.infrastructure.simulated_cloud.aws.networking import SECURITY_GROUP_TYPE, SUBNET_TYPE
from semantest_iac.infrastructure.simulated_cloud.aws.security import role_allows, role_trusts
from semantest_iac.infrastructure.simulated_cloud.schema.properties import DOC, OBSERVED
from semantest_iac.infrastructure.simulated_cloud.schema.refusals import Refusal
from semantest_iac.infrastructure.simulated_cloud.schema.rules import GuardContext, RequestGuard
from semantest_iac.infrastructure.simulated_cloud.schema.values import RequestFacts


class RuntimeLifecycle(NamedTuple):
    """ISO dates from which a runtime is deprecated, and functions with it can no longer be created or updated."""

    deprecated: str
    create_block: str
    update_block: str


RUNTIME_LIFECYCLES: Final = {
    "nodejs": RuntimeLifecycle("2016-08-30", "2016-09-30", "2016-10-31"),
    "nodejs10.x": RuntimeLifecycle("2021-07-30", "2021-07-30", "2022-02-14"),
    "nodejs12.x": RuntimeLifecycle("2023-03-31", "2023-03-31", "2023-04-30"),
    "nodejs14.x": RuntimeLifecycle("2023-12-04", "2024-01-09", "2027-03-03"),
    "nodejs16.x": RuntimeLifecycle("2024-06-12", "2027-02-01", "2027-03-03"),
    "nodejs18.x": RuntimeLifecycle("2025-09-01", "2027-02-01", "2027-03-03"),
    "nodejs20.x": RuntimeLifecycle("2026-04-30", "2027-02-01", "2027-03-03"),
    "nodejs22.x": RuntimeLifecycle("2027-04-30", "2027-06-01", "2027-07-01"),
    "nodejs24.x": RuntimeLifecycle("2028-04-30", "2028-06-01", "2028-07-01"),
    "nodejs4.3": RuntimeLifecycle("2020-03-05", "2020-02-03", "2020-03-05"),
    "nodejs4.3-edge": RuntimeLifecycle("2020-03-05", "2019-03-31", "2019-04-30"),
    "nodejs6.10": RuntimeLifecycle("2019-08-12", "2019-07-12", "2019-08-12"),
    "nodejs8.10": RuntimeLifecycle("2020-03-06", "2020-02-04", "2020-03-06"),
    "python2.7": RuntimeLifecycle("2021-07-15", "2021-07-15", "2022-05-30"),
    "python3.10": RuntimeLifecycle("2026-10-31", "2027-02-01", "2027-03-03"),
    "python3.11": RuntimeLifecycle("2027-06-30", "2027-07-31", "2027-08-31"),
    "python3.12": RuntimeLifecycle("2028-10-31", "2028-11-30", "2029-01-10"),
    "python3.13": RuntimeLifecycle("2029-06-30", "2029-07-31", "2029-08-31"),
    "python3.14": RuntimeLifecycle("2029-06-30", "2029-07-31", "2029-08-31"),
    "python3.6": RuntimeLifecycle("2022-07-18", "2022-07-18", "2022-08-29"),
    "python3.7": RuntimeLifecycle("2023-12-04", "2024-01-09", "2027-03-03"),
    "python3.8": RuntimeLifecycle("2024-10-14", "2027-02-01", "2027-03-03"),
    "python3.9": RuntimeLifecycle("2025-12-15", "2027-02-01", "2027-03-03"),
}
"""The lifecycles of Node and Python, the languages that this tool deploys."""

_ANNOUNCED_RUNTIMES: Final = ("nodejs26.x", "python3.15")
_OTHER_RUNTIMES: Final = (
    *("dotnet10", "dotnet6", "dotnet8", "dotnetcore1.0", "dotnetcore2.0", "dotnetcore2.1", "dotnetcore3.1"),
    *("go1.x", "java11", "java11.al2023", "java17", "java17.al2023", "java21", "java25", "java8", "java8.al2"),
    *("java8.al2023", "provided", "provided.al2", "provided.al2023", "ruby2.5", "ruby2.7", "ruby3.2", "ruby3.3"),
    *("ruby3.4", "ruby4.0"),
)
RUNTIME_NAMES: Final = tuple(sorted((*RUNTIME_LIFECYCLES, *_ANNOUNCED_RUNTIMES, *_OTHER_RUNTIMES)))


def blocks_create(runtime: str, today: str) -> bool:
    """Return True where Lambda refuses to create functions with the runtime on an ISO date."""
    return runtime in RUNTIME_LIFECYCLES and RUNTIME_LIFECYCLES[runtime].create_block <= today


def blocks_update(runtime: str, today: str) -> bool:
    """Return True where Lambda refuses to update functions with the runtime on an ISO date."""
    return runtime in RUNTIME_LIFECYCLES and RUNTIME_LIFECYCLES[runtime].update_block <= today


FUNCTION_TYPE: Final = "aws:lambda/function:Function"

_INVALID_PARAMETER: Final = "InvalidParameterValueException"
_MEMORY_LIMIT: Final = 10_240
_ACCOUNT_CONCURRENCY: Final = 1000
_MINIMUM_UNRESERVED: Final = 100
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


def _lacks_subnets_or_groups(context: GuardContext) -> bool:
    return _is_in_vpc(context.facts) != bool(_vpc_config_ids(context.facts, "securityGroupIds"))


def _spans_vpcs(context: GuardContext) -> bool:
    chosen_ids = {*_vpc_config_ids(context.facts, "subnetIds"), *_vpc_config_ids(context.facts, "securityGroupIds")}
    parts = (*context.resources_of(SUBNET_TYPE), *context.resources_of(SECURITY_GROUP_TYPE))
    return len({part["vpcId"] for part in parts if part["id"] in chosen_ids}) > 1


def _role_cannot_create_interfaces(context: GuardContext) -> bool:
    role = context.facts["role_found"]
    return _is_in_vpc(context.facts) and not role_allows(context, role, _NETWORK_INTERFACE_ACTIONS, "VPCAccess")


def _reserves_too_much_concurrency(context: GuardContext) -> bool:
    requested = int(context.facts["reservedConcurrentExecutions"])
    others = (row["reservedConcurrentExecutions"] for row in context.resources_of(FUNCTION_TYPE))
    reserved = sum(count for count in others if count > 0)
    return requested > 0 and _ACCOUNT_CONCURRENCY - reserved - requested < _MINIMUM_UNRESERVED


def _exceeds_memory_limit(context: GuardContext) -> bool:
    return int(context.facts["memorySize"]) > _MEMORY_LIMIT and not context.facts["capacityProviderConfig"]


_BLOCKED_RUNTIME: Final = Refusal(
    _INVALID_PARAMETER,
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
        Refusal(_INVALID_PARAMETER, "The role defined for the function cannot be assumed by Lambda."),
        OBSERVED,
    ),
    RequestGuard(
        _lacks_subnets_or_groups,
        Refusal(_INVALID_PARAMETER, "SubnetIds and SecurityIds must coexist or be both empty list."),
        OBSERVED,
    ),
    RequestGuard(
        _spans_vpcs,
        Refusal(_INVALID_PARAMETER, "Security Groups are required to be in the same VPC"),
        OBSERVED,
    ),
    RequestGuard(
        _role_cannot_create_interfaces,
        Refusal(
            _INVALID_PARAMETER,
            "The provided execution role does not have permissions to call CreateNetworkInterface on EC2",
        ),
        OBSERVED,
    ),
    RequestGuard(
        _reserves_too_much_concurrency,
        Refusal(
            _INVALID_PARAMETER,
            "Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution "
            f"below its minimum value of [{_MINIMUM_UNRESERVED}].",
        ),
        OBSERVED,
    ),
    RequestGuard(
        _exceeds_memory_limit,
        Refusal(_INVALID_PARAMETER, f"'MemorySize' must be at most {_MEMORY_LIMIT} MB without a capacity provider."),
        DOC,
    ),
)
