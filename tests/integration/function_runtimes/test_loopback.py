from __future__ import annotations

import asyncio
from urllib.parse import urlsplit

import pytest

from semantest_iac.domain.networking.http_exchange import HttpResponse
from semantest_iac.infrastructure.function_runtimes.loopback import LoopbackRequest, RequestLimits, serve_loopback


async def _echo(call: LoopbackRequest) -> HttpResponse:
    return HttpResponse(200, body=call.body)


async def _exchange(url: str, *parts: str) -> bytes:
    """Send parts of a request and return everything that the server answers before it closes."""
    address = urlsplit(url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    for part in parts:
        writer.write(f"POST {address.path} HTTP/1.1\r\n{part}".encode())
    answer = await reader.read()
    writer.close()
    return answer


class TestServeLoopback:
    @pytest.mark.parametrize("part", ["", "Content-Length: 9\r\n\r\nhalf"], ids=["in its head", "in its body"])
    async def test_closes_an_incomplete_request(self, part: str) -> None:
        async with serve_loopback(_echo, RequestLimits(request_s=0.05)) as url:
            assert await _exchange(url, part) == b""

    async def test_closes_an_incomplete_second_request(self) -> None:
        async with serve_loopback(_echo, RequestLimits(request_s=0.05)) as url:
            answer = await _exchange(url, "Content-Length: 5\r\n\r\nwhole", "")

        assert answer.endswith(b"whole")

    async def test_closes_a_request_with_too_large_a_body(self) -> None:
        async with serve_loopback(_echo, RequestLimits(body_bytes=3)) as url:
            assert await _exchange(url, "Content-Length: 4\r\n\r\nlong") == b""
