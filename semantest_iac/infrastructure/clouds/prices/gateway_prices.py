"""What AWS charges in us-east-1 for a gateway in front of services."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from semantest_iac.domain.costs.estimates import CostItem
from semantest_iac.domain.networking.managed_gateways import ManagedGateway
from semantest_iac.infrastructure.clouds.prices.price_table import PricedUsage, list_hours, make_tested_price

_MILLION = 1_000_000
AWS_GATEWAY_UNIT_PRICES: Final = {
    "rest requests": make_tested_price("aws", 3.50, "api_gateway_rest_api_test"),  # a million
    "answer cache": make_tested_price("aws", 0.02, "api_gateway_stage_test"),  # an hour of 0.5 GB
    "network load balancer": make_tested_price("aws", 0.0225, "lb_test"),  # an hour
}
"""USD, by what is charged. Capacity units of the load balancer and calls of the authorizer are not in it."""


def list_aws_gateway_items(gateway: ManagedGateway, priced: PricedUsage) -> Iterator[CostItem]:
    """Yield requests, the cache if an API has one, and the load balancer that leads to services in a network."""
    requests = priced.usage.requests / _MILLION
    yield CostItem(gateway.name, "requests", requests, "million", AWS_GATEWAY_UNIT_PRICES["rest requests"])
    for what, is_there in (
        ("answer cache", any(api.cache for api in gateway.apis)),
        ("network load balancer", bool(gateway.services)),
    ):
        yield from list_hours(gateway.name, what, AWS_GATEWAY_UNIT_PRICES[what], int(is_there))
