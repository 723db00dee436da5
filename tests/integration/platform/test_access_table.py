"""Who reaches whom in a deployed platform: every part of it sits where the table of the architecture has it, the rules
of the simulated network let through what the table allows, and the internet reaches what is public, and nothing else.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import pytest

from semantest_iac.domain.blueprints.public_access import PUBLIC_ACCESS, PartAccess, Reach
from semantest_iac.domain.environments.environment_settings import get_environment_settings
from semantest_iac.domain.environments.names import ENVIRONMENTS
from semantest_iac.domain.networking.access_rules import SUBNET_PARTS, AccessCondition, NetworkPart
from semantest_iac.domain.resource import DeployedResource
from semantest_iac.infrastructure.cloud_programs.cloud import find_cloud
from tests.integration.platform.places import PlatformPlace
from tests.network_rules import (
    OUTSIDE,
    AwsRules,
    AzureRules,
    Connection,
    expect_on_aws,
    expect_on_azure,
    list_connections,
)
from tests.public_addresses import read_reaches
from tests.whole_platform import read_whole_platform

_NETWORK_TYPES = re.compile(r"aws:(ec2|vpc)/(?!vpcEndpoint:)|azure-native:network:(?!PrivateEndpoint$)")
_PLACES: Mapping[str, NetworkPart] = {
    "aws:lambda/function:Function": NetworkPart.FUNCTIONS,
    "aws:rds/instance:Instance": NetworkPart.DATA,
    "aws:elasticache/serverlessCache:ServerlessCache": NetworkPart.DATA,
    "aws:ecs/service:Service": NetworkPart.APP,
    "aws:lb/loadBalancer:LoadBalancer": NetworkPart.APP,
    "azure-native:apimanagement:ApiManagementService": NetworkPart.GATEWAY,
    "azure-native:app:ManagedEnvironment": NetworkPart.APP,
    "azure-native:web:WebApp": NetworkPart.FUNCTIONS,
}
"""The part of the network in which what there is of a type has its addresses; private endpoints have theirs by name."""
_WITHOUT_RESOURCES = {
    "ec2:AssignPrivateIpAddresses",
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:UnassignPrivateIpAddresses",
    "ecr:GetAuthorizationToken",
    "xray:PutTelemetryRecords",
    "xray:PutTraceSegments",
}
"""What a service of AWS asks for on `*`. Sources: the service authorization reference; Lambda's page on networks."""
_DATA_ENDPOINTS = ("cache", "database", "documents", "files", "objects", "queues", "tables")


class DeployedNetwork:
    """The network of a platform, and where its workloads are in it."""

    def __init__(self, resources: Sequence[DeployedResource], provider: str) -> None:
        self._resources = resources
        groups = "aws:ec2/securityGroup:SecurityGroup" if provider == "aws" else "azure-native:network:Subnet"
        prefix = "access-rules-" if provider == "aws" else "subnet-"
        self._parts = {
            it.id: NetworkPart(it.name.removeprefix(prefix)) for it in self._of(groups) if it.name.startswith(prefix)
        }
        self.rules = self._read_aws() if provider == "aws" else self._read_azure()

    def _of(self, type_: str) -> Iterator[DeployedResource]:
        return (it for it in self._resources if it.type == type_)

    def _read_aws(self) -> AwsRules:
        incoming, outgoing = (
            [it.inputs for it in self._of(f"aws:vpc/securityGroup{way}Rule:SecurityGroup{way}Rule")]
            for way in ("Ingress", "Egress")
        )
        return AwsRules(incoming, outgoing, {part: id_ for id_, part in self._parts.items()})

    def _read_azure(self) -> AzureRules:
        """Read the group that each subnet really has."""
        rules = {it.id: it.inputs["securityRules"] for it in self._of("azure-native:network:NetworkSecurityGroup")}
        subnets = {
            self._parts[it.id]: it.inputs for it in self._of("azure-native:network:Subnet") if it.id in self._parts
        }
        return AzureRules(
            {part: rules[it["networkSecurityGroup"]["id"]] for part, it in subnets.items()},
            {part: it["addressPrefix"] for part, it in subnets.items()},
        )

    def list_allowed(self) -> set[Connection]:
        """Return the connections between the subnets and with the outside that the rules let through."""
        return set(filter(self.rules.is_allowed, list_connections((*SUBNET_PARTS, *OUTSIDE))))

    def list_allowed_by_azure(self) -> set[Connection]:
        """Return what a gateway of the tier Developer needs for itself, by Azure's page on its networks."""
        gateways = self._of("azure-native:apimanagement:ApiManagementService")
        if not any(it.inputs["sku"]["name"] == "Developer" for it in gateways):
            return set()
        source = NetworkPart.GATEWAY
        return {*((source, target, 80) for target in OUTSIDE), (source, NetworkPart.CLOUD_SERVICES, 1433)}

    def list_workloads(self) -> dict[tuple[str, str], set[NetworkPart]]:
        """Return the parts of the network in which a resource has addresses, by its type and name."""
        found = {}
        for it in self._resources:
            if not _NETWORK_TYPES.match(it.type):
                text = str(it.inputs)
                parts = {part for id_, part in self._parts.items() if f"'{id_}'" in text}
                if parts:
                    found[it.type, it.name] = parts
        return found


def _expect_place(type_: str, name: str) -> NetworkPart:
    if name == "gateway-link":  # the load balancer by which the gateway of AWS reaches the network
        return NetworkPart.GATEWAY
    if type_ in _PLACES:
        return _PLACES[type_]
    assert type_.endswith((":VpcEndpoint", ":PrivateEndpoint")), f"{type_} has no place in this test"
    is_data = any(f"-{it}" in name for it in _DATA_ENDPOINTS)
    return NetworkPart.DATA if is_data else NetworkPart.INTEGRATION


@dataclass(frozen=True)
class DeployedPlatform:
    """A platform with every layer, as it is deployed."""

    provider: str
    environment: str
    resources: Sequence[DeployedResource]

    @property
    def is_private(self) -> bool:
        return get_environment_settings(self.environment).security.private_endpoints


@pytest.fixture(
    scope="module",
    params=[(provider, it) for provider in ("aws", "azure") for it in ENVIRONMENTS],
    ids=lambda it: "-".join(it),
)
def platform(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> DeployedPlatform:
    provider, environment = request.param

    async def deploy() -> DeployedPlatform:
        place = PlatformPlace(tmp_path_factory.mktemp("platform"), "platform", provider, environment)
        values = read_whole_platform(place.folder, place.stack)
        await place.deploy(**values)
        again = await place.preview(refresh=True, **values)
        assert again.is_empty, [(it.op, it.urn, it.why) for it in again.mutations]
        return DeployedPlatform(provider, environment, await place.read_resources())

    return asyncio.run(deploy())


def test_network_of_a_platform_lets_through_what_the_table_allows(platform: DeployedPlatform) -> None:
    network = DeployedNetwork(platform.resources, platform.provider)
    expect = expect_on_aws if platform.provider == "aws" else expect_on_azure
    expected = expect(private=platform.is_private, conditions={AccessCondition.IMAGES})
    expected |= network.list_allowed_by_azure()
    assert network.list_allowed() == {it for it in expected if NetworkPart.BASTION not in it}

    workloads = network.list_workloads()
    assert workloads == {(type_, name): {_expect_place(type_, name)} for type_, name in workloads}
    assert {part for parts in workloads.values() for part in parts} >= {
        NetworkPart.APP,
        *([] if platform.environment == "qa" else [NetworkPart.GATEWAY]),
        *([NetworkPart.FUNCTIONS, NetworkPart.INTEGRATION, NetworkPart.DATA] if platform.is_private else []),
    }


def test_parts_of_a_platform_are_reached_from_where_the_table_says(platform: DeployedPlatform) -> None:
    """The internet reaches the site and the gateway, and nothing else."""
    cloud = find_cloud(platform.provider)
    assert [(it.type, it.name) for it in platform.resources if cloud.find_exposure(it.type, it.inputs)] == []

    reaches: dict[str, set[Reach]] = {}
    for resource, part, reach in read_reaches(platform.resources):
        row = next(it for it in PUBLIC_ACCESS if it.part == part)
        assert reach <= _expect_reach(row, platform), f"{resource} of {part}: {reach.name}"
        reaches.setdefault(part, set()).add(reach)

    has_gateway = platform.environment != "qa"
    assert {part for part, found in reaches.items() if Reach.EVERYBODY in found} == {
        "site",
        *(["gateway"] if has_gateway else []),
    }
    features = get_environment_settings(platform.environment).features
    assert {*reaches} == {it.part for it in PUBLIC_ACCESS} - {
        "bastion",
        *([] if has_gateway else ["gateway"]),
        *([] if features.enable_redis_cache else ["cache"]),
        *([] if features.enable_cosmos_db else ["documents"]),
        *([] if features.enable_data_factory else ["pipeline"]),
        *([] if platform.environment == "production" else ["firewall"]),
        *(["alarms"] if platform.provider == "azure" else []),
    }


def _expect_reach(row: PartAccess, platform: DeployedPlatform) -> Reach:
    if not platform.is_private:
        return row.usual
    has_other_form = row.feature in find_cloud(platform.provider).partial
    return Reach.IDENTITY if has_other_form else row.private


def test_rights_in_a_platform_are_on_single_resources(platform: DeployedPlatform) -> None:
    """No action is a pattern, none is allowed on everything that has resources, and no role is on a whole group."""
    for resource in platform.resources:
        if resource.type.endswith(":RolePolicy"):
            for statement in json.loads(resource.inputs["policy"])["Statement"]:
                actions, targets = _list_values(statement["Action"]), _list_values(statement["Resource"])
                assert not any("*" in it for it in actions), resource
                assert "*" not in targets or {*actions} <= _WITHOUT_RESOURCES, (resource, statement)
        elif resource.type.endswith(":RoleAssignment"):
            assert "/providers/" in resource.inputs["scope"], resource


def _list_values(values: str | Sequence[str]) -> Sequence[str]:
    return [values] if isinstance(values, str) else values
