from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from semantest_iac.application.deployment.completion_events import publish_code
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.errors import ProviderError
from semantest_iac_events.values import ChangeCounts
from tests.integration.sandbox_engine import integrity
from tests.integration.sandbox_engine.rest_api import SandboxHome, ignore_progress
from tests.unit.cloud_programs.variants import VARIANTS

_VARIANTS = [
    *((variant, "development") for variant in ("plain", "limited", "no monitoring", "existing network")),
    *(("secrets", "production"), ("network with secrets", "qa"), ("authorizer", "staging"), ("notified", "staging")),
]
_GROUP = "azure-native:resources:ResourceGroup"
_WORKSPACE = "azure-native:operationalinsights:Workspace"
_IN_GROUP = {"resourceGroupName": "external"}


def _stack(environment: str = "development", region: str = "eastus") -> Stack:
    return Stack("rest-api", "azure", environment, region)


@pytest.fixture
def home(tmp_path: Path) -> SandboxHome:
    """A home whose cloud contains an external network."""
    home = SandboxHome(tmp_path)
    cloud = home.cloud("azure-native", "eastus")
    cloud.create(_GROUP, {**_IN_GROUP, "location": "eastus"}, owner="them")
    network = {**_IN_GROUP, "virtualNetworkName": "net", "addressSpace": {"addressPrefixes": ["10.9.0.0/16"]}}
    cloud.create("azure-native:network:VirtualNetwork", network, owner="them")
    delegations = [{"name": "functions", "serviceName": "Microsoft.App/environments"}]
    subnet = {"virtualNetworkName": "net", "subnetName": "functions", "addressPrefix": "10.9.0.0/24"}
    inputs = {**_IN_GROUP, **subnet, "delegations": delegations}
    created = cloud.create("azure-native:network:Subnet", inputs, owner="them")
    home.existing_ids = {"subnet-1": created.id}
    return home


def _with_ids(value: Any, existing_ids: Mapping[str, str]) -> Any:
    """Fill in the id of the external subnet."""
    if isinstance(value, Mapping):
        return {name: _with_ids(item, existing_ids) for name, item in value.items()}
    if isinstance(value, list):
        return [_with_ids(item, existing_ids) for item in value]
    return existing_ids.get(value, value) if isinstance(value, str) else value


def _in_cloud(home: SandboxHome, region: str = "eastus") -> set[tuple[str, str]]:
    return set(home.cloud("azure-native", region).list_resources())


class TestEveryVariant:
    @pytest.mark.parametrize(("variant", "environment"), _VARIANTS)
    async def test_is_created_kept_destroyed_and_created_again(
        self, home: SandboxHome, variant: str, environment: str
    ) -> None:
        stack, configuration = _stack(environment), _with_ids(VARIANTS[variant], home.existing_ids)
        before = _in_cloud(home)

        created = (await home.deploy(home.work(configuration, stack))).changes
        again = (await home.deploy(home.work(configuration, stack))).changes
        assert (created.create, again) == (again.same, ChangeCounts(same=created.create))
        assert set(home.in_state(stack)) == _in_cloud(home) - before
        assert integrity.faults(home.engine.export(stack)) == []

        await home.destroy(stack)
        kept = {type_ for type_, _ in _in_cloud(home) - before}
        assert kept == ({_GROUP, _WORKSPACE} if environment == "production" else set())
        assert (await home.deploy(home.work(configuration, stack, generation=2))).changes.create == created.create


class TestChanges:
    async def test_of_the_address_range_move_the_app_to_another_network(self, home: SandboxHome) -> None:
        await home.deploy(home.work(_placed("10.1.0.0/20"), _stack()))

        plan = await home.engine.preview(home.work(_placed("10.2.0.0/20"), _stack()))
        await home.deploy(home.work(_placed("10.2.0.0/20"), _stack()))

        changed = {(change.type.rpartition(":")[2], change.op) for change in plan.mutations}
        assert changed == {("VirtualNetwork", "replace"), ("Subnet", "replace"), ("WebApp", "update")}
        assert (await home.engine.preview(home.work(_placed("10.2.0.0/20"), _stack()))).mutations == ()

    async def test_of_the_language_replace_the_app_which_then_has_no_code(self, home: SandboxHome) -> None:
        before = home.work(stack=_stack())
        assert before.artifact is not None
        applied = await home.deploy(before)
        await publish_code(home.engine, before, applied, home, ignore_progress)
        after = replace(before, artifact=replace(before.artifact, runtime="nodejs24.x"))

        plan = await home.engine.preview(after)

        assert {(change.type.rpartition(":")[2], change.op) for change in plan.mutations} == {
            ("WebApp", "replace"),
            ("DiagnosticSetting", "replace"),
        }
        assert plan.lacks_code

    async def test_that_add_a_gateway_move_the_alarms_to_it(self, home: SandboxHome) -> None:
        plain, secured = home.work(stack=_stack()), home.work(VARIANTS["authorizer"], _stack())
        await home.deploy(plain)

        plan = await home.engine.preview(secured)
        await home.deploy(secured)
        await home.deploy(plain)

        replaced = {change.name for change in plan.mutations if change.op == "replace"}
        assert replaced == {"alarm-server-errors", "alarm-throttles"}
        assert (await home.engine.preview(plain)).mutations == ()


def _placed(cidr: str) -> dict[str, Any]:
    return {"components": {"rest-api": {"network": {"private": True, "cidr": cidr}}}}


class TestNames:
    async def test_that_are_taken_worldwide_are_refused_with_a_hint(self, home: SandboxHome) -> None:
        plan = await home.engine.preview(home.work(stack=_stack()))
        await home.deploy(home.work(stack=_stack()))
        [app] = [
            it.outputs["name"]
            for it in await home.engine.read_deployed_resources(_stack())
            if it.type.endswith(":WebApp")
        ]
        await home.destroy(_stack())
        existing_ids = {**_IN_GROUP, "location": "eastus", "name": app, "kind": "app"}
        home.cloud("azure-native", "eastus").create("azure-native:web:WebApp", existing_ids, owner="them")

        with pytest.raises(ProviderError, match=f"Website with given name {app} already exists"):
            await home.deploy(home.work(stack=_stack()))

        assert plan.changes.create > 0


class TestCode:
    async def test_waits_in_simulated_time_until_a_role_is_effective(self, home: SandboxHome) -> None:
        work = home.work(stack=_stack())
        applied = await home.deploy(work)

        await publish_code(home.engine, work, applied, home, ignore_progress)

        [app] = [it for it in await home.engine.read_deployed_resources(_stack()) if it.type.endswith(":WebApp")]
        assert work.artifact is not None
        assert app.code == work.artifact.digest
