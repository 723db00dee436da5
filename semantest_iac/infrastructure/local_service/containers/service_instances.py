"""Keeps as many instances of a service as it needs, replaces those that fail, and passes requests on to them."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import Executor
from contextlib import asynccontextmanager
from dataclasses import dataclass

from semantest_iac.infrastructure.local_service.containers.instance import ServiceInstance, WriteLog
from semantest_iac.infrastructure.local_service.containers.service_spec import (
    ServiceLoad,
    ServiceSpec,
    ServiceTimes,
    ServiceUnreachableError,
    count_wanted_instances,
    find_instance_limit,
)


@dataclass(frozen=True, slots=True)
class ServiceReport:
    """Something that happened to the instances of a service; `is_failure` where they do not do what they should."""

    service: str
    text: str
    is_failure: bool = False
    seconds: float = 0.0


ReportService = Callable[[ServiceReport], None]


class ServiceInstances:
    """The instances of one service; those of the version before go when a new one is ready."""

    def __init__(
        self,
        write_log: WriteLog,
        report: ReportService,
        calls: Executor,
        count_messages: Callable[[str], int],
        times: ServiceTimes,
    ) -> None:
        self._write_log = write_log
        self._report = report
        self._calls = calls
        self._count_messages = count_messages
        self._times = times
        self._spec: ServiceSpec | None = None
        self._instances: list[ServiceInstance] = []
        self._older: list[ServiceInstance] = []
        self._waiting = 0
        self._peaks: deque[tuple[float, int]] = deque()
        self._failures = 0
        self._next_start = 0.0
        self._number = 0
        self._began: dict[ServiceInstance, float] = {}
        self._woken, self._changed = asyncio.Event(), asyncio.Event()
        self._stopping: set[asyncio.Task[None]] = set()
        self._keeping: asyncio.Task[None] | None = None

    @property
    def ready_count(self) -> int:
        """How many instances answer."""
        return len(self._list_ready())

    def switch_to(self, spec: ServiceSpec) -> None:
        """Run a newly deployed version, which is what its folder holds now."""
        self._spec = spec
        self._older += self._instances
        self._instances = []
        self._failures, self._next_start = 0, 0.0
        if self._keeping is None:
            self._keeping = asyncio.create_task(self._keep())
        self._woken.set()

    @asynccontextmanager
    async def reserve(self) -> AsyncIterator[ServiceInstance]:
        """Yield who answers a request, which waits for an instance that starts; raises ServiceUnreachableError."""
        spec = self._spec
        if spec is None or spec.fault:
            raise ServiceUnreachableError(spec.fault if spec else "the service does not run")
        instance = await self._wait_for_instance(spec)
        with instance.count_request():
            yield instance

    async def aclose(self) -> None:
        """End all instances."""
        if self._keeping:
            self._keeping.cancel()
            await asyncio.gather(self._keeping, return_exceptions=True)
        self._stop([*self._instances, *self._older])
        self._instances, self._older = [], []
        await asyncio.gather(*self._stopping, return_exceptions=True)

    async def _wait_for_instance(self, spec: ServiceSpec) -> ServiceInstance:
        """Return the instance with the fewest requests; the error says why there is none."""
        self._waiting += 1
        try:
            if self._waiting + self._count_requests() > self._count_free(spec):
                self._woken.set()
            async with asyncio.timeout(spec.probe.start_s + self._times.look_s):
                while not (ready := self._list_ready()):
                    if not self._instances and time.monotonic() < self._next_start:
                        raise ServiceUnreachableError(f"service '{spec.name}' failed and is started again soon")
                    self._changed.clear()
                    failures = self._failures
                    await self._changed.wait()
                    if self._failures > failures and not self._list_ready():
                        raise ServiceUnreachableError(f"service '{spec.name}' cannot start: its log says why")
                return min(ready, key=lambda it: it.requests)
        except TimeoutError as error:
            raise ServiceUnreachableError(f"no instance of service '{spec.name}' is ready") from error
        finally:
            self._waiting -= 1

    def _count_requests(self) -> int:
        return sum(it.requests for it in (*self._instances, *self._older))

    def _count_free(self, spec: ServiceSpec) -> int:
        return len(self._instances) * (spec.scaling.concurrent_requests or 1_000_000)

    def _list_ready(self) -> Sequence[ServiceInstance]:
        return [it for it in self._instances if it.is_ready] or [it for it in self._older if it.is_ready]

    async def _keep(self) -> None:
        """Start and stop instances whenever something has changed, and look once in a while."""
        while True:
            self._woken.clear()
            if self._spec:
                await self._adjust(self._spec)
            try:
                async with asyncio.timeout(self._times.look_s):
                    await self._woken.wait()
            except TimeoutError:
                continue

    async def _adjust(self, spec: ServiceSpec) -> None:
        self._forget_ended(spec)
        if spec.fault:
            self._stop([*self._instances, *self._older])
            self._instances, self._older = [], []
            return
        wanted = self._find_wanted(spec, await self._measure(spec))
        while len(self._instances) < wanted and time.monotonic() >= self._next_start:
            self._start(spec)
        if len(self._instances) > wanted:
            idle = sorted(self._instances, key=lambda it: (it.is_ready, it.requests, -it.number))
            surplus = idle[: len(self._instances) - wanted]
            self._instances = [it for it in self._instances if it not in surplus]
            self._stop(surplus)
            self._report(ServiceReport(spec.name, f"runs {_count(wanted)}"))
        if self._older and (wanted == 0 or any(it.is_ready for it in self._instances)):
            self._stop(self._older)
            self._older = []

    async def _measure(self, spec: ServiceSpec) -> ServiceLoad:
        messages = {queue: await asyncio.to_thread(self._count_messages, queue) for queue in spec.queues}
        return ServiceLoad(self._waiting + self._count_requests(), messages)

    def _find_wanted(self, spec: ServiceSpec, load: ServiceLoad) -> int:
        """Return the most that was needed within the time for which instances stay."""
        now, most = time.monotonic(), find_instance_limit()
        wanted = count_wanted_instances(spec, load, most)
        while self._peaks and self._peaks[0][0] < now - self._times.cooldown_s:
            self._peaks.popleft()
        while self._peaks and self._peaks[-1][1] <= wanted:
            self._peaks.pop()
        self._peaks.append((now, wanted))
        return min(self._peaks[0][1], max(1, spec.scaling.maximum), most)

    def _start(self, spec: ServiceSpec) -> None:
        self._number += 1
        instance = ServiceInstance(spec, self._number, self._write_log, self._calls)
        self._instances.append(instance)
        self._began[instance] = time.monotonic()
        instance.start(lambda: self._notice(instance))

    def _notice(self, instance: ServiceInstance) -> None:
        """Tell those who wait that an instance is ready, or has ended."""
        if instance.is_ready:
            seconds = time.monotonic() - self._began[instance]
            ready = sum(it.is_ready for it in self._instances)
            self._report(ServiceReport(instance.spec.name, f"runs {_count(ready)}", seconds=seconds))
        self._changed.set()
        self._woken.set()

    def _forget_ended(self, spec: ServiceSpec) -> None:
        """Let failed instances be started again, later and later."""
        for instance in [it for it in (*self._instances, *self._older) if it.ended.is_set()]:
            seconds = time.monotonic() - self._began.pop(instance, time.monotonic())
            if instance in self._instances:
                self._failures = 1 if seconds >= self._times.steady_s else self._failures + 1
                self._next_start = time.monotonic() + self._times.find_restart_delay_s(self._failures)
            self._instances = [it for it in self._instances if it is not instance]
            self._older = [it for it in self._older if it is not instance]
            self._report(ServiceReport(spec.name, instance.reason, is_failure=True, seconds=seconds))
            self._changed.set()

    def _stop(self, instances: Sequence[ServiceInstance]) -> None:
        for instance in instances:
            self._began.pop(instance, None)
            task = asyncio.create_task(instance.stop(self._times.stop_s))
            self._stopping.add(task)
            task.add_done_callback(self._stopping.discard)


def _count(instances: int) -> str:
    return "no instance" if not instances else "1 instance" if instances == 1 else f"{instances} instances"
