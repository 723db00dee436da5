from __future__ import annotations

import asyncio
from urllib.parse import urlsplit

import pytest

from semantest_iac.domain.networking.http_exchange import HttpResponse
from semantest_iac.infrastructure.function_runtimes.loopback import (
    LoopbackRequest,
    RequestLimits,
    is_from_page,
    names_this_machine,
    serve_loopback,
)


async def _echo(call: LoopbackRequest) -> HttpResponse:
    return HttpResponse(200, body=call.body)


async def _exchange(url: str, *parts: str) -> bytes:
    """Send requests, without their first lines, and return everything that the server answers before it closes."""
    address = urlsplit(url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    for part in parts:
        writer.write(f"POST {address.path} HTTP/1.1\r\n{part}".encode())
    try:
        return await reader.read()
    except ConnectionResetError:  # it was closed before it had read everything
        return b""
    finally:
        writer.close()


class TestServeLoopback:
    @pytest.mark.parametrize("part", ["", "Content-Length: 9\r\n\r\nhalf"], ids=["in its head", "in its body"])
    async def test_closes_an_incomplete_request(self, part: str) -> None:
        async with serve_loopback(_echo, RequestLimits(request_s=0.05)) as url:
            assert await _exchange(url, part) == b""

    async def test_closes_an_incomplete_second_request(self) -> None:
        async with serve_loopback(_echo, RequestLimits(request_s=0.05)) as url:
            answer = await _exchange(url, "Content-Length: 5\r\n\r\nwhole", "")

        assert answer.endswith(b"whole")

    async def test_refuses_a_request_with_too_large_a_body(self) -> None:
        async with serve_loopback(_echo, RequestLimits(body_bytes=3)) as url:
            answer = await _exchange(url, "Content-Length: 4\r\n\r\nlong")

        assert answer.startswith(b"HTTP/1.1 413 ")

    @pytest.mark.parametrize(
        "part",
        [
            "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
            "Content-Length: 0\r\nContent-Length: 3\r\n\r\nabc",
            "Content-Length: +3\r\n\r\nabc",
            "Content-Length: 1_0\r\n\r\n0123456789",
            "Content-Length : 3\r\n\r\nabc",
            "X-One: 1\r\n Content-Length: 3\r\n\r\nabc",
        ],
    )
    async def test_closes_what_two_readers_could_take_for_two_requests(self, part: str) -> None:
        async with serve_loopback(_echo, RequestLimits(request_s=0.5)) as url:
            assert await _exchange(url, part) == b""

    async def test_joins_the_values_of_a_header_that_is_there_twice(self) -> None:
        async def answer(call: LoopbackRequest) -> HttpResponse:
            return HttpResponse(200, body=f"{call.headers['accept']} {call.headers['cookie']}".encode())

        async with serve_loopback(answer, RequestLimits(request_s=0.05)) as url:
            heads = "Accept: a\r\nCookie: x=1\r\naccept: b\r\ncookie: y=2\r\n\r\n"
            assert (await _exchange(url, heads, "")).endswith(b"a, b x=1; y=2")

    @pytest.mark.parametrize(("status", "header"), [(299, "a"), (520, "a"), (200, "\u20ac")])
    async def test_answers_whatever_the_status_and_the_headers_are(self, status: int, header: str) -> None:
        async def answer(_: LoopbackRequest) -> HttpResponse:
            return HttpResponse(status, (("x-one", header),))

        async with serve_loopback(answer, RequestLimits(request_s=0.05)) as url:
            expected = status if header.isascii() else 500
            assert (await _exchange(url, "\r\n", "")).startswith(f"HTTP/1.1 {expected} ".encode())


class TestSenders:
    @pytest.mark.parametrize(
        ("origin", "site", "expected"),
        [("", "", False), ("", "none", False), ("null", "", True), ("", "cross-site", True), ("", "same-site", True)],
        ids=["program", "typed address", "form", "image", "page of another port"],
    )
    def test_that_are_pages_are_known_by_what_browsers_send(self, origin: str, site: str, expected: bool) -> None:
        assert is_from_page(origin, site) is expected

    @pytest.mark.parametrize(
        ("host", "expected"), [("[::1", False), ("[::1]:80", True), ("", True), ("evil.example", False)]
    )
    def test_name_this_machine(self, host: str, expected: bool) -> None:
        assert names_this_machine(host) is expected
