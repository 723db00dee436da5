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
from semantest_iac.domain.networking.http_exchange import BodyLimit, HttpRequest, HttpResponse
from semantest_iac.domain.ports.service_probe import ProbeAnswer, ServiceProbe
from semantest_iac.infrastructure.function_runtimes.function_process import PoolLimits
from semantest_iac.infrastructure.local_service.entrances.stack_entrance import StackEntrance, StackEntrances
from semantest_iac.infrastructure.local_service.function_log_files import FunctionLogFiles
from semantest_iac.infrastructure.local_service.local_probe import LocalProbe
from semantest_iac.infrastructure.local_service.traffic_counts import TrafficCounts
from semantest_iac.infrastructure.local_service.warm_service import WarmService, ignore_outcome
from semantest_iac.infrastructure.local_service.web_socket_connections import (
    RECONNECT_GRACE_S,
    Connection,
    WebSocketConnections,
)
from semantest_iac.infrastructure.local_service.web_socket_service import Handshake, WebSocketContext

Cached = TypeVar("Cached")
FileStamps = tuple[tuple[int, int], ...]

RetiredService = WarmService | WebSocketConnections | StackEntrance

_TIMESTAMP_RESOLUTION_S = 0.02  # two writes may get the same time stamp from a file system
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ServingLimits:
    """Limits that may differ from the clouds'; `poll_interval_s` applies to stacks whose clients are silent."""

    processes: PoolLimits | None = None
    connections: ConnectionLimits | None = None
    reconnect_grace_s: float = RECONNECT_GRACE_S
    poll_interval_s: float = 0.25


class LocalServices:
    """Serves all stacks, and notices what any process deploys; leaving the block ends every process and connection."""

    def __init__(  # noqa: PLR0913  # one parameter for each thing that it is told
        self,
        releases: Releases,
        find_probe: Callable[[Stack], ServiceProbe],
        logs: FunctionLogFiles,
        limits: ServingLimits | None = None,
        counts: TrafficCounts | None = None,
        entrances: StackEntrances | None = None,
        domains: Releases | None = None,
    ) -> None:
        self._domains = domains
        self._entrances = entrances
        self._counts = counts
        self._releases = releases
        self._find_probe = find_probe
        self._logs = logs
        self._limits = limits or ServingLimits()
        self._known_releases: Mapping[str, str] = {}
        self._services = PerStackCache(self._refresh_service)
        self._connections = PerStackCache(self._refresh_connections)
        self._retired: list[RetiredService] = []
        self._polling: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._polling = asyncio.create_task(self._poll_releases())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._polling:
            self._polling.cancel()
            await asyncio.gather(self._polling, return_exceptions=True)
        await asyncio.gather(*(service.shut_down() for service in (*self._drop_except(()), *self._retired)))
        self._flush_counts()

    async def names(self) -> list[str]:
        """The names of the deployed stacks, sorted."""
        return sorted(await self._update_releases())

    async def find_domain(self, host: str) -> str | None:
        """Return what answers at a domain of a deployed stack, as `GatewayServices` says."""
        return (await self._domains.current()).get(host) if self._domains else None

    async def body_limit(self, name: str) -> BodyLimit:
        """Return the limit of a stack's cloud for bodies; raises as `call` does."""
        return (await self._services.get(name, await self._find_release(name))).body_limit

    async def call(self, name: str, request: HttpRequest, *, at_own_host: bool = False) -> ProbeAnswer:
        """Answer as the cloud does; raises NotFoundError for a stack that is not deployed here."""
        service = await self._services.get(name, await self._find_release(name))
        if isinstance(service, StackEntrance):
            return await service.answer(request, at_own_host=at_own_host)
        response = await self._answer_plain_http(name, request) if service.is_web_socket else None
        return ProbeAnswer(response) if response else await service.call_with_failure_response(request)

    async def takes_web_sockets(self, name: str) -> bool:
        """Return whether a stack has a WebSocket API: managed gateways and sites take handshakes as plain requests."""
        service = await self._services.get(name, await self._find_release(name))
        return not isinstance(service, StackEntrance)

    async def connect(self, name: str, request: HttpRequest) -> Connection | int:
        """Admit a WebSocket client, or return the status that refuses it; raises as `call` does."""
        connections = await self._connections.get(name, await self._find_release(name))
        return await connections.connect(Handshake(request.query, request.headers, request.client, request.head_bytes))

    async def _answer_plain_http(self, name: str, request: HttpRequest) -> HttpResponse | None:
        connections = await self._connections.get(name, await self._find_release(name))
        return await connections.answer_plain_http(request, f"ws://{request.header('host')}/{name}/")

    async def _find_release(self, name: str) -> str:
        release = (await self._update_releases()).get(name)
        if release is None:
            raise NotFoundError(f"No stack '{name[:200]}' is deployed in a simulated cloud here.")
        return release

    async def _update_releases(self) -> Mapping[str, str]:
        current = await self._releases.current()
        if current is not self._known_releases:
            self._known_releases = current
            for service in self._drop_except(current):
                self._retired.append(service)
                await service.retire()
        return current

    def _drop_except(self, names: Collection[str]) -> list[RetiredService]:
        return [*self._services.drop_except(names), *self._connections.drop_except(names)]

    async def _refresh_service(
        self, stack: Stack, service: WarmService | StackEntrance | None
    ) -> WarmService | StackEntrance:
        rules = await self._entrances.find_rules(stack) if self._entrances else None
        if self._entrances and rules:
            if isinstance(service, StackEntrance):
                service.switch_to(rules)
                return service
            await self._retire(service)
            return StackEntrance(str(stack), rules, self._entrances.call_backend)
        frontend = await self._local_probe(stack).load_frontend(stack)
        if not isinstance(service, WarmService):
            await self._retire(service)
            return WarmService(
                frontend,
                partial(self._logs.add, str(stack)),
                self._limits.processes,
                partial(self._counts.add, str(stack)) if self._counts else ignore_outcome,
            )
        await service.switch_to(frontend)
        return service

    async def _refresh_connections(
        self, stack: Stack, connections: WebSocketConnections | None
    ) -> WebSocketConnections:
        probe = self._local_probe(stack)
        if connections is None:
            connections = WebSocketConnections(self._limits.reconnect_grace_s, self._limits.connections)
        context = WebSocketContext(
            connections.registry,
            probe.unpack_package,
            partial(self._logs.add, str(stack)),
            self._limits.processes,
            connections.stores,
        )
        await connections.switch_to(partial(probe.build_web_socket_service, stack, context))
        return connections

    async def _retire(self, service: WarmService | StackEntrance | None) -> None:
        """End what answered for a stack whose component has another type now."""
        if service is not None:
            self._retired.append(service)
            await service.retire()

    def _local_probe(self, stack: Stack) -> LocalProbe:
        probe = self._find_probe(stack)
        if not isinstance(probe, LocalProbe):
            raise NotFoundError(f"'{stack}' answers in a real cloud.")
        return probe

    def _flush_counts(self) -> None:
        if self._counts:
            self._counts.flush()

    async def _poll_releases(self) -> None:
        """Switch the stacks of connected clients to new releases, even if the clients send nothing; keep the counts."""
        while True:
            await asyncio.sleep(self._limits.poll_interval_s)
            self._flush_counts()
            try:
                current = await self._update_releases()
                for name, release in self._connections.releases.items():
                    if current.get(name) not in (None, release):
                        await self._connections.get(name, current[name])
            except DeploymentError as error:
                _log.warning("cannot look for releases: %s", error.message)


class PerStackCache(Generic[Cached]):
    """One value per stack and release; `refresh` receives the value of the release before, first None."""

    def __init__(self, refresh: Callable[[Stack, Cached | None], Awaitable[Cached]]) -> None:
        self._refresh = refresh
        self._entries: dict[str, tuple[str, Cached]] = {}
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    @property
    def releases(self) -> Mapping[str, str]:
        """The cached releases by stack."""
        return {name: release for name, (release, _) in self._entries.items()}

    async def get(self, name: str, release: str) -> Cached:
        """The value of a stack, refreshed if it belongs to another release."""
        known_release, value = self._entries.get(name, (None, None))
        if known_release == release and value is not None:
            return value
        async with self._locks[name]:
            known_release, value = self._entries.get(name, (None, None))
            if known_release != release or value is None:
                value = await self._refresh(Stack.parse(name), value)
                self._entries[name] = release, value
            return value

    def drop_except(self, names: Collection[str]) -> list[Cached]:
        """Remove all stacks but these, and return the removed values."""
        return [self._entries.pop(name)[1] for name in list(self._entries) if name not in names]


class Releases:
    """The newest release of each stack, or what else is read of the ledger; read again when that changes.

    A ledger that is in no file is read each second.
    """

    def __init__(self, read: Callable[[], Mapping[str, str]], ledger: Path | None) -> None:
        self._read = read
        self._files = (ledger, ledger.with_name(f"{ledger.name}-wal")) if ledger else ()
        self._releases: Mapping[str, str] = {}
        self._seen: FileStamps | None = None
        self._lock = asyncio.Lock()

    async def current(self) -> Mapping[str, str]:
        """Return the releases by stack; the same object as before if nothing changed."""
        if self._read_stamps() != self._seen:
            async with self._lock:
                stamps = self._read_stamps()
                if stamps != self._seen:
                    await self._reload(stamps)
        return self._releases

    async def _reload(self, stamps: FileStamps) -> None:
        releases = await asyncio.to_thread(self._read)
        if releases != self._releases:
            self._releases = releases
        newest = max((changed for changed, _ in stamps), default=0)
        self._seen = stamps if time.time_ns() - newest > _TIMESTAMP_RESOLUTION_S * 1e9 else None

    def _read_stamps(self) -> FileStamps:
        return tuple(_stamp_of_file(path) for path in self._files) or ((int(time.monotonic()), 0),)


def _stamp_of_file(path: Path) -> tuple[int, int]:
    try:
        status = path.stat()
    except OSError:
        return 0, 0
    return status.st_mtime_ns, status.st_size
