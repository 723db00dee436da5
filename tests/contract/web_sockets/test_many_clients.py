"""Many clients at once: every message arrives, and arrives once.

SEMANTEST_CLIENTS says how many there are; between them 10,000 messages are sent, half of them requests.
"""

from __future__ import annotations

import asyncio
import os
from collections import Counter

import pytest

from tests.contract.web_sockets.clients import ASKED, Client, Room
from tests.contract.web_sockets.places import SANDBOXED

CLIENTS = int(os.environ.get("SEMANTEST_CLIENTS", "500"))
EACH = 10_000 // CLIENTS
CONNECTING_AT_ONCE, PATIENCE_S = 50, 60


async def joined(room: Room, kind: str, count: int) -> list[Client]:
    places = asyncio.Semaphore(CONNECTING_AT_ONCE)

    async def one() -> Client:
        async with places:
            return await room.join(kind)

    return await asyncio.gather(*(one() for _ in range(count)))


async def ask(asker: Client, heard: Counter[str]) -> None:
    """One request after the other, each answered before the next."""
    for number in range(EACH):
        await asker.say(**ASKED, requestId=f"{asker.id} {number}")
        answer = await asker.hear(PATIENCE_S)
        heard[f"{answer['type']} {answer.get('requestId')}"] += 1


async def answer(extension: Client, asked: Counter[str]) -> None:
    """For ever."""
    while True:
        order = await extension.hear(2 * PATIENCE_S)
        asked[f"{order['type']} {order.get('requestId')}"] += 1
        await extension.say(type="image_generated", requestId=order.get("requestId"))


@pytest.mark.timeout(600)
@pytest.mark.parametrize("place", SANDBOXED, ids=str, indirect=True)
class TestManyClients:
    async def test_lose_and_double_nothing(self, room: Room) -> None:
        askers, extensions = [await joined(room, kind, CLIENTS // 2) for kind in ("cli", "extension")]
        asked, heard = Counter[str](), Counter[str]()

        answering = [asyncio.create_task(answer(extension, asked)) for extension in extensions]
        await asyncio.gather(*(ask(asker, heard) for asker in askers))
        for task in answering:
            task.cancel()
        await asyncio.gather(*answering, return_exceptions=True)

        requests = [f"{asker.id} {number}" for asker in askers for number in range(EACH)]
        assert asked == Counter(f"generate_image {request}" for request in requests)
        assert heard == Counter(f"image_generated {request}" for request in requests)
        assert all([await client.is_answered() for client in (*askers, *extensions)])
