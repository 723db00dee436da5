"""One deployed service with its processes kept: started by the first requests that get as far, warm for the next."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any, Self

from semantest_iac.domain.errors import RuntimeFailedError
from semantest_iac.domain.networking.http_exchange import HttpRequest, HttpResponse
from semantest_iac.domain.ports.service_probe import ProbeAnswer
from semantest_iac.infrastructure.function_runtimes.function_process import FunctionPool, PoolLimits
from semantest_iac.infrastructure.function_runtimes.function_spec import TIMED_OUT, Invocation
from semantest_iac.infrastructure.local_service.api_frontend import ApiFrontend

InvocationListener = Callable[[Invocation], None]
_TIMED_OUT_INVOCATION = Invocation(
    None, {"errorType": TIMED_OUT, "errorMessage": "The gateway did not wait for the function."}, "", 0
)


def ignore_invocation(invocation: Invocation) -> None:
    """For callers that keep no log."""


class WarmService:
    """Calls go through the front of the newest version; leaving the block stops it.

    `told` is given every invocation once it has ended, late ones as well.
    """

    def __init__(
        self, front: ApiFrontend, told: InvocationListener = ignore_invocation, limits: PoolLimits | None = None
    ) -> None:
        self._front = front
        self._told = told
        self._limits = limits
        self._pool: FunctionPool | None = None
        self._making = asyncio.Lock()
        self._under_way: set[asyncio.Task[Any]] = set()
        self._closing: set[asyncio.Task[Any]] = set()

    @property
    def is_for_sockets(self) -> bool:
        """Whether what is deployed now speaks WebSocket alone."""
        return self._front.is_for_sockets

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def stop(self) -> None:
        """End the processes now, and what is under way in them."""
        for task in self._under_way:
            task.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)
        await self.aclose()
        await asyncio.gather(*self._closing)

    async def aclose(self) -> None:
        """End the processes once they have answered."""
        pool, self._pool = self._pool, None
        if pool:
            await pool.aclose()

    async def adopt(self, front: ApiFrontend) -> None:
        """Answer with another version from now on; what is under way ends in the processes where it began."""
        spec = await asyncio.to_thread(front.function)
        self._front = front
        if self._pool and self._pool.spec != spec:
            old, self._pool = self._pool, None
            _start_task(old.aclose(), self._closing)

    async def call(self, request: HttpRequest) -> ProbeAnswer:
        """The answer of the front or of the function; raises RuntimeFailedError where nothing runs."""
        started, front = time.perf_counter(), self._front
        arrival = front.admit(request)
        if arrival.refusal:
            return ProbeAnswer(_response_for_method(request, arrival.refusal))
        pool = await self._running(front)
        work = _start_task(self._invoked(pool, arrival.event), self._under_way)
        done, _ = await asyncio.wait({work}, timeout=front.longest_s)
        invocation = work.result() if done else _TIMED_OUT_INVOCATION
        response = _response_for_method(request, front.answer(request, invocation))
        notes = tuple(filter(None, (pool.note, arrival.note)))
        return ProbeAnswer(response, invocation.log_with_failure, time.perf_counter() - started, notes)

    async def answer(self, request: HttpRequest) -> ProbeAnswer:
        """As `call`, with what a client of the cloud gets where nothing runs; why is told."""
        try:
            return await self.call(request)
        except RuntimeFailedError as error:
            reason = " ".join(filter(None, (error.message, error.hint)))
            failed = Invocation(None, {"errorType": "Runtime.InitError", "errorMessage": reason}, "", 0)
            self._told(failed)
            return ProbeAnswer(_response_for_method(request, self._front.answer(request, failed)), notes=(reason,))

    async def _invoked(self, pool: FunctionPool, event: Any) -> Invocation:
        invocation = await pool.invoke(event)
        self._told(invocation)
        return invocation

    async def _running(self, front: ApiFrontend) -> FunctionPool:
        async with self._making:
            if self._pool is None:
                self._pool = FunctionPool(await asyncio.to_thread(front.function), self._limits)
            return self._pool


def _start_task(work: Coroutine[Any, Any, Any], kept: set[asyncio.Task[Any]]) -> asyncio.Task[Any]:
    task = asyncio.create_task(work)
    kept.add(task)
    task.add_done_callback(kept.discard)
    task.add_done_callback(_discard_exception)
    return task


def _discard_exception(task: asyncio.Task[Any]) -> None:
    """Who waited has the error; of a late call it is lost, as its answer is."""
    if not task.cancelled():
        task.exception()


def _response_for_method(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """HTTP itself carries no body to HEAD, whatever the function gave."""
    return replace(response, body=b"") if request.method == "HEAD" else response
