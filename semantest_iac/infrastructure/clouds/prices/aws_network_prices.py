"""What AWS charges in us-east-1 for the parts of a virtual network; data that passes them is not in it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from semantest_iac.domain.costs.estimates import CostItem
from semantest_iac.domain.networking.private_endpoints import PrivateEndpoint, PrivateService
from semantest_iac.domain.networking.virtual_networks import (
    DdosProtectionPlan,
    NatGateway,
    NetworkFirewall,
    VirtualNetwork,
)
from semantest_iac.domain.resource import Resource
from semantest_iac.infrastructure.clouds.prices.price_table import (
    ListKindItems,
    PricedUsage,
    list_hours,
    make_catalogued_price,
    make_tested_price,
)

AWS_NETWORK_UNIT_PRICES: Final = {  # an hour, in one zone
    "NAT gateway": make_tested_price("aws", 0.045, "nat_gateway_test"),
    "firewall endpoint": make_tested_price("aws", 0.395, "networkfirewall_firewall_test"),
    "interface endpoint": make_tested_price("aws", 0.01, "vpc_endpoint_test", "2024-10-18"),
    "public address": make_catalogued_price(0.005, "aws/aws_eip", "2026-06-09"),
}
"""USD, by what is charged."""
_SHIELD: Final = make_catalogued_price(3000.00, "aws/aws_shield_protection", "2026-06-10")  # a month

_INTERFACES: Final = {
    PrivateService.CONTAINERS: 3,
    PrivateService.FILES: 1,
    PrivateService.FUNCTIONS: 1,
    PrivateService.GATEWAY: 1,
    PrivateService.IMAGES: 2,
    PrivateService.MESSAGING: 2,
    PrivateService.PIPELINES: 2,
    PrivateService.SECRETS: 1,
}
"""How many interface endpoints a service has; gateway endpoints are free."""


def _count_zones(priced: PricedUsage) -> int:
    return max((it.zones for it in priced.blueprint.resources if isinstance(it, VirtualNetwork)), default=1)


def _list_hours(name: str, what: str, count: int) -> Iterator[CostItem]:
    return list_hours(name, what, AWS_NETWORK_UNIT_PRICES[what], count)


def _list_nat_items(gateway: NatGateway, priced: PricedUsage) -> Iterator[CostItem]:
    count = _count_zones(priced) if gateway.high_availability else 1
    yield from _list_hours(gateway.name, "NAT gateway", count)
    yield from _list_hours(gateway.name, "public address", count)


def _list_firewall_items(firewall: NetworkFirewall, priced: PricedUsage) -> Iterator[CostItem]:
    return _list_hours(firewall.name, "firewall endpoint", _count_zones(priced))


def _list_endpoint_items(endpoint: PrivateEndpoint, priced: PricedUsage) -> Iterator[CostItem]:
    count = _INTERFACES.get(endpoint.service, 0)
    return _list_hours(endpoint.name, "interface endpoint", count * _count_zones(priced))


def _list_protection_items(plan: DdosProtectionPlan, priced: PricedUsage) -> Iterator[CostItem]:
    """Shield Standard costs nothing."""
    if plan.accept_commitment:
        yield CostItem(plan.name, "Shield Advanced", 1, "each", _SHIELD, is_fixed=True)


AWS_NETWORK_PRICES: Final[Mapping[type[Resource], ListKindItems]] = {
    DdosProtectionPlan: _list_protection_items,
    NatGateway: _list_nat_items,
    NetworkFirewall: _list_firewall_items,
    PrivateEndpoint: _list_endpoint_items,
}
