"""What is refused and warned of in the section of a gateway, on both clouds."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.deployment.validation import ValidationReport, ValidationService
from semantest_iac.domain.environments.configuration import DeploymentConfiguration
from semantest_iac.infrastructure.clouds.built_in import CLOUD_ENTRIES

_URL = {"url": "https://orders.example.org"}
_JWT = {"issuer": "https://login.example.org/", "audience": ["orders"]}
_LOGIN = {"user": "semantest", "password": "${secrets.password}"}
_REGIONS = {"aws": "us-east-1", "azure": "eastus"}


@pytest.fixture(params=["aws", "azure"])
def provider(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def _validate(provider: str, gateway: dict[str, Any] | None, environment: str = "staging", **more: Any) -> Any:
    component = more.pop("component", "gateway")
    section = {**more.pop("section", {}), **({"gateway": gateway} if gateway is not None else {})}
    stack = Stack(component, provider, environment, _REGIONS[provider])
    configuration = DeploymentConfiguration.model_validate({"components": {component: section}, **more})
    return ValidationService(date(2026, 11, 1), CLOUD_ENTRIES).validate(stack, configuration)


def _find_paths(report: ValidationReport, component: str = "gateway") -> list[str]:
    return [fault.path.removeprefix(f"components.{component}.") for fault in report.faults]


def _faults_of_api(provider: str, **api: Any) -> list[str]:
    found = _find_paths(_validate(provider, {"apis": {"orders": {**_URL, **api}}, "login": _LOGIN}))
    return [path.removeprefix("gateway.apis.orders.") for path in found]


class TestGateway:
    def test_is_accepted_with_everything_that_both_clouds_have(self, provider: str) -> None:
        apis = {
            "orders": {
                **_URL,
                "path": "/v1/orders",
                "operations": [{"path": "/{id}", "methods": ["GET"], "query": ["fields"]}],
                "login": True,
                "rate": {"calls": 100, "seconds": 60},
                "cache": {"seconds": 30},
                "allow_ips": ["192.0.2.0/24", "198.51.100.7"],
                "request_headers": {"set": {"x-client": "gateway"}},
            },
            "prices": {**_URL, "key": False, "jwt": _JWT},
        }
        products = {"standard": {"apis": ["orders"], "rate": {"calls": 10}, "quota": {"calls": 5, "period": "day"}}}
        gateway = {"apis": apis, "products": products, "subscriptions": {"web": {"product": "standard"}}}

        assert _find_paths(_validate(provider, {**gateway, "login": _LOGIN})) == []

    def test_alone_needs_an_api(self, provider: str) -> None:
        assert _find_paths(_validate(provider, None)) == ["gateway"]
        assert _find_paths(_validate(provider, {"apis": {}})) == ["gateway.apis"]

    def test_of_a_platform_may_have_none(self, provider: str) -> None:
        report = _validate(provider, {}, component="platform")

        assert _find_paths(report, "platform") == []
        assert "components.platform.gateway.apis" in [it.path for it in report.warnings]

    def test_has_an_api_for_each_service(self, provider: str) -> None:
        services = {"orders-api": {"image": "example.org/orders:1"}}
        section = {"services": services}

        assert _find_paths(_validate(provider, {}, component="platform", section=section), "platform") == []

    @pytest.mark.parametrize(
        ("gateway", "path"),
        [
            ({"publisher_email": "nobody"}, "publisher_email"),
            ({"products": {"small": {"apis": ["other"]}}}, "products.small.apis[0]"),
            ({"products": {}}, "apis.orders"),
            ({"products": {"small": {"apis": ["orders"], "rate": {"calls": 0}}}}, "products.small.rate.calls"),
            ({"subscriptions": {"web": {"product": "gold"}}}, "subscriptions.web.product"),
            ({"login": {"user": "a:b", "password": "${secrets.password}"}}, "login.user"),
            ({"login": {"user": "a", "password": "plain"}}, "login.password"),
        ],
        ids=lambda it: it if isinstance(it, str) else "",
    )
    def test_is_refused(self, provider: str, gateway: dict[str, Any], path: str) -> None:
        found = _find_paths(_validate(provider, {"apis": {"orders": _URL}, **gateway}))

        assert f"gateway.{path}" in found


class TestApis:
    @pytest.mark.parametrize(
        ("api", "path"),
        [
            ({"path": "orders"}, "path"),
            ({"path": "/a/../b"}, "path"),
            ({"url": "http://orders.example.org"}, "url"),
            ({"url": "https://user:word@orders.example.org"}, "url"),
            ({"url": "https://orders.example.org/?key=1"}, "url"),
            ({"url": "https://localhost:8080/v1"}, "url"),
            ({"url": "https://127.0.0.1"}, "url"),
            ({"service": "other"}, "service"),
            ({"rate": {"calls": 1, "seconds": 301}}, "rate.seconds"),
            ({"cache": {"seconds": 30}}, "cache.query"),
            ({"cache": {"seconds": 3601, "query": []}}, "cache.seconds"),
            ({"operations": [{"path": "/", "methods": ["POST"]}], "cache": {"seconds": 30}}, "cache"),
            ({"allow_ips": ["2001:db8::1"]}, "allow_ips[0]"),
            ({"allow_ips": []}, "allow_ips"),
            ({"login": True, "jwt": _JWT}, "jwt"),
            ({"jwt": {**_JWT, "issuer": "http://login.example.org"}}, "jwt.issuer"),
            ({"cors": {"origins": ["https://a.example.org/"]}}, "cors.origins[0]"),
            ({"request_headers": {"set": {"host": "a"}}}, "request_headers.set.host"),
            ({"request_headers": {"set": {"x-a": "{{secret}}"}}}, "request_headers.set.x-a"),
            ({"request_headers": {"set": {"x-a": "@(context)"}}}, "request_headers.set.x-a"),
            ({"operations": [{"path": "items"}]}, "operations[0].path"),
            ({"path": "/~me"}, "path"),
            ({"operations": [{"path": "/~me"}]}, "operations[0].path"),
            ({"url": "https://orders.example.org/{id}"}, "url"),
            ({"url": "https://orders.example.org/${stageVariables.a}"}, "url"),
            ({"url": "https://orders.example.org\\@evil.example.org"}, "url"),
            ({"request_headers": {"set": {"x-a": " @(context.Subscription.Key)"}}}, "request_headers.set.x-a"),
            ({"request_headers": {"set": {"x-a": "a "}}}, "request_headers.set.x-a"),
            ({"request_headers": {"set": {"x-a": "${secrets.password}"}}}, "request_headers.set.x-a"),
            ({"request_headers": {"set": {"x*a": "b"}}}, "request_headers.set.x*a"),
            ({"jwt": {**_JWT, "audience": ["@(context.Request.Url.Query)"]}}, "jwt.audience[0]"),
            ({"jwt": {**_JWT, "audience": ["{{gateway-login}}"]}}, "jwt.audience[0]"),
            ({"jwt": {**_JWT, "issuer": "https://login.example.org/{{gateway-login}}"}}, "jwt.issuer"),
            ({"jwt": {**_JWT, "header": "x-api-key"}}, "jwt.header"),
            ({"cache": {"seconds": 30, "query": ["a~b"]}}, "cache.query[0]"),
        ],
        ids=lambda it: it if isinstance(it, str) else "",
    )
    def test_are_refused(self, provider: str, api: dict[str, Any], path: str) -> None:
        assert path in _faults_of_api(provider, **api)

    def test_have_one_path_each(self, provider: str) -> None:
        apis = {"orders": {**_URL, "path": "/a"}, "prices": {**_URL, "path": "/A"}}

        assert _find_paths(_validate(provider, {"apis": apis})) == ["gateway.apis.prices.path"]

    def test_with_a_wrong_name_have_one_fault(self, provider: str) -> None:
        report = _validate(provider, {"apis": {"Kürse 1": _URL}})

        assert _find_paths(report) == ["gateway.apis.Kürse 1"]
        assert report.faults[0].hint.startswith("Such as kurse-1: ")

    def test_have_no_operation_below_the_path_of_another(self, provider: str) -> None:
        """It would be asked for another login than the requests that come here."""
        operations = [{"path": "/orders"}, {"path": "/orders/new"}, {"path": "/orders-of-others"}, {"path": "/{name}"}]
        apis = {"all": {**_URL, "path": "/", "operations": operations}, "orders": {**_URL, "key": False}}

        assert _find_paths(_validate(provider, {"apis": apis})) == [
            "gateway.apis.all.operations[0].path",
            "gateway.apis.all.operations[1].path",
        ]

    def test_with_an_address_of_any_length_are_judged_at_once(self, provider: str) -> None:
        gateway = {"publisher_email": f"a@{'.' * 20_000} ", "apis": {"orders": _URL}}

        assert _find_paths(_validate(provider, gateway)) == ["gateway.publisher_email"]

    @pytest.mark.parametrize(("below", "is_refused"), [(["198.51.100.7"], True), ([], True), (["192.0.2.0/24"], False)])
    def test_above_others_have_their_addresses_on_aws(self, provider: str, below: list[str], is_refused: bool) -> None:
        apis = {
            "orders": {**_URL, "allow_ips": ["192.0.2.0/24"]},
            "inner": {**_URL, "path": "/orders/inner", **({"allow_ips": below} if below else {})},
        }

        assert _find_paths(_validate(provider, {"apis": apis})) == (
            ["gateway.apis.inner.allow_ips"] if is_refused and provider == "aws" else []
        )

    def test_that_ask_for_a_login_or_a_token_are_ten_on_aws(self, provider: str) -> None:
        apis = {f"a{number}": {**_URL, "jwt": _JWT} for number in range(11)}
        wanted = ["gateway.apis"] if provider == "aws" else []

        assert _find_paths(_validate(provider, {"apis": apis})) == wanted
        assert _find_paths(_validate(provider, {"apis": apis | {"a0": _URL}})) == []

    @pytest.mark.parametrize(
        ("others", "faults"),
        [
            ({"path": "/news"}, []),
            ({"path": "/news", "version": "v2"}, []),
            ({"path": "/news", "version": "V1"}, ["gateway.apis.other.path"]),
            ({"path": "/news/v1"}, ["gateway.apis.other.path"]),
            ({"path": "/news", "version": "../v2"}, ["gateway.apis.other.version"]),
            ({"path": "/news", "version": ""}, ["gateway.apis.other.version"]),
        ],
        ids=["none beside one", "two", "the same", "the path of one", "a path", "empty"],
    )
    def test_with_one_path_are_versions(self, provider: str, others: dict[str, Any], faults: list[str]) -> None:
        news = {**_URL, "path": "/news", "version": "v1"}

        assert _find_paths(_validate(provider, {"apis": {"news": news, "other": {**_URL, **others}}})) == faults

    def test_name_one_backend(self, provider: str) -> None:
        found = _find_paths(_validate(provider, {"apis": {"orders": {}}}))

        assert found == ["gateway.apis.orders"]

    def test_that_everybody_may_call_are_warned_of(self, provider: str) -> None:
        report = _validate(provider, {"apis": {"orders": {**_URL, "key": False}}})

        assert "components.gateway.gateway.apis.orders.key" in [it.path for it in report.warnings]


class TestTiers:
    def test_of_developers_are_refused_in_production(self) -> None:
        report = _validate("azure", {"apis": {"orders": _URL}}, "production", tiers={"api_management": "basic"})

        assert _find_paths(report) == ["tiers.api_management"]

    def test_of_developers_are_refused_behind_a_firewall(self) -> None:
        values: dict[str, Any] = {"network": {"firewall": True}, "component": "platform"}
        report = _validate("azure", {"apis": {"orders": _URL}}, "development", **values)

        assert _find_paths(report, "platform") == ["tiers.api_management"]
