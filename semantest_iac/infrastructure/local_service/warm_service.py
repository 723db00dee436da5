"""One deployed service with its process kept: started by the first request that gets as far, warm for the next."""

from __future__ import annotations

import time
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Self

from semantest_iac.domain.networking.http_exchange import HttpRequest, HttpResponse
from semantest_iac.domain.ports.service_probe import Answer
from semantest_iac.infrastructure.function_runtimes.function_process import FunctionProcess
from semantest_iac.infrastructure.local_service.front import Front


class WarmService:
    """Calls go through the front; leaving the block ends the process."""

    def __init__(self, front: Front) -> None:
        self._front = front
        self._exits = AsyncExitStack()
        self._function: FunctionProcess | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._exits.aclose()

    async def call(self, request: HttpRequest) -> Answer:
        """The answer of the front or of the function; raises RuntimeFailedError where nothing runs."""
        started = time.perf_counter()
        arrival = self._front.admit(request)
        if arrival.refusal:
            return Answer(_carried(request, arrival.refusal))
        function = await self._running()
        invocation = await function.invoke(arrival.event)
        response = _carried(request, self._front.answer(request, invocation))
        notes = tuple(filter(None, (function.note, arrival.note)))
        return Answer(response, invocation.logs, time.perf_counter() - started, notes)

    async def _running(self) -> FunctionProcess:
        if self._function is None:
            self._function = await self._exits.enter_async_context(FunctionProcess.start(self._front.function()))
        return self._function


def _carried(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """HTTP itself carries no body to HEAD, whatever the function gave."""
    return replace(response, body=b"") if request.method == "HEAD" else response
