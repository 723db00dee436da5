"""Fills in what a configuration does not say of the gateway."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from semantest_iac.domain.environments.environment_settings import EnvironmentSettings
from semantest_iac.domain.environments.platform.gateway_sections import (
    GatewayApiSection,
    GatewayProductSection,
    GatewaySection,
    GatewaySubscriptionSection,
)
from semantest_iac.domain.environments.platform.gateway_settings import DEFAULT_PUBLISHER, GatewaySettings, join_version
from semantest_iac.domain.environments.section_types import parse_secret_reference

DEFAULT_PRODUCT = "standard"
"""The name of the product with all APIs, where none is written."""


def resolve_gateway(
    section: GatewaySection | None, services: Collection[str], environment: EnvironmentSettings
) -> GatewaySettings:
    """Return the gateway of a component with these services, with an API for each of them where none is written."""
    section = section or GatewaySection()
    apis, login = find_gateway_apis(section, services), section.login
    products = section.products if section.products is not None else _make_default_products(apis)
    subscriptions = section.subscriptions
    if subscriptions is None:
        subscriptions = {name: GatewaySubscriptionSection(product=name) for name in products}
    return GatewaySettings(
        apis=apis,
        products=products,
        subscriptions=subscriptions,
        publisher_email=section.publisher_email or DEFAULT_PUBLISHER,
        login_user=login.user if login else "",
        login_secret=(parse_secret_reference(login.password) or "") if login else "",
        origins=environment.security.cors_origins,
        tier=environment.tiers.api_management,
        domain=section.domain or "",
        dns_zone=section.dns_zone or "",
    )


def find_gateway_apis(section: GatewaySection, services: Collection[str]) -> Mapping[str, GatewayApiSection]:
    """Return the APIs that are written, or else one for each service."""
    if section.apis is not None:
        return section.apis
    return {name: GatewayApiSection(service=name) for name in services}


def find_whole_path(name: str, api: GatewayApiSection) -> str:
    """Return the path of an API at the gateway, with its version."""
    return join_version(api.path or f"/{name}", api.version or "")


def _make_default_products(apis: Mapping[str, GatewayApiSection]) -> dict[str, GatewayProductSection]:
    with_key = tuple(name for name, api in apis.items() if api.key is not False)
    return {DEFAULT_PRODUCT: GatewayProductSection(apis=with_key)} if with_key else {}
