"""One contract of HTTP for every source on every cloud; differences.py lists what may differ."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from semantest_iac.domain.networking.http_exchange import HttpRequest, HttpResponse
from semantest_iac.infrastructure.function_runtimes.azure_functions import build_functions_event
from semantest_iac.infrastructure.local_service.api_frontend import AdmissionResult, ApiFrontend, load_stored_body
from semantest_iac.infrastructure.local_service.tokens.issuer_keys import IssuerKeys
from semantest_iac.infrastructure.local_service.warm_service import WarmService
from tests.contract.http_service.deployments import FRONTENDS, ORIGIN
from tests.contract.http_service.differences import allowed
from tests.contract.http_service.service import Service
from tests.contract.http_service.sources import SERVERS
from tests.issuers import Issuer

pytestmark = pytest.mark.asyncio(loop_scope="module")

Deploy = Callable[..., ApiFrontend]
OCTETS = (("content-type", "application/octet-stream"),)
JSON = (("content-type", "application/json"),)
EVERY_BYTE = bytes(range(256))
BODIES = {
    "of text": (JSON, '{"é":"ü"}'.encode()),
    "of bytes": (OCTETS, EVERY_BYTE),
    "of bytes with a text type": (JSON, EVERY_BYTE),
    "of no type": ((), b"plain"),
    "of nothing": ((), b""),
}
PATHS = {
    "with a space": ("/a%20b", "/a b"),
    "with an umlaut": ("/%C3%BC", "/ü"),
    "with signs": ("/a+b;c=d,e@f:g", "/a+b;c=d,e@f:g"),
}
PREFLIGHT = (("Origin", ORIGIN), ("Access-Control-Request-Method", "DELETE"))


def values(response: HttpResponse, name: str) -> list[str]:
    return [value for key, value in response.headers if key == name]


class TestHttpContract:
    @pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
    async def test_passes_on_the_method(self, service: Service, method: str) -> None:
        assert (await service.received(method, "/items"))["method"] == method

    @pytest.mark.parametrize(("sent", "read"), PATHS.values(), ids=PATHS)
    async def test_passes_on_the_path(self, service: Service, sent: str, read: str) -> None:
        assert (await service.received("GET", sent))["path"] == read

    async def test_passes_on_the_query_with_repeated_names(self, service: Service) -> None:
        query = (("q", "1"), ("q", "a b&c"), ("empty", ""), ("ü", "é"))

        assert (await service.received("GET", "/", query=query))["query"] == [list(pair) for pair in query]

    async def test_joins_repeated_headers(self, service: Service) -> None:
        assert (await service.received("GET", "/", headers=(("X-Many", "1"), ("x-many", "2"))))["many"] == "1,2"

    async def test_passes_on_cookies(self, service: Service) -> None:
        assert (await service.received("GET", "/", headers=(("Cookie", "a=1; b=2"),)))["cookies"] == ["a=1", "b=2"]

    @pytest.mark.parametrize("client", ["127.0.0.1", "127.0.0.7", "::1"])
    async def test_passes_on_the_clients_real_address(self, service: Service, client: str) -> None:
        received = await service.received("GET", "/", headers=(("X-Forwarded-For", "203.0.113.9"),), client=client)

        assert received["client"] == client

    async def test_starts_in_the_folder_of_its_files(self, service: Service) -> None:
        assert (await service.received("GET", "/"))["beside"] is True

    async def test_hides_the_header_of_the_gateway(self, service: Service) -> None:
        received = await service.received("GET", "/", headers=(("X-Semantest-Gateway", "mine"),))

        assert [name for name in received["names"] if name == "x-semantest-gateway"] == service.expected(
            "gateway key header"
        )

    @pytest.mark.parametrize(("headers", "body"), BODIES.values(), ids=BODIES)
    async def test_passes_on_a_body(self, service: Service, headers: tuple[tuple[str, str], ...], body: bytes) -> None:
        assert (await service.received("POST", "/", headers=headers, body=body))["body"] == body

    @pytest.mark.parametrize(("headers", "body"), BODIES.values(), ids=BODIES)
    async def test_passes_on_a_body_from_a_file(
        self, service: Service, tmp_path: Path, headers: tuple[tuple[str, str], ...], body: bytes
    ) -> None:
        file = tmp_path / "body"

        assert (await service.received("POST", "/", headers=headers, body=body, file=file))["body"] == body

    async def test_passes_on_or_drops_the_body_of_a_get(self, service: Service) -> None:
        is_received = service.kind in service.expected("kinds that receive the body of a GET")

        assert (await service.received("GET", "/", headers=OCTETS, body=b"x"))["body"] == (b"x" if is_received else b"")

    async def test_returns_status_headers_and_body(self, service: Service) -> None:
        response = await service.call("GET", "/teapot")

        assert (response.status, response.body) == (418, b"short")
        assert (values(response, "x-kind"), values(response, "x-many")) == (["tea"], ["1, 2"])
        assert values(response, "content-length") == ["5"]

    async def test_returns_bytes(self, service: Service) -> None:
        response = await service.call("GET", "/binary")

        assert (response.body, values(response, "content-type")) == (b"\x89P\xff\0", ["image/png"])

    async def test_returns_an_empty_answer(self, service: Service) -> None:
        response = await service.call("GET", "/nothing")

        assert (response.status, response.body) == (204, b"")

    async def test_returns_no_body_for_head(self, service: Service) -> None:
        response = await service.call("HEAD", "/teapot")

        assert (response.status, response.body, values(response, "x-kind")) == (418, b"", ["tea"])

    async def test_accepts_requests_up_to_the_limit_of_the_cloud(self, service: Service) -> None:
        assert (await service.call("POST", "/", headers=OCTETS, body=bytes(7_000_000))).status == service.expected(
            "request of 7 MB"
        )

    async def test_returns_answers_up_to_the_limit_of_the_cloud(self, service: Service) -> None:
        response = await service.call("GET", "/large")

        assert response.status in service.expected("answer of 7 MB")
        if response.stored_body:
            assert load_stored_body(response).body == b"x" * 7_000_000

    async def test_answers_preflights_itself(self, service: Service) -> None:
        response = await service.call("OPTIONS", "/items", headers=PREFLIGHT)

        expected = {"access-control-allow-origin": ORIGIN, **service.expected("preflight")}
        assert (response.status, response.body) == (service.expected("preflight status"), b"")
        assert expected.items() <= dict(response.headers).items()

    async def test_allows_other_origins_nothing(self, service: Service) -> None:
        other_origin = (("Origin", "https://evil.example"), PREFLIGHT[1])

        response = await service.call("OPTIONS", "/items", headers=other_origin)

        assert [name for name, _ in response.headers if name.startswith("access-control")] == []

    async def test_may_refuse_requests_of_other_origins(self, service: Service) -> None:
        response = await service.call("GET", "/cors", headers=(("Origin", "https://evil.example"),))

        assert (response.status, response.body) == service.expected("a GET of another origin")
        assert values(response, "access-control-allow-origin") == []

    async def test_replaces_the_cors_headers_of_the_function(self, service: Service) -> None:
        response = await service.call("GET", "/cors", headers=(("Origin", ORIGIN),))

        assert values(response, "access-control-allow-origin") == [ORIGIN]

    async def test_hides_why_a_function_failed(self, service: Service) -> None:
        response = await service.call("GET", "/fails")

        assert response.status in (500, 502)
        assert b"Ann" not in response.body
        assert (await service.call("GET", "/teapot")).status == 418

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


@pytest.mark.parametrize("provider", FRONTENDS)
class TestEveryCloud:
    async def test_answers_for_a_function_that_takes_too_long(self, deploy: Deploy, provider: str) -> None:
        async with WarmService(deploy(provider, "python-handler", 1)) as warm:
            late = await warm.call(HttpRequest("GET", "/sleeps"))
            after = await warm.call(HttpRequest("GET", "/teapot"))

        assert (late.response.status, after.response.status) == (allowed("timeout", provider), 418)

    async def test_answers_for_a_function_that_fails(self, deploy: Deploy, provider: str) -> None:
        async with WarmService(deploy(provider, "python-handler")) as warm:
            answer = await warm.call(HttpRequest("GET", "/fails"))

        assert (answer.response.status, answer.response.body) == (500, allowed("error body", provider))

    @pytest.mark.parametrize("path", ["/health", "/health/live", "/health/ready"])
    async def test_runs_the_bundled_service(self, deploy: Deploy, provider: str, path: str) -> None:
        async with WarmService(deploy(provider, "bundled")) as warm:
            answer = await warm.call(HttpRequest("GET", path))

        assert (answer.response.status, b'"service": "semantest"' in answer.response.body) == (200, True)


class TestApiManagement:
    @pytest.mark.parametrize("kind", ["python-handler", "node-handler", "asgi-app"])
    async def test_is_required_to_reach_the_app(self, deploy: Deploy, kind: str) -> None:
        frontend = deploy("azure_gateway", kind)
        without_gateway = replace(
            frontend, admit=lambda request: AdmissionResult(event=build_functions_event(request, "service.example"))
        )

        async with WarmService(without_gateway) as warm:
            missing = await warm.call(HttpRequest("GET", "/teapot"))
            wrong = await warm.call(HttpRequest("GET", "/teapot", headers=(("x-semantest-gateway", "guess"),)))

        assert (missing.response.status, wrong.response.status) == (403, 403)

    async def test_requires_a_token_if_its_policy_does(self, deploy: Deploy) -> None:
        issuer = Issuer("https://login.example")
        async with WarmService(deploy("azure_gateway", "python-handler"), issuer_keys=IssuerKeys(issuer.fetch)) as warm:
            missing = await warm.call(HttpRequest("GET", "/locked"))
            tokens = issuer.sign(aud="service"), issuer.sign(aud="service", signer="2"), issuer.sign()
            answers = [
                await warm.call(HttpRequest("GET", "/locked", headers=(("Authorization", f"Bearer {token}"),)))
                for token in tokens
            ]

        assert missing.response.status == 401
        assert [it.response.status for it in answers] == [200, 401, 401]
        assert [*answers[1].notes] == ["The token was refused: its signature is wrong."]

    async def test_accepts_only_its_operations(self, deploy: Deploy) -> None:
        async with WarmService(deploy("azure_gateway", "bundled")) as warm:
            answer = await warm.call(HttpRequest("TRACE", "/health"))

        assert answer.response.status == 404
