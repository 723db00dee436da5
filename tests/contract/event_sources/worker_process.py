"""A process that takes 19 messages and never ends to take the next: its section is the first line of its input."""

from __future__ import annotations

import asyncio
import json
import sys
from importlib import import_module

from semantest_iac.application.ports.event_transports import ReceivedMessage
from semantest_iac.domain.environments.event_sections import EventSourceSection
from tests.contract.event_sources.broker_hooks import TIMING, NoPositions
from tests.contract.event_sources.event_source_contract import NAME, wait_until_connected


async def receive(opener: str, section: EventSourceSection) -> None:
    """Print the body of each message before it is taken."""
    module = import_module(f"semantest_iac.infrastructure.transports.brokers.{opener}")
    source = module.open_source(NAME, section, NoPositions(), TIMING)
    async with asyncio.TaskGroup() as group:
        group.create_task(source.receive(_Printer().take, asyncio.Event()))
        await wait_until_connected(source)
        print("connected", flush=True)


class _Printer:
    count = 0

    async def take(self, message: ReceivedMessage) -> None:
        self.count += 1
        print(message.body.decode(), flush=True)
        if self.count == 20:
            await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(receive(sys.argv[1], EventSourceSection(**json.loads(sys.stdin.readline()))))
