"""What the small server on the loopback puts up with."""

from __future__ import annotations

import asyncio
from urllib.parse import urlsplit

import pytest

from semantest_iac.domain.networking.http_exchange import HttpResponse
from semantest_iac.infrastructure.function_runtimes.loopback import LoopbackRequest, RequestLimits, serve_loopback


async def _echoed(call: LoopbackRequest) -> HttpResponse:
    return HttpResponse(200, body=call.body)


async def _heard(url: str, *parts: str) -> bytes:
    """All that is answered to these parts of a call until the server hangs up."""
    place = urlsplit(url)
    reader, writer = await asyncio.open_connection(place.hostname, place.port)
    for part in parts:
        writer.write(f"POST {place.path} HTTP/1.1\r\n{part}".encode())
    heard = await reader.read()
    writer.close()
    return heard


class TestLoopback:
    @pytest.mark.parametrize("part", ["", "Content-Length: 9\r\n\r\nhalf"], ids=["in its head", "in its body"])
    async def test_hangs_up_on_a_call_that_does_not_come_to_its_end(self, part: str) -> None:
        async with serve_loopback(_echoed, RequestLimits(request_s=0.05)) as url:
            assert await _heard(url, part) == b""

    async def test_hangs_up_on_what_follows_a_call_and_does_not_come_to_its_end(self) -> None:
        async with serve_loopback(_echoed, RequestLimits(request_s=0.05)) as url:
            heard = await _heard(url, "Content-Length: 5\r\n\r\nwhole", "")

        assert heard.endswith(b"whole")

    async def test_hangs_up_on_a_body_that_is_too_large(self) -> None:
        async with serve_loopback(_echoed, RequestLimits(body_bytes=3)) as url:
            assert await _heard(url, "Content-Length: 4\r\n\r\nlong") == b""
