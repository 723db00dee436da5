"""Packages on Azure that find references to Key Vault in their settings: they read the vault themselves."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from urllib.parse import parse_qs, urlsplit

import pytest

from semantest_iac.domain.networking.http_exchange import HttpRequest, HttpResponse
from semantest_iac.infrastructure.function_runtimes.function_spec import FunctionSpec
from semantest_iac.infrastructure.function_runtimes.loopback import LoopbackRequest, serve_loopback
from semantest_iac.infrastructure.local_service.api_frontend import ApiFrontend
from semantest_iac.infrastructure.local_service.warm_service import WarmService

KINDS = ["python-handler", "node-handler", "node-server"]
SECRET, TOKEN = "vault-canary-7731", "identity-canary-9042"


@dataclass
class FakeVault:
    """The token endpoint of an app's identity, and a vault that gives its answers one after the other."""

    answers: Sequence[HttpResponse]
    calls: list[LoopbackRequest] = field(default_factory=list)

    async def __call__(self, request: LoopbackRequest) -> HttpResponse:
        url, closing = urlsplit(request.path), (("connection", "close"),)
        if url.path == "/identity":
            return HttpResponse(200, closing, json.dumps({"access_token": TOKEN, "expires_on": "9"}).encode())
        self.calls.append(request)
        answer = self.answers[min(len(self.calls), len(self.answers)) - 1]
        return replace(answer, headers=closing)


def given(value: str) -> HttpResponse:
    """Key Vault's answer to Get Secret."""
    body = {"value": value, "id": "https://v.vault.azure.net/secrets/token/1", "attributes": {"enabled": True}}
    return HttpResponse(200, body=json.dumps(body).encode())


def refused(status: int, code: str) -> HttpResponse:
    """Key Vault's answer where it gives no secret."""
    return HttpResponse(
        status, body=json.dumps({"error": {"code": code, "message": f"{code} for the caller"}}).encode()
    )


def with_reference(frontend: ApiFrontend, url: str) -> ApiFrontend:
    """The app with an identity, and with a reference in place of a secret."""
    added = {
        "JWT_SECRET": f"@Microsoft.KeyVault(SecretUri={url}/secrets/token/1)",
        "IDENTITY_ENDPOINT": f"{url}/identity",
        "IDENTITY_HEADER": "only-this-app-knows",
        "AzureWebJobsStorage__clientId": "client-1",
    }

    def load_function() -> FunctionSpec:
        spec = frontend.load_function()
        return replace(spec, environment={**spec.environment, **added})

    return replace(frontend, load_function=load_function)


@pytest.mark.parametrize("kind", KINDS)
async def test_an_app_reads_a_secret_that_the_platform_has_not_read(
    deploy: Callable[..., ApiFrontend], kind: str
) -> None:
    vault = FakeVault([given(SECRET)])
    async with serve_loopback(vault) as url, WarmService(with_reference(deploy("azure", kind), url)) as warm:
        statuses = [(await warm.call(HttpRequest("GET", "/teapot"))).response.status for _ in range(2)]

    assert statuses == [418, 418]
    [call] = vault.calls  # once for all requests
    assert (urlsplit(call.path).path, parse_qs(urlsplit(call.path).query)) == (
        "/secrets/token/1",
        {"api-version": ["7.4"]},
    )
    assert call.headers["authorization"] == f"Bearer {TOKEN}"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (refused(403, "Forbidden"), "Key Vault answered 403"),
        (refused(404, "SecretNotFound"), "Key Vault answered 404"),
        (refused(429, "Throttled"), "Key Vault answered 429"),
        (HttpResponse(302), "Key Vault answered 302"),
        (HttpResponse(200, body=b"[]"), "Key Vault gave no answer that can be read"),
        (given("@Microsoft.KeyVault(SecretUri=https://v.vault.azure.net/x)"), "Key Vault gave no value"),
    ],
    ids=["role not effective", "no secret", "busy", "redirect", "no object", "another reference"],
)
async def test_no_code_runs_while_the_vault_gives_no_secret(
    deploy: Callable[..., ApiFrontend], kind: str, answer: HttpResponse, reason: str
) -> None:
    vault = FakeVault([answer])
    async with serve_loopback(vault) as url, WarmService(with_reference(deploy("azure", kind), url)) as warm:
        found = [(await warm.call(HttpRequest("GET", "/teapot"))).response for _ in range(3)]

    assert [response.status for response in found] == [503, 503, 503]
    assert f"JWT_SECRET ({reason})".encode() in found[0].body
    assert len(vault.calls) == 1  # it is asked again after a pause, however many requests come
    assert not any(hidden.encode() in found[0].body for hidden in (TOKEN, "vault.azure.net"))


@pytest.mark.parametrize("kind", ["python-handler", "node-handler", "node-server", "asgi-app"])
async def test_no_code_runs_while_a_secret_is_an_unresolved_reference(
    deploy: Callable[..., ApiFrontend], kind: str
) -> None:
    frontend = deploy("azure", kind)
    reference = "@Microsoft.KeyVault(SecretUri=https://v.vault.azure.net/secrets/token)"

    def load_function() -> FunctionSpec:
        spec = frontend.load_function()
        return replace(spec, environment={**spec.environment, "JWT_SECRET": reference})

    async with WarmService(replace(frontend, load_function=load_function)) as warm:
        response = (await warm.call(HttpRequest("GET", "/teapot"))).response

    assert (response.status, b"JWT_SECRET" in response.body) == (503, True)
    assert b"vault.azure.net" not in response.body
