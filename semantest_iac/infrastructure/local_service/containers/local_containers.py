"""Runs the services of all stacks in simulated clouds, and follows what is deployed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Self

from semantest_iac.domain.errors import DeploymentError
from semantest_iac.domain.networking.http_exchange import HttpRequest, HttpResponse
from semantest_iac.infrastructure.function_runtimes.function_spec import Invocation
from semantest_iac.infrastructure.function_runtimes.loopback import is_from_page, names_this_machine
from semantest_iac.infrastructure.local_service.containers.http_streams import MessageHead
from semantest_iac.infrastructure.local_service.containers.ingress import serve_ingress
from semantest_iac.infrastructure.local_service.containers.instance import ServiceInstance
from semantest_iac.infrastructure.local_service.containers.service_instances import ServiceInstances, ServiceReport
from semantest_iac.infrastructure.local_service.containers.service_spec import (
    CountWaiting,
    FindServiceSpecs,
    ServiceSpec,
    ServiceTimes,
    ServiceUnreachableError,
)
from semantest_iac.infrastructure.local_service.function_log_files import FunctionLogFiles

_POLL_S = 0.25
_CALLS = 64  # requests of gateways to all services at once
_log = logging.getLogger(__name__)

ReportOfStack = Callable[[str, ServiceReport], None]


class LocalContainers:
    """The services of one `serve`; leaving the block ends their processes."""

    def __init__(
        self,
        read_releases: Callable[[], Awaitable[Mapping[str, str]]],
        find_specs: FindServiceSpecs,
        count_waiting: CountWaiting,
        logs: FunctionLogFiles,
        report: ReportOfStack,
        times: ServiceTimes | None = None,
    ) -> None:
        self._read_releases = read_releases
        self._find_specs = find_specs
        self._count_waiting = count_waiting
        self._logs = logs
        self._report = report
        self._times = times or ServiceTimes()
        self._releases: dict[str, str] = {}
        self._services: dict[tuple[str, str], ServiceInstances] = {}
        self._addresses: dict[tuple[str, str], str] = {}
        self._ingresses: dict[tuple[str, str], AsyncExitStack] = {}
        self._public: set[tuple[str, str]] = set()
        self._calls = ThreadPoolExecutor(_CALLS, thread_name_prefix="service-call")
        self._ending: set[asyncio.Task[None]] = set()
        self._lock = asyncio.Lock()
        self._watching: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._watching = asyncio.create_task(self._watch())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._watching:
            self._watching.cancel()
            await asyncio.gather(self._watching, return_exceptions=True)
        for stack in {stack for stack, _ in self._services}:
            self._drop(stack, ())
        await asyncio.gather(*self._ending, return_exceptions=True)
        for ingress in self._ingresses.values():  # of services that do not run
            await ingress.aclose()
        self._calls.shutdown(wait=False, cancel_futures=True)

    async def call(self, stack: str, service: str, request: HttpRequest) -> HttpResponse:
        """Answer a request to a service of a stack; raises ServiceUnreachableError."""
        async with self._reserve((stack, service)) as instance:
            return await instance.call(request)

    @asynccontextmanager
    async def _reserve(self, key: tuple[str, str]) -> AsyncIterator[ServiceInstance]:
        """Yield who answers a request to a service; raises ServiceUnreachableError."""
        if key not in self._services:
            await self.refresh()
        instances = self._services.get(key)
        if instances is None:
            raise ServiceUnreachableError(f"there is no service '{key[1]}' in {key[0]}")
        async with instances.reserve() as instance:
            yield instance

    async def find_address(self, stack: str, service: str) -> str:
        """Return the address of a service on this machine, which stays as long as the block."""
        key = (stack, service)
        if key not in self._addresses:
            exits = self._ingresses[key] = AsyncExitStack()
            ingress = serve_ingress(partial(self._reserve, key), partial(self._is_admitted, key))
            self._addresses[key] = await exits.enter_async_context(ingress)
        return self._addresses[key]

    async def refresh(self) -> None:
        """Follow what was deployed and destroyed since."""
        async with self._lock:
            current = await self._read_releases()
            changed = [name for name, release in current.items() if self._releases.get(name) != release]
            for name in changed:
                await self._switch(name)
                self._releases[name] = current[name]
            for name in [name for name in self._releases if name not in current]:
                del self._releases[name]
                self._drop(name, ())

    async def _switch(self, stack: str) -> None:
        """Run the services of a stack that was deployed, each anew."""
        try:
            specs = await self._find_specs(stack, self.find_address)
        except DeploymentError as error:
            _log.warning("cannot run the services of %s: %s", stack, error.message)
            return
        self._drop(stack, specs)
        for name, spec in specs.items():
            self._public = self._public | {(stack, name)} if spec.is_public else self._public - {(stack, name)}
            address = await self.find_address(stack, name)
            self._report(stack, ServiceReport(name, spec.fault or f"at {address}", is_failure=bool(spec.fault)))
            self._open(stack, spec).switch_to(spec)

    def _open(self, stack: str, spec: ServiceSpec) -> ServiceInstances:
        key = (stack, spec.name)
        if key not in self._services:
            self._services[key] = ServiceInstances(
                partial(self._write_log, stack, spec.name),
                partial(self._report, stack),
                self._calls,
                partial(self._count_waiting, stack),
                self._times,
            )
        return self._services[key]

    def _write_log(self, stack: str, service: str, text: str) -> None:
        self._logs.add(stack, Invocation(None, None, text, 0, function=service))

    def _drop(self, stack: str, kept: Collection[str]) -> None:
        """End the services of a stack that it does not have any more."""
        for key in [key for key in self._services if key[0] == stack and key[1] not in kept]:
            task = asyncio.create_task(_end(self._services.pop(key), self._ingresses.pop(key, None)))
            self._addresses.pop(key, None)
            self._ending.add(task)
            task.add_done_callback(self._ending.discard)

    def _is_admitted(self, key: tuple[str, str], head: MessageHead) -> bool:
        """Admit programs of this machine, and pages of browsers where the service is public."""
        is_page = is_from_page(head.header("origin"), head.header("sec-fetch-site"))
        return names_this_machine(head.header("host")) and (key in self._public or not is_page)

    async def _watch(self) -> None:
        while True:
            try:
                await self.refresh()
            except DeploymentError as error:
                _log.warning("cannot look for services: %s", error.message)
                await asyncio.sleep(1)
            await asyncio.sleep(_POLL_S)


async def _end(instances: ServiceInstances, ingress: AsyncExitStack | None) -> None:
    if ingress:
        await ingress.aclose()
    await instances.aclose()
