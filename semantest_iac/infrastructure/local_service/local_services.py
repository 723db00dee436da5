"""Answers for every stack in a simulated cloud with its newest version."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Generic, Self, TypeVar

from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.errors import DeploymentError, NotFoundError
from semantest_iac.domain.networking.apis import ConnectionLimits
from semantest_iac.domain.networking.http_exchange import HttpRequest, HttpResponse
from semantest_iac.domain.ports.service_probe import ProbeAnswer, ServiceProbe
from semantest_iac.infrastructure.function_runtimes.function_process import PoolLimits
from semantest_iac.infrastructure.local_service.function_log_files import FunctionLogFiles
from semantest_iac.infrastructure.local_service.local_probe import LocalProbe
from semantest_iac.infrastructure.local_service.warm_service import WarmService
from semantest_iac.infrastructure.local_service.web_socket_connections import (
    RECONNECT_GRACE_S,
    Connection,
    WebSocketConnections,
)
from semantest_iac.infrastructure.local_service.web_socket_service import Handshake, WebSocketContext

Cached = TypeVar("Cached")


class PerStackCache(Generic[Cached]):
    """`renewed` is given what there was, None at first, and gives what there is from now on."""

    def __init__(self, renewed: Callable[[Stack, Cached | None], Awaitable[Cached]]) -> None:
        self._renewed = renewed
        self._things: dict[str, tuple[str, Cached]] = {}
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    @property
    def releases(self) -> Mapping[str, str]:
        """What is kept, by stack."""
        return {name: release for name, (release, _) in self._things.items()}

    async def of(self, name: str, release: str) -> Cached:
        """The thing of a stack, renewed where it is one of another release."""
        release_now, thing = self._things.get(name, (None, None))
        if release_now == release and thing is not None:
            return thing
        async with self._turns[name]:
            release_now, thing = self._things.get(name, (None, None))
            if release_now != release or thing is None:
                thing = await self._renewed(Stack.parse(name), thing)
                self._things[name] = release, thing
            return thing

    def without(self, names: Collection[str]) -> list[Cached]:
        """Forget all but these stacks, and give what was forgotten."""
        return [self._things.pop(name)[1] for name in list(self._things) if name not in names]


_TIMESTAMP_RESOLUTION_S = 0.02  # two writes may share one time stamp of a file system
FileStamps = tuple[tuple[int, int], ...]


class Releases:
    """Stack -> the deployment that settled it last."""

    def __init__(self, read: Callable[[], Mapping[str, str]], ledger: Path) -> None:
        self._read = read
        self._files = ledger, ledger.with_name(f"{ledger.name}-wal")
        self._found: Mapping[str, str] = {}
        self._seen: FileStamps | None = None
        self._reading = asyncio.Lock()

    async def current(self) -> Mapping[str, str]:
        """The releases as of now; the same mapping as before where nothing has changed."""
        if self._stamp() != self._seen:
            async with self._reading:
                stamp = self._stamp()
                if stamp != self._seen:
                    await self._renew(stamp)
        return self._found

    async def _renew(self, stamp: FileStamps) -> None:
        found = await asyncio.to_thread(self._read)
        if found != self._found:
            self._found = found
        newest = max((changed for changed, _ in stamp), default=0)
        self._seen = stamp if time.time_ns() - newest > _TIMESTAMP_RESOLUTION_S * 1e9 else None

    def _stamp(self) -> FileStamps:
        return tuple(_stamp_of_file(path) for path in self._files)


def _stamp_of_file(path: Path) -> tuple[int, int]:
    try:
        found = path.stat()
    except OSError:
        return 0, 0
    return found.st_mtime_ns, found.st_size


_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ServingLimits:
    """What may be other than on the clouds; `look_s` is how often the stacks of silent clients are looked at."""

    processes: PoolLimits | None = None
    connections: ConnectionLimits | None = None
    grace_s: float = RECONNECT_GRACE_S
    look_s: float = 0.25


class LocalServices:
    """Notices what was deployed, by whichever process; leaving the block ends everything."""

    def __init__(
        self,
        releases: Releases,
        door_of: Callable[[Stack], ServiceProbe],
        logs: FunctionLogFiles,
        limits: ServingLimits | None = None,
    ) -> None:
        self._releases = releases
        self._door_of = door_of
        self._logs = logs
        self._limits = limits or ServingLimits()
        self._served: Mapping[str, str] = {}
        self._services = PerStackCache(self._service)
        self._houses = PerStackCache(self._house)
        self._gone: list[WarmService | WebSocketConnections] = []
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

    async def call(self, name: str, request: HttpRequest) -> ProbeAnswer:
        """What a client of the cloud would get; raises NotFoundError for a stack that is not deployed here."""
        service = await self._services.of(name, await self._release(name))
        said = await self._said_beside(name, request) if service.is_for_sockets else None
        return ProbeAnswer(said) if said else await service.answer(request)

    async def _said_beside(self, name: str, request: HttpRequest) -> HttpResponse | None:
        """What a WebSocket API says to a plain request, where it says anything."""
        house = await self._houses.of(name, await self._release(name))
        return await house.answer(request, f"ws://{request.header('host')}/{name}/")

    async def connect(self, name: str, request: HttpRequest) -> Connection | int:
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

    def _without(self, names: Collection[str]) -> list[WarmService | WebSocketConnections]:
        return [*self._services.without(names), *self._houses.without(names)]

    async def _service(self, stack: Stack, before: WarmService | None) -> WarmService:
        front = await self._door(stack).front(stack)
        if before is None:
            return WarmService(front, partial(self._logs.add, str(stack)), self._limits.processes)
        await before.adopt(front)
        return before

    async def _house(self, stack: Stack, before: WebSocketConnections | None) -> WebSocketConnections:
        door, house = self._door(stack), before or WebSocketConnections(self._limits.grace_s, self._limits.connections)
        told = partial(self._logs.add, str(stack))
        around = WebSocketContext(house.crowd, door.unpacked, told, self._limits.processes, house.stores)
        await house.adopt(partial(door.sockets, stack, around))
        return house

    def _door(self, stack: Stack) -> LocalProbe:
        door = self._door_of(stack)
        if not isinstance(door, LocalProbe):
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
