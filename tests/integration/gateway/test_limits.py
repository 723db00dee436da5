"""What clients may use of the gateway, with limits that are lower than usual."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from semantest_iac.domain.networking.http_exchange import BodyLimit, HttpResponse, StoredBody
from semantest_iac.presentation.gateway.bodies import BodyRefusedError, BodyStore
from semantest_iac.presentation.gateway.launch import open_gateway
from semantest_iac.presentation.gateway.limits import GatewayLimits
from tests.integration.gateway.conftest import STACK, FakeServices, World, read_body

SECONDS = 5
REQUEST = f"GET /{STACK}/ HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()


@dataclass
class RawClient:
    """A connection on which anything can be sent."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def status(self) -> int:
        """Return the status of the next answer; 0 if the connection ends without one."""
        line = await asyncio.wait_for(self.reader.readline(), SECONDS)
        return int(line.split()[1]) if line else 0

    async def is_closed(self) -> bool:
        """Read to the end of the connection."""
        with suppress(ConnectionError):
            await asyncio.wait_for(self.reader.read(), SECONDS)
        return True


@dataclass
class LimitedGateway:
    """A gateway and the connections to it."""

    port: int
    services: FakeServices
    clients: list[RawClient] = field(default_factory=list)

    async def connect(self, content: bytes = b"", client: str = "127.0.0.1") -> RawClient:
        opened = RawClient(
            *await asyncio.open_connection("127.0.0.1", self.port, local_addr=(client, 0), limit=1 << 22)
        )
        opened.writer.write(content)
        self.clients.append(opened)
        return opened


@asynccontextmanager
async def run_limited(
    limits: GatewayLimits | None = None, host_names: Sequence[str] = (), body_folder: Path | None = None
) -> AsyncIterator[LimitedGateway]:
    services = FakeServices()
    async with open_gateway(services, ("127.0.0.1", 0), lambda _: None, host_names, limits, body_folder) as url:
        gateway = LimitedGateway(urlsplit(url).port or 0, services)
        yield gateway
        for client in gateway.clients:
            client.writer.close()


class TestHost:
    @pytest.mark.parametrize(
        ("host", "status"),
        [
            *((name, 200) for name in ("localhost", "LOCALHOST:4180", "127.0.0.1", "127.0.0.2:1", "[::1]:4180")),
            *((name, 200) for name in ("a.localhost:80", "proxy.example", "Proxy.Example:8443")),
            *((name, 421) for name in ("evil.example", "localhost.evil.example", "127.0.0.1.evil.example")),
            *((name, 421) for name in ("192.0.2.1:4180", "[2001:db8::1]", "0.0.0.0", "2130706433")),
            *(
                (name, 400)
                for name in ("", 'localhost:80"x', "localhost:80:90", "a'b.localhost", "[::1", "localhost/a")
            ),
        ],
    )
    async def test_must_name_this_machine_or_be_allowed(self, host: str, status: int) -> None:
        async with run_limited(host_names=["proxy.example"]) as gateway:
            client = await gateway.connect(f"GET /{STACK}/ HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())

            assert await client.status() == status

    async def test_is_needed_once(self) -> None:
        async with run_limited() as gateway:
            none = await gateway.connect(b"GET / HTTP/1.1\r\n\r\n")
            two = await gateway.connect(b"GET / HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n")

            assert [await none.status(), await two.status()] == [400, 400]

    async def test_of_another_site_opens_no_web_socket(self, world: World) -> None:
        headers = {"Host": "evil.example", "Connection": "Upgrade", "Upgrade": "websocket"}
        handshake = {"Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA=="}

        response, body = await world.request("GET", "/", headers={**headers, **handshake})

        assert (response.status, world.services.handshakes) == (421, [])
        assert b"'evil.example' is not a name of this machine" in body


class TestHead:
    async def test_is_limited_as_a_whole(self) -> None:
        async with run_limited(GatewayLimits(head_bytes=10_000)) as gateway:
            client = await gateway.connect(REQUEST[:-2])
            for number in range(20):
                client.writer.write(f"X-{number}: {'x' * 1000}\r\n".encode())
                await asyncio.sleep(0)

            assert await client.status() == 431
            assert await client.is_closed()

    async def test_must_be_complete_in_time(self) -> None:
        async with run_limited(GatewayLimits(head_s=0.2)) as gateway:
            client, prompt = await gateway.connect(REQUEST[:-1]), await gateway.connect(REQUEST)

            assert (await client.status(), await client.is_closed()) == (408, True)
            assert await prompt.status() == 200

    async def test_is_not_what_follows_it(self) -> None:
        body = b"x" * 400_000
        head = f"POST /{STACK}/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        async with run_limited(GatewayLimits(head_bytes=100_000)) as gateway:
            client = await gateway.connect(REQUEST + head + body + REQUEST)
            statuses = [await client.status()]
            answers = await asyncio.wait_for(client.reader.readuntil(b"HTTP/1.1 200 OK\r\n"), SECONDS)
            await asyncio.wait_for(client.reader.readuntil(b"HTTP/1.1 200 OK\r\n"), SECONDS)

            assert (statuses, b"431" in answers) == ([200], False)


class TestConnections:
    @pytest.mark.parametrize("begun", [b"", REQUEST[:-1]], ids=["nothing sent", "a part of a head"])
    async def test_end_when_no_request_comes(self, begun: bytes) -> None:
        async with run_limited(GatewayLimits(idle_s=0.2)) as gateway:
            client = await gateway.connect(begun)

            assert await client.is_closed()

    async def test_that_wait_make_room_for_a_new_one(self) -> None:
        async with run_limited(GatewayLimits(connections=3)) as gateway:
            silent = [await gateway.connect(REQUEST[:-1]) for _ in range(3)]
            late = await gateway.connect(REQUEST)

            assert (await late.status(), await silent[0].is_closed()) == (200, True)
            silent[2].writer.write(REQUEST[-1:])
            assert await silent[2].status() == 200

    async def test_of_one_client_leave_room_for_others(self) -> None:
        async with run_limited(GatewayLimits(connections=4, connections_per_client=2)) as gateway:
            silent = [await gateway.connect(REQUEST[:-1]) for _ in range(2)]
            other = await gateway.connect(REQUEST, "127.0.0.2")
            assert await other.status() == 200

            late = await gateway.connect(REQUEST)
            assert (await late.status(), await silent[0].is_closed()) == (200, True)

    @pytest.mark.parametrize(("files", "in_all"), [(10**6, 768), (1024, 768), (512, 384), (256, 192), (64, 48)])
    def test_leave_open_files_for_everything_else(self, files: int, in_all: int) -> None:
        limits = GatewayLimits().fit_to_descriptors(files)

        assert (limits.connections, limits.connections_per_client) == (in_all, min(640, in_all))

    async def test_are_refused_when_all_are_busy(self) -> None:
        answered = asyncio.Event()
        async with run_limited(GatewayLimits(connections=2)) as gateway:
            gateway.services.answered = answered
            busy = [await gateway.connect(REQUEST) for _ in range(2)]
            await asyncio.sleep(0.1)
            refused = await gateway.connect()

            assert await refused.status() == 503
            answered.set()
            assert [await client.status() for client in busy] == [200, 200]


def post(size: int, sent: bytes, *, is_chunked: bool = False) -> bytes:
    """A POST request that says that its body has this size."""
    length = "Transfer-Encoding: chunked" if is_chunked else f"Content-Length: {size}"
    head = f"POST /{STACK}/ HTTP/1.1\r\nHost: localhost\r\n{length}\r\n\r\n".encode()
    return head + (f"{size:x}\r\n".encode() if is_chunked else b"") + sent


def names_in(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


async def becomes_true(is_true: Callable[[], bool]) -> bool:
    for _ in range(SECONDS * 100):
        if is_true():
            return True
        await asyncio.sleep(0.01)
    return False


class TestBody:
    @pytest.mark.parametrize("size", [0, 10, 32 * 1024, 32 * 1024 + 1, 700_000, 9_000_000])
    async def test_arrives_whole_and_leaves_no_file(self, tmp_path: Path, size: int) -> None:
        body = (b"\x00\xffabc\n" * 1_500_000)[:size]
        async with run_limited(body_folder=tmp_path) as gateway:
            gateway.services.limit = BodyLimit(9_000_000, HttpResponse(413))
            gateway.services.respond = lambda request: HttpResponse(200, (), sha256(read_body(request)).digest())
            client = await gateway.connect(post(size, body))
            await client.reader.readuntil(b"\r\n\r\n")

            assert await client.reader.readexactly(32) == sha256(body).digest()
            assert gateway.services.stored == [size > 32 * 1024]
            assert await becomes_true(lambda: not names_in(tmp_path))

    @pytest.mark.parametrize("is_chunked", [False, True], ids=["length", "chunked"])
    async def test_beyond_the_cloud_s_limit_is_refused_as_the_cloud_does_while_it_is_read(
        self, tmp_path: Path, is_chunked: bool
    ) -> None:
        sent = b"x" * (1_100_000 if is_chunked else 10)
        async with run_limited(body_folder=tmp_path) as gateway:
            client = await gateway.connect(post(99_000_000, sent, is_chunked=is_chunked))

            assert await client.status() == 413
            assert b"x-cloud: aws" in await client.reader.readuntil(b"\r\n\r\n")
            assert gateway.services.stored == []
            assert await becomes_true(lambda: not names_in(tmp_path))

    async def test_that_stalls_is_refused(self, tmp_path: Path) -> None:
        async with run_limited(GatewayLimits(stall_s=0.2), body_folder=tmp_path) as gateway:
            client = await gateway.connect(post(500_000, b"x" * 100_000))

            assert await client.status() == 408
            assert await becomes_true(lambda: not names_in(tmp_path))

    async def test_of_a_client_that_is_gone_leaves_no_file(self, tmp_path: Path) -> None:
        async with run_limited(body_folder=tmp_path) as gateway:
            client = await gateway.connect(post(500_000, b"x" * 100_000))
            assert await becomes_true(lambda: len(names_in(tmp_path)) == 1)
            client.writer.transport.abort()
            assert await becomes_true(lambda: not names_in(tmp_path))

    async def test_is_refused_where_no_file_can_be_written(self, tmp_path: Path) -> None:
        async with run_limited(body_folder=tmp_path / "gone") as gateway:
            client = await gateway.connect(post(100_000, b"x" * 100_000))

            assert await client.status() == 503
            assert await (await gateway.connect(REQUEST)).status() == 200

    async def test_is_refused_when_others_take_all_the_room(self, tmp_path: Path) -> None:
        store, stream = BodyStore(tmp_path, 1, largest_store=150_000), FakeStream([b"x" * 100_000, b""])
        first = await store.receive(stream, 10**6, begin_at_once)  # type: ignore[arg-type]  # reads as aiohttp's does

        with pytest.raises(BodyRefusedError, match="take all the room"):
            await store.receive(FakeStream([b"x" * 100_000, b""]), 10**6, begin_at_once)  # type: ignore[arg-type]
        assert isinstance(first, StoredBody)
        del first
        assert await store.receive(FakeStream([b"x" * 100_000, b""]), 10**6, begin_at_once)  # type: ignore[arg-type]


class TestAnswer:
    @pytest.mark.parametrize("size", [64 * 1024, 64 * 1024 + 1, 6_000_000, 20_000_000])
    async def test_arrives_whole_and_leaves_no_file(self, tmp_path: Path, size: int) -> None:
        async with run_limited(body_folder=tmp_path) as gateway:
            body = os.urandom(size)
            gateway.services.respond = lambda request: HttpResponse(200, (("x-kind", "large"),), body)
            client = await gateway.connect(REQUEST + REQUEST)
            for _ in range(2):
                head = await client.reader.readuntil(b"\r\n\r\n")
                assert f"content-length: {size}\r\n".encode() in head.lower()
                assert (await client.reader.readexactly(size), b"x-kind: large" in head) == (body, True)

            assert await becomes_true(lambda: not names_in(tmp_path))

    async def test_that_is_not_read_waits_in_a_file_for_a_while(self, tmp_path: Path) -> None:
        async with run_limited(GatewayLimits(stall_s=0.5), body_folder=tmp_path) as gateway:
            gateway.services.respond = lambda request: HttpResponse(200, (), bytes(16_000_000))
            slow = [await gateway.connect(REQUEST) for _ in range(3)]

            assert await becomes_true(lambda: len(names_in(tmp_path)) == 2)
            assert await becomes_true(lambda: not names_in(tmp_path))
            read = [client.reader.readexactly(16_000_000) for client in slow]
            ends = await asyncio.gather(*read, return_exceptions=True)

        cut_short = [end for end in ends if isinstance(end, (asyncio.IncompleteReadError, ConnectionError))]
        assert len(cut_short) >= 2  # the answer in memory may be read just in time


async def begin_at_once() -> None:
    """Let every part of a body begin at once."""


@dataclass
class FakeStream:
    """The content of a request."""

    chunks: list[bytes]

    async def readany(self) -> bytes:
        return self.chunks.pop(0)
