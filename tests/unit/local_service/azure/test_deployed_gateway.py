"""The rules of API Management, read from its policies; the contract of gateways reads those that are deployed."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from semantest_iac.domain.resource import DeployedResource
from semantest_iac.infrastructure.local_service.azure.platform.deployed_gateway import read_gateway_rules
from semantest_iac.infrastructure.local_service.gateway.rules import (
    BackendKind,
    BasicLogin,
    CacheRule,
    CountedBy,
    EnforcedApi,
    GatewayBackend,
    GatewayRules,
    RefusalReason,
)

APIM = "azure-native:apimanagement:"
LOGIN = base64.b64encode(b"semantest:a:b").decode()
CHECK = (
    '<choose><when condition=\'@(context.Request.Headers.GetValueOrDefault("Authorization", "") '
    '!= "Basic {{login}}")\'>'
    '<return-response><set-status code="401" reason="Unauthorized" />'
    '<set-header name="WWW-Authenticate" exists-action="override"><value>Basic realm="x"</value></set-header>'
    "</return-response></when></choose>"
)


def of_type(kind: str, outputs: dict[str, Any] | None = None, **inputs: Any) -> DeployedResource:
    return DeployedResource(f"{APIM}{kind}", kind, outputs or {}, inputs)


def read(
    inbound: str = "", outbound: str = "", *more: DeployedResource, url: str = "https://x.example/v2"
) -> GatewayRules:
    policy = f"<policies><inbound>{inbound}</inbound><outbound>{outbound}</outbound></policies>"
    rules = read_gateway_rules(
        [
            of_type("ApiManagementService", {"gatewayUrl": "https://gw.azure-api.net"}),
            of_type("Product", productId="standard"),
            of_type("Api", apiId="orders", path="orders", subscriptionRequired=True),
            of_type("ApiOperation", apiId="orders", method="GET", urlTemplate="/{id}"),
            of_type("ApiOperation", apiId="orders", method="GET", urlTemplate="/"),
            of_type("ApiOperation", apiId="orders", method="PUT", urlTemplate="/files/*"),
            of_type("Backend", backendId="orders", url=url),
            of_type("ApiPolicy", apiId="orders", value=policy),
            *more,
        ]
    )
    assert rules is not None
    return rules


def read_api(inbound: str = "", outbound: str = "", *more: DeployedResource) -> EnforcedApi:
    return read(inbound, outbound, *more).apis["orders"]


class TestRoutes:
    def test_are_operations_below_the_path_of_their_api(self) -> None:
        routes = read().routes

        assert list(routes) == ["GET /orders/{id}", "GET /orders", "PUT /orders/files/{rest+}"]
        assert {(it.dropped_prefix, it.prefix) for it in routes.values()} == {("/orders", "/v2")}

    @pytest.mark.parametrize(
        ("url", "backend"),
        [
            ("https://x.example/v2", GatewayBackend(BackendKind.URL, "https://x.example")),
            ("https://app-1.internal.azurecontainerapps.io", GatewayBackend(BackendKind.SERVICE, "orders-api")),
        ],
    )
    def test_lead_to_a_service_or_an_address(self, url: str, backend: GatewayBackend) -> None:
        template = {"containers": [{"name": "orders-api"}]}
        app = DeployedResource("azure-native:app:ContainerApp", "s", {"name": "app-1"}, {"template": template})

        assert {it.backend for it in read("", "", app, url=url).routes.values()} == {backend}


class TestPolicies:
    def test_name_the_login_in_a_vault(self) -> None:
        address = "https://v.vault.azure.net/secrets/login/1"
        named = of_type("NamedValue", displayName="login", keyVault={"secretIdentifier": address})
        secret = {"vaultName": "v", "secretName": "login", "properties": {"value": LOGIN}}
        stored = DeployedResource("azure-native:keyvault:Secret", "login", {}, secret)
        rules = read(CHECK, "", named, stored)
        refusal = rules.refusals[RefusalReason.WRONG_LOGIN]

        assert rules.apis["orders"].login == BasicLogin("semantest", "a:b")
        assert (refusal.status, refusal.headers) == (401, (("www-authenticate", 'Basic realm="x"'),))

    def test_have_networks_as_their_ends(self) -> None:
        networks = "<address-range from='198.51.100.0' to='198.51.100.255'/>"
        written = f"<ip-filter><address>192.0.2.7</address>{networks}</ip-filter>"

        assert read_api(written).allowed_addresses == ("192.0.2.7", "198.51.100.0/24")

    @pytest.mark.parametrize(
        ("parameters", "query"), [("", None), ("<vary-by-query-parameter>a</vary-by-query-parameter>", ("a",))]
    )
    def test_keep_every_query_apart_unless_some_are_named(self, parameters: str, query: tuple[str, ...] | None) -> None:
        api = read_api(f"<cache-lookup>{parameters}</cache-lookup>", "<cache-store duration='30' />")

        assert api.cache == CacheRule(30, query, keeps_authorized=False)

    def test_limit_an_api_for_all(self) -> None:
        rate = read_api("<rate-limit-by-key calls='5' renewal-period='60' counter-key='x' />").rate

        assert rate is not None
        assert (rate.calls, rate.seconds, rate.counted_by, rate.is_bucket) == (5, 60, CountedBy.ALL, False)


class TestServices:
    def test_without_products_have_apis_that_need_no_key(self) -> None:
        open_api = of_type("Api", apiId="orders", path="orders", subscriptionRequired=False)
        operation = of_type("ApiOperation", apiId="orders", method="GET", urlTemplate="/")
        service = of_type("ApiManagementService", {"gatewayUrl": "https://gw.azure-api.net"})
        rules = read_gateway_rules(
            [service, open_api, operation, of_type("Backend", backendId="orders", url="https://x.example")]
        )

        assert rules is not None
        assert [(it.name, it.needs_key) for it in rules.apis.values()] == [("orders", False)]
        assert read_gateway_rules([open_api, operation]) is None
