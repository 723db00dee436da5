"""The policies of API Management that are generated, and what the simulated cloud refuses of any."""

from __future__ import annotations

from dataclasses import replace
from xml.etree.ElementTree import Element, fromstring

import pytest

from semantest_iac.domain.environments.settings import Authorizer, Cors
from semantest_iac.domain.networking.managed_gateways import (
    GatewayApi,
    GatewayProduct,
    HeaderRules,
    RequestQuota,
    RequestRate,
    ResponseCache,
)
from semantest_iac.infrastructure.cloud_programs.azure.gateway.policy_documents import (
    build_api_policy,
    build_product_policy,
)
from semantest_iac.infrastructure.simulated_cloud.azure.api_management.policies import find_policy_fault

_BARE = GatewayApi(name="orders", path="/orders", url="https://orders.example.org", needs_key=False)
_WHOLE = replace(
    _BARE,
    needs_key=True,
    needs_login=True,
    rate=RequestRate(100, 60),
    cache=ResponseCache(30, ("page",), ("accept-language",)),
    allowed_ips=("192.0.2.0/24", "198.51.100.7"),
    request_headers=HeaderRules(set=(("x-a", '<&"'),), remove=("x-debug",)),
    response_headers=HeaderRules(set=(("x-frame-options", "DENY"),), remove=("server",)),
    cors=Cors(origins=("https://app.example.org",), credentials=True),
)
_TOKEN = replace(_BARE, authorizer=Authorizer(issuer="https://login.example.org/", audience=("a",)))
_PRODUCT = GatewayProduct("standard", ("orders",), RequestRate(10), RequestQuota(1000, "week"))


def _section(text: str, name: str) -> Element:
    found = fromstring(text).find(name)
    assert found is not None
    return found


class TestApis:
    @pytest.mark.parametrize("api", [_BARE, _WHOLE, _TOKEN, replace(_TOKEN, cache=ResponseCache(5))])
    def test_are_valid(self, api: GatewayApi) -> None:
        assert find_policy_fault(build_api_policy(api), "api") == ""

    def test_check_who_calls_before_they_count_and_look_into_the_cache(self) -> None:
        order = [it.tag for it in _section(build_api_policy(_WHOLE), "inbound")]

        assert order[:6] == ["cors", "ip-filter", "choose", "base", "rate-limit-by-key", "cache-lookup"]
        assert order[-1] == "set-backend-service"

    def test_keep_the_key_and_the_login_from_the_backend(self) -> None:
        inbound = _section(build_api_policy(_WHOLE), "inbound")
        removed = [it.get("name") for it in inbound.findall("set-header") if it.get("exists-action") == "delete"]

        parameters = [(it.get("name"), it.get("exists-action")) for it in inbound.findall("set-query-parameter")]

        assert removed == ["x-api-key", "Authorization", "x-debug"]
        assert parameters == [("x-api-key", "delete")]

    def test_answer_a_missing_login_with_what_to_send(self) -> None:
        when = _section(build_api_policy(_WHOLE), "inbound").find("choose/when")
        assert when is not None

        sent, _, expected = str(when.get("condition")).partition(" != ")
        assert 'GetBytes(context.Request.Headers.GetValueOrDefault("Authorization", ""))' in sent
        assert 'GetBytes("Basic {{gateway-login}}")' in expected
        assert "SHA256.Create().ComputeHash(" in sent.replace(" ", "")
        assert "SHA256.Create().ComputeHash(" in expected
        assert [it.get("code") for it in when.iter("set-status")] == ["401"]
        assert [it.text for it in when.iter("value")] == ['Basic realm="gateway"']

    def test_write_networks_as_ranges(self) -> None:
        found = _section(build_api_policy(_WHOLE), "inbound").find("ip-filter")
        assert found is not None

        assert [it.text for it in found.iter("address")] == ["198.51.100.7"]
        assert [it.attrib for it in found.iter("address-range")] == [{"from": "192.0.2.0", "to": "192.0.2.255"}]

    def test_keep_answers_apart_by_token(self) -> None:
        document = build_api_policy(replace(_TOKEN, cache=ResponseCache(5, ("page",))))
        lookup = _section(document, "inbound").find("cache-lookup")
        assert lookup is not None

        assert [(it.tag, it.text) for it in lookup] == [
            ("vary-by-header", "Authorization"),
            ("vary-by-query-parameter", "page"),
        ]
        assert lookup.get("allow-private-response-caching") == "true"

    def test_keep_answers_apart_by_each_header_that_may_say_who_asks(self) -> None:
        jwt = Authorizer("https://login.example.org/", ("a",), "X-Token")
        cors = Cors(("https://app.example.org",), credentials=True)
        lookup = _section(
            build_api_policy(replace(_BARE, authorizer=jwt, cors=cors, cache=ResponseCache(5))), "inbound"
        ).find("cache-lookup")
        assert lookup is not None

        assert [it.text for it in lookup] == ["Authorization", "X-Token", "Cookie"]


class TestProducts:
    def test_are_valid_in_products_alone(self) -> None:
        text = build_product_policy(_PRODUCT)

        assert find_policy_fault(text, "product") == ""
        assert "not allowed in the scope 'api'" in find_policy_fault(text, "api")

    def test_count_a_week_in_seconds_and_answer_with_429(self) -> None:
        text = build_product_policy(_PRODUCT)
        quota = _section(text, "inbound").find("quota")
        assert quota is not None

        assert quota.attrib == {"calls": "1000", "renewal-period": "604800"}
        assert [it.get("code") for it in _section(text, "on-error").iter("set-status")] == ["429"]


class TestRefusals:
    @pytest.mark.parametrize(
        ("inbound", "reason"),
        [
            ("<rate-limited />", "no such policy statement"),
            ('<rate-limit calls="0" renewal-period="60" />', "above 0"),
            ('<rate-limit calls="5" renewal-period="301" />', "1 to 300"),
            ('<rate-limit-by-key calls="5" renewal-period="6" />', "'counter-key' is missing"),
            ('<set-header name="a" exists-action="override" />', "'value' is missing"),
            ('<set-header name="a" exists-action="remove" />', "no exists-action"),
            ('<cache-store duration="5" />', "not allowed in the section 'inbound'"),
            ('<ip-filter action="deny" />', "allow or forbid"),
            ("<validate-jwt />", "one of 'header-name'"),
            ('<choose><when condition="true" /></choose>', "its condition is an expression"),
            ("<choose />", "'when' is missing"),
            ('<forward-request timeout="5" />', "not allowed in the section"),
            ('<cors origin="a" />', "no attribute 'origin'"),
            ('<set-query-parameter name="a" />', "'value' is missing"),
        ],
    )
    def test_name_the_statement(self, inbound: str, reason: str) -> None:
        fault = find_policy_fault(f"<policies><inbound>{inbound}</inbound></policies>", "api")

        assert fault.startswith("Error in element '")
        assert reason in fault

    @pytest.mark.parametrize("text", ["<policies>", "<policy />", "<policies><in /></policies>"])
    def test_are_for_documents_too(self, text: str) -> None:
        assert find_policy_fault(text, "api")
