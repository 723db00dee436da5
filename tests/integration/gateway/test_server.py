"""HTTP through the gateway, with a real client."""

from __future__ import annotations

import asyncio
import gzip
import json
import socket
from typing import Any
from urllib.parse import urlsplit

import pytest
from yarl import URL

from semantest_iac.domain.errors import RefusedError
from semantest_iac.domain.networking.http_exchange import HttpRequest, HttpResponse, Pairs
from semantest_iac.presentation.gateway.launch import open_gateway
from tests.integration.gateway.conftest import STACK, FakeServices, World

BYTES = bytes(range(256))
SECONDS = 10


def respond_with(status: int = 200, headers: Pairs = (), body: bytes = b"") -> Any:
    def respond(request: HttpRequest) -> HttpResponse:
        length = ("content-length", str(len(body)))
        return HttpResponse(status, (*headers, length), b"" if request.method == "HEAD" else body)

    return respond


class TestRequest:
    async def test_reaches_the_service_without_the_stack_in_its_path(self, world: World) -> None:
        seen = await world.echoed("DELETE", URL("/a%2Fb/%C3%A9//c?x=1&x=&y=%26", encoded=True).raw_path_qs)

        assert (seen["method"], seen["path"]) == ("DELETE", "/a%2Fb/%C3%A9//c")
        assert seen["query"] == [["x", "1"], ["x", ""], ["y", "&"]]

    @pytest.mark.parametrize("path", ["", "/"])
    async def test_reaches_the_root(self, world: World, path: str) -> None:
        assert (await world.echoed("GET", path))["path"] == "/"

    async def test_keeps_every_byte_of_its_body(self, world: World) -> None:
        assert (await world.echoed("POST", "/", data=BYTES))["body"] == BYTES

    async def test_keeps_its_content_encoding(self, world: World) -> None:
        body = gzip.compress(b"text")

        seen = await world.echoed("POST", "/", data=body, headers={"Content-Encoding": "gzip"})

        assert seen["body"] == body

    async def test_may_be_chunked(self, world: World) -> None:
        async def chunks() -> Any:
            yield b"a" * 70_000
            yield b"b"

        assert (await world.echoed("POST", "/", data=chunks()))["body"] == b"a" * 70_000 + b"b"

    async def test_keeps_repeated_headers_and_cookies(self, world: World) -> None:
        headers = [("X-Many", "1"), ("X-Many", "2"), ("Cookie", "a=1; b=2")]

        seen = await world.echoed("GET", "/", headers=headers)

        assert [pair for pair in seen["headers"] if pair[0] in ("X-Many", "Cookie")] == [list(it) for it in headers]

    async def test_may_expect_100_continue(self, world: World) -> None:
        assert (await world.echoed("POST", "/", data=BYTES, expect100=True))["body"] == BYTES


class TestAnswer:
    async def test_keeps_status_headers_and_body(self, world: World) -> None:
        headers = (("content-type", "image/png"), ("set-cookie", "a=1"), ("set-cookie", "b=2"))
        world.services.respond = respond_with(418, headers, BYTES)

        response, body = await world.request("GET", "/")

        assert (response.status, response.headers["content-type"], body) == (418, "image/png", BYTES)
        assert response.headers.getall("set-cookie") == ["a=1", "b=2"]

    async def test_to_head_has_the_content_length_and_no_body(self, world: World) -> None:
        world.services.respond = respond_with(body=b"four")

        response, body = await world.request("HEAD", "/")

        assert (response.headers["content-length"], body) == ("4", b"")

    @pytest.mark.parametrize("status", [204, 304])
    async def test_may_have_no_body(self, world: World, status: int) -> None:
        world.services.respond = respond_with(status)

        response, body = await world.request("GET", "/")
        again, _ = await world.request("GET", "/")

        assert (response.status, body, again.status) == (status, b"", status)

    async def test_drops_headers_of_the_connection(self, world: World) -> None:
        world.services.respond = respond_with(200, (("transfer-encoding", "chunked"), ("connection", "close")), b"x")

        response, body = await world.request("GET", "/")

        assert (response.headers.get("transfer-encoding"), body) == (None, b"x")

    async def test_that_is_invalid_http_is_a_failure_of_the_gateway(self, world: World) -> None:
        world.services.respond = respond_with(200, (("x-bad", "a\r\nb: c"),))

        response, _ = await world.request("GET", "/")

        assert (response.status, "b" in response.headers) == (500, False)

    async def test_with_a_long_header_is_left_to_the_cloud(self, world: World) -> None:
        response, _ = await world.request("GET", "/", headers={"X-Long": "x" * 100_000})

        assert response.status == 200

    @pytest.mark.parametrize(
        ("head", "status"),
        [
            (b"GET / HTTP/1.1\r\nHost: x\r\nX-Token: " + b"secret" * 700_000, 431),
            (b"GET /" + b"secret" * 700_000 + b" HTTP/1.1\r\nHost: x", 431),
            (b"GET / HTTP/1.1\r\nHost: x\r\nX Token: secret", 400),
            (b"secret", 400),
        ],
        ids=["header", "request line", "header name", "no HTTP"],
    )
    async def test_that_is_no_request_is_refused_without_repeating_it(
        self, world: World, head: bytes, status: int
    ) -> None:
        host, port = world.url.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(head + b"\r\n\r\n")
        answer = await asyncio.wait_for(reader.read(), SECONDS)
        writer.close()

        assert answer.partition(b" ")[2].startswith(f"{status} ".encode())
        assert b"secret" not in answer


class TestOwnHost:
    @pytest.mark.parametrize(
        ("host", "path", "received", "is_own"),
        [
            (f"{STACK}.localhost:4180", "/a/b?c=d", "/a/b", True),
            (f"{STACK}.LOCALHOST", "/", "/", True),
            ("localhost", f"/{STACK}/a", "/a", False),
            ("shop.localhost", f"/{STACK}/a", "/a", False),
        ],
    )
    async def test_has_all_paths_of_its_stack(
        self, world: World, host: str, path: str, received: str, is_own: bool
    ) -> None:
        _, body = await world.request("GET", f"/{path}", headers={"host": host})

        assert json.loads(body)["path"] == received
        assert world.services.own_hosts == [is_own]
        assert (world.entries[-1].stack, world.entries[-1].path) == (STACK, received)

    async def test_of_an_unknown_stack_lists_the_stacks(self, world: World) -> None:
        response, body = await world.request("GET", "//", headers={"host": f"x{STACK}.localhost"})

        assert (response.status, json.loads(body)["stacks"][0]["stack"]) == (404, STACK)


class TestDomain:
    @pytest.mark.parametrize(
        ("target", "received", "is_own"),
        [(f"{STACK}/", "/a%20b", False), (f"{STACK}/live", "/live/a%20b", False), (STACK, "/a%20b", True)],
        ids=["API", "gateway below its stage", "site"],
    )
    async def test_leads_to_what_is_deployed_at_it(
        self, world: World, target: str, received: str, is_own: bool
    ) -> None:
        world.services.domains["api.example.org"] = target
        response, body = await world.request("GET", "//a%20b?c=d", headers={"host": "API.example.org:4180"})

        assert (response.status, json.loads(body)["path"], world.services.own_hosts) == (200, received, [is_own])
        assert world.entries[-1].stack == STACK

    async def test_that_nothing_is_deployed_at_is_refused(self, world: World) -> None:
        world.services.domains["api.example.org"] = f"{STACK}/"
        response, _ = await world.request("GET", f"/{STACK}/", headers={"host": "www.example.org"})

        assert (response.status, world.services.own_hosts) == (421, [])


class TestOtherPaths:
    async def test_list_the_stacks(self, world: World) -> None:
        response, body = await world.request("GET", "//")

        assert response.status == 200
        assert json.loads(body) == {"stacks": [{"stack": STACK, "url": f"{world.url}/{STACK}/"}]}

    async def test_of_an_unknown_stack_list_the_stacks(self, world: World) -> None:
        response, body = await world.request("GET", "//nope/health")

        assert (response.status, json.loads(body)["stacks"][0]["stack"]) == (404, STACK)

    async def test_that_fail_give_the_reason_only_in_the_log(self, world: World) -> None:
        response, body = await world.request("GET", "//broken/health")

        assert (response.status, b"ledger" in body) == (500, False)
        assert world.entries[-1].note == "Cannot read the ledger."


class TestLog:
    async def test_has_an_entry_per_request_without_the_query(self, world: World) -> None:
        await world.request("GET", "/a?token=hunter2")

        (entry,) = world.entries
        assert (entry.method, entry.path, entry.stack, entry.status) == ("GET", "/a", STACK, 200)

    async def test_shows_a_note_once(self, world: World) -> None:
        world.services.notes = ("another Python",)
        for _ in range(2):
            await world.request("GET", "/")

        assert [entry.note for entry in world.entries] == ["another Python", ""]

    async def test_has_no_traceback_of_invalid_http(self, world: World, caplog: pytest.LogCaptureFixture) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(world.url).port)
        writer.write(b"\x16\x03\x01 no HTTP\r\n\r\n")

        assert b" 400 " in await reader.readline()
        writer.close()
        assert caplog.records == []


class TestRunning:
    @pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7", "example.com", ""])
    async def test_is_refused_on_a_host_that_is_not_loopback(self, host: str) -> None:
        with pytest.raises(RefusedError, match="only served on this machine"):
            async with open_gateway(FakeServices(), (host, 0), print):
                pass

    async def test_is_refused_on_a_port_in_use(self) -> None:
        services = FakeServices()
        with (
            socket.create_server(("127.0.0.1", 0)) as taken,
            pytest.raises(RefusedError, match=r":\d+: address already in use\.$"),
        ):
            async with open_gateway(services, ("127.0.0.1", taken.getsockname()[1]), print):
                pass

        assert not services.is_open

    async def test_stops_at_the_end_of_the_context(self) -> None:
        services = FakeServices()
        async with open_gateway(services, ("127.0.0.1", 0), print) as url:
            assert services.is_open

        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", urlsplit(url).port or 0))
        assert not services.is_open
