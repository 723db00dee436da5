"""What the layer of the gateway says to browsers."""

from __future__ import annotations

from typing import Any

import pytest

from semantest_iac.domain.networking.managed_gateways import ManagedGateway
from tests.unit.domain.layer_resources import build_resources

_URL = "https://orders.example.org"
_LOGIN = {"user": "semantest", "password": "${secrets.password}"}
_JWT = {"issuer": "https://login.example.org/", "audience": ["orders"], "header": "X-Token"}


@pytest.mark.parametrize(
    ("api", "headers"),
    [
        ({"cors": {"headers": ["content-type"]}}, {"content-type", "x-api-key"}),
        ({"cors": {"headers": ["X-API-Key"]}, "login": True}, {"X-API-Key", "Authorization"}),
        ({"cors": {"headers": ["*"]}, "jwt": _JWT}, {"*"}),
        ({"key": False, "jwt": _JWT}, {"authorization", "content-type", "x-correlation-id", "X-Token"}),
    ],
)
def test_browsers_may_send_what_an_api_asks_for(api: dict[str, Any], headers: set[str]) -> None:
    gateway = {"apis": {"orders": {"url": _URL, **api}}, "login": _LOGIN}
    resources = build_resources("gateway", "development", components={"gateway": {"gateway": gateway}})
    [found] = (it for it in resources.values() if isinstance(it, ManagedGateway))

    assert found.apis[0].cors is not None
    assert set(found.apis[0].cors.headers) == headers
