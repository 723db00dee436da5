"""What stands before the app on Azure: nothing in development, API Management elsewhere."""

from __future__ import annotations

from typing import Any
from xml.etree.ElementTree import fromstring

from semantest_iac.infrastructure.sandbox_engine.protocol.values import Secret
from tests.unit.cloud_programs.azure_asking import APP, ROLE, all_of, asked_for, settings_of, the
from tests.unit.cloud_programs.recorder import Asked

_OPERATION = "azure-native:apimanagement:ApiOperation"


def _policy(asked: list[Asked]) -> Any:
    return fromstring(the("azure-native:apimanagement:ApiPolicy", asked)["value"])


class TestEndpointOfDevelopment:
    def test_is_that_of_the_app(self) -> None:
        assert all_of("azure-native:apimanagement:ApiManagementService", asked_for()) == []
        assert the(APP, asked_for("browsers"))["siteConfig"]["cors"] == {
            "allowedOrigins": ["https://app.example.org"],
            "supportCredentials": True,
        }

    def test_is_a_gateway_where_tokens_are_to_be_checked(self) -> None:
        assert len(all_of("azure-native:apimanagement:ApiManagementService", asked_for("authorizer"))) == 1


class TestGateway:
    def test_costs_nothing_while_nobody_calls(self) -> None:
        service = the("azure-native:apimanagement:ApiManagementService", asked_for("plain", "staging"))

        assert service["sku"] == {"name": "Consumption", "capacity": 0}

    def test_speaks_to_browsers_in_the_place_of_the_app(self) -> None:
        asked = asked_for("browsers", "staging")

        assert "cors" not in the(APP, asked)["siteConfig"]
        cors = _policy(asked).find("inbound/cors")
        assert cors.get("allow-credentials") == "true"
        assert [each.text for each in cors.findall("allowed-origins/origin")] == ["https://app.example.org"]

    def test_limits_without_a_policy_that_its_tier_lacks(self) -> None:
        inbound = _policy(asked_for("plain", "staging")).find("inbound")

        assert inbound.find("rate-limit").attrib == {"calls": "200", "renewal-period": "2"}
        assert inbound.find("rate-limit-by-key") is None

    def test_asks_for_a_token_but_for_health(self) -> None:
        asked = asked_for("authorizer", "staging")

        when = _policy(asked).find("inbound/choose/when")
        [health] = [each.inputs["operationId"] for each in all_of(_OPERATION, asked) if "/health" in each.name]
        assert when.get("condition") == f'@(context.Operation.Id != "{health}")'
        assert when.find("validate-jwt").get("header-name") == "X-Token"
        assert [each.text for each in when.findall("validate-jwt/audiences/audience")] == ["semantest"]

    def test_has_an_operation_for_each_method_and_path_once(self) -> None:
        operations = all_of(_OPERATION, asked_for("plain", "staging"))

        asked = [(each.inputs["method"], each.inputs["urlTemplate"]) for each in operations]
        assert len(asked) == len(set(asked)) == 15
        assert {("GET", "/"), ("DELETE", "/*"), ("GET", "/health")} <= set(asked)
        assert len({each.inputs["operationId"] for each in operations}) == 15

    def test_alone_knows_the_key_that_the_app_asks_for(self) -> None:
        asked = asked_for("plain", "staging")

        key = settings_of(asked)["SEMANTEST_GATEWAY_KEY"]
        named = the("azure-native:apimanagement:NamedValue", asked)
        assert isinstance(key, Secret)
        assert (named["value"], named["secret"]) == (key, True)
        header = _policy(asked).find("inbound/set-header")
        assert (header.get("name"), header.find("value").text) == ("x-semantest-gateway", "{{gateway-key}}")
        assert "SEMANTEST_GATEWAY_KEY" not in settings_of(asked_for())

    def test_reaches_the_app_by_a_name_that_a_pool_could_have(self) -> None:
        asked = asked_for("plain", "staging")

        assert the("azure-native:apimanagement:Backend", asked)["backendId"] == "live"
        assert _policy(asked).find("inbound/set-backend-service").get("backend-id") == "live"

    def test_logs_by_its_own_identity_where_its_tier_can(self) -> None:
        asked = asked_for("plain", "staging")

        logger = the("azure-native:apimanagement:Logger", asked)
        [right] = [each for each in all_of(ROLE, asked) if each.inputs["principalId"] == "the gateway"]
        assert (logger["resourceId"], right.inputs["scope"]) == ("id of access-logs", "id of access-logs")
        assert logger["credentials"]["identityClientId"] == "SystemAssigned"
        assert {each.name for each in all_of("azure-native:monitor:DiagnosticSetting", asked)} == {"function"}
        assert all_of("azure-native:apimanagement:Logger", asked_for("no access log", "staging")) == []
