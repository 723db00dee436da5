"""The way in: from a request to the answer of the deployed package."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from semantest_iac.domain.deployment.deployed import DeployedResource
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.errors import NotFoundError
from semantest_iac.domain.networking.http_exchange import HttpRequest, HttpResponse
from semantest_iac.domain.ports.service_probe import Answer, Conversation
from semantest_iac.infrastructure.clouds.registry import CLOUDS
from semantest_iac.infrastructure.function_runtimes.function_spec import Invocation
from semantest_iac.infrastructure.local_service.front import Front, Unpack
from semantest_iac.infrastructure.local_service.log_file import FunctionLogs
from semantest_iac.infrastructure.local_service.socket_visit import Visitors, visit
from semantest_iac.infrastructure.local_service.sockets import SocketService, SocketsOf, Surroundings
from semantest_iac.infrastructure.local_service.warm_service import Told, WarmService, unheard

Deployed = Callable[[Stack], Awaitable[Sequence[DeployedResource]]]

FrontOf = Callable[[Sequence[DeployedResource], Unpack], Front | None]
"""What stands before the functions of a stack, or None where the stack has none."""


class LocalDoor:
    """The ServiceProbe for simulated clouds; starts a fresh process for each call, as after a long silence."""

    def __init__(
        self, deployed: Deployed, packages: Path, unpack: Callable[[Path], Path], logs: FunctionLogs | None = None
    ) -> None:
        self.deployed = deployed
        self._packages = packages
        self._unpack = unpack
        self._logs = logs

    async def call(self, stack: Stack, request: HttpRequest) -> Answer:
        """Through route and function to the answer; raises NotFoundError where no such stack is deployed."""
        told = partial(self._logs.add, str(stack)) if self._logs else unheard
        front = await self.front(stack)
        if front.is_for_sockets and (said := await self._said_beside(stack, request, told)):
            return Answer(said)
        async with WarmService(front, told) as service:
            return await service.call(request)

    async def _said_beside(self, stack: Stack, request: HttpRequest, told: Told) -> HttpResponse | None:
        """What a WebSocket API says to a plain request, where it says anything; of its clients none is here."""
        service = await self.sockets(stack, Surroundings(Visitors(), self.unpacked, told))
        async with service:
            return await service.answer(request, "")

    async def front(self, stack: Stack) -> Front:
        """What stands before the stack's function; raises NotFoundError where no such stack is deployed."""
        cloud = CLOUDS[stack.provider]
        front_of: FrontOf = cloud.part(cloud.front)
        front = front_of(await self.deployed(stack), self.unpacked)
        if front is None:
            raise _nothing_at(stack)
        return front

    async def converse(self, stack: Stack, messages: Sequence[str]) -> Conversation:
        """In processes of their own, past the authorizer too; raises NotFoundError where no such API is deployed."""
        logs: list[str] = []

        def told(invocation: Invocation) -> None:
            logs.append(invocation.words)
            (partial(self._logs.add, str(stack)) if self._logs else unheard)(invocation)

        visitors = Visitors()
        service = await self.sockets(stack, Surroundings(visitors, self.unpacked, told))
        return replace(await visit(service, visitors, messages), logs="".join(logs))

    async def sockets(self, stack: Stack, around: Surroundings) -> SocketService:
        """The stack's WebSocket API as it is deployed now; raises NotFoundError where it has none."""
        cloud, resources = CLOUDS[stack.provider], await self.deployed(stack)
        sockets_of: SocketsOf | None = cloud.part(cloud.sockets) if cloud.sockets else None
        service = await asyncio.to_thread(sockets_of, resources, around) if sockets_of else None
        if service is None:
            raise _no_sockets_at(stack) if resources else _nothing_at(stack)
        return service

    def unpacked(self, digest: str) -> Path:
        """States keep no package, only its digest: packages are found by that."""
        return self._unpack(self._packages / f"{digest}.zip")


def _nothing_at(stack: Stack) -> NotFoundError:
    hint = f"Run: python -m semantest_iac deploy --component {stack.component} --provider {stack.provider}"
    return NotFoundError(f"Cannot call '{stack}': nothing is deployed there.", hint=hint)


def _no_sockets_at(stack: Stack) -> NotFoundError:
    hint = "Connect to a stack of the component websocket."
    return NotFoundError(f"Cannot open a WebSocket at '{stack}': it answers HTTP alone.", hint=hint)
