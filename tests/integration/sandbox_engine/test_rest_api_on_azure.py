"""The rest-api in the sandbox's Azure, in every form that it can have."""

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
from tests.integration.sandbox_engine.rest_api import House, unwatched
from tests.unit.cloud_programs.variants import VARIANTS

_FORMS = [
    *((variant, "development") for variant in ("plain", "limited", "unwatched", "network of others")),
    *(("secrets", "production"), ("network with secrets", "qa"), ("authorizer", "staging"), ("told", "staging")),
]
_GROUP = "azure-native:resources:ResourceGroup"
_WORKSPACE = "azure-native:operationalinsights:Workspace"
_IN_GROUP = {"resourceGroupName": "theirs"}


def _stack(environment: str = "development", region: str = "eastus") -> Stack:
    return Stack("rest-api", "azure", environment, region)


@pytest.fixture
def house(tmp_path: Path) -> House:
    """A home whose cloud has a network that belongs to somebody else."""
    house = House(tmp_path)
    cloud = house.cloud("azure-native", "eastus")
    cloud.create(_GROUP, {**_IN_GROUP, "location": "eastus"}, owner="them")
    network = {**_IN_GROUP, "virtualNetworkName": "net", "addressSpace": {"addressPrefixes": ["10.9.0.0/16"]}}
    cloud.create("azure-native:network:VirtualNetwork", network, owner="them")
    handed = [{"name": "functions", "serviceName": "Microsoft.App/environments"}]
    subnet = {"virtualNetworkName": "net", "subnetName": "functions", "addressPrefix": "10.9.0.0/24"}
    made = cloud.create("azure-native:network:Subnet", {**_IN_GROUP, **subnet, "delegations": handed}, owner="them")
    house.theirs = {"subnet-1": made.id}
    return house


def _filled(value: Any, theirs: Mapping[str, str]) -> Any:
    """The configuration with the id of the subnet of others in its place."""
    if isinstance(value, Mapping):
        return {name: _filled(item, theirs) for name, item in value.items()}
    if isinstance(value, list):
        return [_filled(item, theirs) for item in value]
    return theirs.get(value, value) if isinstance(value, str) else value


def _living(house: House, region: str = "eastus") -> set[tuple[str, str]]:
    return set(house.cloud("azure-native", region).list_resources())


class TestEveryForm:
    @pytest.mark.parametrize(("variant", "environment"), _FORMS)
    async def test_is_made_kept_removed_and_made_again(self, house: House, variant: str, environment: str) -> None:
        stack, configuration = _stack(environment), _filled(VARIANTS[variant], house.theirs)
        before = _living(house)

        made = (await house.deploy(house.work(configuration, stack))).changes
        again = (await house.deploy(house.work(configuration, stack))).changes
        assert (made.create, again) == (again.same, ChangeCounts(same=made.create))
        assert set(house.remembered(stack)) == _living(house) - before
        assert integrity.faults(house.engine.export(stack)) == []

        await house.destroy(stack)
        kept = {type_ for type_, _ in _living(house) - before}
        assert kept == ({_GROUP, _WORKSPACE} if environment == "production" else set())
        assert (await house.deploy(house.work(configuration, stack, generation=2))).changes.create == made.create


class TestChanges:
    async def test_of_the_range_move_the_app_to_another_network(self, house: House) -> None:
        await house.deploy(house.work(_placed("10.1.0.0/20"), _stack()))

        plan = await house.engine.preview(house.work(_placed("10.2.0.0/20"), _stack()))
        await house.deploy(house.work(_placed("10.2.0.0/20"), _stack()))

        changed = {(change.type.rpartition(":")[2], change.op) for change in plan.mutations}
        assert changed == {("VirtualNetwork", "replace"), ("Subnet", "replace"), ("WebApp", "update")}
        assert (await house.engine.preview(house.work(_placed("10.2.0.0/20"), _stack()))).mutations == ()

    async def test_of_the_language_make_the_app_anew_and_leave_it_without_code(self, house: House) -> None:
        before = house.work(stack=_stack())
        assert before.artifact is not None
        applied = await house.deploy(before)
        await publish_code(house.engine, before, applied, house, unwatched)
        after = replace(before, artifact=replace(before.artifact, runtime="nodejs24.x"))

        plan = await house.engine.preview(after)

        assert {(change.type.rpartition(":")[2], change.op) for change in plan.mutations} == {
            ("WebApp", "replace"),
            ("DiagnosticSetting", "replace"),
        }
        assert plan.lacks_code

    async def test_that_call_for_a_gateway_move_what_is_watched_to_it(self, house: House) -> None:
        plain, secured = house.work(stack=_stack()), house.work(VARIANTS["authorizer"], _stack())
        await house.deploy(plain)

        plan = await house.engine.preview(secured)
        await house.deploy(secured)
        await house.deploy(plain)

        replaced = {change.name for change in plan.mutations if change.op == "replace"}
        assert replaced == {"alarm-server-errors", "alarm-throttles"}
        assert (await house.engine.preview(plain)).mutations == ()


def _placed(cidr: str) -> dict[str, Any]:
    return {"components": {"rest-api": {"network": {"private": True, "cidr": cidr}}}}


class TestNames:
    async def test_of_the_world_that_somebody_has_are_refused_with_the_way_out(self, house: House) -> None:
        plan = await house.engine.preview(house.work(stack=_stack()))
        await house.deploy(house.work(stack=_stack()))
        [app] = [it.outputs["name"] for it in await house.engine.deployed(_stack()) if it.type.endswith(":WebApp")]
        await house.destroy(_stack())
        theirs = {**_IN_GROUP, "location": "eastus", "name": app, "kind": "app"}
        house.cloud("azure-native", "eastus").create("azure-native:web:WebApp", theirs, owner="them")

        with pytest.raises(ProviderError, match=f"Website with given name {app} already exists"):
            await house.deploy(house.work(stack=_stack()))

        assert plan.changes.create > 0


class TestCode:
    async def test_waits_in_the_cloud_s_own_time_until_a_role_acts(self, house: House) -> None:
        work = house.work(stack=_stack())
        applied = await house.deploy(work)

        await publish_code(house.engine, work, applied, house, unwatched)

        [app] = [it for it in await house.engine.deployed(_stack()) if it.type.endswith(":WebApp")]
        assert work.artifact is not None
        assert app.code == work.artifact.digest
