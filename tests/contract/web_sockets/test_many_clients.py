"""Many clients at once: every message arrives exactly once; `make bench ARGS=load` does the same with 500 clients."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from tests.contract.web_sockets.clients import IMAGE_REQUEST, Client, StackClients
from tests.contract.web_sockets.variants import SANDBOX_VARIANTS

CLIENTS, REQUESTS_EACH = 20, 20  # half of the clients send requests


async def send_requests(cli: Client, received: Counter[str]) -> None:
    """Send requests one after the other, each after the answer to the one before."""
    for number in range(REQUESTS_EACH):
        await cli.send(**IMAGE_REQUEST, requestId=f"{cli.id} {number}")
        answer = await cli.receive()
        received[f"{answer['type']} {answer.get('requestId')}"] += 1


async def answer_requests(extension: Client, received: Counter[str]) -> None:
    while True:
        request = await extension.receive()
        received[f"{request['type']} {request.get('requestId')}"] += 1
        await extension.send(type="image_generated", requestId=request.get("requestId"))


@pytest.mark.parametrize("variant", SANDBOX_VARIANTS, ids=str, indirect=True)
class TestManyClients:
    async def test_receive_every_message_exactly_once(self, clients: StackClients) -> None:
        clis, extensions = [
            await asyncio.gather(*(clients.join(kind) for _ in range(CLIENTS // 2))) for kind in ("cli", "extension")
        ]
        requests, answers = Counter[str](), Counter[str]()

        answering = [asyncio.create_task(answer_requests(extension, requests)) for extension in extensions]
        await asyncio.gather(*(send_requests(cli, answers) for cli in clis))
        for task in answering:
            task.cancel()
        await asyncio.gather(*answering, return_exceptions=True)

        ids = [f"{cli.id} {number}" for cli in clis for number in range(REQUESTS_EACH)]
        assert requests == Counter(f"generate_image {id}" for id in ids)
        assert answers == Counter(f"image_generated {id}" for id in ids)
        assert all([await client.is_responsive() for client in (*clis, *extensions)])
