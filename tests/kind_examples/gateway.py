"""Examples of the gateway in front of services."""

from __future__ import annotations

from dataclasses import replace

from semantest_iac.domain.environments.settings import Authorizer, Cors
from semantest_iac.domain.networking.managed_gateways import (
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
from semantest_iac.domain.resource import Ref
from tests.kind_examples import shared
from tests.kind_examples.containers import CONTAINER_SERVICE, LOAD_BALANCER, SERVING
from tests.kind_examples.example import KindExample
from tests.kind_examples.network import GATEWAY_SUBNET, VIRTUAL_NETWORK

_ORDERS = GatewayApi(
    name="orders",
    path="/orders",
    url="https://orders.example.org/api",
    operations=(GatewayOperation("GET", "/", ("page",)), GatewayOperation("ANY", "/{id}")),
    needs_login=True,
    rate=RequestRate(100, 60),
    cache=ResponseCache(30, ("page",), ("accept-language",)),
    allowed_ips=("192.0.2.0/24", "198.51.100.7"),
    request_headers=HeaderRules(set=(("x-client", "gateway"),)),
    cors=Cors(origins=("https://app.example.org",)),
)
_PRICES = GatewayApi(
    name="prices",
    path="/prices",
    url="https://prices.example.org",
    needs_key=False,
    authorizer=Authorizer(issuer="https://login.example.org/", audience=("prices",)),
)
_GATEWAY = ManagedGateway(
    name=Ref("gateway"),
    publisher_email="api@example.org",
    apis=(_ORDERS, _PRICES),
    products=(GatewayProduct("standard", ("orders",), RequestRate(10), RequestQuota(1000, "month")),),
    subscriptions=(GatewaySubscription("web", "standard"),),
    login_user="semantest",
    login_secret=shared.SECRET,
    log_store=shared.LOGS,
)
_WITH_HEADERS = replace(
    _GATEWAY,
    apis=(
        replace(
            _ORDERS,
            request_headers=HeaderRules(set=(("x-client", "gateway"),), remove=("x-debug",)),
            response_headers=HeaderRules(set=(("x-frame-options", "DENY"),), remove=("server",)),
        ),
        _PRICES,
    ),
)
_TWO_PRODUCTS = replace(
    _GATEWAY,
    apis=(_ORDERS, replace(_PRICES, needs_key=True)),
    products=(GatewayProduct("small", ("orders",), RequestRate(1)), GatewayProduct("large", ("orders", "prices"))),
    subscriptions=(GatewaySubscription("web", "small"), GatewaySubscription("partner", "large")),
)
_VERSIONS = replace(
    _GATEWAY,
    apis=(_ORDERS, replace(_ORDERS, name="orders-v2", version="v2", cache=None), _PRICES),
    products=(GatewayProduct("standard", ("orders", "orders-v2")),),
)
_FASTER = GatewayProduct("small", ("orders",), RequestRate(2))
_BEFORE_SERVICE = replace(
    _GATEWAY,
    apis=(replace(_ORDERS, service=Ref(CONTAINER_SERVICE.name), url=""), _PRICES),
    network=Ref(VIRTUAL_NETWORK.name),
    subnet=Ref(GATEWAY_SUBNET.name),
    load_balancer=Ref(LOAD_BALANCER.name),
)

GATEWAY_EXAMPLES = (
    KindExample(
        resource=_GATEWAY,
        changed=replace(_GATEWAY, apis=(replace(_ORDERS, rate=RequestRate(50, 60)), _PRICES)),
        change=("update",),
        changes={"aws": ("replace", "update")},  # another time to wait, which the document says, is published anew
        needs=(shared.LOG_STORE, shared.APP_SECRET),
        outputs=("id", "name", "url"),
    ),
    KindExample(
        resource=_WITH_HEADERS,
        changed=_GATEWAY,
        change=("update",),
        needs=(shared.LOG_STORE, shared.APP_SECRET),
        label="with all header rules",
    ),
    KindExample(
        resource=_TWO_PRODUCTS,
        changed=replace(_TWO_PRODUCTS, products=(_FASTER, *_TWO_PRODUCTS.products[1:])),
        change=("update",),
        needs=(shared.LOG_STORE, shared.APP_SECRET),
        label="with two products",
    ),
    KindExample(
        resource=_VERSIONS,
        changed=replace(_VERSIONS, apis=(_ORDERS, replace(_VERSIONS.apis[1], needs_login=False), _PRICES)),
        change=("update",),
        changes={"aws": ("replace", "update")},
        needs=(shared.LOG_STORE, shared.APP_SECRET),
        label="with versions",
    ),
    KindExample(
        resource=_BEFORE_SERVICE,
        changed=replace(_BEFORE_SERVICE, subscriptions=()),
        change=("delete",),
        needs=(*SERVING, CONTAINER_SERVICE),
        label="before a service in a network",
    ),
)
