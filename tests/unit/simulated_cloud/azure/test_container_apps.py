"""What Azure refuses of container apps, their environments and registries, and what it answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from semantest_iac.infrastructure.simulated_cloud.azure.platform.containers.containers import (
    CONTAINER_APP_TYPE,
    ENVIRONMENT_TYPE,
    REGISTRY_TYPE,
)
from semantest_iac.infrastructure.simulated_cloud.runtime.cloud import SimulatedCloud
from semantest_iac.infrastructure.simulated_cloud.schema.refusals import CloudRefusal, CreatedResource
from tests.unit.simulated_cloud.azure.samples import SAMPLES
from tests.unit.simulated_cloud.azure.tokens import SUBNET, World

Make = Callable[..., CreatedResource]
Refused = Callable[..., CloudRefusal]

_DELEGATED = [{"name": "app", "serviceName": "Microsoft.App/environments"}]


def _template(world: World, **changes: Any) -> dict[str, Any]:
    template: dict[str, Any] = SAMPLES[CONTAINER_APP_TYPE](world)["template"]
    return {**template, "containers": [{**template["containers"][0], **changes}]}


class TestEnvironment:
    @pytest.mark.parametrize(
        ("subnet", "code"),
        [
            ({"addressPrefix": "10.0.8.0/24", "delegations": []}, "ManagedEnvironmentSubnetDelegationError"),
            ({"addressPrefix": "10.0.8.0/28", "delegations": _DELEGATED}, "ManagedEnvironmentSubnetSizeNotValid"),
        ],
    )
    def test_needs_a_delegated_subnet_that_is_large_enough(
        self, subnet: dict[str, Any], code: str, make: Make, refused: Refused
    ) -> None:
        own = make(SUBNET, subnetName="app", **subnet)

        refusal = refused(
            ENVIRONMENT_TYPE, environmentName="other", vnetConfiguration={"infrastructureSubnetId": own.id}
        )

        assert refusal.code == code

    def test_has_its_subnet_for_itself(self, cloud: SimulatedCloud, make: Make, refused: Refused, world: World) -> None:
        subnet = make(SUBNET, subnetName="app", addressPrefix="10.0.8.0/24", delegations=_DELEGATED)
        network = {"infrastructureSubnetId": subnet.id, "internal": True}
        first = make(
            ENVIRONMENT_TYPE, environmentName="first", vnetConfiguration=network, publicNetworkAccess="Disabled"
        )

        refusal = refused(
            ENVIRONMENT_TYPE, environmentName="second", vnetConfiguration=network, publicNetworkAccess="Disabled"
        )
        inputs = {
            **SAMPLES[ENVIRONMENT_TYPE](world),
            "environmentName": "first",
            "vnetConfiguration": network,
            "publicNetworkAccess": "Disabled",
        }
        cloud.update(ENVIRONMENT_TYPE, first.id, inputs)

        assert refusal.code == "ManagedEnvironmentSubnetInUse"
        assert first.outputs["staticIp"].startswith("10.0.8.")

    @pytest.mark.parametrize("changes", [{"vnetConfiguration": {"internal": True}}, {"zoneRedundant": True}])
    def test_is_private_and_spans_zones_in_a_network_alone(self, changes: dict[str, Any], refused: Refused) -> None:
        refusal = refused(ENVIRONMENT_TYPE, environmentName="other", publicNetworkAccess="Disabled", **changes)

        assert "needs infrastructureSubnetId" in refusal.message

    def test_with_an_app_stays(self, cloud: SimulatedCloud, world: World) -> None:
        with pytest.raises(CloudRefusal):
            cloud.delete(ENVIRONMENT_TYPE, world[ENVIRONMENT_TYPE].id)


class TestApp:
    @pytest.mark.parametrize(
        ("changes", "code"),
        [
            ({"resources": {"cpu": 0.5, "memory": "2Gi"}}, "ContainerAppInvalidResourceTotal"),
            ({"env": [{"name": "KEY", "secretRef": "key"}]}, "ContainerAppSecretRefNotFound"),
        ],
    )
    def test_runs_containers_that_fit(self, changes: dict[str, Any], code: str, refused: Refused, world: World) -> None:
        refusal = refused(CONTAINER_APP_TYPE, containerAppName="other", template=_template(world, **changes))

        assert refusal.code == code

    def test_scales_upwards(self, refused: Refused, world: World) -> None:
        template = {**_template(world), "scale": {"minReplicas": 5, "maxReplicas": 2}}

        assert refused(CONTAINER_APP_TYPE, containerAppName="other", template=template).code == (
            "ContainerAppInvalidScaleSpec"
        )

    def test_runs_on_a_profile_of_its_environment(self, refused: Refused) -> None:
        refusal = refused(CONTAINER_APP_TYPE, containerAppName="other", workloadProfileName="dedicated")

        assert refusal.code == "WorkloadProfileNotFound"

    def test_reads_as_an_identity_of_its_own(self, refused: Refused) -> None:
        registries = [{"server": "images.azurecr.io", "identity": "/subscriptions/1/somebody"}]

        refusal = refused(CONTAINER_APP_TYPE, containerAppName="other", configuration={"registries": registries})

        assert refusal.code == "InvalidIdentity"

    def test_has_a_revision_for_each_of_what_it_ran(self, cloud: SimulatedCloud, world: World) -> None:
        app = world[CONTAINER_APP_TYPE]
        inputs = {**SAMPLES[CONTAINER_APP_TYPE](world), "template": _template(world, image="other:2")}

        updated = cloud.update(CONTAINER_APP_TYPE, app.id, inputs)

        assert updated["latestRevisionName"] != app.outputs["latestRevisionName"]
        assert updated["latestRevisionFqdn"].endswith(world[ENVIRONMENT_TYPE].outputs["defaultDomain"])


class TestRegistry:
    @pytest.mark.parametrize("changes", [{"publicNetworkAccess": "Disabled"}, {"zoneRedundancy": "Enabled"}])
    def test_is_private_in_the_premium_tier_alone(self, changes: dict[str, Any], make: Make, refused: Refused) -> None:
        assert refused(REGISTRY_TYPE, registryName="otherimages", **changes).code == "SKUNotSupported"
        assert (
            make(REGISTRY_TYPE, registryName="otherimages", sku={"name": "Premium"}, **changes).outputs["loginServer"]
            == "otherimages.azurecr.io"
        )

    def test_has_a_name_that_nobody_else_has(self, refused: Refused) -> None:
        assert refused(REGISTRY_TYPE, resourceGroupName="rg-semantest").code in ("AlreadyInUse", "Conflict")
