"""Domains of APIs in blueprints, and which records of an earlier deployment are theirs."""

from __future__ import annotations

from typing import Any

import pytest

from semantest_iac.domain.blueprints.blueprint import Blueprint
from semantest_iac.domain.deployment.deployment_service import BLUEPRINTS
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.environments.configuration import DeploymentConfiguration, resolve_component
from semantest_iac.domain.networking.custom_domains import CustomDomain, DnsZone, select_answered_domains
from semantest_iac.domain.resource import Ref

_PROOF, _ADDRESS = "_a1.api.example.org CNAME _b2.acm-validations.aws", "api.example.org CNAME d-1.example.net"
_ZONED = {"domain": "api.example.org", "dns_zone": "example.org"}
_GATEWAY = {"apis": {"orders": {"url": "https://orders.example.net"}}}


def _build(component: str, environment: str = "development", **section: Any) -> Blueprint:
    configuration = DeploymentConfiguration.model_validate({"components": {component: section}})
    settings = resolve_component(configuration, component, environment)
    return BLUEPRINTS[settings.type](Stack(component, "aws", environment, "us-east-1"), 1, settings)


def _zones(blueprint: Blueprint) -> list[DnsZone]:
    return [it for it in blueprint.resources if isinstance(it, DnsZone)]


class TestBlueprint:
    @pytest.mark.parametrize("component", ["rest-api", "websocket"])
    def test_has_a_domain_with_its_zone(self, component: str) -> None:
        blueprint = _build(component, **_ZONED)
        (domain,), (zone,) = blueprint.domains, _zones(blueprint)

        assert (domain.domain, domain.api, domain.zone, zone.zone) == (
            "api.example.org",
            "api",
            zone.name,
            "example.org",
        )
        assert {"domain_url", "dns_records", "name_servers"} <= blueprint.outputs.keys()

    def test_has_a_zone_before_a_domain_of_it(self) -> None:
        blueprint = _build("rest-api", dns_zone="example.org")

        assert (blueprint.domains, len(_zones(blueprint)), "name_servers" in blueprint.outputs) == ((), 1, True)

    def test_of_a_gateway_begins_names_with_it(self) -> None:
        blueprint = _build("gateway", "staging", gateway={**_GATEWAY, **_ZONED})

        assert [(it.name, it.api, it.zone) for it in blueprint.domains] == [
            ("gateway-domain", "gateway", "gateway-dns-zone")
        ]
        assert {"gateway_domain_url", "gateway_dns_records", "gateway_name_servers"} <= blueprint.outputs.keys()

    @pytest.mark.parametrize(("zone", "names"), [("example.org", ["dns-zone"]), ("example.net", None)])
    def test_of_a_platform_makes_a_zone_once(self, zone: str, names: list[str] | None) -> None:
        site = {"source": "./site", "domain": f"app.{zone}", "dns_zone": zone}
        blueprint = _build("platform", "staging", gateway={**_GATEWAY, **_ZONED}, site=site)

        assert sorted(it.name for it in _zones(blueprint)) == (names or ["dns-zone", "gateway-dns-zone"])
        list(blueprint.in_order())  # nothing is missing or twice

    def test_knows_whose_records_were_found(self) -> None:
        blueprint = _build("rest-api", domain="api.example.org")

        assert [it.has_records for it in blueprint.with_records({"api.example.org"}).domains] == [True]
        assert [it.has_records for it in blueprint.with_records({"other.example.org"}).domains] == [False]


class TestRecords:
    _DOMAIN = CustomDomain(name="domain", domain="api.example.org", api=Ref("api"))

    def test_are_those_of_the_domain_itself(self) -> None:
        others = ["_a1.v2.api.example.org CNAME x", "v2.api.example.org CNAME y", "example.org CNAME z"]
        outputs = {"dns_records": [_PROOF, *others, _ADDRESS], "endpoint": "https://a.example.net"}

        assert self._DOMAIN.find_own_records(outputs) == (_PROOF, _ADDRESS)
        assert self._DOMAIN.find_own_records({"gateway_dns_records": [_PROOF]}) == (_PROOF,)
        assert self._DOMAIN.find_own_records({}) == ()

    @pytest.mark.parametrize("scheme", ["https", "wss"])
    def test_are_not_asked_about_where_the_domain_was_answered(self, scheme: str) -> None:
        assert self._DOMAIN.is_answered({"domain_url": f"{scheme}://api.example.org"})
        assert not self._DOMAIN.is_answered({"domain_url": f"{scheme}://v2.api.example.org", "dns_records": [_PROOF]})

    def test_listed_later_do_not_count_for_an_earlier_deployment(self) -> None:
        outputs = {"dns_records": [_PROOF], "gateway_domain_url": "https://api.example.org"}

        assert select_answered_domains(outputs) == {"gateway_domain_url": "https://api.example.org"}
