"""Clients that ask for an access token first, as those of Web PubSub do."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import pytest

from semantest_iac.infrastructure.local_service.json_web_tokens import sign_hs256_token
from tests.contract.web_sockets.clients import Room, opened
from tests.contract.web_sockets.places import PLACES, SECRET, House

AZURE = next(place for place in PLACES if place.provider == "azure")


def token(secret: str = SECRET, **claims: Any) -> str:
    return sign_hs256_token({"sub": "ann", "exp": int(time.time()) + 600, **claims}, secret)


def bearer(shown: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {shown}"}


@pytest.fixture
def guarded_url(house: House) -> str:
    return house.url(AZURE.guarded())


async def asked(url: str, **more: Any) -> tuple[int, dict[str, Any]]:
    """What is answered to who negotiates."""
    async with aiohttp.ClientSession() as session, session.get(f"{url}negotiate", **more) as answer:
        return answer.status, await answer.json()


async def status_of(room: Room, url: str) -> int:
    """101, or what the client is refused with."""
    try:
        await replace(room, url=url).connect()
    except aiohttp.WSServerHandshakeError as error:
        return error.status
    return 101


class TestOpen:
    async def test_gives_everybody_a_way_in(self, house: House) -> None:
        status, told = await asked(house.url(AZURE))

        assert (status, told["url"]) == (200, f"{told['baseUrl']}?access_token={told['accessToken']}")
        async with opened(told["url"]) as room:
            assert await (await room.join("cli")).is_answered()

    async def test_is_answered_by_the_command_too(self, house: House) -> None:
        house.url(AZURE)
        words = ("invoke", "websocket", "GET", "/negotiate", "--provider", "azure", "--region", AZURE.region, "--json")

        outcome = house.workspace.run(*words)
        assert (outcome.json["status"], ".webpubsub.azure.com/client/hubs/" in outcome.json["body"]) == (200, True)


class TestGuarded:
    @pytest.mark.parametrize("way", ["header", "query"])
    async def test_gives_a_way_in_for_a_token(self, guarded_url: str, way: str) -> None:
        shown = {"headers": bearer(token())} if way == "header" else {"params": {"token": token()}}

        status, told = await asked(guarded_url, **shown)
        assert (status, urlsplit(told["url"]).hostname) == (200, "127.0.0.1")
        async with opened(told["url"]) as room:
            assert await (await room.join("cli")).is_answered()

    @pytest.mark.parametrize(
        "shown",
        [{}, bearer("x"), bearer(token("another secret")), bearer(token(exp=1))],
        ids=["none", "nonsense", "other-signature", "over"],
    )
    async def test_gives_none_for_less(self, guarded_url: str, shown: dict[str, str]) -> None:
        assert await asked(guarded_url, headers=shown) == (401, {"message": "Unauthorized"})

    async def test_holds_clients_to_what_their_token_said(self, guarded_url: str) -> None:
        _, told = await asked(guarded_url, headers=bearer(token(clientType="cli")))

        async with opened(told["url"]) as room:
            client = await room.connect()
            await client.say(type="authenticate", clientType="extension")
            assert "The token is not one" in [await client.hear(), await client.hear()][1]["message"]

    async def test_lets_nobody_in_by_what_it_did_not_give(self, guarded_url: str) -> None:
        _, told = await asked(guarded_url, headers=bearer(token(clientType="cli")))
        header, claims, mark = told["accessToken"].split(".")
        forged = sign_hs256_token({"sub": "semantest.e30", "aud": "x", "nbf": 0, "exp": 9e9}, "another key")
        shown = ["", "x", forged, f"{header}.{claims}.{mark[::-1]}", f"{header}.{forged.split('.')[1]}.{mark}"]

        async with opened(guarded_url) as room:
            tried = [await status_of(room, f"{told['baseUrl']}?access_token={each}") for each in shown]
        assert tried == [401] * len(shown)

    async def test_lets_nobody_in_whom_an_open_stack_let_in(self, house: House, guarded_url: str) -> None:
        _, told = await asked(house.url(AZURE))

        async with opened(guarded_url) as room:
            assert await status_of(room, f"{guarded_url}?access_token={told['accessToken']}") == 401


class TestOther:
    @pytest.mark.parametrize("path", ["", "negotiate/x", "other"])
    async def test_paths_ask_for_an_upgrade(self, house: House, path: str) -> None:
        async with aiohttp.ClientSession() as session, session.get(f"{house.url(AZURE)}{path}") as answer:
            assert answer.status == 426

    async def test_clouds_have_nothing_to_negotiate(self, house: House) -> None:
        aws = next(place for place in PLACES if place.provider == "aws")

        async with aiohttp.ClientSession() as session, session.get(f"{house.url(aws)}negotiate") as answer:
            assert answer.status == 426
