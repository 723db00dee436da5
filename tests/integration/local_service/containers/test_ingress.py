"""The ingress of a service passes requests, streams and WebSockets on a part at a time."""

from __future__ import annotations

import asyncio
import hashlib
import io
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

import aiohttp
import pytest
from aiohttp import web

from semantest_iac.infrastructure.local_service.containers.http_streams import MessageHead
from semantest_iac.infrastructure.local_service.containers.ingress import serve_ingress
from semantest_iac.infrastructure.local_service.containers.service_spec import IngressRules, ServiceUnreachableError
from tests.integration.local_service.messaging.conftest import wait_until

_MEGABYTE = 1024 * 1024
Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]
RawHandler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class _Service:
    """What stands behind the ingress, and how many requests it has."""

    port: int = 0
    ingress: IngressRules = field(default_factory=lambda: IngressRules(broken_status=502))
    requests: int = 0

    @asynccontextmanager
    async def reserve(self) -> AsyncIterator[_Service]:
        if not self.port:
            raise ServiceUnreachableError("no instance is ready")
        self.requests += 1
        try:
            yield self
        finally:
            self.requests -= 1


class _World:
    def __init__(self, exits: AsyncExitStack) -> None:
        self.service = _Service()
        self.exits = exits
        self.url = ""
        self.client: aiohttp.ClientSession

    async def open(self) -> None:
        self.url = await self.exits.enter_async_context(serve_ingress(self.service.reserve, self._admit))
        self.client = await self.exits.enter_async_context(aiohttp.ClientSession())

    def _admit(self, head: MessageHead) -> bool:
        return not head.header("origin")

    async def answer_with(self, handler: Handler) -> None:
        """Run a web server as the service."""
        runner = web.ServerRunner(web.Server(handler), shutdown_timeout=0.1)
        await runner.setup()
        self.exits.push_async_callback(runner.cleanup)
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self.service.port = runner.addresses[0][1]

    async def answer_raw(self, handler: RawHandler) -> None:
        """Run a server of bytes as the service."""
        server = await asyncio.start_server(handler, "127.0.0.1", 0)
        self.exits.callback(server.close)
        self.service.port = server.sockets[0].getsockname()[1]

    async def send_raw(self, request: bytes) -> bytes:
        """Send bytes, and return all bytes of the answer."""
        host, _, port = self.url.removeprefix("http://").partition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(request)
        try:
            return await reader.read()
        finally:
            writer.close()


@pytest.fixture
async def world() -> AsyncIterator[_World]:
    async with AsyncExitStack() as exits:
        created = _World(exits)
        await created.open()
        yield created


async def _echo_socket(request: web.BaseRequest) -> web.StreamResponse:
    socket = web.WebSocketResponse(protocols=("semantest",), max_msg_size=0)
    await socket.prepare(request)
    async for message in socket:
        if message.data == "end":
            await socket.close(code=4007, message=b"as asked")
        elif message.type is aiohttp.WSMsgType.BINARY:
            await socket.send_bytes(message.data)
        else:
            await socket.send_str(f"{request.path_qs} {message.data}")
    return socket


async def _never_answer(request: web.BaseRequest) -> web.StreamResponse:
    await asyncio.Event().wait()
    raise AssertionError


class TestRequests:
    async def test_have_bodies_of_any_size_with_and_without_a_length(self, world: _World) -> None:
        async def digest(request: web.BaseRequest) -> web.StreamResponse:
            total = hashlib.sha256()
            async for part in request.content.iter_chunked(_MEGABYTE):
                total.update(part)
            framing = request.headers.get("transfer-encoding", "") + request.headers.get("content-length", "")
            return web.Response(text=f"{framing} {total.hexdigest()}")

        async def send_parts() -> AsyncIterator[bytes]:
            for _ in range(40):
                yield part

        await world.answer_with(digest)
        part = bytes(range(256)) * 4096
        expected = hashlib.sha256(part * 40).hexdigest()

        async with world.client.put(world.url, data=io.BytesIO(part * 40)) as known:
            assert await known.text() == f"{40 * _MEGABYTE} {expected}"
        async with world.client.put(world.url, data=send_parts()) as unknown:
            assert await unknown.text() == f"chunked {expected}"

    async def test_follow_each_other_on_one_connection(self, world: _World) -> None:
        async def name(request: web.BaseRequest) -> web.StreamResponse:
            return web.Response(text=f"{request.method} {request.path} {request.headers['x-forwarded-for']}")

        await world.answer_with(name)
        request = "{} {} HTTP/1.1\r\nhost: a\r\n{}\r\n"

        answers = await world.send_raw(
            (request.format("HEAD", "/1", "") + request.format("GET", "/2", "Connection: close\r\n")).encode()
        )

        assert answers.count(b"HTTP/1.1 200 OK") == 2
        assert answers.endswith(b"GET /2 127.0.0.1")

    async def test_learn_an_early_answer_though_their_body_is_not_read(self, world: _World) -> None:
        async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 413 Too Large\r\ncontent-length: 3\r\n\r\nno\n")
            await writer.drain()
            writer.close()

        await world.answer_raw(refuse)

        answer = await world.send_raw(b"PUT / HTTP/1.1\r\nhost: a\r\ncontent-length: 200000\r\n\r\n" + bytes(100_000))

        assert answer.startswith(b"HTTP/1.1 413") and answer.endswith(b"no\n")

    async def test_wait_where_the_service_does_not_read(self, world: _World) -> None:
        async def read_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.transport.pause_reading()  # type: ignore[attr-defined] # that of a socket
            world.exits.callback(writer.transport.abort)
            await asyncio.Event().wait()

        await world.answer_raw(read_nothing)
        host, _, port = world.url.removeprefix("http://").partition(":")
        _, writer = await asyncio.open_connection(host, int(port))
        writer.write(b"PUT / HTTP/1.1\r\nhost: a\r\ncontent-length: 1000000000\r\n\r\n")
        sent = 0
        try:
            async with asyncio.timeout(2):
                while sent < 200 * _MEGABYTE:
                    writer.write(bytes(_MEGABYTE))
                    await writer.drain()
                    sent += _MEGABYTE
        except TimeoutError:
            pass
        writer.transport.abort()

        assert sent < 50 * _MEGABYTE  # what the buffers of the system hold

    async def test_whose_end_is_not_clear_are_refused(self, world: _World) -> None:
        await world.answer_with(_never_answer)
        heads = (
            b"content-length: 5\r\ncontent-length: 6\r\n",
            b"content-length: 5\r\ntransfer-encoding: chunked\r\n",
            b"content-length: +5\r\n",
            b"transfer-encoding: gzip, chunked\r\n",
            b"a\rb: c\r\n",
            b" folded: line\r\n",
        )

        for head in heads:
            assert (await world.send_raw(b"POST / HTTP/1.1\r\n" + head + b"\r\nhello")).startswith(b"HTTP/1.1 400")
        assert (await world.send_raw(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")).startswith(b"HTTP/1.1 400")

    async def test_without_an_answer_say_why(self, world: _World) -> None:
        async def end(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.close()

        async with world.client.get(world.url) as missing:
            assert (missing.status, await missing.text()) == (503, "no instance is ready\n")
        await world.answer_raw(end)
        async with world.client.get(world.url) as broken:
            assert broken.status == 502
        world.service.ingress = IngressRules(idle_s=0.1)
        await world.answer_with(_never_answer)
        async with world.client.get(world.url) as late:
            assert late.status == 504
        assert world.service.requests == 0


class TestStreams:
    async def test_pass_each_event_when_it_is_sent(self, world: _World) -> None:
        seen = asyncio.Event()

        async def send_events(request: web.BaseRequest) -> web.StreamResponse:
            response = web.StreamResponse(headers={"content-type": "text/event-stream"})
            await response.prepare(request)
            await response.write(b"data: 1\n\n")
            await seen.wait()
            await response.write(b"data: 2\n\n")
            return response

        await world.answer_with(send_events)

        async with world.client.get(world.url) as events:
            first = await events.content.readuntil(b"\n\n")
            seen.set()
            second = await events.content.readuntil(b"\n\n")

        assert (first, second) == (b"data: 1\n\n", b"data: 2\n\n")

    async def test_go_on_as_long_as_something_comes_and_end_with_silence(self, world: _World) -> None:
        async def send_events(request: web.BaseRequest) -> web.StreamResponse:
            response = web.StreamResponse()
            await response.prepare(request)
            for number in range(10):
                await response.write(f"{number}\n".encode())
                await asyncio.sleep(0.1)
            await asyncio.Event().wait()
            raise AssertionError

        world.service.ingress = IngressRules(idle_s=0.5)
        await world.answer_with(send_events)

        received = b""
        with pytest.raises(aiohttp.ClientPayloadError):
            async with world.client.get(world.url) as events:
                async for part in events.content.iter_any():
                    received += part

        assert received.split() == [str(number).encode() for number in range(10)]

    async def test_end_for_the_service_when_the_client_leaves(self, world: _World) -> None:
        async def send_event(request: web.BaseRequest) -> web.StreamResponse:
            response = web.StreamResponse()
            await response.prepare(request)
            await response.write(b"data: 1\n\n")
            await asyncio.Event().wait()
            raise AssertionError

        await world.answer_with(send_event)

        events = await world.client.get(world.url)
        await events.content.readuntil(b"\n\n")
        assert world.service.requests == 1
        events.close()

        await wait_until(lambda: world.service.requests == 0)

    async def test_without_a_length_end_with_the_connection(self, world: _World) -> None:
        async def send_text(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.0 200 OK\r\ncontent-type: text/plain\r\n\r\nall of it")
            writer.close()

        await world.answer_raw(send_text)

        async with world.client.get(world.url) as answer:
            assert await answer.text() == "all of it"
            assert answer.headers["connection"] == "close"


class TestWebSockets:
    async def test_pass_messages_both_ways_and_how_they_end(self, world: _World) -> None:
        await world.answer_with(_echo_socket)

        async with world.client.ws_connect(f"{world.url}/a?b=1", protocols=("semantest",), max_msg_size=0) as socket:
            await socket.send_str("hello")
            text = await socket.receive_str()
            large = bytes(range(256)) * 20_000
            await socket.send_bytes(large)
            returned = await socket.receive_bytes()
            await socket.send_str("end")
            closing = await socket.receive()

        assert (socket.protocol, text) == ("semantest", "/a?b=1 hello")
        assert returned == large
        assert (closing.data, closing.extra) == (4007, "as asked")
        await wait_until(lambda: world.service.requests == 0)

    async def test_end_for_the_service_when_the_client_is_gone(self, world: _World) -> None:
        ended = asyncio.Event()

        async def note_end(request: web.BaseRequest) -> web.StreamResponse:
            socket = await _echo_socket(request)
            ended.set()
            return socket

        await world.answer_with(note_end)

        socket = await world.client.ws_connect(world.url)
        await socket.send_str("hello")
        await socket.receive_str()
        await world.client.close()

        await ended.wait()
        await wait_until(lambda: world.service.requests == 0)

    async def test_are_closed_after_the_idle_time_of_the_cloud(self, world: _World) -> None:
        world.service.ingress = IngressRules(idle_s=0.3)
        await world.answer_with(_echo_socket)

        async with world.client.ws_connect(world.url) as socket:
            await socket.send_str("hello")
            assert await socket.receive_str() == "/ hello"
            closed = await socket.receive()

        assert closed.type is aiohttp.WSMsgType.CLOSED
        assert socket.close_code == aiohttp.WSCloseCode.ABNORMAL_CLOSURE

    async def test_that_a_service_refuses_are_plain_answers(self, world: _World) -> None:
        async def refuse(request: web.BaseRequest) -> web.StreamResponse:
            return web.Response(status=426, text="not here")

        await world.answer_with(refuse)

        with pytest.raises(aiohttp.WSServerHandshakeError, match="426"):
            await world.client.ws_connect(world.url)

    async def test_of_pages_that_are_not_admitted_are_refused(self, world: _World) -> None:
        await world.answer_with(_echo_socket)

        with pytest.raises(aiohttp.WSServerHandshakeError, match="403"):
            await world.client.ws_connect(world.url, origin="https://example.org")

    async def test_end_with_the_ingress(self, world: _World) -> None:
        await world.answer_with(_echo_socket)
        async with serve_ingress(world.service.reserve, lambda _: True) as url:
            socket = await world.client.ws_connect(url)
            await socket.send_str("hello")
            await socket.receive_str()

        assert (await socket.receive()).type is aiohttp.WSMsgType.CLOSED
        assert world.service.requests == 0
