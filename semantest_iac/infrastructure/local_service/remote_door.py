"""The way to a service in a real cloud: over HTTPS, as any client."""

from __future__ import annotations

import asyncio
import time
import urllib.error
import urllib.request
from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from urllib.parse import urlencode

from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.errors import NotFoundError, RuntimeFailedError
from semantest_iac.domain.networking.http_exchange import HttpRequest, HttpResponse
from semantest_iac.domain.ports.service_probe import Answer, Conversation
from semantest_iac.infrastructure.local_service import remote_socket

_TIMEOUT_S = 35  # a little more than API Gateway itself waits
_LARGEST_BODY = 10 * 1024 * 1024

Endpoint = Callable[[Stack], Awaitable[str | None]]


class RemoteDoor:
    """The ServiceProbe for real clouds."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint

    async def call(self, stack: Stack, request: HttpRequest) -> Answer:
        """One request to the endpoint; raises NotFoundError without one, RuntimeFailedError without an answer."""
        endpoint = await self._known(stack)
        started = time.perf_counter()
        response = await asyncio.to_thread(_send, endpoint, request)
        return Answer(response, seconds=time.perf_counter() - started)

    async def converse(self, stack: Stack, messages: Sequence[str]) -> Conversation:
        """Over TLS; an API that asks for a token is only seen to ask for it."""
        return await _visited(await self._known(stack), messages)

    async def _known(self, stack: Stack) -> str:
        endpoint = await self._endpoint(stack)
        if endpoint is None:
            raise NotFoundError(f"Cannot call '{stack}': it has no endpoint.", hint="Deploy it first.")
        return endpoint


async def _visited(endpoint: str, messages: Sequence[str]) -> Conversation:
    try:
        return await remote_socket.visit(endpoint, messages)
    except (OSError, EOFError, ValueError, asyncio.LimitOverrunError) as error:
        reason = str(error) or type(error).__name__
        raise RuntimeFailedError(f"Cannot reach '{endpoint}': {reason}.", hint="Try again in a minute.") from error


def _send(endpoint: str, request: HttpRequest) -> HttpResponse:
    query = f"?{urlencode(request.query)}" if request.query else ""
    url = f"{endpoint.rstrip('/')}{request.path}{query}"
    asked = urllib.request.Request(url, request.body or None, dict(request.headers), method=request.method)  # noqa: S310 - the endpoint is our own output
    try:
        with urllib.request.urlopen(asked, timeout=_TIMEOUT_S) as answer:  # noqa: S310 - see above
            return _response(answer.status, answer)
    except urllib.error.HTTPError as error:
        return _response(error.code, error)
    except OSError as error:
        reason = getattr(error, "reason", None) or error
        raise RuntimeFailedError(f"Cannot reach '{endpoint}': {reason}.", hint="Try again in a minute.") from error


def _response(status: int, answer: Any) -> HttpResponse:
    headers = tuple((name.lower(), value) for name, value in answer.headers.items())
    return HttpResponse(status, headers, answer.read(_LARGEST_BODY))
