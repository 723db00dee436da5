"""How long a connection may last: the clouds' limits made short, before what is deployed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from semantest_iac.bootstrap.application import Application
from semantest_iac.domain.networking.apis import ConnectionLimits
from semantest_iac.infrastructure.local_service.local_services import ServingLimits
from tests.contract.web_sockets.clients import Client, Room, opened
from tests.contract.web_sockets.places import SANDBOXED, House, Place

GOING_AWAY = 1001


@asynccontextmanager
async def limited(house: House, place: Place, limits: ConnectionLimits) -> AsyncIterator[Room]:
    """A room behind a gateway of its own."""
    house.url(place)
    serving = Application(house.workspace.home).gateway(
        {}, ("127.0.0.1", 0), lambda _: None, ServingLimits(connections=limits)
    )
    async with serving as url, opened(f"{url}/{place.stack}/") as room:
        yield room


async def talk(client: Client) -> None:
    """Until somebody ends it."""
    while True:
        assert await client.is_answered()
        await asyncio.sleep(0.1)


@pytest.mark.parametrize("place", SANDBOXED, ids=str, indirect=True)
class TestConnection:
    async def test_ends_after_silence(self, house: House, place: Place) -> None:
        async with limited(house, place, ConnectionLimits(idle_s=1)) as room:
            talking, silent = await room.join("cli"), await room.join("cli")
            conversation = asyncio.create_task(talk(talking))

            assert await silent.ending() == GOING_AWAY
            assert not conversation.done()
            conversation.cancel()

    async def test_ends_after_its_time_whatever_is_said(self, house: House, place: Place) -> None:
        async with limited(house, place, ConnectionLimits(duration_s=2)) as room:
            client = await room.join("cli")
            with pytest.raises((TypeError, ConnectionError)):  # something else is heard, or nothing can be said
                await asyncio.wait_for(talk(client), 10)

            assert client.socket.close_code == GOING_AWAY
