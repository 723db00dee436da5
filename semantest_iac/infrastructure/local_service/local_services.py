"""Every stack in a simulated cloud, answered as its newest version would be."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Self

from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.errors import NotFoundError
from semantest_iac.domain.networking.http_exchange import HttpRequest
from semantest_iac.domain.ports.service_probe import Answer, ServiceProbe
from semantest_iac.infrastructure.function_runtimes.function_pool import PoolLimits
from semantest_iac.infrastructure.local_service.door import LocalDoor
from semantest_iac.infrastructure.local_service.front import Front
from semantest_iac.infrastructure.local_service.log_file import FunctionLogs
from semantest_iac.infrastructure.local_service.releases import Releases
from semantest_iac.infrastructure.local_service.warm_service import WarmService


@dataclass(slots=True)
class _Live:
    service: WarmService
    release: str


class LocalServices:
    """Notices between two requests what was deployed, by whichever process; leaving the block ends everything."""

    def __init__(
        self,
        releases: Releases,
        door_of: Callable[[Stack], ServiceProbe],
        logs: FunctionLogs,
        limits: PoolLimits | None = None,
    ) -> None:
        self._releases = releases
        self._door_of = door_of
        self._logs = logs
        self._limits = limits
        self._served: Mapping[str, str] = {}
        self._live: dict[str, _Live] = {}
        self._renewing: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.gather(*(live.service.stop() for live in self._live.values()))

    async def names(self) -> list[str]:
        """The stacks that are answered now, sorted."""
        return sorted(await self._current())

    async def call(self, name: str, request: HttpRequest) -> Answer:
        """What a client of the cloud would get; raises NotFoundError for a stack that is not deployed here."""
        release = (await self._current()).get(name)
        if release is None:
            raise NotFoundError(f"No stack '{name[:200]}' is deployed in a simulated cloud here.")
        return await (await self._service(name, release)).answer(request)

    async def _current(self) -> Mapping[str, str]:
        current = await self._releases.current()
        if current is not self._served:
            self._served = current
            for name in self._live.keys() - current.keys():
                await self._live.pop(name).service.aclose()
        return current

    async def _service(self, name: str, release: str) -> WarmService:
        live = self._live.get(name)
        if live is None or live.release != release:
            async with self._renewing[name]:
                live = self._live.get(name)
                if live is None or live.release != release:
                    live = self._live[name] = await self._renewed(name, release, live)
        return live.service

    async def _renewed(self, name: str, release: str, live: _Live | None) -> _Live:
        front = await self._front(Stack.parse(name))
        if live is None:
            return _Live(WarmService(front, partial(self._logs.add, name), self._limits), release)
        await live.service.adopt(front)
        return _Live(live.service, release)

    async def _front(self, stack: Stack) -> Front:
        door = self._door_of(stack)
        if not isinstance(door, LocalDoor):
            raise NotFoundError(f"'{stack}' answers in a real cloud.")
        return await door.front(stack)
