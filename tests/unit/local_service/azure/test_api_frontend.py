"""A deployed function app, its host, and API Management before it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from semantest_iac.domain.networking.http_exchange import HttpRequest, Pairs
from semantest_iac.domain.resource import DeployedResource
from semantest_iac.infrastructure.function_runtimes.function_spec import TIMED_OUT, Invocation
from semantest_iac.infrastructure.local_service.api_frontend import ApiFrontend
from semantest_iac.infrastructure.local_service.azure.api_frontend import (
    ApiManagement,
    build_api_frontend,
    read_api_management,
)

VAULT = "https://v.vault.azure.net/secrets"
REFERENCE = f"@Microsoft.KeyVault(SecretUri={VAULT}/token)"
LONGER = f"@Microsoft.KeyVault(SecretUri={VAULT}/token-two/)"
SITE_ID = "/subscriptions/s-1/resourceGroups/rg-1/providers/Microsoft.Web/sites/func-app"
PLACE = {"WEBSITE_RESOURCE_GROUP": "rg-1", "WEBSITE_OWNER_NAME": "s-1+rg-1-eastuswebspace"}
LATE = Invocation(None, {"errorType": TIMED_OUT, "errorMessage": ""}, "", 1)


def secret(name: str, value: str) -> DeployedResource:
    inputs = {"vaultName": "v", "secretName": name, "properties": {"value": value}}
    return DeployedResource("azure-native:keyvault:Secret", name, {}, inputs)


def deployed(code: str = "d1", runtime: tuple[str, str] = ("node", "24"), **settings: Any) -> ApiFrontend:
    inputs = {
        "functionAppConfig": {
            "runtime": {"name": runtime[0], "version": runtime[1]},
            "scaleAndConcurrency": {"instanceMemoryMB": 2048, "maximumInstanceCount": 40},
        },
        "siteConfig": {"appSettings": [{"name": name, "value": value} for name, value in settings.items()]},
    }
    outputs = {"name": "func-app", "defaultHostName": "func-app.azurewebsites.net", "location": "eastus", "id": SITE_ID}
    app = DeployedResource("azure-native:web:WebApp", "function", outputs, inputs, code)
    frontend = build_api_frontend([secret("token", "one"), secret("token-two", "two"), app], Path)
    assert frontend is not None
    return frontend


class TestFunction:
    def test_has_the_configuration_of_the_app(self) -> None:
        spec = deployed().load_function()

        assert (spec.package, spec.runtime, spec.memory_mb) == (Path("d1"), "nodejs24.x", 2048)
        assert (spec.name, spec.region, spec.platform, spec.instances) == ("func-app", "eastus", "functions", 40)

    def test_may_run_python(self) -> None:
        assert deployed(runtime=("python", "3.13")).load_function().runtime == "python3.13"

    @pytest.mark.parametrize(
        ("setting", "seconds", "status"),
        [("00:00:29", 29, 500), ("01:00:00", 230, 502), ("soon", 230, 502)],
        ids=["own", "beyond the load balancer", "unreadable"],
    )
    def test_has_the_shorter_of_two_timeouts(self, setting: str, seconds: int, status: int) -> None:
        app = deployed(AzureFunctionsJobHost__functionTimeout=setting)

        assert app.load_function().timeout_s == seconds
        assert app.respond(HttpRequest("GET", "/"), LATE).status == status

    def test_has_the_values_of_its_secret_references(self) -> None:
        spec = deployed(A=REFERENCE, B=LONGER, C=REFERENCE.replace("token", "nowhere"), D="plain").load_function()

        assert spec.secrets == {REFERENCE: "one", LONGER: "two"}
        assert "one" not in repr(spec)

    def test_lacks_encrypted_settings(self) -> None:
        assert deployed(A={"sealed": "v1:…"}, B="1").load_function().environment == {"B": "1", **PLACE}


class TestHost:
    def test_is_missing_without_an_app(self) -> None:
        assert build_api_frontend([secret("token", "one")], Path) is None

    def test_answers_503_before_code_was_published(self) -> None:
        refusal = deployed(code="").admit(HttpRequest("GET", "/health")).direct_response

        assert refusal is not None
        assert (refusal.status, refusal.body) == (503, b"Function host is not running.")

    def test_accepts_no_more_than_100_mb(self) -> None:
        refusal = deployed().admit(HttpRequest("POST", "/", body=bytes(100 * 1024 * 1024 + 1))).direct_response

        assert refusal is not None
        assert refusal.status == 413


AREA = "azure-native:apimanagement"
POLICY = """<policies><inbound><base />
  <cors allow-credentials="true"><allowed-origins><origin>https://app.example</origin></allowed-origins></cors>
  <choose><when condition='@(context.Operation.Id != "health" &amp;&amp; context.Operation.Id != "open")'>
    <validate-jwt header-name="X-Token" require-scheme="Bearer" clock-skew="7">
      <audiences><audience>service</audience></audiences><issuers><issuer>https://login.example</issuer></issuers>
    </validate-jwt></when></choose>
  <set-header name="x-key" exists-action="override"><value>{{the-key}}</value></set-header>
  <set-header name="x-plain"><value>plain</value></set-header>
</inbound></policies>"""


def gateway(policy: str = POLICY, key: Any = "k") -> ApiManagement:
    operations = {"health": "/health", "open": "/open/{id}", "all": "/*"}
    resources = [
        DeployedResource(f"{AREA}:ApiOperation", name, {}, {"operationId": name, "method": "GET", "urlTemplate": path})
        for name, path in operations.items()
    ]
    named = DeployedResource(f"{AREA}:NamedValue", "key", {}, {"displayName": "the-key", "value": key})
    written = DeployedResource(f"{AREA}:ApiPolicy", "api", {}, {"value": policy})
    management = read_api_management([DeployedResource(f"{AREA}:Api", "api", {}), named, written, *resources])
    assert management is not None
    return management


def status(path: str, method: str = "GET", headers: Pairs = (), policy: str = POLICY) -> int | None:
    refusal = gateway(policy).answer_without_app(HttpRequest(method, path, headers=headers))
    return refusal.status if refusal else None


class TestApiManagement:
    def test_is_missing_if_clients_call_the_app_directly(self) -> None:
        assert read_api_management([DeployedResource("azure-native:web:WebApp", "app", {})]) is None

    @pytest.mark.parametrize(
        ("path", "answer"), [("/health", None), ("/open/1", None), ("/open/1/2", 401), ("/other", 401), ("/", 404)]
    )
    def test_requires_a_token_except_for_public_operations(self, path: str, answer: int | None) -> None:
        assert status(path) == answer

    def test_checks_tokens_by_its_policy_except_for_public_operations(self) -> None:
        check = gateway().find_token_check(HttpRequest("GET", "/other"))

        assert status("/other", headers=(("x-token", "Bearer x"),)) is None
        assert check is not None
        assert (check.rules.issuer, check.rules.audiences) == ("https://login.example", ("service",))
        assert (check.rules.header, check.rules.needs_scheme, check.rules.leeway_s) == ("x-token", True, 7)
        assert gateway().find_token_check(HttpRequest("GET", "/health")) is None

    def test_refuses_calls_beyond_its_limit_before_it_requires_a_token(self) -> None:
        limited = gateway(POLICY.replace("<choose>", '<rate-limit calls="2" renewal-period="30" /><choose>'))
        answers = [
            limited.answer_without_app(HttpRequest("GET", path))
            for path in ("/nowhere/", "/health", "/other", "/health")
        ]

        assert [answer and answer.status for answer in answers] == [401, None, 429, 429]
        assert answers[-1] and ("retry-after", "30") in answers[-1].headers
        assert json.loads(answers[-1].body)["message"] == "Rate limit is exceeded. Try again in 30 seconds."

    def test_accepts_everything_without_a_policy(self) -> None:
        assert status("/other", policy="<policies />") is None

    def test_replaces_the_clients_headers_by_its_own(self) -> None:
        request = HttpRequest("GET", "/", headers=(("X-Key", "guessed"), ("x-a", "1")))

        forwarded = gateway().rewrite_request(request)

        assert forwarded.headers == (
            ("x-a", "1"), ("x-key", "k"), ("x-plain", "plain"), ("x-forwarded-for", "127.0.0.1")
        )  # fmt: skip

    def test_sets_no_header_with_an_encrypted_value(self) -> None:
        assert gateway(key={"sealed": "v1:…"}).headers == (("x-plain", "plain"),)

    def test_hides_the_key_in_its_repr(self) -> None:
        assert "x-key" not in repr(gateway())
