"""The site layer: the files of a website, what delivers them, and by choice a firewall and a zone."""

from __future__ import annotations

from collections.abc import Iterator

from semantest_iac.domain.blueprints.platform.layer import Layer, LayerContext
from semantest_iac.domain.environments.platform.site_settings import GATEWAY_REFERENCE, SiteSettings
from semantest_iac.domain.networking.custom_domains import DNS_RECORDS_OUTPUT, NAME_SERVERS_OUTPUT, ZONE_REF, DnsZone
from semantest_iac.domain.networking.managed_gateways import ManagedGateway
from semantest_iac.domain.networking.sites import ContentDelivery, Geography, StaticSite, WebFirewall
from semantest_iac.domain.resource import Ref, Resource

SITE_REF, DELIVERY_REF, WEB_FIREWALL_REF = Ref("site"), Ref("delivery"), Ref("web-firewall")


def build_site(context: LayerContext) -> Layer:
    """Build the site and its delivery, which caches where the environment has a CDN."""
    site = context.platform.site
    before = tuple(_build_before_delivery(site))
    built = {it.name: it for it in before}
    before = tuple(context.leave_out_built(before))  # the gateway has made the zone that it shares
    delivery = ContentDelivery(
        name=DELIVERY_REF,
        site=SITE_REF,
        firewall=WEB_FIREWALL_REF if WEB_FIREWALL_REF in built else None,
        zone=ZONE_REF if ZONE_REF in built else None,
        domain=site.domain if site.caches else "",
        caches=site.caches,
        single_page=site.single_page,
        headers=site.headers,
        geographies=tuple(map(Geography, site.geographies)),
    )
    outputs = {"site_url": (DELIVERY_REF, "url"), "site_host": (DELIVERY_REF, "host")}
    if delivery.domain and delivery.zone is None:
        outputs[f"site_{DNS_RECORDS_OUTPUT}"] = (DELIVERY_REF, "records")
    if delivery.zone:
        outputs[f"site_{NAME_SERVERS_OUTPUT}"] = (ZONE_REF, "name_servers")
    return Layer((_build_files(site, context), *before, delivery), outputs)


def _build_files(site: SiteSettings, context: LayerContext) -> StaticSite:
    """Build the files; a variable with the address of a gateway is left out where there is none."""
    gateway = context.find_first(ManagedGateway)
    of_gateway = [name for name, value in site.variables.items() if value == GATEWAY_REFERENCE]
    return StaticSite(
        name=SITE_REF,
        single_page=site.single_page,
        cache_s=site.cache_s,
        headers=site.headers,
        variables={name: value for name, value in site.variables.items() if name not in of_gateway},
        addresses=dict.fromkeys(of_gateway, gateway) if gateway else {},
        is_delivered=site.caches,
    )


def _build_before_delivery(site: SiteSettings) -> Iterator[Resource]:
    if site.caches and site.waf:
        yield WebFirewall(name=WEB_FIREWALL_REF)
    if site.caches and site.dns_zone:
        yield DnsZone(name=ZONE_REF, zone=site.dns_zone)
