"""What a service returns besides the cases of the table, and when no code of it runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from semantest_iac.domain.networking.http_exchange import HttpRequest
from semantest_iac.infrastructure.function_runtimes.function_spec import FunctionSpec
from semantest_iac.infrastructure.local_service.api_frontend import ApiFrontend
from semantest_iac.infrastructure.local_service.warm_service import WarmService
from tests.contract.http_service.service import Service
from tests.contract.http_service.sources import SERVERS

pytestmark = pytest.mark.asyncio(loop_scope="module")


class TestTranslation:
    async def test_names_the_host_that_clients_use(self, service: Service) -> None:
        """Whatever a client claims: frameworks build redirects from it."""
        received = await service.received("GET", "/", headers=(("X-Forwarded-Host", "evil.example"),))

        assert received["host"] == service.expected("host")

    async def test_returns_headers_that_objects_inherit_and_utf_8(self, service: Service) -> None:
        if service.kind not in SERVERS or service.provider != "aws":
            pytest.skip("a server on AWS: Azure's host sends no header that is not ASCII")

        headers = dict((await service.call("GET", "/named")).headers)

        assert (headers["constructor"], headers["x-city"]) == ("x", "東京")

    async def test_answers_head_without_a_length_if_the_service_gives_none(self, service: Service) -> None:
        response = await service.call("HEAD", "/cookies")

        assert dict(response.headers).get("content-length") in (None, "0")


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
