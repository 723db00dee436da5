"""A worker with what runs beside it until it is stopped."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from semantest_iac.application.worker import Worker
from semantest_iac.application.worker_health import WorkerHealth

RunBeside = Callable[[asyncio.Event], Awaitable[None]]
"""Runs until the event is set."""


@dataclass(frozen=True, slots=True)
class WorkerSettings:
    """What a worker service does besides carrying out runs.

    `health_address` is where it answers health checks; each deployed stack is checked for drift once in
    `drift_period_s`; the sandbox works in so many processes of its own, 0 for none.
    Events are received and published as the configuration of the folder, or of the file, says under the overrides.
    """

    health_address: tuple[str, int] | None = None
    is_remote_health_allowed: bool = False
    drift_period_s: float | None = None
    sandbox_children: int = 0
    configuration_file: Path | None = None
    overrides: tuple[str, ...] = ()
    receives_events: bool = True


class WorkerService:
    """Carries out runs; `beside` run as long as it serves, and `health_url` answers for it, if it has one."""

    def __init__(
        self, worker: Worker, health: WorkerHealth, beside: Sequence[RunBeside] = (), health_url: str | None = None
    ) -> None:
        self.health_url = health_url
        self._worker = worker
        self._health = health
        self._beside = beside

    async def serve(self, slots: int, stopped: asyncio.Event) -> None:
        """Carry out runs in so many slots until `stopped`; those in progress end first, and it is not ready then."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._worker.serve(slots, stopped))
            for run in self._beside:
                group.create_task(_await(run(stopped)))
            await stopped.wait()
            self._health.drain()

    async def run_until_idle(self) -> None:
        """Carry out runs until none can start now."""
        await self._worker.run_until_idle()


async def _await(running: Awaitable[None]) -> None:
    await running
