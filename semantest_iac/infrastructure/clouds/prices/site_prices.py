"""What static sites and their delivery cost; data that leaves the cloud is not in it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Final

from semantest_iac.domain.costs.estimates import CostItem
from semantest_iac.domain.networking.custom_domains import DnsZone
from semantest_iac.domain.networking.sites import ContentDelivery, StaticSite, WebFirewall
from semantest_iac.domain.resource import Resource
from semantest_iac.infrastructure.clouds.prices.price_table import (
    ListKindItems,
    PricedUsage,
    list_monthly,
    make_catalogued_price,
    make_tested_price,
)

_MILLION: Final = 1_000_000
_tested = partial(make_tested_price, "aws")
AWS_SITE_UNIT_PRICES: Final = {
    "delivered requests": _tested(1.00, "cloudfront_distribution_test"),  # a million by HTTPS, in North America
    "object reads": _tested(0.40, "s3_bucket_test"),  # a million
    "web ACL": _tested(5.00, "wafv2_web_acl_test"),  # a month
    "rules": _tested(1.00, "wafv2_web_acl_test"),  # a rule and month
    "inspected requests": _tested(0.60, "wafv2_web_acl_test"),  # a million
    "hosted zone": _tested(0.50, "route53_zone_test"),  # a month
}
"""USD, by what is charged."""
_RULES: Final = 3  # the limit for each address, and two groups


def _list_delivery_items(delivery: ContentDelivery, priced: PricedUsage) -> Iterator[CostItem]:
    millions = priced.usage.requests / _MILLION
    yield CostItem(delivery.name, "requests", millions, "million", AWS_SITE_UNIT_PRICES["delivered requests"])


def _list_site_items(site: StaticSite, priced: PricedUsage) -> Iterator[CostItem]:
    """As if nothing was cached."""
    millions = priced.usage.requests / _MILLION
    yield CostItem(site.name, "reads", millions, "million", AWS_SITE_UNIT_PRICES["object reads"])


def _list_firewall_items(firewall: WebFirewall, priced: PricedUsage) -> Iterator[CostItem]:
    millions, prices = priced.usage.requests / _MILLION, AWS_SITE_UNIT_PRICES
    yield CostItem(firewall.name, "web ACL", 1, "each", prices["web ACL"], is_fixed=True)
    yield CostItem(firewall.name, "rules", _RULES, "rule", prices["rules"], is_fixed=True)
    yield CostItem(firewall.name, "requests", millions, "million", prices["inspected requests"])


AZURE_SITE_UNIT_PRICES: Final = {
    "zone": make_tested_price("azure", 0.50, "dns_zone_test"),  # a month
    "Static Web App, Standard": make_tested_price("azure", 9.00, "static_site_test", "2026-05-04"),  # a month
    "Front Door Premium": make_catalogued_price(330.00, "azure/azurerm_cdn_frontdoor_profile", "2026-06-10"),  # a month
}
"""USD, by what is charged. No dated public source was found for requests to Front Door Premium."""
AZURE_FREE_SITE_KINDS: Final = frozenset({WebFirewall})
"""Source: Microsoft's page "Compare pricing between Azure Front Door tiers"; rules are free on Standard and Premium."""


def _list_azure_delivery_items(delivery: ContentDelivery, priced: PricedUsage) -> Iterator[CostItem]:
    """Without a cache the site answers itself."""
    if delivery.caches:
        price = AZURE_SITE_UNIT_PRICES["Front Door Premium"]
        yield CostItem(delivery.name, "Front Door Premium", 1, "each", price, is_fixed=True)
        yield CostItem(delivery.name, "requests", priced.usage.requests / _MILLION, "million", None)


def _list_azure_site_items(site: StaticSite, _priced: PricedUsage) -> Iterator[CostItem]:
    """The plan without a delivery is free."""
    if site.is_delivered:
        price = AZURE_SITE_UNIT_PRICES["Static Web App, Standard"]
        yield CostItem(site.name, "Static Web App, Standard", 1, "each", price, is_fixed=True)


AWS_SITE_PRICES: Final[Mapping[type[Resource], ListKindItems]] = {
    ContentDelivery: _list_delivery_items,
    DnsZone: list_monthly("hosted zone", AWS_SITE_UNIT_PRICES["hosted zone"]),
    StaticSite: _list_site_items,
    WebFirewall: _list_firewall_items,
}
AZURE_SITE_PRICES: Final[Mapping[type[Resource], ListKindItems]] = {
    ContentDelivery: _list_azure_delivery_items,
    DnsZone: list_monthly("zone", AZURE_SITE_UNIT_PRICES["zone"]),
    StaticSite: _list_azure_site_items,
}
