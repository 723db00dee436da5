"""Delivers messages, ticks and calls of all stacks in simulated clouds, and follows what is deployed."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Protocol, Self

from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.errors import DeploymentError
from semantest_iac.infrastructure.clouds.registry import CLOUDS
from semantest_iac.infrastructure.function_runtimes.function_process import PoolLimits
from semantest_iac.infrastructure.function_runtimes.function_spec import Invocation
from semantest_iac.infrastructure.local_service.api_frontend import DeployedResources, UnpackPackage
from semantest_iac.infrastructure.local_service.function_log_files import FunctionLogFiles
from semantest_iac.infrastructure.local_service.messaging.deployed_messaging import (
    CalledFunction,
    DeployedMessaging,
    ReadDeployedMessaging,
)
from semantest_iac.infrastructure.local_service.messaging.directory import MessagingDirectory, find_newest
from semantest_iac.infrastructure.local_service.messaging.pollers import (
    DeliveryReport,
    QueuePoller,
    ReportDelivery,
    TimerLoop,
    stop_loops,
)
from semantest_iac.infrastructure.local_service.messaging.warm_functions import WarmFunctions
from semantest_iac.infrastructure.message_store.messages import MessageStore
from semantest_iac.infrastructure.message_store.ticks import TickStore

_POLL_S = 0.05
_log = logging.getLogger(__name__)


class MessagingSource(Protocol):
    """Where the resources of a stack are read, and its packages unpacked."""

    @property
    def find_resources(self) -> Callable[[Stack], Awaitable[DeployedResources]]: ...

    @property
    def unpack_package(self) -> UnpackPackage: ...


async def read_messaging(stack: Stack, source: MessagingSource) -> DeployedMessaging:
    """Read what a stack has of queues, topics, triggers and schedules, as it is deployed now."""
    cloud = CLOUDS[stack.provider]
    if not cloud.messaging:
        return DeployedMessaging()
    read: ReadDeployedMessaging = cloud.load_part(cloud.messaging)
    return read(str(stack), await source.find_resources(stack), source.unpack_package)


class _StackDelivery:
    """The loops and processes of one stack; its processes outlive a deployment that does not change them."""

    def __init__(self, functions: WarmFunctions) -> None:
        self.functions = functions
        self.loops: Sequence[QueuePoller | TimerLoop] = ()


class MessageDeliveries:
    """Delivers as long as the block, with the newest deployment of each stack; `read_releases` names them."""

    def __init__(  # noqa: PLR0913  # one parameter for each thing that is handed in
        self,
        read_releases: Callable[[], Awaitable[Mapping[str, str]]],
        find_source: Callable[[Stack], MessagingSource],
        store: MessageStore,
        directory: MessagingDirectory,
        logs: FunctionLogFiles,
        report: ReportDelivery,
        limits: PoolLimits | None = None,
    ) -> None:
        self._read_releases = read_releases
        self._find_source = find_source
        self._store = store
        self._ticks = TickStore(store.database, store.clock)
        self._directory = directory
        self._logs = logs
        self._report = report
        self._limits = limits
        self._releases: dict[str, str] = {}
        self._stacks: dict[str, _StackDelivery] = {}
        self._retiring: set[asyncio.Task[None]] = set()
        self._lock = asyncio.Lock()
        self._watching: asyncio.Task[None] | None = None
        self._is_ending = False

    async def __aenter__(self) -> Self:
        self._watching = asyncio.create_task(self._watch())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._is_ending = True
        if self._watching:
            self._watching.cancel()
            await asyncio.gather(self._watching, return_exceptions=True)
        deliveries = [*self._stacks.values()]
        await asyncio.gather(*(stop_loops(it.loops, at_once=True) for it in deliveries))
        await asyncio.gather(*(it.functions.aclose() for it in deliveries), *self._retiring)
        self._store.close()

    async def refresh(self) -> None:
        """Follow what was deployed and destroyed since."""
        async with self._lock:
            current = await self._read_releases()
            changed = {name: release for name, release in current.items() if self._releases.get(name) != release}
            gone = [name for name in self._releases if name not in current]
            for name, release in changed.items():
                await self._switch(name, release)
            for name in gone:
                await self._drop(name)
            if changed or gone:
                await asyncio.to_thread(self._forget_except, current)

    async def call(self, address: str, event: object) -> Invocation | None:
        """Call a function for another one; None if no deployed one with this address is called by others."""
        found = await find_newest(lambda: self._find_callable(address), self.refresh)
        if found is None or self._is_ending:
            return None
        name, function = found
        began = time.monotonic()
        invocation = await self._stacks[name].functions.invoke(function, event)
        failed = 1 if invocation.error is not None else 0
        self._report(DeliveryReport(name, "call", function.name, 1, failed, time.monotonic() - began))
        return invocation

    def _find_callable(self, address: str) -> tuple[str, CalledFunction] | None:
        """Return the stack and the function of an address."""
        for name, messaging in self._directory.stacks.items():
            if name in self._stacks and address in messaging.callable_functions:
                return name, messaging.callable_functions[address]
        return None

    async def _switch(self, name: str, release: str) -> None:
        """Read a stack again, and deliver with what it has now; the file of messages keeps only what it still has."""
        try:
            messaging = await read_messaging(Stack.parse(name), self._find_source(Stack.parse(name)))
        except DeploymentError as error:
            _log.warning("cannot deliver messages of %s: %s", name, error.message)
            return
        self._releases[name] = release
        for fault in messaging.faults:
            _log.warning("%s: %s", name, fault)
        if name in self._stacks or messaging.called_functions:
            await self._replace_loops(name, messaging)
        self._directory.stacks = {**self._directory.stacks, name: messaging}
        await asyncio.to_thread(self._store.forget, name, messaging.keys)

    async def _replace_loops(self, name: str, messaging: DeployedMessaging) -> None:
        delivery = self._stacks.get(name)
        if delivery is None:
            functions = WarmFunctions(partial(self._logs.add, name), self._limits)
            delivery = self._stacks[name] = _StackDelivery(functions)
        self._retire(stop_loops(delivery.loops))
        await delivery.functions.switch_to(messaging.called_functions)
        delivery.loops = [
            *(QueuePoller(it, self._store, delivery.functions, self._report) for it in messaging.queue_triggers),
            *(
                TimerLoop(it, self._ticks, delivery.functions, self._report, self._store.clock)
                for it in messaging.timers
            ),
        ]
        for loop in delivery.loops:
            loop.start()

    async def _drop(self, name: str) -> None:
        """Take no more messages of a stack that was destroyed."""
        del self._releases[name]
        self._directory.stacks = {key: value for key, value in self._directory.stacks.items() if key != name}
        if delivery := self._stacks.pop(name, None):
            self._retire(_end(delivery))

    def _forget_except(self, stacks: Mapping[str, str]) -> None:
        for stack in self._store.list_stacks() - stacks.keys():
            self._store.forget(stack)

    def _retire(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._retiring.add(task)
        task.add_done_callback(self._retiring.discard)

    async def _watch(self) -> None:
        """Look for deployments and for messages that anybody has sent."""
        version = None
        while True:
            try:
                await self.refresh()
                newest = await asyncio.to_thread(self._store.read_version)
            except DeploymentError as error:
                _log.warning("cannot look for messages: %s", error.message)
                await asyncio.sleep(1)
                continue
            if newest != version:
                version = newest
                for delivery in self._stacks.values():
                    for loop in delivery.loops:
                        loop.wake()
            await asyncio.sleep(_POLL_S)


async def _end(delivery: _StackDelivery) -> None:
    await stop_loops(delivery.loops)
    with suppress(asyncio.CancelledError):
        await delivery.functions.aclose()
