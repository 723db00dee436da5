"""What a service receives and returns, case by case, with the source of the right value."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from semantest_iac.domain.networking.http_exchange import HttpRequest
from semantest_iac.infrastructure.function_runtimes.function_spec import FunctionSpec
from semantest_iac.infrastructure.local_service.api_frontend import ApiFrontend
from semantest_iac.infrastructure.local_service.warm_service import WarmService
from tests.contract.http_service.service import Service

pytestmark = pytest.mark.asyncio(loop_scope="module")

SERVER = "node-server"
QUERIES = {
    # Source: API Gateway's developer guide, payload format 2.0: rawQueryString is the raw query. Azure's host appends
    # the query to the URL as it came (its RpcMessageConversionExtensions).
    "encoded spaces": "q=a%20b+c",
    "names without a value": "flag&empty=",
    "bytes that are not UTF-8": "z=%E9",
    "a signature": "sig=AbC%3d&sig=x%2Fy",
    "names of members that objects inherit": "constructor=1&__proto__=y&toString=z",
}
PARAMETERS = {
    # Source: the same guide: repeated names are joined with commas.
    "constructor=1&__proto__=y&toString=z": {"constructor": "1", "__proto__": "y", "toString": "z"},
    "q=a%20b&q=c&flag": {"q": "a b,c", "flag": ""},
}
TARGETS = {
    # Source: what plain node sees as request.url.
    "/100%25": "/100%25",
    "/100%25ab": "/100%25ab",
    "/a%20b": "/a%20b",
    "/%C3%BC/100%25ab": "/%C3%BC/100%25ab",
}
ROUTES = {
    # Source: API Gateway's developer guide, routes of HTTP APIs and payload format 2.0.
    "/todos/42": ("GET /todos/{id}", {"id": "42"}),
    "/todos/a%20b": ("GET /todos/{id}", {"id": "a b"}),
    "/todos/all": ("GET /todos/all", None),
    "/files/a/b": ("ANY /files/{path+}", {"path": "a/b"}),
    "/elsewhere": ("$default", None),
}


class TestTranslation:
    @pytest.mark.parametrize(("path", "route"), ROUTES.items())
    async def test_names_the_route_and_its_parameters(
        self, service: Service, path: str, route: tuple[str, dict[str, str] | None]
    ) -> None:
        if service.kind == SERVER:
            pytest.skip("a server has no routes of the API")

        received = await service.received("GET", path)

        assert (received["route"], received.get("path_parameters")) == route

    @pytest.mark.parametrize("query", QUERIES.values(), ids=QUERIES)
    async def test_passes_on_the_query_exactly(self, service: Service, query: str) -> None:
        assert (await service.received("GET", f"/?{query}"))["raw_query"] == query

    @pytest.mark.parametrize(("query", "parameters"), PARAMETERS.items())
    async def test_passes_on_every_parameter(self, service: Service, query: str, parameters: dict[str, str]) -> None:
        if service.kind == SERVER:
            pytest.skip("a server has no map of parameters")

        assert (await service.received("GET", f"/?{query}"))["parameters"] == parameters

    @pytest.mark.parametrize(("sent", "seen"), TARGETS.items())
    async def test_passes_on_the_path_to_a_server_exactly(self, service: Service, sent: str, seen: str) -> None:
        if service.kind != SERVER:
            pytest.skip("handlers receive a decoded path")

        assert (await service.received("GET", sent))["target"] == seen

    async def test_passes_on_a_percent_sign_before_digits(self, service: Service) -> None:
        if service.kind == SERVER:
            received = (await service.received("GET", "/items%2520"))["target"]
            assert received == ("/items%2520" if service.provider == "aws" else "/items%20")
        else:
            received = (await service.received("GET", "/100%25ab"))["path"]
            assert received == "/100%ab"

    async def test_passes_on_a_header_in_utf_8(self, service: Service) -> None:
        received = await service.received("GET", "/", headers=(("X-City", "東京"), ("Constructor", "x")))

        assert (received["city"], received["named"]) == ("東京", "x")

    async def test_keeps_cookies_with_new_attributes(self, service: Service) -> None:
        response = await service.call("GET", "/new-cookies")

        cookies = [value for name, value in response.headers if name == "set-cookie"]
        assert cookies == service.expected("new cookies")

    async def test_returns_headers_that_objects_inherit_and_utf_8(self, service: Service) -> None:
        if service.kind != SERVER or service.provider != "aws":
            pytest.skip("a server on AWS: Azure's host sends no header that is not ASCII")

        headers = dict((await service.call("GET", "/named")).headers)

        assert (headers["constructor"], headers["x-city"]) == ("x", "東京")

    async def test_answers_head_with_the_length_that_the_service_gives(self, service: Service) -> None:
        response = await service.call("HEAD", "/three")

        assert (response.body, dict(response.headers).get("content-length")) == (b"", "3")

    async def test_answers_head_without_a_length_if_the_service_gives_none(self, service: Service) -> None:
        response = await service.call("HEAD", "/cookies")

        assert dict(response.headers).get("content-length") in (None, "0")

    async def test_limits_the_size_of_all_headers(self, service: Service) -> None:
        """Source: the quotas of API Gateway (10,240 bytes) and of Azure's hosts (64 KB)."""
        largest = 10_000 if service.provider == "aws" else 60_000
        small = await service.call("GET", "/teapot", headers=(("X-A", "x" * 9_000),))
        large = await service.call("GET", "/teapot", headers=(("X-A", "x" * largest), ("X-B", "x" * 7_000)))

        assert (small.status, large.status) == (418, 431)
        assert b"xxx" not in large.body

    @pytest.mark.parametrize("path", ["/admin/host/status", "/runtime/webhooks/x"])
    async def test_leaves_the_paths_of_azures_host_to_it(self, service: Service, path: str) -> None:
        response = await service.call("GET", path)

        assert (response.status == 401, response.body == b"") == (service.provider != "aws",) * 2


@pytest.mark.parametrize("kind", ["python-handler", "node-handler", "node-server"])
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
