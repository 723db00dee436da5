"""Stands for the ingress of a cloud: one address of a service, whose requests pass on to its instances as they come.

Bodies, event streams and WebSockets pass both ways a part at a time, so a connection holds little of them.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus
from typing import Protocol

from semantest_iac.infrastructure.local_service.containers.http_streams import (
    LARGEST_HEAD,
    PART,
    BodyEnd,
    BrokenMessageError,
    Framing,
    MessageHead,
    find_answer_body,
    find_request_body,
    pass_all,
    pass_body,
    read_head,
)
from semantest_iac.infrastructure.local_service.containers.service_spec import IngressRules, ServiceUnreachableError

_MOST_CONNECTIONS = 1000
_FINISH_S = 1.0
_VERSIONS = ("HTTP/1.1", "HTTP/1.0")
_UPGRADE = (("connection", "Upgrade"), ("upgrade", "websocket"))


class IngressTarget(Protocol):
    """What answers one request."""

    @property
    def port(self) -> int: ...

    @property
    def ingress(self) -> IngressRules: ...


ReserveTarget = Callable[[], AbstractAsyncContextManager[IngressTarget]]
"""Chooses who answers a request, as long as the block; raises ServiceUnreachableError if nobody does."""

AdmitRequest = Callable[[MessageHead], bool]
"""Whether the sender of a request may call the service."""


@asynccontextmanager
async def serve_ingress(reserve: ReserveTarget, admit: AdmitRequest) -> AsyncIterator[str]:
    """Yield the URL of an address that passes requests on as long as the block."""
    serving = set[asyncio.Task[None]]()

    def begin(protocol: _ClientProtocol, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        client = _Client(reader, writer, protocol.gone)
        is_room = len(serving) < _MOST_CONNECTIONS
        task = asyncio.create_task(_serve(client, reserve, admit) if is_room else _refuse_connection(client))
        serving.add(task)
        task.add_done_callback(serving.discard)

    server = await asyncio.get_running_loop().create_server(lambda: _ClientProtocol(begin), "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for task in serving:
            task.cancel()
        await asyncio.gather(*serving, return_exceptions=True)


class _ClientProtocol(asyncio.StreamReaderProtocol):
    """Notices that a client is gone while nothing of it is waited for."""

    def __init__(self, begin: Callable[[_ClientProtocol, asyncio.StreamReader, asyncio.StreamWriter], None]) -> None:
        self.gone = asyncio.Event()
        super().__init__(asyncio.StreamReader(limit=LARGEST_HEAD), partial(begin, self))

    def eof_received(self) -> bool | None:
        self.gone.set()
        return super().eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        self.gone.set()
        super().connection_lost(exc)


@dataclass(slots=True)
class _Client:
    """The connection of a client; `has_answer` says that an answer to its request has begun."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    gone: asyncio.Event
    has_answer: bool = False

    @property
    def address(self) -> str:
        peer = self.writer.get_extra_info("peername")
        return str(peer[0]) if peer else ""

    async def refuse(self, status: int, text: str = "") -> bool:
        """Answer instead of a service; the connection ends, as nobody reads the rest of the request."""
        if self.has_answer:
            return False
        body = f"{text or HTTPStatus(status).phrase}\n".encode()
        head = MessageHead(("HTTP/1.1", str(status), HTTPStatus(status).phrase), ())
        headers = (("content-type", "text/plain; charset=utf-8"), ("content-length", str(len(body))))
        self.writer.write(head.encode((*headers, ("connection", "close"))) + body)
        await self.writer.drain()
        return False


@dataclass(slots=True)
class _Exchange:
    """A request and what has happened with it."""

    head: MessageHead
    body: BodyEnd
    is_sent: bool = False
    on_part: Callable[[], None] = field(default=lambda: None)

    @property
    def is_handshake(self) -> bool:
        is_upgrade = "upgrade" in self.head.list_connection_options()
        return self.head.start[0] == "GET" and is_upgrade and self.head.header("upgrade").lower() == "websocket"

    @property
    def ends_connection(self) -> bool:
        return self.head.start[2] == "HTTP/1.0" or "close" in self.head.list_connection_options()


async def _refuse_connection(client: _Client) -> None:
    with _end_connection(client.writer), suppress(ConnectionError):
        await client.refuse(HTTPStatus.SERVICE_UNAVAILABLE, f"more than {_MOST_CONNECTIONS} connections")


async def _serve(client: _Client, reserve: ReserveTarget, admit: AdmitRequest) -> None:
    """Answer the requests of a connection, one after the other."""
    with _end_connection(client.writer), suppress(ConnectionError):
        while await _serve_request(client, reserve, admit):
            client.has_answer = False
        await _finish(client)


@contextmanager
def _end_connection(writer: asyncio.StreamWriter) -> Iterator[None]:
    """Close a connection after the block when the rest is sent, or at once where the block fails."""
    try:
        yield
    except BaseException:
        writer.transport.abort()
        raise
    writer.close()


async def _finish(client: _Client) -> None:
    """Let a client read the answer that still sends: a closed connection would take it from it."""
    with suppress(OSError, TimeoutError):
        async with asyncio.timeout(_FINISH_S):
            client.writer.write_eof()
            while await client.reader.read(PART):
                pass


async def _serve_request(client: _Client, reserve: ReserveTarget, admit: AdmitRequest) -> bool:
    """Return whether the connection is good for another request."""
    try:
        head = await read_head(client.reader)
        if head is None:
            return False
        exchange = _Exchange(head, find_request_body(head))
    except BrokenMessageError as error:
        return await client.refuse(HTTPStatus.BAD_REQUEST, str(error))
    if head.start[2] not in _VERSIONS or head.start[0] == "CONNECT":
        return await client.refuse(HTTPStatus.BAD_REQUEST)
    if not admit(head):
        return await client.refuse(HTTPStatus.FORBIDDEN)
    try:
        async with reserve() as target:
            return await _pass_on(exchange, client, target)
    except ServiceUnreachableError as error:
        return await client.refuse(HTTPStatus.SERVICE_UNAVAILABLE, str(error))


async def _pass_on(exchange: _Exchange, client: _Client, target: IngressTarget) -> bool:
    """Pass a request on and its answer back; nothing for the idle time of the cloud ends both."""
    rules, loop = target.ingress, asyncio.get_running_loop()
    try:
        async with asyncio.timeout(rules.idle_s) as deadline:

            def note_part() -> None:
                if not deadline.expired():
                    deadline.reschedule(loop.time() + rules.idle_s)

            exchange.on_part = note_part
            reader, writer = await asyncio.open_connection("127.0.0.1", target.port, limit=LARGEST_HEAD)
            with _end_connection(writer):
                return await _exchange_with(reader, writer, exchange, client)
    except TimeoutError:
        return await client.refuse(HTTPStatus.GATEWAY_TIMEOUT)
    except (OSError, BrokenMessageError) as error:
        if client.gone.is_set():
            raise ConnectionAbortedError("the client is gone") from error
        return await client.refuse(rules.broken_status, "the service ended before its answer")


async def _exchange_with(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, exchange: _Exchange, client: _Client
) -> bool:
    writer.write(_encode_request(exchange, client))
    sending = asyncio.create_task(_send_body(writer, exchange, client))
    answering = asyncio.create_task(_return_answer(reader, writer, exchange, client))
    try:
        await asyncio.wait({sending, answering}, return_when=asyncio.FIRST_COMPLETED)
        if not answering.done():
            raise ConnectionAbortedError("the client is gone")
        return answering.result()
    finally:
        sending.cancel()
        answering.cancel()
        await asyncio.gather(sending, answering, return_exceptions=True)


async def _send_body(writer: asyncio.StreamWriter, exchange: _Exchange, client: _Client) -> None:
    """Pass the body of a request on, and return or fail when the client is gone."""
    if exchange.is_handshake:
        exchange.is_sent = True
        await asyncio.Event().wait()  # what follows is passed on, and its end noticed, with the answer
    with suppress(ConnectionError):  # who answers early may read no more
        await pass_body(client.reader, writer, exchange.body, exchange.on_part)
        exchange.is_sent = True
    await client.gone.wait()


async def _return_answer(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, exchange: _Exchange, client: _Client
) -> bool:
    """Pass the answer back; return whether the client's connection is good for another request."""
    head, status = await _read_answer_head(reader)
    while status < HTTPStatus.OK and status != HTTPStatus.SWITCHING_PROTOCOLS:
        await _write_head(client, head.without_hop_headers().encode())
        head, status = await _read_answer_head(reader)
    if status == HTTPStatus.SWITCHING_PROTOCOLS:
        if not exchange.is_handshake:
            raise BrokenMessageError("the service switches to a protocol that nobody asked for")
        client.has_answer = True
        await _write_head(client, head.without_hop_headers().encode(_UPGRADE))
        await _tunnel(reader, writer, exchange, client)
        return False
    end = find_answer_body(head, exchange.head.start[0], status)
    is_last = exchange.ends_connection or end is Framing.UNTIL_CLOSE
    client.has_answer = True
    await _write_head(client, head.without_hop_headers().encode((("connection", "close"),) if is_last else ()))
    await pass_body(reader, client.writer, end, exchange.on_part)
    return not is_last and exchange.is_sent


async def _write_head(client: _Client, head: bytes) -> None:
    client.writer.write(head)
    await client.writer.drain()


async def _read_answer_head(reader: asyncio.StreamReader) -> tuple[MessageHead, int]:
    head = await read_head(reader)
    if head is None or head.start[0] not in _VERSIONS or not head.start[1].isdecimal():
        raise BrokenMessageError("the service gave no answer")
    status = int(head.start[1])
    return MessageHead(("HTTP/1.1", head.start[1], head.start[2]), head.headers), status


async def _tunnel(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, exchange: _Exchange, client: _Client
) -> None:
    """Pass bytes both ways until either side ends; what it sent before arrives."""
    ways = {
        asyncio.create_task(pass_all(client.reader, writer, exchange.on_part)),
        asyncio.create_task(pass_all(reader, client.writer, exchange.on_part)),
    }
    try:
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)


def _encode_request(exchange: _Exchange, client: _Client) -> bytes:
    """Return the head for the service, with who sent it."""
    head = exchange.head
    forwarded = {"x-forwarded-for": client.address, "x-forwarded-proto": "http"}
    added = [(name, value) for name, value in forwarded.items() if not head.header(name)]
    return head.without_hop_headers().encode((*added, *(_UPGRADE if exchange.is_handshake else ())))
