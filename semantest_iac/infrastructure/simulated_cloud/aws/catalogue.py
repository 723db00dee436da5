"""All AWS types and data sources together, and an AWS account to try them in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from semantest_iac.infrastructure.simulated_cloud.aws import (
    api_gateway,
    api_stages,
    compute,
    endpoints,
    messaging,
    monitoring,
    networking,
    routing,
    security,
    security_groups,
    storage,
)
from semantest_iac.infrastructure.simulated_cloud.clock import Clock
from semantest_iac.infrastructure.simulated_cloud.cloud import Cloud, Invoke
from semantest_iac.infrastructure.simulated_cloud.faults import NO_FAULTS, Faults
from semantest_iac.infrastructure.simulated_cloud.inventory import Inventory
from semantest_iac.infrastructure.simulated_cloud.rules import TypeRule
from semantest_iac.infrastructure.simulated_cloud.values import Facts, Properties

ACCOUNT: Final = "123456789012"
"""The account number that AWS's own documentation uses; it belongs to nobody."""

TYPES: Final[Mapping[str, TypeRule]] = {
    **security.TYPES,
    **monitoring.TYPES,
    **messaging.TYPES,
    **compute.TYPES,
    **api_gateway.TYPES,
    **api_stages.TYPES,
    **networking.TYPES,
    **security_groups.TYPES,
    **endpoints.TYPES,
    **routing.TYPES,
    **storage.TYPES,
}


def _caller_identity(facts: Facts, _args: Properties) -> dict[str, Any]:
    account = facts["account"]
    return {
        "id": account,
        "accountId": account,
        "userId": "AIDASIMULATEDCLOUDUSER",
        "arn": f"arn:aws:iam::{account}:user/simulated",
    }


def _region(facts: Facts, _args: Properties) -> dict[str, Any]:
    region = facts["region"]
    endpoint = f"ec2.{region}.amazonaws.com"
    return {"id": region, "name": region, "region": region, "description": region, "endpoint": endpoint}


def _partition(_facts: Facts, _args: Properties) -> dict[str, Any]:
    return {
        "id": "aws",
        "partition": "aws",
        "dnsSuffix": "amazonaws.com",
        "reverseDnsPrefix": "com.amazonaws",
    }


def _zones(facts: Facts, args: Properties) -> dict[str, Any]:
    region = facts["region"]
    names = [f"{region}{letter}" for letter in "abc"]
    ids = [f"{region}-az{number}" for number in (1, 2, 3)]
    return {**args, "id": region, "region": region, "names": names, "zoneIds": ids, "groupNames": [region]}


INVOKES: Final[Mapping[str, Invoke]] = {
    "aws:index/getCallerIdentity:getCallerIdentity": _caller_identity,
    "aws:index/getRegion:getRegion": _region,
    "aws:index/getPartition:getPartition": _partition,
    "aws:index/getAvailabilityZones:getAvailabilityZones": _zones,
}


def simulated_aws(
    inventory: Inventory,
    *,
    region: str,
    account: str = ACCOUNT,
    faults: Faults = NO_FAULTS,
    clock: Clock | None = None,
) -> Cloud:
    """One AWS account in one region."""
    return Cloud(TYPES, inventory, account=account, region=region, faults=faults, clock=clock, invokes=INVOKES)
