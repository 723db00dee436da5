from __future__ import annotations

from typing import Any
from xml.etree.ElementTree import fromstring

from semantest_iac.infrastructure.sandbox_engine.protocol.values import Secret
from tests.unit.cloud_programs.azure_registrations import APP, ROLE, record_api, settings_of
from tests.unit.cloud_programs.recorder import Registration, inputs_of, of_type

_OPERATION = "azure-native:apimanagement:ApiOperation"


def _policy(registrations: list[Registration]) -> Any:
    return fromstring(inputs_of("azure-native:apimanagement:ApiPolicy", registrations)["value"])


class TestDevelopmentEndpoint:
    def test_is_the_app_s_own(self) -> None:
        assert of_type("azure-native:apimanagement:ApiManagementService", record_api()) == []
        assert inputs_of(APP, record_api("cors"))["siteConfig"]["cors"] == {
            "allowedOrigins": ["https://app.example.org"],
            "supportCredentials": True,
        }

    def test_is_a_gateway_if_tokens_must_be_checked(self) -> None:
        assert len(of_type("azure-native:apimanagement:ApiManagementService", record_api("authorizer"))) == 1


class TestGateway:
    def test_has_a_tier_without_fixed_costs(self) -> None:
        service = inputs_of("azure-native:apimanagement:ApiManagementService", record_api("plain", "staging"))

        assert service["sku"] == {"name": "Consumption", "capacity": 0}

    def test_handles_cors_instead_of_the_app(self) -> None:
        registrations = record_api("cors", "staging")

        assert "cors" not in inputs_of(APP, registrations)["siteConfig"]
        cors = _policy(registrations).find("inbound/cors")
        assert cors.get("allow-credentials") == "true"
        assert [each.text for each in cors.findall("allowed-origins/origin")] == ["https://app.example.org"]

    def test_limits_with_a_policy_of_its_tier(self) -> None:
        inbound = _policy(record_api("plain", "staging")).find("inbound")

        assert inbound.find("rate-limit").attrib == {"calls": "200", "renewal-period": "2"}
        assert inbound.find("rate-limit-by-key") is None

    def test_requires_a_token_except_for_health(self) -> None:
        registrations = record_api("authorizer", "staging")

        when = _policy(registrations).find("inbound/choose/when")
        [health] = [each.inputs["operationId"] for each in of_type(_OPERATION, registrations) if "/health" in each.name]
        assert when.get("condition") == f'@(context.Operation.Id != "{health}")'
        assert when.find("validate-jwt").get("header-name") == "X-Token"
        assert [each.text for each in when.findall("validate-jwt/audiences/audience")] == ["semantest"]

    def test_has_one_operation_for_each_method_and_path(self) -> None:
        operations = of_type(_OPERATION, record_api("plain", "staging"))

        registrations = [(each.inputs["method"], each.inputs["urlTemplate"]) for each in operations]
        assert len(registrations) == len(set(registrations)) == 15
        assert {("GET", "/"), ("DELETE", "/*"), ("GET", "/health")} <= set(registrations)
        assert len({each.inputs["operationId"] for each in operations}) == 15

    def test_alone_has_the_key_that_the_app_requires(self) -> None:
        registrations = record_api("plain", "staging")

        key = settings_of(registrations)["SEMANTEST_GATEWAY_KEY"]
        named = inputs_of("azure-native:apimanagement:NamedValue", registrations)
        assert isinstance(key, Secret)
        assert (named["value"], named["secret"]) == (key, True)
        header = _policy(registrations).find("inbound/set-header")
        assert (header.get("name"), header.find("value").text) == ("x-semantest-gateway", "{{gateway-key}}")
        assert "SEMANTEST_GATEWAY_KEY" not in settings_of(record_api())

    def test_reaches_the_app_by_a_named_backend(self) -> None:
        registrations = record_api("plain", "staging")

        assert inputs_of("azure-native:apimanagement:Backend", registrations)["backendId"] == "live"
        assert _policy(registrations).find("inbound/set-backend-service").get("backend-id") == "live"

    def test_logs_with_its_own_identity(self) -> None:
        registrations = record_api("plain", "staging")

        logger = inputs_of("azure-native:apimanagement:Logger", registrations)
        [right] = [each for each in of_type(ROLE, registrations) if each.inputs["principalId"] == "the gateway"]
        assert (logger["resourceId"], right.inputs["scope"]) == ("id of access-logs", "id of access-logs")
        assert logger["credentials"]["identityClientId"] == "SystemAssigned"
        assert {each.name for each in of_type("azure-native:monitor:DiagnosticSetting", registrations)} == {"function"}
        assert of_type("azure-native:apimanagement:Logger", record_api("no access log", "staging")) == []
