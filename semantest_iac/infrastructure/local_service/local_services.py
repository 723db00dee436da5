"""Every stack in a simulated cloud, answered as its newest version would be."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Self

from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.errors import DeploymentError, NotFoundError
from semantest_iac.domain.networking.http_exchange import HttpRequest, HttpResponse
from semantest_iac.domain.networking.web_socket_endpoint import ConnectionLimits
from semantest_iac.domain.ports.service_probe import Answer, ServiceProbe
from semantest_iac.infrastructure.function_runtimes.function_pool import PoolLimits
from semantest_iac.infrastructure.local_service.door import LocalDoor
from semantest_iac.infrastructure.local_service.log_file import FunctionLogs
from semantest_iac.infrastructure.local_service.releases import Releases
from semantest_iac.infrastructure.local_service.renewal import Renewal
from semantest_iac.infrastructure.local_service.socket_house import GRACE_S, SocketHouse, Visit
from semantest_iac.infrastructure.local_service.sockets import Handshake, Surroundings
from semantest_iac.infrastructure.local_service.warm_service import WarmService

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ServingLimits:
    """What may be other than on the clouds; `look_s` is how often the stacks of silent clients are looked at."""

    processes: PoolLimits | None = None
    connections: ConnectionLimits | None = None
    grace_s: float = GRACE_S
    look_s: float = 0.25


class LocalServices:
    """Notices what was deployed, by whichever process; leaving the block ends everything."""

    def __init__(
        self,
        releases: Releases,
        door_of: Callable[[Stack], ServiceProbe],
        logs: FunctionLogs,
        limits: ServingLimits | None = None,
    ) -> None:
        self._releases = releases
        self._door_of = door_of
        self._logs = logs
        self._limits = limits or ServingLimits()
        self._served: Mapping[str, str] = {}
        self._services = Renewal(self._service)
        self._houses = Renewal(self._house)
        self._gone: list[WarmService | SocketHouse] = []
        self._looking: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._looking = asyncio.create_task(self._look())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._looking:
            self._looking.cancel()
            await asyncio.gather(self._looking, return_exceptions=True)
        await asyncio.gather(*(gone.stop() for gone in (*self._without(()), *self._gone)))

    async def names(self) -> list[str]:
        """The stacks that are answered now, sorted."""
        return sorted(await self._current())

    async def call(self, name: str, request: HttpRequest) -> Answer:
        """What a client of the cloud would get; raises NotFoundError for a stack that is not deployed here."""
        service = await self._services.of(name, await self._release(name))
        said = await self._said_beside(name, request) if service.is_for_sockets else None
        return Answer(said) if said else await service.answer(request)

    async def _said_beside(self, name: str, request: HttpRequest) -> HttpResponse | None:
        """What a WebSocket API says to a plain request, where it says anything."""
        house = await self._houses.of(name, await self._release(name))
        return await house.answer(request, f"ws://{request.header('host')}/{name}/")

    async def connect(self, name: str, request: HttpRequest) -> Visit | int:
        """A client's visit at a WebSocket API, or the status that it is refused with; raises as `call` does."""
        house = await self._houses.of(name, await self._release(name))
        return await house.connect(Handshake(request.query, request.headers, request.client))

    async def _release(self, name: str) -> str:
        release = (await self._current()).get(name)
        if release is None:
            raise NotFoundError(f"No stack '{name[:200]}' is deployed in a simulated cloud here.")
        return release

    async def _current(self) -> Mapping[str, str]:
        current = await self._releases.current()
        if current is not self._served:
            self._served = current
            for gone in self._without(current):
                self._gone.append(gone)
                await gone.aclose()
        return current

    def _without(self, names: Collection[str]) -> list[WarmService | SocketHouse]:
        return [*self._services.without(names), *self._houses.without(names)]

    async def _service(self, stack: Stack, before: WarmService | None) -> WarmService:
        front = await self._door(stack).front(stack)
        if before is None:
            return WarmService(front, partial(self._logs.add, str(stack)), self._limits.processes)
        await before.adopt(front)
        return before

    async def _house(self, stack: Stack, before: SocketHouse | None) -> SocketHouse:
        door, house = self._door(stack), before or SocketHouse(self._limits.grace_s, self._limits.connections)
        told = partial(self._logs.add, str(stack))
        around = Surroundings(house.crowd, door.unpacked, told, self._limits.processes, house.stores)
        await house.adopt(partial(door.sockets, stack, around))
        return house

    def _door(self, stack: Stack) -> LocalDoor:
        door = self._door_of(stack)
        if not isinstance(door, LocalDoor):
            raise NotFoundError(f"'{stack}' answers in a real cloud.")
        return door

    async def _look(self) -> None:
        """Clients of WebSockets may be silent for long: their stacks are looked at without them."""
        while True:
            await asyncio.sleep(self._limits.look_s)
            try:
                current = await self._current()
                for name, release in self._houses.releases.items():
                    if current.get(name) not in (None, release):
                        await self._houses.of(name, current[name])
            except DeploymentError as error:
                _log.warning("cannot look for releases: %s", error.message)
