"""Calls to Azure's services: retries, and the app's identity."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from semantest_iac.domain.networking.http_exchange import HttpResponse
from semantest_iac.infrastructure.function_runtimes.loopback import LoopbackRequest, serve_loopback
from tests.contract.websocket_service.payload import import_payload


class FakeServer:
    """Gives its responses one after the other, and repeats the last."""

    def __init__(self, *server: HttpResponse) -> None:
        self.calls: list[LoopbackRequest] = []
        self._server = list(server)

    async def __call__(self, call: LoopbackRequest) -> HttpResponse:
        self.calls.append(call)
        answer = self._server.pop(0) if len(self._server) > 1 else self._server[0]
        return replace(answer, headers=(*answer.headers, ("connection", "close")))


def issued(token: str, seconds: float) -> HttpResponse:
    """A response of the identity endpoint."""
    body = {"access_token": token, "expires_on": str(int(time.time() + seconds))}
    return HttpResponse(200, body=json.dumps(body).encode())


def service(url: str) -> Any:
    return import_payload("websocket_azure", "semantest_azure").Service(url, "https://audience.example")


class TestService:
    @pytest.mark.parametrize("busy", [429, 503])
    async def test_retries_if_it_is_busy(self, busy: int) -> None:
        server = FakeServer(HttpResponse(busy), HttpResponse(200, (("ETag", "x"),), b"done"))
        async with serve_loopback(server) as url:
            reply = await asyncio.to_thread(service(url), "POST", "/a?b=c", b"{}", {"X-One": "1"})

        assert (reply.status, reply.headers["etag"], reply.body, len(server.calls)) == (200, "x", b"done", 2)
        assert (server.calls[1].path, server.calls[1].headers["x-one"]) == ("/a?b=c", "1")

    async def test_returns_every_other_reply(self) -> None:
        server = FakeServer(HttpResponse(404))
        async with serve_loopback(server) as url:
            assert (await asyncio.to_thread(service(url), "GET", "/")).status == 404

        assert len(server.calls) == 1

    async def test_sends_no_token_without_tls(self) -> None:
        server = FakeServer(HttpResponse(200))
        async with serve_loopback(server) as url:
            await asyncio.to_thread(service(url), "GET", "/")

        assert "authorization" not in server.calls[0].headers

    async def test_fails_if_nothing_listens(self) -> None:
        async with serve_loopback(FakeServer(HttpResponse(200))) as url:
            gone = url
        with pytest.raises(OSError, match="refused"):
            await asyncio.to_thread(service(gone), "GET", "/")


class TestToken:
    @pytest.fixture
    async def identity(
        self, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
    ) -> AsyncIterator[FakeServer]:
        server = FakeServer(*request.param)
        async with serve_loopback(server) as url:
            monkeypatch.setenv("IDENTITY_ENDPOINT", url)
            monkeypatch.setenv("IDENTITY_HEADER", "header")
            monkeypatch.setenv("AzureWebJobsStorage__clientId", "client")
            yield server

    async def _get_token(self, audience: str) -> str:
        return str(await asyncio.to_thread(import_payload("websocket_azure", "semantest_azure").get_token, audience))

    @pytest.mark.parametrize("identity", [[issued("t", 3600)]], indirect=True, ids=["an-hour"])
    async def test_is_reused_while_it_is_valid(self, identity: FakeServer) -> None:
        assert [await self._get_token("https://kept.example") for _ in range(2)] == ["t", "t"]

        [call] = identity.calls
        assert call.headers["x-identity-header"] == "header"
        assert {"resource=https%3A%2F%2Fkept.example", "client_id=client"} <= set(
            call.path.partition("?")[2].split("&")
        )

    @pytest.mark.parametrize("identity", [[issued("old", 60), issued("new", 3600)]], indirect=True, ids=["a-minute"])
    async def test_is_renewed_before_it_expires(self, identity: FakeServer) -> None:
        assert [await self._get_token("https://short.example") for _ in range(2)] == ["old", "new"]

    @pytest.mark.parametrize("identity", [[HttpResponse(400, body=b"a canary")]], indirect=True, ids=["refused"])
    async def test_that_is_refused_is_an_error_without_the_body(self, identity: FakeServer) -> None:
        with pytest.raises(Exception, match=r"^Azure answered 400$"):
            await self._get_token("https://refused.example")
