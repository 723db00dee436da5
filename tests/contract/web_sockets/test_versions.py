"""What clients see of a deployment: a request to reconnect, and nothing of a failed one."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.contract.web_sockets.clients import IMAGE_REQUEST, Client, StackClients
from tests.contract.web_sockets.variants import SANDBOX_VARIANTS, Deployments, StackVariant

RESTART, PAUSE_S, SEEN_AFTER_S = 1012, 0.02, 1
BROKEN = "raise ValueError('no database')\n"


@pytest.fixture
def broken(tmp_path: Path) -> str:
    """A setting with which the next version does not start."""
    (tmp_path / "app.py").write_text(BROKEN, encoding="utf-8")
    return f"components.websocket={{source: {tmp_path}, handler: app.handler}}"


async def deploy(deployments: Deployments, variant: StackVariant, setting: str) -> dict[str, Any]:
    return await asyncio.to_thread(deployments.deploy, variant, "--set", setting)


@asynccontextmanager
async def continuous_requests(clients: StackClients) -> AsyncIterator[list[str]]:
    """Send requests as long as the block runs; collects a line per answer."""
    cli, extension = await clients.join("cli"), await clients.join("extension")
    answers: list[str] = []
    async with asyncio.TaskGroup() as both:
        tasks = [both.create_task(_send_requests(cli, answers)), both.create_task(_answer_requests(extension))]
        yield answers
        for task in tasks:
            task.cancel()


async def _send_requests(cli: Client, answers: list[str]) -> None:
    while True:
        await cli.send(**IMAGE_REQUEST, requestId=f"loop-{len(answers)}")
        answer = await cli.receive()
        answers.append(f"{answer['type']} {answer.get('requestId')}")
        await asyncio.sleep(PAUSE_S)


async def _answer_requests(extension: Client) -> None:
    while True:
        await extension.send(type="image_generated", requestId=(await extension.receive())["requestId"])


class TestDeployment:
    async def test_asks_clients_to_reconnect_if_it_changes_something(
        self, deployments: Deployments, variant: StackVariant, clients: StackClients
    ) -> None:
        old = await clients.join("extension")
        change = f"components.websocket.environment.COLOUR={uuid.uuid4()}"
        assert (await deploy(deployments, variant, change))["state"] == "completed"

        assert (await old.receive())["type"] == "reconnect"
        cli, new = await clients.join("cli"), await clients.join("extension")
        assert await old.close_code() == RESTART
        assert (await deploy(deployments, variant, change))["state"] == "completed"
        await cli.send(**IMAGE_REQUEST, requestId="new")
        assert (await new.receive())["requestId"] == "new"

    @pytest.mark.parametrize("variant", SANDBOX_VARIANTS, ids=str, indirect=True)
    async def test_of_a_broken_version_is_rolled_back_and_loses_no_message(
        self, deployments: Deployments, variant: StackVariant, clients: StackClients, broken: str
    ) -> None:
        async with continuous_requests(clients) as answers:
            outcome = await deploy(deployments, variant, broken)
            await asyncio.sleep(SEEN_AFTER_S)

        assert (outcome["state"], outcome["error"]["code"]) == ("rolled_back", "VERIFICATION_FAILED")
        assert answers == [f"image_generated loop-{number}" for number in range(len(answers))]
