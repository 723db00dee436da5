"""Calls to Azure's services: what a busy one is asked again, and as whom."""

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
from tests.contract.websocket_service.payload import shipped


class Answers:
    """A server that gives its answers one after the other, the last again and again."""

    def __init__(self, *answers: HttpResponse) -> None:
        self.calls: list[LoopbackRequest] = []
        self._answers = list(answers)

    async def __call__(self, call: LoopbackRequest) -> HttpResponse:
        """The next one, and the end of the connection."""
        self.calls.append(call)
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        return replace(answer, headers=(*answer.headers, ("connection", "close")))


def issued(token: str, seconds: float) -> HttpResponse:
    """What the identity endpoint says."""
    told = {"access_token": token, "expires_on": str(int(time.time() + seconds))}
    return HttpResponse(200, body=json.dumps(told).encode())


def service(url: str) -> Any:
    return shipped("websocket_azure", "semantest_azure").Service(url, "https://audience.example")


class TestService:
    @pytest.mark.parametrize("busy", [429, 503])
    async def test_asks_again_where_it_is_busy(self, busy: int) -> None:
        answers = Answers(HttpResponse(busy), HttpResponse(200, (("ETag", "x"),), b"done"))
        async with serve_loopback(answers) as url:
            reply = await asyncio.to_thread(service(url), "POST", "/a?b=c", b"{}", {"X-One": "1"})

        assert (reply.status, reply.headers["etag"], reply.body, len(answers.calls)) == (200, "x", b"done", 2)
        assert (answers.calls[1].path, answers.calls[1].headers["x-one"]) == ("/a?b=c", "1")

    async def test_gives_every_other_answer_as_it_is(self) -> None:
        answers = Answers(HttpResponse(404))
        async with serve_loopback(answers) as url:
            assert (await asyncio.to_thread(service(url), "GET", "/")).status == 404

        assert len(answers.calls) == 1

    async def test_shows_nobody_s_token_to_a_stand_in(self) -> None:
        answers = Answers(HttpResponse(200))
        async with serve_loopback(answers) as url:
            await asyncio.to_thread(service(url), "GET", "/")

        assert "authorization" not in answers.calls[0].headers

    async def test_says_where_nobody_answers(self) -> None:
        async with serve_loopback(Answers(HttpResponse(200))) as url:
            gone = url
        with pytest.raises(OSError, match="refused"):
            await asyncio.to_thread(service(gone), "GET", "/")


class TestToken:
    @pytest.fixture
    async def identity(self, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> AsyncIterator[Answers]:
        answers = Answers(*request.param)
        async with serve_loopback(answers) as url:
            monkeypatch.setenv("IDENTITY_ENDPOINT", url)
            monkeypatch.setenv("IDENTITY_HEADER", "header")
            monkeypatch.setenv("AzureWebJobsStorage__clientId", "client")
            yield answers

    async def _asked(self, audience: str) -> str:
        return str(await asyncio.to_thread(shipped("websocket_azure", "semantest_azure").token, audience))

    @pytest.mark.parametrize("identity", [[issued("t", 3600)]], indirect=True, ids=["an-hour"])
    async def test_is_kept_while_it_lasts(self, identity: Answers) -> None:
        assert [await self._asked("https://kept.example") for _ in range(2)] == ["t", "t"]

        [call] = identity.calls
        assert call.headers["x-identity-header"] == "header"
        assert {"resource=https%3A%2F%2Fkept.example", "client_id=client"} <= set(
            call.path.partition("?")[2].split("&")
        )

    @pytest.mark.parametrize("identity", [[issued("old", 60), issued("new", 3600)]], indirect=True, ids=["a-minute"])
    async def test_is_asked_for_anew_before_it_ends(self, identity: Answers) -> None:
        assert [await self._asked("https://short.example") for _ in range(2)] == ["old", "new"]

    @pytest.mark.parametrize("identity", [[HttpResponse(400, body=b"a canary")]], indirect=True, ids=["refused"])
    async def test_that_is_refused_is_an_error_without_the_answer(self, identity: Answers) -> None:
        with pytest.raises(Exception, match=r"^Azure answered 400$"):
            await self._asked("https://refused.example")
