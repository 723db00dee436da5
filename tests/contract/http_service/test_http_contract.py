"""One contract of HTTP for every kind of source on every cloud; what may differ is told in differences.py."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from semantest_iac.domain.networking.http_exchange import HttpRequest, HttpResponse
from semantest_iac.infrastructure.function_runtimes.azure_functions import build_functions_event
from semantest_iac.infrastructure.local_service.api_frontend import AdmissionResult, ApiFrontend
from semantest_iac.infrastructure.local_service.warm_service import WarmService
from tests.contract.http_service.deployments import FRONTS, ORIGIN
from tests.contract.http_service.differences import allowed
from tests.contract.http_service.service import Service

pytestmark = pytest.mark.asyncio(loop_scope="module")

Deploy = Callable[..., ApiFrontend]
OCTETS = (("content-type", "application/octet-stream"),)
JSON = (("content-type", "application/json"),)
EVERY_BYTE = bytes(range(256))
BODIES = {
    "of text": (JSON, '{"é":"ü"}'.encode()),
    "of bytes": (OCTETS, EVERY_BYTE),
    "of bytes called text": (JSON, EVERY_BYTE),
    "of no type": ((), b"plain"),
    "of nothing": ((), b""),
}
PATHS = {
    "with a space": ("/a%20b", "/a b"),
    "with an umlaut": ("/%C3%BC", "/ü"),
    "with a percent sign": ("/100%25", "/100%"),
    "with signs": ("/a+b;c=d,e@f:g", "/a+b;c=d,e@f:g"),
}
PREFLIGHT = (("Origin", ORIGIN), ("Access-Control-Request-Method", "DELETE"))


def values(response: HttpResponse, name: str) -> list[str]:
    return [value for key, value in response.headers if key == name]


class TestHttpContract:
    @pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
    async def test_hands_on_the_method(self, service: Service, method: str) -> None:
        assert (await service.seen(method, "/items"))["method"] == method

    @pytest.mark.parametrize(("sent", "read"), PATHS.values(), ids=PATHS)
    async def test_hands_on_the_path(self, service: Service, sent: str, read: str) -> None:
        assert (await service.seen("GET", sent))["path"] == read

    async def test_hands_on_the_query_with_its_repeats(self, service: Service) -> None:
        query = (("q", "1"), ("q", "a b&c"), ("empty", ""), ("ü", "é"))

        assert (await service.seen("GET", "/", query=query))["query"] == [list(pair) for pair in query]

    async def test_hands_on_repeated_headers_as_one(self, service: Service) -> None:
        assert (await service.seen("GET", "/", headers=(("X-Many", "1"), ("x-many", "2"))))["many"] == "1,2"

    async def test_hands_on_cookies(self, service: Service) -> None:
        assert (await service.seen("GET", "/", headers=(("Cookie", "a=1; b=2"),)))["cookies"] == ["a=1", "b=2"]

    @pytest.mark.parametrize("client", ["127.0.0.1", "127.0.0.7", "::1"])
    async def test_knows_the_client_whatever_it_claims(self, service: Service, client: str) -> None:
        seen = await service.seen("GET", "/", headers=(("X-Forwarded-For", "203.0.113.9"),), client=client)

        assert seen["client"] == client

    async def test_starts_where_its_files_lie(self, service: Service) -> None:
        assert (await service.seen("GET", "/"))["beside"] is True

    async def test_keeps_the_ways_between_the_clouds_parts_to_itself(self, service: Service) -> None:
        seen = await service.seen("GET", "/", headers=(("X-Semantest-Gateway", "mine"),))

        assert [name for name in seen["names"] if name == "x-semantest-gateway"] == service.own("a header of ours")

    @pytest.mark.parametrize(("headers", "body"), BODIES.values(), ids=BODIES)
    async def test_hands_on_a_body(self, service: Service, headers: tuple[tuple[str, str], ...], body: bytes) -> None:
        assert (await service.seen("POST", "/", headers=headers, body=body))["body"] == body

    async def test_hands_on_the_body_of_a_get_or_drops_it(self, service: Service) -> None:
        is_seen = service.kind in service.own("kinds that see the body of a GET")

        assert (await service.seen("GET", "/", headers=OCTETS, body=b"x"))["body"] == (b"x" if is_seen else b"")

    async def test_gives_status_headers_and_body(self, service: Service) -> None:
        response = await service.call("GET", "/teapot")

        assert (response.status, response.body) == (418, b"short")
        assert (values(response, "x-kind"), values(response, "x-many")) == (["tea"], ["1, 2"])
        assert values(response, "content-length") == ["5"]

    async def test_gives_bytes(self, service: Service) -> None:
        response = await service.call("GET", "/binary")

        assert (response.body, values(response, "content-type")) == (b"\x89P\xff\0", ["image/png"])

    async def test_gives_each_cookie_a_header(self, service: Service) -> None:
        assert values(await service.call("GET", "/cookies"), "set-cookie") == service.own("cookies")

    async def test_gives_nothing_where_there_is_nothing(self, service: Service) -> None:
        response = await service.call("GET", "/nothing")

        assert (response.status, response.body) == (204, b"")

    async def test_gives_no_body_to_head(self, service: Service) -> None:
        response = await service.call("HEAD", "/teapot")

        assert (response.status, response.body, values(response, "x-kind")) == (418, b"", ["tea"])

    async def test_takes_requests_up_to_the_clouds_limit(self, service: Service) -> None:
        assert (await service.call("POST", "/", headers=OCTETS, body=bytes(7_000_000))).status == service.own(
            "request of 7 MB"
        )

    async def test_gives_answers_up_to_the_clouds_limit(self, service: Service) -> None:
        assert (await service.call("GET", "/large")).status in service.own("answer of 7 MB")

    async def test_answers_preflights_itself(self, service: Service) -> None:
        response = await service.call("OPTIONS", "/items", headers=PREFLIGHT)

        wanted = {"access-control-allow-origin": ORIGIN, **service.own("preflight")}
        assert (response.status, response.body) == (service.own("preflight status"), b"")
        assert wanted.items() <= dict(response.headers).items()

    async def test_allows_a_stranger_nothing(self, service: Service) -> None:
        stranger = (("Origin", "https://evil.example"), PREFLIGHT[1])

        response = await service.call("OPTIONS", "/items", headers=stranger)

        assert [name for name, _ in response.headers if name.startswith("access-control")] == []

    async def test_may_end_a_strangers_request(self, service: Service) -> None:
        response = await service.call("GET", "/cors", headers=(("Origin", "https://evil.example"),))

        assert (response.status, response.body) == service.own("a stranger's GET")
        assert values(response, "access-control-allow-origin") == []

    async def test_puts_its_own_rules_in_place_of_the_functions(self, service: Service) -> None:
        response = await service.call("GET", "/cors", headers=(("Origin", ORIGIN),))

        assert values(response, "access-control-allow-origin") == [ORIGIN]

    async def test_never_tells_why_a_function_failed(self, service: Service) -> None:
        response = await service.call("GET", "/fails")

        assert response.status in (500, 502)
        assert b"Ann" not in response.body
        assert (await service.call("GET", "/teapot")).status == 418


@pytest.mark.parametrize("provider", FRONTS)
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
    @pytest.mark.parametrize("kind", ["python-handler", "node-handler"])
    async def test_alone_reaches_the_app(self, deploy: Deploy, kind: str) -> None:
        front = deploy("azure_gateway", kind)
        past_the_gateway = replace(
            front, admit=lambda request: AdmissionResult(event=build_functions_event(request, "service.example"))
        )

        async with WarmService(past_the_gateway) as warm:
            without = await warm.call(HttpRequest("GET", "/teapot"))
            guessed = await warm.call(HttpRequest("GET", "/teapot", headers=(("x-semantest-gateway", "guess"),)))

        assert (without.response.status, guessed.response.status) == (403, 403)

    async def test_asks_for_a_token_where_its_policy_does(self, deploy: Deploy) -> None:
        async with WarmService(deploy("azure_gateway", "python-handler")) as warm:
            without = await warm.call(HttpRequest("GET", "/locked"))
            shown = await warm.call(HttpRequest("GET", "/locked", headers=(("Authorization", "Bearer x.y.z"),)))

        assert (without.response.status, shown.response.status) == (401, 200)
        assert "The token was not checked" in " ".join(shown.notes)

    async def test_knows_its_operations_alone(self, deploy: Deploy) -> None:
        async with WarmService(deploy("azure_gateway", "bundled")) as warm:
            answer = await warm.call(HttpRequest("TRACE", "/health"))

        assert answer.response.status == 404
