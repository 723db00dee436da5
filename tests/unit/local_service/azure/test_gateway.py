"""What API Management does with requests, read from its operations and its policy."""

from __future__ import annotations

import json
from typing import Any

import pytest

from semantest_iac.domain.networking.http_exchange import HttpRequest, Pairs
from semantest_iac.domain.resource import DeployedResource
from semantest_iac.infrastructure.local_service.azure.api_frontend import ApiManagement, read_api_management

AREA = "azure-native:apimanagement"
POLICY = """<policies><inbound><base />
  <cors allow-credentials="true"><allowed-origins><origin>https://app.example</origin></allowed-origins></cors>
  <choose><when condition='@(context.Operation.Id != "health" &amp;&amp; context.Operation.Id != "open")'>
    <validate-jwt header-name="X-Token" /></when></choose>
  <set-header name="x-key" exists-action="override"><value>{{the-key}}</value></set-header>
  <set-header name="x-plain"><value>plain</value></set-header>
</inbound></policies>"""


def gateway(policy: str = POLICY, key: Any = "k") -> ApiManagement:
    operations = {"health": "/health", "open": "/open/{id}", "all": "/*"}
    made = [
        DeployedResource(f"{AREA}:ApiOperation", name, {}, {"operationId": name, "method": "GET", "urlTemplate": path})
        for name, path in operations.items()
    ]
    named = DeployedResource(f"{AREA}:NamedValue", "key", {}, {"displayName": "the-key", "value": key})
    written = DeployedResource(f"{AREA}:ApiPolicy", "api", {}, {"value": policy})
    found = read_api_management([DeployedResource(f"{AREA}:Api", "api", {}), named, written, *made])
    assert found is not None
    return found


def status(path: str, method: str = "GET", headers: Pairs = (), policy: str = POLICY) -> int | None:
    refusal = gateway(policy).refusal(HttpRequest(method, path, headers=headers))
    return refusal.status if refusal else None


class TestGateway:
    def test_is_none_where_the_app_is_called_directly(self) -> None:
        assert read_api_management([DeployedResource("azure-native:web:WebApp", "app", {})]) is None

    @pytest.mark.parametrize(
        ("path", "answer"), [("/health", None), ("/open/1", None), ("/open/1/2", 401), ("/other", 401), ("/", 404)]
    )
    def test_asks_a_token_but_of_the_operations_that_its_policy_names(self, path: str, answer: int | None) -> None:
        assert status(path) == answer

    def test_lets_a_token_pass_with_the_remark_that_it_was_not_checked(self) -> None:
        assert status("/other", headers=(("x-token", "Bearer x"),)) is None
        assert "not checked" in gateway().note(HttpRequest("GET", "/other"))
        assert gateway().note(HttpRequest("GET", "/health")) == ""

    def test_refuses_calls_beyond_its_limit_before_it_asks_a_token(self) -> None:
        limited = gateway(POLICY.replace("<choose>", '<rate-limit calls="2" renewal-period="30" /><choose>'))
        answers = [limited.refusal(HttpRequest("GET", path)) for path in ("/nowhere/", "/health", "/other", "/health")]

        assert [answer and answer.status for answer in answers] == [401, None, 429, 429]
        assert answers[-1] and ("retry-after", "30") in answers[-1].headers
        assert json.loads(answers[-1].body)["message"] == "Rate limit is exceeded. Try again in 30 seconds."

    def test_takes_everything_where_nothing_is_said(self) -> None:
        assert status("/other", policy="<policies />") is None

    def test_sets_its_headers_in_place_of_the_clients(self) -> None:
        request = HttpRequest("GET", "/", headers=(("X-Key", "guessed"), ("x-a", "1")))

        forwarded = gateway().forwarded(request)

        assert forwarded.headers == (
            ("x-a", "1"), ("x-key", "k"), ("x-plain", "plain"), ("x-forwarded-for", "127.0.0.1")
        )  # fmt: skip

    def test_sets_no_header_whose_value_is_sealed(self) -> None:
        assert gateway(key={"sealed": "v1:…"}).headers == (("x-plain", "plain"),)

    def test_never_shows_the_key(self) -> None:
        assert "x-key" not in repr(gateway())
