"""What a configuration has to say of layers that are nothing without it."""

from __future__ import annotations

from typing import Any

_APIS = {
    "orders": {"url": "https://orders.example.org", "login": True, "rate": {"calls": 100, "seconds": 60}},
    "prices": {"url": "https://prices.example.org/v1", "key": False, "cache": {"seconds": 30, "query": ["page"]}},
}
GATEWAY_SECTION = {
    "gateway": {
        "apis": _APIS,
        "products": {"standard": {"apis": ["orders"], "rate": {"calls": 10}, "quota": {"calls": 1000}}},
        "subscriptions": {"web": {"product": "standard"}},
        "login": {"user": "semantest", "password": "${secrets.gateway_password}"},
    }
}


def layer_values(component: str) -> dict[str, Any]:
    """Return the values of a configuration with which a layer alone has resources in every environment."""
    if component != "gateway":
        return {}
    return {"components": {"gateway": GATEWAY_SECTION}, "features": {"enable_api_management": True}}
