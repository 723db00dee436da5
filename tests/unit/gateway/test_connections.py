"""One connection of the gateway, with a transport that sends nowhere."""

from __future__ import annotations

import asyncio
from typing import Any

from aiohttp import web

from semantest_iac.presentation.gateway.connections import HttpConnection, HttpConnections
from semantest_iac.presentation.gateway.limits import GatewayLimits

POST = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n"


class FakeTransport(asyncio.Transport):
    def __init__(self) -> None:
        super().__init__()
        self.reading = asyncio.Event()
        self.reading.set()

    def write(self, data: Any) -> None:
        """Send nothing."""

    def is_closing(self) -> bool:
        return False

    def pause_reading(self) -> None:
        self.reading.clear()

    def resume_reading(self) -> None:
        self.reading.set()

    def close(self) -> None:
        """Stay open, so that a test may close it."""


async def test_reads_a_body_that_nobody_wants_in_parts_with_pauses() -> None:
    is_refused = asyncio.Event()

    async def refuse(request: web.BaseRequest) -> web.Response:
        connection.begin_request()
        connection.end_answer(is_body_read=False)
        is_refused.set()
        return web.Response(status=413)

    table, transport = HttpConnections(GatewayLimits()), FakeTransport()
    connection = HttpConnection(table, web.Server(refuse), loop=asyncio.get_running_loop())
    connection.connection_made(transport)
    connection.data_received(POST)
    await is_refused.wait()

    for _ in range(3):
        connection.data_received(b"x" * 1000)
        assert not transport.reading.is_set()
        await transport.reading.wait()

    connection.connection_lost(None)
    assert not table.discarding
