"""All AWS types and data sources together, and a simulated AWS account."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from semantest_iac.infrastructure.simulated_cloud.aws import (
    compute,
    gateway_stages,
    gateways,
    messaging,
    monitoring,
    networking,
    routing,
    security,
    storage,
)
from semantest_iac.infrastructure.simulated_cloud.aws.compute_guards import function_versions
from semantest_iac.infrastructure.simulated_cloud.aws.platform import (
    databases,
    encryption,
    network_protection,
    object_storage,
    observability,
    queues,
    rest_apis,
    state_machines,
    triggers,
)
from semantest_iac.infrastructure.simulated_cloud.aws.platform.containers import containers, load_balancers, scaling
from semantest_iac.infrastructure.simulated_cloud.aws.sites.api_domains import API_DOMAIN_TYPES
from semantest_iac.infrastructure.simulated_cloud.aws.sites.distributions import DISTRIBUTION_TYPES
from semantest_iac.infrastructure.simulated_cloud.aws.sites.domains import DOMAIN_TYPES
from semantest_iac.infrastructure.simulated_cloud.runtime.clock import VirtualClock
from semantest_iac.infrastructure.simulated_cloud.runtime.cloud import DataSource, SimulatedCloud
from semantest_iac.infrastructure.simulated_cloud.runtime.faults import NO_FAULTS, FaultScript
from semantest_iac.infrastructure.simulated_cloud.runtime.inventory import Inventory
from semantest_iac.infrastructure.simulated_cloud.schema.rules import TypeRule
from semantest_iac.infrastructure.simulated_cloud.schema.values import RequestFacts, ResourceProperties

SIMULATED_ACCOUNT: Final = "123456789012"
"""The account number in AWS's documentation; it does not exist."""

AWS_TYPES: Final[Mapping[str, TypeRule]] = {
    **security.SECURITY_TYPES,
    **monitoring.MONITORING_TYPES,
    **messaging.MESSAGING_TYPES,
    **compute.COMPUTE_TYPES,
    **gateways.GATEWAY_TYPES,
    **gateway_stages.STAGE_TYPES,
    **networking.NETWORK_TYPES,
    **networking.SECURITY_GROUP_TYPES,
    **networking.VPC_ENDPOINT_TYPES,
    **routing.ROUTING_TYPES,
    **storage.STORAGE_TYPES,
    **encryption.ENCRYPTION_TYPES,
    **observability.OBSERVABILITY_TYPES,
    **object_storage.OBJECT_STORAGE_TYPES,
    **queues.QUEUE_TYPES,
    **triggers.TRIGGER_TYPES,
    **state_machines.STATE_MACHINE_TYPES,
    **databases.DATABASE_TYPES,
    **network_protection.NETWORK_PROTECTION_TYPES,
    **rest_apis.REST_API_TYPES,
    **load_balancers.LOAD_BALANCER_TYPES,
    **load_balancers.DISCOVERY_TYPES,
    **containers.CONTAINER_TYPES,
    **scaling.SCALING_TYPES,
    **DISTRIBUTION_TYPES,
    **DOMAIN_TYPES,
    **API_DOMAIN_TYPES,
}


def _caller_identity(facts: RequestFacts, _args: ResourceProperties) -> dict[str, Any]:
    account = facts["account"]
    return {
        "id": account,
        "accountId": account,
        "userId": "AIDASIMULATEDCLOUDUSER",
        "arn": f"arn:aws:iam::{account}:user/simulated",
    }


def _current_region(facts: RequestFacts, _args: ResourceProperties) -> dict[str, Any]:
    region = facts["region"]
    endpoint = f"ec2.{region}.amazonaws.com"
    return {"id": region, "name": region, "region": region, "description": region, "endpoint": endpoint}


def _partition(_facts: RequestFacts, _args: ResourceProperties) -> dict[str, Any]:
    return {
        "id": "aws",
        "partition": "aws",
        "dnsSuffix": "amazonaws.com",
        "reverseDnsPrefix": "com.amazonaws",
    }


_COMPASS_LETTERS: Final = {
    **{name: name[0] for name in ("central", "east", "north", "south", "west")},
    "northeast": "ne",
    "northwest": "nw",
    "southeast": "se",
    "southwest": "sw",
}


_ZONE_ATTRIBUTES: Final = {"opt-in-status": "opt-in-not-required", "zone-type": "availability-zone"}
"""What filters find in each zone of the account, which has opted into no Local Zone."""


def _availability_zones(facts: RequestFacts, args: ResourceProperties) -> dict[str, Any]:
    """List the zones of the account that the filters leave; unknown filters leave all."""
    region = facts["region"]
    filters = {each.get("name"): each.get("values") or () for each in args.get("filters") or ()}
    excluded = {*(args.get("excludeZoneIds") or ()), *(args.get("excludeNames") or ())}
    area, _, rest = str(region).partition("-")
    direction, _, number = rest.rpartition("-")
    prefix = f"{area}{_COMPASS_LETTERS.get(direction, direction)}{number}"
    letters = "abcdef" if region == "us-east-1" else "abc"
    zones = {f"{region}{letter}": f"{prefix}-az{place}" for place, letter in enumerate(letters, 1)}
    is_kind_wanted = all(value in filters.get(name, (value,)) for name, value in _ZONE_ATTRIBUTES.items())
    chosen = {name: id_ for name, id_ in zones.items() if is_kind_wanted and excluded.isdisjoint((name, id_))}
    return {
        **args,
        "id": region,
        "region": region,
        "names": list(chosen),
        "zoneIds": list(chosen.values()),
        "groupNames": [region],
    }


AWS_DATA_SOURCES: Final[Mapping[str, DataSource]] = {
    "aws:index/getCallerIdentity:getCallerIdentity": _caller_identity,
    "aws:index/getRegion:getRegion": _current_region,
    "aws:index/getPartition:getPartition": _partition,
    "aws:index/getAvailabilityZones:getAvailabilityZones": _availability_zones,
}


AWS_VERSION_SOURCES: Final = {"aws:lambda/getFunction:getFunction": function_versions.FUNCTION_SOURCE}


def simulated_aws(
    inventory: Inventory,
    *,
    region: str,
    account: str = SIMULATED_ACCOUNT,
    faults: FaultScript = NO_FAULTS,
    clock: VirtualClock | None = None,
) -> SimulatedCloud:
    """Open one AWS account in one region."""
    return SimulatedCloud(
        AWS_TYPES,
        inventory,
        account=account,
        region=region,
        faults=faults,
        clock=clock,
        data_sources=AWS_DATA_SOURCES,
        version_sources=AWS_VERSION_SOURCES,
    )
