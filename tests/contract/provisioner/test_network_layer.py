"""The network layer in every environment on every cloud: deployed, changed by its settings, destroyed."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from semantest_iac.domain.blueprints.platform.layers import build_platform
from semantest_iac.domain.deployment.change_plan import ChangePlan
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.environments.configuration import DeploymentConfiguration, resolve_component
from semantest_iac.domain.environments.names import ENVIRONMENTS
from semantest_iac.domain.ports.provisioner import (
    ApplyResult,
    Removal,
    SettledResource,
    Work,
    ignore_progress,
)
from semantest_iac.domain.resource import DeployedResource
from semantest_iac.infrastructure.clouds.registry import CLOUDS
from semantest_iac.infrastructure.sandbox_engine.engine import SandboxEngine
from semantest_iac.infrastructure.sandbox_engine.state.store import StateStore
from semantest_iac.infrastructure.simulated_cloud.runtime.cloud import SimulatedCloud
from semantest_iac.infrastructure.simulated_cloud.runtime.inventory import Inventory
from semantest_iac.infrastructure.simulated_cloud.runtime.providers import open_simulated_cloud
from semantest_iac_events.values import ChangeCounts

_RANGES = {"development": "10.0", "qa": "10.3", "staging": "10.1", "production": "10.2"}
_SUBNETS = {"gateway", "app", "functions", "integration", "data", "management"}


@dataclass
class NetworkStack:
    """A network in the sandbox, which is deployed with one setting after the other."""

    stack: Stack
    engine: SandboxEngine
    cloud: SimulatedCloud

    def work(self, **network: Any) -> Work:
        configuration = DeploymentConfiguration.model_validate({"network": network, "components": {"network": {}}})
        settings = resolve_component(configuration, "network", self.stack.environment)
        return Work("deployment", build_platform(self.stack, 1, settings), None)

    async def preview(self, **network: Any) -> ChangePlan:
        return await self.engine.preview(replace(self.work(**network), refresh=True))

    async def deploy(self, **network: Any) -> ApplyResult:
        plan = await self.engine.preview(self.work(**network))
        applied = await self.engine.apply(self.work(**network), plan, _discard, ignore_progress)
        assert applied.changes == plan.changes
        assert (await self.preview(**network)).is_empty
        return applied

    async def resources(self) -> list[DeployedResource]:
        return list(await self.engine.read_deployed_resources(self.stack))

    async def destroy(self) -> ChangeCounts:
        return await self.engine.destroy(Removal("removal", self.stack, 1), ignore_progress)


async def _discard(_: SettledResource) -> None:
    """Nobody listens."""


@pytest.fixture
def network(provider: str, environment: str, tmp_path: Path) -> NetworkStack:
    stack = Stack("network", provider, environment, CLOUDS[provider].regions[0])
    inventory = Inventory(tmp_path / "cloud.db")

    def open_cloud(package: str, region: str) -> SimulatedCloud:
        return open_simulated_cloud(package, inventory, region=region)

    engine = SandboxEngine(StateStore(tmp_path / "sandbox"), open_cloud, lambda _, secret: secret.key)
    return NetworkStack(stack, engine, open_cloud(CLOUDS[provider].package, stack.region))


def _count(resources: list[DeployedResource]) -> Counter[str]:
    return Counter(it.type.rpartition(":")[2] for it in resources)


def _input(resources: list[DeployedResource], type_: str, name: str) -> list[Any]:
    return [it.inputs[name] for it in resources if it.type.endswith(f":{type_}") and it.inputs.get(name)]


@pytest.mark.parametrize("environment", ENVIRONMENTS)
class TestEveryEnvironment:
    @pytest.mark.parametrize("provider", ["azure"])
    def test_on_azure(self, environment: str, network: NetworkStack) -> None:
        asyncio.run(network.deploy())
        resources = asyncio.run(network.resources())
        found, is_production = _count(resources), environment == "production"

        [space] = _input(resources, "VirtualNetwork", "addressSpace")
        assert space == {"addressPrefixes": [f"{_RANGES[environment]}.0.0/16"]}
        prefixes = set(_input(resources, "Subnet", "addressPrefix"))
        assert prefixes >= {f"{_RANGES[environment]}.{number}.0/24" for number in range(len(_SUBNETS))}
        assert found["NetworkSecurityGroup"] == len(_SUBNETS)
        assert (found["DdosProtectionPlan"], found["AzureFirewall"], found["BastionHost"]) == (
            *(is_production, is_production),
            False,
        )
        ways_out = len(_input(resources, "Subnet", "natGateway")), len(_input(resources, "Subnet", "routeTable"))
        assert ways_out == ((1, 3) if is_production else (3, 0))  # the one is the firewall's own subnet
        assert (asyncio.run(network.destroy()).keep, network.cloud.list_resources()) == (0, [])

    @pytest.mark.parametrize("provider", ["aws"])
    def test_on_aws(self, environment: str, network: NetworkStack) -> None:
        asyncio.run(network.deploy())
        resources = asyncio.run(network.resources())
        found, is_production = _count(resources), environment == "production"

        assert _input(resources, "Vpc", "cidrBlock") == [f"{_RANGES[environment]}.0.0/16"]
        assert found["SecurityGroup"] == len(_SUBNETS)
        assert found["Subnet"] == 2 * (len(_SUBNETS) + 1 + is_production)  # in two zones each, with the public ones
        assert (found["InternetGateway"], found["NatGateway"]) == (1, 2 if is_production else 1)
        assert (found["Firewall"], found["InstanceConnectEndpoint"], found["Subscription"]) == (is_production, 0, 0)
        targets = Counter(
            name for it in resources for name in it.inputs if it.type.endswith(":Route") and name.endswith("Id")
        )
        del targets["routeTableId"]
        expected = {"gatewayId": 2, "natGatewayId": 2, "vpcEndpointId": 12}  # through the firewall there and back
        assert targets == (expected if is_production else {"gatewayId": 2, "natGatewayId": 6})
        assert (asyncio.run(network.destroy()).keep, network.cloud.list_resources()) == (0, [])


_FLAGS: Mapping[str, Mapping[str, set[str]]] = {
    "bastion": {"aws": {"InstanceConnectEndpoint"}, "azure": {"BastionHost", "PublicIPAddress", "Subnet"}},
    "ddos_protection": {"aws": set(), "azure": {"DdosProtectionPlan"}},
    "firewall": {
        "aws": {"Firewall", "FirewallPolicy", "RuleGroup", "Subnet"},
        "azure": {"AzureFirewall", "FirewallPolicy", "RouteTable", "Route", "PublicIPAddress", "Subnet"},
    },
}


@pytest.mark.parametrize("environment", ["development"])
@pytest.mark.parametrize("provider", ["aws", "azure"])
class TestFlags:
    @pytest.mark.parametrize("flag", _FLAGS)
    def test_bring_their_resources_and_take_them_away_again(
        self, flag: str, provider: str, network: NetworkStack
    ) -> None:
        asyncio.run(network.deploy())
        before = {it.urn for it in asyncio.run(network.resources())}

        asyncio.run(network.deploy(**{flag: True}))
        added = [it for it in asyncio.run(network.resources()) if it.urn not in before]
        asyncio.run(network.deploy())

        assert {*_count(added)} >= _FLAGS[flag][provider]
        assert {it.urn for it in asyncio.run(network.resources())} == before

    def test_move_no_addresses(self, provider: str, network: NetworkStack) -> None:
        asyncio.run(network.deploy())
        plan = asyncio.run(network.preview(bastion=True, firewall=True, ddos_protection=True))

        assert not [it.name for it in plan.mutations if it.op == "replace"]

    def test_leave_no_way_out_without_a_gateway(self, provider: str, network: NetworkStack) -> None:
        asyncio.run(network.deploy(nat_gateway=False))

        assert _count(asyncio.run(network.resources()))["NatGateway"] == 0

    def test_of_other_addresses_make_another_network(self, provider: str, network: NetworkStack) -> None:
        asyncio.run(network.deploy(bastion=True))
        moved = asyncio.run(network.deploy(bastion=True, cidr="10.9.0.0/16"))

        assert moved.changes.replace
        assert (asyncio.run(network.destroy()).keep, network.cloud.list_resources()) == (0, [])
