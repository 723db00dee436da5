"""The site layer: what it has in each environment, alone and in the platform."""

from __future__ import annotations

from typing import Any

import pytest

from semantest_iac.domain.networking.custom_domains import DnsZone
from semantest_iac.domain.networking.sites import ContentDelivery, Geography, StaticSite, WebFirewall
from tests.unit.domain.layer_resources import build_resources

_SITE: dict[str, Any] = {"source": "./site", "variables": {"NAME": "shop", "API_URL": "${gateway.url}"}}
_OWN_DOMAIN = {**_SITE, "domain": "app.semantest.com", "dns_zone": "semantest.com"}
_ALL = (StaticSite, ContentDelivery, WebFirewall, DnsZone)


def _build(environment: str, site: dict[str, Any], component: str = "site", **written: Any) -> dict[type, Any]:
    resources = build_resources(component, environment, components={component: {"site": site}}, **written)
    return {type(it): it for it in resources.values() if isinstance(it, _ALL)}


@pytest.mark.parametrize("component", ["site", "platform"])
@pytest.mark.parametrize(
    ("environment", "kinds"),
    [
        ("development", {StaticSite, ContentDelivery}),
        ("qa", {StaticSite, ContentDelivery}),
        ("staging", {*_ALL}),
        ("production", {*_ALL}),
    ],
)
def test_has_a_firewall_and_a_zone_where_there_is_a_cdn(environment: str, kinds: set[type], component: str) -> None:
    built = _build(environment, _OWN_DOMAIN, component)

    assert built.keys() == kinds
    assert built[ContentDelivery].caches is built[StaticSite].is_delivered is (len(kinds) > 2)


def test_flag_of_the_cdn_leaves_the_site() -> None:
    built = _build("production", _OWN_DOMAIN, features={"enable_cdn": False})

    assert built.keys() == {StaticSite, ContentDelivery}
    assert (built[ContentDelivery].domain, built[ContentDelivery].caches) == ("", False)


def test_is_no_part_of_a_platform_without_files() -> None:
    assert not any(isinstance(it, _ALL) for it in build_resources("platform", "production").values())


def test_has_headers_about_security_that_others_replace_in_any_case() -> None:
    headers = _build("staging", {**_SITE, "headers": {"x-frame-options": "DENY", "X-Shop": "1"}})[StaticSite].headers

    assert headers == {
        "Referrer-Policy": "strict-origin-when-cross-origin",
        "Strict-Transport-Security": "max-age=31536000",
        "X-Content-Type-Options": "nosniff",
        "x-frame-options": "DENY",
        "X-Shop": "1",
    }


def test_variables_of_a_gateway_are_left_out_without_one() -> None:
    site = _build("staging", _SITE)[StaticSite]

    assert (site.variables, site.addresses) == ({"NAME": "shop"}, {})


def test_geographies_and_the_firewall_can_be_chosen() -> None:
    built = _build("staging", {**_SITE, "geographies": ["asia"], "waf": False})

    assert built[ContentDelivery].geographies == (Geography.ASIA,)
    assert WebFirewall not in built
