"""What clients see of a deployment: a hint to come again, and of one that fails nothing at all."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.contract.web_sockets.clients import ASKED, Client, Room
from tests.contract.web_sockets.places import House, Place

RESTART, PAUSE_S, SEEN_AFTER_S = 1012, 0.02, 1
BROKEN = "raise ValueError('no database')\n"


@pytest.fixture
def broken(tmp_path: Path) -> str:
    """A setting by which the next version does not start."""
    (tmp_path / "app.py").write_text(BROKEN, encoding="utf-8")
    return f"components.websocket={{source: {tmp_path}, handler: app.handler}}"


async def deployed(house: House, place: Place, setting: str) -> dict[str, Any]:
    return await asyncio.to_thread(house.deploy, place, "--set", setting)


@asynccontextmanager
async def talking(room: Room) -> AsyncIterator[list[str]]:
    """What an asker has heard, a line for each of its requests, for as long as the block."""
    asker, extension = await room.join("cli"), await room.join("extension")
    heard: list[str] = []
    async with asyncio.TaskGroup() as both:
        tasks = [both.create_task(_ask(asker, heard)), both.create_task(_answer(extension))]
        yield heard
        for task in tasks:
            task.cancel()


async def _ask(asker: Client, heard: list[str]) -> None:
    while True:
        await asker.say(**ASKED, requestId=f"loop-{len(heard)}")
        answer = await asker.hear()
        heard.append(f"{answer['type']} {answer.get('requestId')}")
        await asyncio.sleep(PAUSE_S)


async def _answer(extension: Client) -> None:
    while True:
        await extension.say(type="image_generated", requestId=(await extension.hear())["requestId"])


class TestDeployment:
    async def test_asks_clients_to_come_again_where_it_changes_something(
        self, house: House, place: Place, room: Room
    ) -> None:
        old = await room.join("extension")
        change = f"components.websocket.environment.COLOUR={uuid.uuid4()}"
        assert (await deployed(house, place, change))["state"] == "completed"

        assert (await old.hear())["type"] == "reconnect"
        asker, new = await room.join("cli"), await room.join("extension")
        assert await old.ending() == RESTART
        assert (await deployed(house, place, change))["state"] == "completed"
        await asker.say(**ASKED, requestId="new")
        assert (await new.hear())["requestId"] == "new"

    async def test_of_a_broken_version_is_taken_back_and_loses_no_message(
        self, house: House, place: Place, room: Room, broken: str
    ) -> None:
        async with talking(room) as heard:
            ended = await deployed(house, place, broken)
            await asyncio.sleep(SEEN_AFTER_S)

        assert (ended["state"], ended["error"]["code"]) == ("rolled_back", "VERIFICATION_FAILED")
        assert heard == [f"image_generated loop-{number}" for number in range(len(heard))]
