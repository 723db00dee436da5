"""Calls a service that is deployed in a simulated cloud, and converses with it over WebSocket."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.errors import NotFoundError
from semantest_iac.domain.networking.http_exchange import HttpRequest, HttpResponse
from semantest_iac.domain.ports.service_probe import ProbeAnswer, WebSocketConversation
from semantest_iac.domain.resource import DeployedResource
from semantest_iac.infrastructure.clouds.registry import CLOUDS
from semantest_iac.infrastructure.function_runtimes.function_spec import Invocation
from semantest_iac.infrastructure.local_service.api_frontend import ApiFrontend, UnpackPackage
from semantest_iac.infrastructure.local_service.function_log_files import FunctionLogFiles
from semantest_iac.infrastructure.local_service.warm_service import InvocationListener, WarmService, ignore_invocation
from semantest_iac.infrastructure.local_service.web_socket_service import (
    SWITCHING_PROTOCOLS,
    WebSocketContext,
    WebSocketService,
    WebSocketServiceFactory,
)

_CLOSE_GOING_AWAY = 1001


class ProbeClient:
    """The only client that there is, as the service's own way to it sees it."""

    def __init__(self) -> None:
        self.id = uuid.uuid4().hex
        self.heard: list[str] = []
        self.is_here = True

    async def send(self, id: str, data: bytes) -> bool:
        """Hear it."""
        if id == self.id:
            self.heard.append(data.decode(errors="replace"))
        return id == self.id and self.is_here

    async def close(self, id: str) -> bool:
        """Leave."""
        was_here, self.is_here = self.is_here and id == self.id, False
        return was_here

    def facts(self, id: str) -> Mapping[str, Any] | None:
        """Nothing that anybody needs."""
        return {} if id == self.id else None


async def converse_with_service(
    service: WebSocketService, visitors: ProbeClient, messages: Sequence[str]
) -> WebSocketConversation:
    """What the service said to these messages; ends early where one is not taken."""
    async with service:
        status = await service.connect(visitors.id, service.visitor())
        if status != SWITCHING_PROTOCOLS:
            return WebSocketConversation(status)
        for message in messages:
            if not await service.receive(visitors.id, message):
                return WebSocketConversation(500, tuple(visitors.heard))
        await service.disconnect(visitors.id, _CLOSE_GOING_AWAY, "")
    return WebSocketConversation(status, tuple(visitors.heard))


FindDeployedResources = Callable[[Stack], Awaitable[Sequence[DeployedResource]]]

ApiFrontendFactory = Callable[[Sequence[DeployedResource], UnpackPackage], ApiFrontend | None]
"""What stands before the functions of a stack, or None where the stack has none."""


class LocalProbe:
    """The ServiceProbe for simulated clouds; starts a fresh process for each call, as after a long silence."""

    def __init__(
        self,
        deployed: FindDeployedResources,
        packages: Path,
        unpack: Callable[[Path], Path],
        logs: FunctionLogFiles | None = None,
    ) -> None:
        self.deployed = deployed
        self._packages = packages
        self._unpack = unpack
        self._logs = logs

    async def call(self, stack: Stack, request: HttpRequest) -> ProbeAnswer:
        """Through route and function to the answer; raises NotFoundError where no such stack is deployed."""
        told = partial(self._logs.add, str(stack)) if self._logs else ignore_invocation
        front = await self.front(stack)
        if front.is_for_sockets and (said := await self._said_beside(stack, request, told)):
            return ProbeAnswer(said)
        async with WarmService(front, told) as service:
            return await service.call(request)

    async def _said_beside(self, stack: Stack, request: HttpRequest, told: InvocationListener) -> HttpResponse | None:
        """What a WebSocket API says to a plain request, where it says anything; of its clients none is here."""
        service = await self.sockets(stack, WebSocketContext(ProbeClient(), self.unpacked, told))
        async with service:
            return await service.answer(request, "")

    async def front(self, stack: Stack) -> ApiFrontend:
        """What stands before the stack's function; raises NotFoundError where no such stack is deployed."""
        cloud = CLOUDS[stack.provider]
        front_of: ApiFrontendFactory = cloud.load_part(cloud.api_frontend)
        front = front_of(await self.deployed(stack), self.unpacked)
        if front is None:
            raise _not_deployed_error(stack)
        return front

    async def converse(self, stack: Stack, messages: Sequence[str]) -> WebSocketConversation:
        """In processes of their own, past the authorizer too; raises NotFoundError where no such API is deployed."""
        logs: list[str] = []

        def told(invocation: Invocation) -> None:
            logs.append(invocation.log_with_failure)
            (partial(self._logs.add, str(stack)) if self._logs else ignore_invocation)(invocation)

        visitors = ProbeClient()
        service = await self.sockets(stack, WebSocketContext(visitors, self.unpacked, told))
        return replace(await converse_with_service(service, visitors, messages), logs="".join(logs))

    async def sockets(self, stack: Stack, around: WebSocketContext) -> WebSocketService:
        """The stack's WebSocket API as it is deployed now; raises NotFoundError where it has none."""
        cloud, resources = CLOUDS[stack.provider], await self.deployed(stack)
        sockets_of: WebSocketServiceFactory | None = cloud.load_part(cloud.web_sockets) if cloud.web_sockets else None
        service = await asyncio.to_thread(sockets_of, resources, around) if sockets_of else None
        if service is None:
            raise _no_web_socket_error(stack) if resources else _not_deployed_error(stack)
        return service

    def unpacked(self, digest: str) -> Path:
        """States keep no package, only its digest: packages are found by that."""
        return self._unpack(self._packages / f"{digest}.zip")


def _not_deployed_error(stack: Stack) -> NotFoundError:
    hint = f"Run: python -m semantest_iac deploy --component {stack.component} --provider {stack.provider}"
    return NotFoundError(f"Cannot call '{stack}': nothing is deployed there.", hint=hint)


def _no_web_socket_error(stack: Stack) -> NotFoundError:
    hint = "Connect to a stack of the component websocket."
    return NotFoundError(f"Cannot open a WebSocket at '{stack}': it answers HTTP alone.", hint=hint)
