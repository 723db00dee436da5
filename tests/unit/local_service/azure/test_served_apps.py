"""Which app a request goes to, as the policy, the backends and the weights of the gateway say."""

from __future__ import annotations

from typing import Any

import pytest

from semantest_iac.domain.resource import DeployedResource
from semantest_iac.infrastructure.local_service.azure.served_apps import find_served_apps

_BACKEND, _APP = "azure-native:apimanagement:Backend", "azure-native:web:WebApp"
_POLICY = '<policies><inbound><set-backend-service backend-id="{}" /></inbound></policies>'


def app(name: str) -> DeployedResource:
    return DeployedResource(_APP, name, {"name": name, "defaultHostName": f"{name}.azurewebsites.net"})


def backend(backend_id: str, **inputs: Any) -> DeployedResource:
    return DeployedResource(_BACKEND, backend_id, {}, {"backendId": backend_id, **inputs}, id=f"/backends/{backend_id}")


def gateway(backend_id: str) -> list[DeployedResource]:
    pool = {"services": [{"id": "/backends/canary", "weight": 10}, {"id": "/backends/live", "weight": 90}]}
    policy = DeployedResource("azure-native:apimanagement:ApiPolicy", "api", {}, {"value": _POLICY.format(backend_id)})
    return [
        *(app("canary"), app("function"), policy),
        backend("live", url="https://function.azurewebsites.net"),
        backend("canary", url="https://canary.azurewebsites.net"),
        backend("shared", pool=pool),
    ]


class TestFindServedApps:
    def test_an_app_without_a_gateway_gets_everything(self) -> None:
        served = find_served_apps([app("function")])

        assert served.live == app("function")
        assert served.choose(lambda: 0.0) == ("", app("function"))

    def test_nothing_is_served_where_nothing_is_deployed(self) -> None:
        assert find_served_apps([]).live is None

    def test_a_pool_divides_by_its_weights(self) -> None:
        served = find_served_apps(gateway("shared"))

        assert served.share == pytest.approx(0.1)
        assert served.choose(lambda: 0.09) == ("canary", app("canary"))
        assert served.choose(lambda: 0.11) == ("", app("function"))

    @pytest.mark.parametrize(("backend_id", "key"), [("live", ""), ("canary", "canary")])
    def test_a_single_backend_gets_everything(self, backend_id: str, key: str) -> None:
        served = find_served_apps(gateway(backend_id))

        draws = iter((0.0, 0.5, 0.999))

        assert {served.choose(lambda: next(draws))[0] for _ in range(3)} == {key}
