"""What Azure charges in eastus for the parts of a virtual network; data that passes them is not in it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Final

from semantest_iac.domain.costs.estimates import CostItem
from semantest_iac.domain.networking.private_endpoints import PrivateEndpoint
from semantest_iac.domain.networking.virtual_networks import (
    BastionHost,
    DdosProtectionPlan,
    NatGateway,
    NetworkFirewall,
)
from semantest_iac.domain.resource import Resource
from semantest_iac.infrastructure.clouds.prices.price_table import (
    ListKindItems,
    PricedUsage,
    list_hours,
    make_tested_price,
)

_tested = partial(make_tested_price, "azure")


AZURE_NETWORK_UNIT_PRICES: Final = {  # an hour
    "NAT gateway": _tested(0.045, "nat_gateway_test"),
    "public address": _tested(0.005, "public_ip_test", "2026-04-03"),  # static and regional
    "firewall": _tested(1.25, "firewall_test"),  # Standard
    "bastion host": _tested(0.19, "bastion_host_test"),  # Basic
    "DDoS plan": _tested(4.032, "network_ddos_protection_plan_test"),  # up to 100 addresses
    "private endpoint": _tested(0.01, "private_endpoint_test"),
}
"""USD, by what is charged."""
_PRIVATE_ZONE: Final = _tested(0.50, "private_dns_zone_test")  # a month


def _list_hours(name: str, what: str, count: int = 1) -> Iterator[CostItem]:
    return list_hours(name, what, AZURE_NETWORK_UNIT_PRICES[what], count)


def _list_nat_items(gateway: NatGateway, priced: PricedUsage) -> Iterator[CostItem]:
    yield from _list_hours(gateway.name, "NAT gateway")
    yield from _list_hours(gateway.name, "public address")


def _list_firewall_items(firewall: NetworkFirewall, priced: PricedUsage) -> Iterator[CostItem]:
    yield from _list_hours(firewall.name, "firewall")
    yield from _list_hours(firewall.name, "public address")


def _list_bastion_items(bastion: BastionHost, priced: PricedUsage) -> Iterator[CostItem]:
    yield from _list_hours(bastion.name, "bastion host")
    yield from _list_hours(bastion.name, "public address")


def _list_protection_items(plan: DdosProtectionPlan, priced: PricedUsage) -> Iterator[CostItem]:
    """Who manages an existing plan pays for it."""
    return _list_hours(plan.name, "DDoS plan", 0 if plan.existing_id else 1)


def _list_endpoint_items(endpoint: PrivateEndpoint, priced: PricedUsage) -> Iterator[CostItem]:
    yield from _list_hours(endpoint.name, "private endpoint", len(endpoint.targets))
    yield CostItem(endpoint.name, "private DNS zone", 1, "each", _PRIVATE_ZONE, is_fixed=True)


AZURE_NETWORK_PRICES: Final[Mapping[type[Resource], ListKindItems]] = {
    BastionHost: _list_bastion_items,
    DdosProtectionPlan: _list_protection_items,
    NatGateway: _list_nat_items,
    NetworkFirewall: _list_firewall_items,
    PrivateEndpoint: _list_endpoint_items,
}
