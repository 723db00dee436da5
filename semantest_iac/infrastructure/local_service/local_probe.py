"""Calls a service that is deployed in a simulated cloud, and converses with it over WebSocket."""

from __future__ import annotations

import asyncio
import uuid
import zipfile
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from semantest_iac.domain.compute.functions import Artifact
from semantest_iac.domain.compute.triggers import CALL_VARIABLE_PREFIX
from semantest_iac.domain.deployment.stack import Stack, format_stack_options
from semantest_iac.domain.errors import ArtifactError, NotFoundError
from semantest_iac.domain.messaging.queues import RECEIVE_VARIABLE_PREFIX, SEND_VARIABLE_PREFIX
from semantest_iac.domain.networking.http_exchange import HttpRequest, HttpResponse
from semantest_iac.domain.ports.service_probe import AnswerOrigin, ProbeAnswer, WebSocketConversation
from semantest_iac.domain.storage.item_tables import TABLE_VARIABLE_PREFIX
from semantest_iac.domain.storage.object_stores import BUCKET_VARIABLE_PREFIX
from semantest_iac.infrastructure.clouds.registry import CLOUDS
from semantest_iac.infrastructure.function_runtimes.function_spec import Invocation
from semantest_iac.infrastructure.function_runtimes.interpreters import find_compiled_module_fault
from semantest_iac.infrastructure.local_service.api_frontend import (
    ApiFrontend,
    DeployedResources,
    UnpackPackage,
    load_stored_body,
)
from semantest_iac.infrastructure.local_service.function_log_files import FunctionLogFiles
from semantest_iac.infrastructure.local_service.warm_service import InvocationListener, WarmService, ignore_invocation
from semantest_iac.infrastructure.local_service.web_socket_connections import CLOSE_GOING_AWAY
from semantest_iac.infrastructure.local_service.web_socket_service import (
    SWITCHING_PROTOCOLS,
    WebSocketContext,
    WebSocketService,
    WebSocketServiceFactory,
)

FindDeployedResources = Callable[[Stack], Awaitable[DeployedResources]]

FindLocalVariables = Callable[[Stack, DeployedResources], Awaitable[Mapping[str, str]]]
"""Returns variables that every function of a stack has when it runs on this machine."""

FindFunctionVariables = Callable[[DeployedResources, tuple[str, ...]], Mapping[str, str]]
"""Finds the variables of a stack's functions whose names begin so. One per cloud."""

_ONLY_SERVED: Mapping[str, tuple[str, ...]] = {
    "queues and topics": (SEND_VARIABLE_PREFIX, RECEIVE_VARIABLE_PREFIX),
    "tables and buckets": (TABLE_VARIABLE_PREFIX, BUCKET_VARIABLE_PREFIX),
    "functions to call": (CALL_VARIABLE_PREFIX,),
}

ApiFrontendFactory = Callable[[DeployedResources, UnpackPackage], ApiFrontend | None]
"""Builds the frontend of a stack; None if the stack has no API."""


class LocalProbe:
    """The ServiceProbe for simulated clouds; each call starts a fresh process, as a cold start does."""

    def __init__(
        self,
        find_resources: FindDeployedResources,
        unpack_package: UnpackPackage,
        logs: FunctionLogFiles | None = None,
        *,
        is_served: bool = False,
    ) -> None:
        self.find_resources = find_resources
        self.unpack_package = unpack_package
        self._logs = logs
        self._is_served = is_served

    def with_variables(self, find_variables: FindLocalVariables) -> LocalProbe:
        """Return a probe whose functions have further variables, such as addresses of this machine."""
        find = partial(_find_with_variables, self.find_resources, find_variables)
        return LocalProbe(find, self.unpack_package, self._logs, is_served=True)

    def check_package(self, artifact: Artifact) -> None:
        """Raise ArtifactError for modules that no interpreter on this machine can load."""
        packages = (artifact, *artifact.companions.values())
        faults = [find_compiled_module_fault(one.runtime, _list_files(one.path)) for one in packages]
        if any(faults):
            hint = "A simulated cloud runs the function here; a real cloud needs no interpreter on this machine."
            raise ArtifactError("Cannot run the package on this machine.", faults=[*filter(None, faults)], hint=hint)

    async def call(self, stack: Stack, request: HttpRequest) -> ProbeAnswer:
        """Answer one request through frontend and function; raises NotFoundError if the stack is not deployed."""
        on_invocation = self._create_log_listener(stack)
        frontend = await self.load_frontend(stack)
        if frontend.is_web_socket and (response := await self._answer_plain_http(stack, request, on_invocation)):
            return ProbeAnswer(response, origin=AnswerOrigin.PLATFORM)
        async with WarmService(frontend, on_invocation) as service:
            answer = await service.call(request)
        missing = () if self._is_served else describe_missing_parts(stack, await self.find_resources(stack))
        response = await asyncio.to_thread(load_stored_body, answer.response)
        return replace(answer, response=response, notes=(*answer.notes, *missing))

    async def converse(self, stack: Stack, messages: Sequence[str]) -> WebSocketConversation:
        """Converse in fresh processes, authorizer included; raises NotFoundError if no WebSocket API is deployed."""
        invocations: list[Invocation] = []
        store_log = self._create_log_listener(stack)

        def on_invocation(invocation: Invocation) -> None:
            invocations.append(invocation)
            store_log(invocation)

        client = ProbeClient()
        context = WebSocketContext(client, self.unpack_package, on_invocation)
        service = await self.build_web_socket_service(stack, context)
        conversation = await converse_with_service(service, client, messages)
        logs = "".join(invocation.log for invocation in invocations)
        failed = next((one for one in reversed(invocations) if one.error), invocations[-1] if invocations else None)
        last_message = failed.failure_or_last_line if failed else ""
        return replace(conversation, logs=logs, origin=_find_origin(service, invocations), last_message=last_message)

    async def load_frontend(self, stack: Stack) -> ApiFrontend:
        """Build the frontend of a stack as it is deployed now; raises NotFoundError if it has none."""
        cloud = CLOUDS[stack.provider]
        build_frontend: ApiFrontendFactory = cloud.load_part(cloud.api_frontend)
        frontend = build_frontend(await self.find_resources(stack), self.unpack_package)
        if frontend is None:
            raise _not_deployed_error(stack)
        return frontend

    async def build_web_socket_service(self, stack: Stack, context: WebSocketContext) -> WebSocketService:
        """Build the WebSocket API of a stack as it is deployed now; raises NotFoundError if it has none."""
        cloud, resources = CLOUDS[stack.provider], await self.find_resources(stack)
        build: WebSocketServiceFactory | None = cloud.load_part(cloud.web_sockets) if cloud.web_sockets else None
        service = await asyncio.to_thread(build, resources, context) if build else None
        if service is None:
            raise _no_web_socket_error(stack) if resources else _not_deployed_error(stack)
        return service

    async def _answer_plain_http(
        self, stack: Stack, request: HttpRequest, on_invocation: InvocationListener
    ) -> HttpResponse | None:
        context = WebSocketContext(ProbeClient(), self.unpack_package, on_invocation)
        service = await self.build_web_socket_service(stack, context)
        async with service:
            return await service.answer_plain_http(request, "")

    def _create_log_listener(self, stack: Stack) -> InvocationListener:
        return partial(self._logs.add, str(stack)) if self._logs else ignore_invocation


async def collect_endpoints(
    sources: Sequence[FindLocalVariables], stack: Stack, resources: DeployedResources
) -> dict[str, str]:
    """Return the variables with which the functions of a stack find what answers here for services of their cloud.

    Of two sources with the same variable the later one counts.
    """
    found: dict[str, str] = {}
    for find_variables in sources:
        found.update(await find_variables(stack, resources))
    return found


def describe_missing_parts(stack: Stack, resources: DeployedResources) -> tuple[str, ...]:
    """Return what functions of a stack name and a call without `serve` does not have, as one remark; none without."""
    cloud = CLOUDS[stack.provider]
    if not cloud.function_variables:
        return ()
    find: FindFunctionVariables = cloud.load_part(cloud.function_variables)
    missing = [what for what, prefixes in _ONLY_SERVED.items() if find(resources, prefixes)]
    if not missing:
        return ()
    named = " and no ".join(missing)
    return (f"This call had no {named}: they are there while serve runs, for calls at the address that it shows.",)


async def _find_with_variables(
    find_resources: FindDeployedResources, find_variables: FindLocalVariables, stack: Stack
) -> DeployedResources:
    resources, cloud = await find_resources(stack), CLOUDS[stack.provider]
    variables = await find_variables(stack, resources)
    if not variables or not cloud.local_variables:
        return resources
    add_variables: Callable[[DeployedResources, Mapping[str, str]], DeployedResources] = cloud.load_part(
        cloud.local_variables
    )
    return add_variables(resources, variables)


def _list_files(package: Path) -> Sequence[str]:
    with zipfile.ZipFile(package) as archive:
        return archive.namelist()


def _find_origin(service: WebSocketService, invocations: Sequence[Invocation]) -> AnswerOrigin:
    """Whether the function's own code answered last; the first invocation of an API with tokens is the authorizer's."""
    has_authorizer = bool(service.probe_handshake().query)
    is_answer = len(invocations) > has_authorizer and invocations[-1].error is None
    return AnswerOrigin.FUNCTION if is_answer else AnswerOrigin.PLATFORM


class ProbeClient:
    """The WebSocketClients of a probe: itself alone."""

    def __init__(self) -> None:
        self.id = uuid.uuid4().hex
        self.received: list[str] = []
        self.is_connected = True

    async def send(self, id: str, data: bytes) -> bool:
        if id == self.id:
            self.received.append(data.decode(errors="replace"))
        return id == self.id and self.is_connected

    async def close(self, id: str) -> bool:
        was_connected, self.is_connected = self.is_connected and id == self.id, False
        return was_connected

    def describe(self, id: str) -> Mapping[str, Any] | None:
        return {} if id == self.id else None


async def converse_with_service(
    service: WebSocketService, client: ProbeClient, messages: Sequence[str]
) -> WebSocketConversation:
    """Connect, send the messages, and disconnect; ends with status 500 at a message that is not accepted."""
    async with service:
        status = await service.connect(client.id, service.probe_handshake())
        if status != SWITCHING_PROTOCOLS:
            return WebSocketConversation(status)
        for message in messages:
            if not await service.deliver(client.id, message):
                return WebSocketConversation(500, tuple(client.received))
        await service.disconnect(client.id, CLOSE_GOING_AWAY, "")
    return WebSocketConversation(status, tuple(client.received))


def _not_deployed_error(stack: Stack) -> NotFoundError:
    hint = f"Run: python -m semantest_iac deploy {format_stack_options(stack)}"
    return NotFoundError(f"Cannot call '{stack}': nothing is deployed there.", hint=hint)


def _no_web_socket_error(stack: Stack) -> NotFoundError:
    hint = "Connect to a stack of the component websocket."
    return NotFoundError(f"Cannot open a WebSocket at '{stack}': it answers only HTTP.", hint=hint)
