"""API Management: latency, reserved names, and the limits of each tier."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from semantest_iac.infrastructure.simulated_cloud.runtime.clock import SECONDS_PER_DAY, VirtualClock
from semantest_iac.infrastructure.simulated_cloud.runtime.cloud import SimulatedCloud
from semantest_iac.infrastructure.simulated_cloud.schema.refusals import CloudRefusal
from tests.unit.simulated_cloud.azure.samples import SAMPLES
from tests.unit.simulated_cloud.azure.tokens import API, API_POLICY, BACKEND, SERVICE, SUBNET, World

Refused = Callable[..., CloudRefusal]

_CONSUMPTION = {"name": "Consumption", "capacity": 0}


class TestServices:
    @pytest.mark.parametrize(
        ("sku", "minutes"),
        [("Consumption", 2), ("StandardV2", 5), ("Developer", 40)],
        ids=["consumption", "v2", "classic"],
    )
    def test_take_long_to_create(self, sku: str, minutes: int, make: Any, clock: VirtualClock) -> None:
        began = clock.seconds

        make(SERVICE, serviceName="apim-other", sku={"name": sku, "capacity": int(sku != "Consumption")})

        assert clock.seconds - began == minutes * 60

    def test_report_their_url(self, world: World) -> None:
        assert world[SERVICE].outputs["gatewayUrl"] == "https://apim-semantest.azure-api.net"

    @pytest.mark.parametrize(
        ("sku", "network", "fine"),
        [
            ("StandardV2", "External", True),
            ("StandardV2", "Internal", False),
            ("Standard", "External", False),
            ("Developer", "Internal", True),
        ],
    )
    def test_support_networks_by_tier(self, sku: str, network: str, fine: bool, make: Any) -> None:
        inputs = {"serviceName": "apim-other", "sku": {"name": sku, "capacity": 1}, "virtualNetworkType": network}

        if fine:
            assert make(SERVICE, **inputs).warnings == ()
        else:
            with pytest.raises(CloudRefusal, match=f"The tier {sku} does not support the network {network}"):
                make(SERVICE, **inputs)

    def test_require_a_delegated_subnet(self, refused: Refused, world: World) -> None:
        network = {"virtualNetworkType": "External"}
        config = {"virtualNetworkConfiguration": {"subnetResourceId": world[SUBNET].id}}

        assert "delegated" in refused(SERVICE, serviceName="apim-other", **network, **config).message

    @pytest.mark.parametrize("sku", [{"name": "Consumption", "capacity": 1}, {"name": "Developer", "capacity": 0}])
    def test_have_capacity_above_consumption_only(self, sku: dict[str, Any], refused: Refused) -> None:
        assert "capacity" in refused(SERVICE, serviceName="apim-other", sku=sku).message

    @pytest.mark.parametrize(
        "changes",
        [{"sku": {"name": "Standard", "capacity": 1}}],
        ids=["classic"],
    )
    def test_cannot_change_platform_or_network(
        self, changes: dict[str, Any], cloud: SimulatedCloud, world: World
    ) -> None:
        with pytest.raises(CloudRefusal, match="between the classic and the v2 tiers"):
            cloud.update(SERVICE, world[SERVICE].id, {**SAMPLES[SERVICE](world), **changes})


class TestServiceNames:
    @pytest.fixture(autouse=True)
    def deleted(self, cloud: SimulatedCloud, world: World) -> None:
        cloud.delete(SERVICE, world[SERVICE].id)

    def test_stay_reserved_for_two_days(self, refused: Refused, make: Any, clock: VirtualClock) -> None:
        refusal = refused(SERVICE)

        clock.advance(2 * SECONDS_PER_DAY + 1)

        assert refusal.code == "ServiceAlreadyExistsInSoftDeletedState"
        assert make(SERVICE).outputs["name"] == "apim-semantest"

    def test_are_free_for_a_restored_service(self, make: Any) -> None:
        assert make(SERVICE, restore=True).outputs["name"] == "apim-semantest"


class TestConsumption:
    @pytest.fixture(autouse=True)
    def small(self, make: Any) -> None:
        make(SERVICE, serviceName="apim-small", sku=_CONSUMPTION)
        make(API, serviceName="apim-small")

    def test_refuses_limits_by_key(self, refused: Refused) -> None:
        assert "the Consumption tier does not have it" in refused(API_POLICY, serviceName="apim-small").message

    def test_accepts_limits_without_key(self, make: Any) -> None:
        policy = '<policies><inbound><rate-limit calls="100" renewal-period="60" /></inbound></policies>'

        assert make(API_POLICY, serviceName="apim-small", value=policy).outputs["name"] == "policy"

    def test_refuses_websocket_apis(self, refused: Refused) -> None:
        refusal = refused(API, serviceName="apim-small", apiId="socket", apiType="websocket")

        assert refusal.message == "WebSocket APIs are not supported in the Consumption tier."


class TestBackends:
    def test_form_a_pool(self, make: Any, cloud: SimulatedCloud, world: World) -> None:
        pool = {"services": [{"id": world[BACKEND].id, "weight": 90, "priority": 1}]}

        made = make(BACKEND, backendId="pool", type="Pool", pool=pool, url=None, protocol=None, credentials=None)

        assert made.outputs["pool"] == pool
        with pytest.raises(CloudRefusal, match="in use by"):
            cloud.delete(BACKEND, world[BACKEND].id)

    def test_of_a_pool_must_exist(self, refused: Refused) -> None:
        pool = {"services": [{"id": "/none"}]}

        assert refused(BACKEND, backendId="pool", pool=pool, url=None).code == "ResourceNotFound"
