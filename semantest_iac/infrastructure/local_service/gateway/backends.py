"""Sends what a gateway lets pass to what answers behind it: a service on this machine, or an address elsewhere."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Final

from semantest_iac.domain.errors import UnreachableServiceError
from semantest_iac.domain.networking.http_exchange import HttpRequest, HttpResponse
from semantest_iac.infrastructure.local_service.gateway.played_gateway import BackendUnreachableError
from semantest_iac.infrastructure.local_service.gateway.rules import BackendKind, GatewayBackend
from semantest_iac.infrastructure.local_service.remote_probe import send_request

CallService = Callable[[str, str, HttpRequest], Awaitable[HttpResponse]]
"""Sends a request to a service of a stack, both by name; raises BackendUnreachableError if it does not run."""

_CALLS_AT_ONCE: Final = 64
"""To addresses elsewhere, of all stacks; slow ones keep no thread of anything else."""
_OF_ONE_CONNECTION: Final = frozenset(
    {"connection", "content-length", "host", "keep-alive", "te", "transfer-encoding", "upgrade"}
)


async def refuse_service(stack: str, service: str, request: HttpRequest) -> HttpResponse:
    """For those who run no services."""
    raise BackendUnreachableError(f"Service '{service}' of {stack} does not run here.")


class BackendCalls:
    """Calls the backends of all stacks."""

    def __init__(self, call_service: CallService = refuse_service) -> None:
        self._call_service = call_service
        self._threads = ThreadPoolExecutor(_CALLS_AT_ONCE, "backend")

    async def __call__(self, stack: str, backend: GatewayBackend, request: HttpRequest) -> HttpResponse:
        """Send a request; raises BackendUnreachableError if nothing answers."""
        if backend.kind is BackendKind.SERVICE:
            return await self._call_service(stack, backend.target, request)
        return await asyncio.get_running_loop().run_in_executor(self._threads, _call_url, backend.target, request)


def _call_url(url: str, request: HttpRequest) -> HttpResponse:
    """Send a request to another address, without the headers that hold for the client's connection alone."""
    headers = tuple(pair for pair in request.headers if pair[0].lower() not in _OF_ONE_CONNECTION)
    try:
        answer = send_request(url, replace(request, headers=headers))
    except UnreachableServiceError as error:
        raise BackendUnreachableError(error.message) from error
    kept = tuple(pair for pair in answer.headers if pair[0] not in _OF_ONE_CONNECTION)
    return replace(answer, headers=kept)
