"""What Lambda refuses of a function, where a table cannot say it."""

from __future__ import annotations

from typing import Any, Final

from semantest_iac.infrastructure.simulated_cloud.aws import runtimes
from semantest_iac.infrastructure.simulated_cloud.aws.networking import SECURITY_GROUP, SUBNET
from semantest_iac.infrastructure.simulated_cloud.aws.roles import may, trusts
from semantest_iac.infrastructure.simulated_cloud.limits import Evidence
from semantest_iac.infrastructure.simulated_cloud.refusal import Refusal
from semantest_iac.infrastructure.simulated_cloud.rules import Guard, Surroundings
from semantest_iac.infrastructure.simulated_cloud.values import Facts

FUNCTION: Final = "aws:lambda/function:Function"

_INVALID: Final = "InvalidParameterValueException"
_ORDINARY_MEMORY: Final = 10_240
_CONCURRENCY: Final = 1000
_LEAST_UNRESERVED: Final = 100
_INTERFACE_ACTIONS: Final = (
    "ec2:CreateNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DeleteNetworkInterface",
)


def _is_not_assumable(around: Surroundings) -> bool:
    return not trusts(around.facts["role_found"], "lambda.amazonaws.com")


def _placement(facts: Facts, name: str) -> list[Any]:
    return list((facts["vpcConfig"] or {}).get(name) or [])


def _is_in_a_network(facts: Facts) -> bool:
    return bool(_placement(facts, "subnetIds"))


def _is_half_placed(around: Surroundings) -> bool:
    return _is_in_a_network(around.facts) != bool(_placement(around.facts, "securityGroupIds"))


def _spans_networks(around: Surroundings) -> bool:
    chosen = {*_placement(around.facts, "subnetIds"), *_placement(around.facts, "securityGroupIds")}
    parts = (*around.rows(SUBNET), *around.rows(SECURITY_GROUP))
    return len({part["vpcId"] for part in parts if part["id"] in chosen}) > 1


def _cannot_join_networks(around: Surroundings) -> bool:
    role = around.facts["role_found"]
    return _is_in_a_network(around.facts) and not may(around, role, _INTERFACE_ACTIONS, "VPCAccess")


def _reserves_too_much(around: Surroundings) -> bool:
    wanted = int(around.facts["reservedConcurrentExecutions"])
    others = (row["reservedConcurrentExecutions"] for row in around.rows(FUNCTION))
    reserved = sum(count for count in others if count > 0)
    return wanted > 0 and _CONCURRENCY - reserved - wanted < _LEAST_UNRESERVED


def _is_too_large(around: Surroundings) -> bool:
    return int(around.facts["memorySize"]) > _ORDINARY_MEMORY and not around.facts["capacityProviderConfig"]


_BLOCKED: Final = Refusal(
    _INVALID,
    "The runtime parameter of {runtime} is no longer supported for creating or updating AWS Lambda functions. "
    "We recommend you use a supported runtime while creating or updating functions.",
)

GUARDS: Final = (
    Guard(
        lambda around: runtimes.blocks_create(around.facts["runtime"], around.today),
        _BLOCKED,
        Evidence.DOC,
        on_update=False,
    ),
    Guard(lambda around: runtimes.blocks_update(around.facts["runtime"], around.today), _BLOCKED, Evidence.DOC),
    Guard(
        _is_not_assumable,
        Refusal(_INVALID, "The role defined for the function cannot be assumed by Lambda."),
        Evidence.OBSERVED,
    ),
    Guard(
        _is_half_placed,
        Refusal(_INVALID, "SubnetIds and SecurityIds must coexist or be both empty list."),
        Evidence.OBSERVED,
    ),
    Guard(
        _spans_networks,
        Refusal(_INVALID, "Security Groups are required to be in the same VPC"),
        Evidence.OBSERVED,
    ),
    Guard(
        _cannot_join_networks,
        Refusal(
            _INVALID,
            "The provided execution role does not have permissions to call CreateNetworkInterface on EC2",
        ),
        Evidence.OBSERVED,
    ),
    Guard(
        _reserves_too_much,
        Refusal(
            _INVALID,
            "Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution "
            f"below its minimum value of [{_LEAST_UNRESERVED}].",
        ),
        Evidence.OBSERVED,
    ),
    Guard(
        _is_too_large,
        Refusal(_INVALID, f"'MemorySize' must be at most {_ORDINARY_MEMORY} MB without a capacity provider."),
        Evidence.DOC,
    ),
)
