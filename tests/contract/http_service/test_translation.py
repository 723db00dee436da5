"""What a service receives and returns, case by case, with the source of the right value."""

from __future__ import annotations

import pytest

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


class TestTranslation:
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
