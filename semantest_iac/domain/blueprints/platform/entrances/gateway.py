"""The gateway layer: what receives the requests from outside and leads them to the services."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from semantest_iac.domain.blueprints.parts import build_domain, build_secrets, secret_ref
from semantest_iac.domain.blueprints.platform.layer import TRACES_REF, Layer, LayerContext, service_ref
from semantest_iac.domain.environments.platform.gateway_sections import (
    GatewayApiSection,
    GatewayOperationSection,
    GatewayProductSection,
    HeaderRulesSection,
    ResponseCacheSection,
)
from semantest_iac.domain.environments.platform.gateway_settings import GatewaySettings
from semantest_iac.domain.environments.platform.layer_settings import SITE_LAYER
from semantest_iac.domain.environments.section_types import Section
from semantest_iac.domain.environments.settings import Authorizer, Cors
from semantest_iac.domain.networking.access_rules import NetworkPart
from semantest_iac.domain.networking.custom_domains import ZONE_REF
from semantest_iac.domain.networking.managed_gateways import (
    EVERY_OPERATION,
    KEY_HEADER,
    LOGIN_HEADER,
    GatewayApi,
    GatewayOperation,
    GatewayProduct,
    GatewaySubscription,
    HeaderRules,
    ManagedGateway,
    RequestQuota,
    RequestRate,
    ResponseCache,
)
from semantest_iac.domain.networking.networks import LoadBalancer
from semantest_iac.domain.networking.virtual_networks import VirtualNetwork
from semantest_iac.domain.resource import Ref
from semantest_iac.domain.security.vaults import SecretVault

GATEWAY_REF = Ref("gateway")


def build_gateway(context: LayerContext) -> Layer:
    """Build the gateway; without an API there is none, which would answer 404 to everybody and cost the same."""
    settings = context.platform.gateway
    if not settings.apis:
        return Layer(())
    secrets = tuple(context.leave_out_built(build_secrets(context.settings)))
    gateway = ManagedGateway(
        name=GATEWAY_REF,
        publisher_email=settings.publisher_email,
        apis=tuple(
            _make_api(name, api, service_ref(api.service) if api.service else None, settings)
            for name, api in settings.apis.items()
        ),
        products=tuple(_make_product(name, product) for name, product in settings.products.items()),
        subscriptions=tuple(GatewaySubscription(name, it.product) for name, it in settings.subscriptions.items()),
        tier=settings.tier,
        login_user=settings.login_user,
        login_secret=secret_ref(settings.login_secret) if settings.login_secret else None,
        network=context.find_first(VirtualNetwork),
        subnet=context.find_subnet(NetworkPart.GATEWAY),
        load_balancer=context.find_first(LoadBalancer),
        vault=context.find_first(SecretVault),
        log_store=context.find_ref(TRACES_REF),
        tracing=context.settings.features.tracing,
    )
    domain, domain_outputs = build_domain(
        settings.domain, settings.dns_zone, GATEWAY_REF, "gateway", _find_zone_of_site(context)
    )
    outputs = {"gateway_url": (GATEWAY_REF, "url"), "gateway_name": (GATEWAY_REF, "name"), **domain_outputs}
    return Layer((*secrets, gateway, *domain), outputs)


def _find_zone_of_site(context: LayerContext) -> Ref | None:
    """Return the zone of the site, if it is the gateway's too: a stack makes a zone once."""
    site = context.platform.site
    is_shared = (
        site.caches and SITE_LAYER in context.platform.layers and site.dns_zone == context.platform.gateway.dns_zone
    )
    return ZONE_REF if is_shared else None


def _make_api(name: str, api: GatewayApiSection, service: Ref | None, settings: GatewaySettings) -> GatewayApi:
    """Return an API, whose backend is a service unless it has an address."""
    operations = _list_operations(api.operations)
    return GatewayApi(
        name=name,
        path=api.path or f"/{name}",
        version=api.version or "",
        service=service,
        url=api.url or "",
        operations=operations,
        needs_key=api.key is not False,
        needs_login=api.login is True,
        authorizer=Authorizer(**_written(api.jwt)) if api.jwt else None,
        rate=RequestRate(**_written(api.rate)) if api.rate else None,
        cache=_make_cache(api.cache, operations) if api.cache else None,
        allowed_ips=api.allow_ips or (),
        request_headers=_make_header_rules(api.request_headers),
        response_headers=_make_header_rules(api.response_headers),
        cors=_make_cors(api, settings),
    )


def _make_product(name: str, product: GatewayProductSection) -> GatewayProduct:
    """Return a product with its limits."""
    rate = RequestRate(**_written(product.rate)) if product.rate else None
    return GatewayProduct(name, product.apis, rate, RequestQuota(**_written(product.quota)) if product.quota else None)


def _written(section: Section) -> dict[str, Any]:
    return section.model_dump(exclude_none=True)


def _list_operations(written: tuple[GatewayOperationSection, ...] | None) -> tuple[GatewayOperation, ...]:
    """Return each method of each path; every request without any."""
    if written is None:
        return EVERY_OPERATION
    return tuple(GatewayOperation(method, it.path, it.query) for it in written for method in it.methods)


def _make_cache(cache: ResponseCacheSection, operations: tuple[GatewayOperation, ...]) -> ResponseCache:
    """Return how long answers are kept; they depend on the parameters of all operations where none are written."""
    known = tuple(dict.fromkeys(name for operation in operations for name in operation.query))
    return ResponseCache(cache.seconds, known if cache.query is None else cache.query, cache.headers or ())


def _make_header_rules(section: HeaderRulesSection) -> HeaderRules:
    return HeaderRules(tuple(section.set.items()), section.remove)


def _make_cors(api: GatewayApiSection, settings: GatewaySettings) -> Cors | None:
    """Return who may call from a browser: the origins of the environment by default, with the headers of the API."""
    written = _written(api.cors) if api.cors else {}
    cors = Cors(**{"origins": settings.origins} | written)
    if not cors.origins:
        return None
    known = {header.lower() for header in cors.headers}
    missing = () if "*" in known else (it for it in _list_required_headers(api) if it.lower() not in known)
    return replace(cors, headers=(*cors.headers, *missing))


def _list_required_headers(api: GatewayApiSection) -> Iterator[str]:
    """Yield the headers without which the API answers nobody: a browser sends only those that are allowed."""
    if api.key is not False:
        yield KEY_HEADER
    if api.login:
        yield LOGIN_HEADER
    if api.jwt:
        yield Authorizer(**_written(api.jwt)).header
