"""Submits requests to a PostgreSQL whose own disk fills, and prints what became of each; in a mount namespace."""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from semantest_iac.application.ports.run_queue import QueuePlace
from semantest_iac.bootstrap.application import Application
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.errors import DeploymentError
from semantest_iac.infrastructure.databases.postgresql import PostgresqlDatabase
from semantest_iac.infrastructure.ledger.sql_ledger import SqlLedger
from tests.campaigns.full_disk_runner import BALLAST_FILE, fill_disk, mount_memory
from tests.postgresql_server import PostgresqlServer, find_postgresql, run_postgresql

_DISK_BYTES = 256 * 1024 * 1024
_FREE_BYTES = 1536 * 1024
_REFUSALS = 5


class FilledServer:
    """A server on a disk of its own, and the requests that were accepted and refused there."""

    def __init__(self, home: Path, disk: Path, server: PostgresqlServer) -> None:
        self._disk = disk
        self._application = Application(home, ledger=SqlLedger(PostgresqlDatabase(server.url)))
        self.accepted: list[str] = []
        self.refused: dict[str, str] = {}

    async def submit(self, name: str) -> bool:
        """Submit a request for a stack of its own, and return whether it was accepted."""
        configuration = {"components": {name: {"type": "rest-api"}}}
        stack = Stack(name, "aws", "development", "us-east-1")
        try:
            await self._application.deployments({}).deploy(stack, configuration, detach=QueuePlace())
        except DeploymentError as error:
            self.refused[str(stack)] = error.error_code
            return False
        self.accepted.append(str(stack))
        return True

    async def fill(self) -> None:
        """Submit requests until the disk is full for some of them, one after the other."""
        fill_disk(self._disk, _FREE_BYTES)
        for number in range(5000):
            await self.submit(f"api-{number}")
            if len(self.refused) == _REFUSALS:
                return

    def describe(self) -> dict[str, Any]:
        """Return what ledger and queue hold of the requests."""
        ledger, queue = self._application.ledger, self._application.run_queue
        return {
            "accepted": self.accepted,
            "refused": self.refused,
            "recorded": [row.stack for row in reversed(ledger.deployments())],
            "queued": [run.stack for run in queue.list_runs()],
            "faults": queue.find_faults(),
            "events": ledger.verify().events,
        }


def main(home: Path, disk: Path) -> None:
    """Print what is known when the disk is full, and after there was room again."""
    programs = find_postgresql()
    assert programs is not None
    mount_memory(disk, _DISK_BYTES)
    disk.chmod(0o755)
    tempfile.tempdir = str(disk)
    with run_postgresql(programs) as server, asyncio.Runner() as runner:
        filled = FilledServer(home, disk, server)
        runner.run(filled.submit("first"))
        runner.run(filled.fill())
        print(json.dumps(filled.describe()))
        (disk / BALLAST_FILE).unlink()
        runner.run(filled.submit("last"))
        print(json.dumps(filled.describe()))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
