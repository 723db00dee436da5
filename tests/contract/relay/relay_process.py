"""A process beside the test: `LOCATION FILE NAME COUNT` relays the ledger there to a file until it is killed.

Each message is a line of the file: the name of the process, the id, and the body. The target takes the COUNTth message,
and does not answer any more.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from semantest_iac.application.ports.event_transports import PublishedMessage, PublishMessage
from semantest_iac.application.relay.messages import MessageRenderer, render_cloudevent
from semantest_iac.application.relay.relay import Relay, RelaySettings
from semantest_iac.application.relay.selection import PublishedSelection
from semantest_iac.infrastructure.ledger.sql_ledger import SqlLedger
from semantest_iac.infrastructure.process_starts import has_process_ended, identify_process
from semantest_iac.infrastructure.transports.records.dead_letter_table import DeadLetterTable
from semantest_iac.infrastructure.transports.records.relay_lease_table import RelayLeaseTable
from tests.run_queues import open_database

LEASE_S = 60.0  # a busy machine must not end it; that a process is gone is seen at once


class LineTarget:
    """Appends each message to a file, durably."""

    name = "lines"

    def __init__(self, path: str, process: str, answers: int) -> None:
        self._path = path
        self._process = process.encode()
        self._answers = answers

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[PublishMessage]:
        descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

        async def publish(message: PublishedMessage) -> None:
            os.write(descriptor, b" ".join([self._process, message.id.encode(), message.body]) + b"\n")
            self._answers -= 1
            if self._answers == 0:
                await asyncio.Event().wait()

        try:
            yield publish
        finally:
            os.close(descriptor)


async def serve(location: str, path: str, name: str, count: str) -> None:
    """Relay until the process is killed."""
    database = open_database(location)
    relay = Relay(
        LineTarget(path, name, int(count)),
        SqlLedger(database),
        RelayLeaseTable(database, has_process_ended),
        DeadLetterTable(database),
        MessageRenderer(PublishedSelection(), render_cloudevent),
        identify_process(),
        RelaySettings(from_start=True, lease_s=LEASE_S),
    )
    await relay.serve(asyncio.Event())


if __name__ == "__main__":
    asyncio.run(serve(*sys.argv[1:]))
