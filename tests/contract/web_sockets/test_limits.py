"""How long a connection may last, with limits that are shorter than the clouds'."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from semantest_iac.bootstrap.application import Application
from semantest_iac.domain.networking.apis import ConnectionLimits
from semantest_iac.infrastructure.local_service.local_services import ServingLimits
from tests.contract.web_sockets.clients import Client, StackClients, open_clients
from tests.contract.web_sockets.variants import SANDBOX_VARIANTS, Deployments, StackVariant

GOING_AWAY = 1001


@asynccontextmanager
async def serve_with_limits(
    deployments: Deployments, variant: StackVariant, limits: ConnectionLimits
) -> AsyncIterator[StackClients]:
    """Clients behind a gateway with these limits."""
    deployments.url(variant)
    serving = Application(deployments.workspace.home).gateway(
        {}, ("127.0.0.1", 0), lambda _: None, ServingLimits(connections=limits)
    )
    async with serving as url, open_clients(f"{url}/{variant.stack}/") as clients:
        yield clients


async def ping_repeatedly(client: Client) -> None:
    while True:
        assert await client.is_responsive()
        await asyncio.sleep(0.1)


@pytest.mark.parametrize("variant", SANDBOX_VARIANTS, ids=str, indirect=True)
class TestConnection:
    async def test_ends_when_it_is_idle(self, deployments: Deployments, variant: StackVariant) -> None:
        async with serve_with_limits(deployments, variant, ConnectionLimits(idle_s=1)) as clients:
            active, silent = await clients.join("cli"), await clients.join("cli")
            conversation = asyncio.create_task(ping_repeatedly(active))

            assert await silent.close_code() == GOING_AWAY
            assert not conversation.done()
            conversation.cancel()

    async def test_ends_after_its_duration_even_if_it_is_active(
        self, deployments: Deployments, variant: StackVariant
    ) -> None:
        async with serve_with_limits(deployments, variant, ConnectionLimits(duration_s=2)) as clients:
            client = await clients.join("cli")
            with pytest.raises((TypeError, ConnectionError)):  # a close frame is received, or nothing can be sent
                await asyncio.wait_for(ping_repeatedly(client), 10)

            assert client.socket.close_code == GOING_AWAY
