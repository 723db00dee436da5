"""The HTTP client of webhooks: it follows nothing, remembers nothing, and goes where its URL says."""

from __future__ import annotations

import asyncio
import socket
from types import TracebackType
from typing import Final, NamedTuple, Self
from urllib.parse import urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from semantest_iac.application.ports.event_transports import UnreachableTransportError
from semantest_iac.infrastructure.transports.http.addresses import is_forbidden_address, is_loopback_host

_USER_AGENT: Final = "semantest-iac"
_TOTAL_S: Final = 20.0
_CONNECT_S: Final = 10.0
_MOST_READ: Final = 2048
_FORBIDDEN = "its name leads to this machine or to a link-local address"


class WebhookResponse(NamedTuple):
    """The answer of a receiver: its status, its Retry-After and the beginning of its text."""

    status: int
    retry_after: str
    text: str


class WebhookClient:
    """Posts to one URL over connections that it keeps open for the block."""

    def __init__(
        self, url: str, shown_url: str, *, resolver: AbstractResolver | None = None, total_s: float = _TOTAL_S
    ) -> None:
        self._url = url
        self._shown_url = shown_url
        self._resolver = resolver
        self._total_s = total_s
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        host = urlsplit(self._url).hostname or ""
        resolver = self._resolver or aiohttp.ThreadedResolver()
        connector = aiohttp.TCPConnector(
            limit=4, resolver=resolver if is_loopback_host(host) else _GuardedResolver(resolver)
        )
        self._session = aiohttp.ClientSession(
            connector=connector,
            timeout=aiohttp.ClientTimeout(total=self._total_s, connect=_CONNECT_S),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"user-agent": _USER_AGENT},
            trust_env=False,
            auto_decompress=False,
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()

    async def post(self, body: bytes, headers: dict[str, str]) -> WebhookResponse:
        """Return the answer; raises UnreachableTransportError where there is none."""
        if self._session is None:
            raise RuntimeError("it is used outside of its block")
        try:
            async with self._session.post(self._url, data=body, headers=headers, allow_redirects=False) as response:
                started = await response.content.read(_MOST_READ)
                text = started.decode("utf-8", "replace")
                return WebhookResponse(response.status, response.headers.get("retry-after", ""), text)
        except (TimeoutError, aiohttp.ClientError, OSError, ValueError) as error:
            raise UnreachableTransportError(f"Cannot reach {self._shown_url}: {_describe(error)}.") from error


class _GuardedResolver(AbstractResolver):
    """Refuses names that lead where a webhook of the configuration cannot be meant to go."""

    def __init__(self, inner: AbstractResolver) -> None:
        self._inner = inner

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = await self._inner.resolve(host, port, family)
        if any(is_forbidden_address(each["host"]) for each in found):
            raise OSError(None, _FORBIDDEN)
        return found

    async def close(self) -> None:
        await self._inner.close()


def _describe(error: Exception) -> str:
    """Return why there is no answer, in words that do not hold the URL."""
    if isinstance(error, aiohttp.ClientConnectorCertificateError | aiohttp.ClientConnectorSSLError):
        return "its certificate or its encryption is not accepted"
    if isinstance(error, asyncio.TimeoutError):
        return "it does not answer in time"
    cause = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
    if isinstance(cause, OSError) and cause.strerror:
        return cause.strerror.lower() if cause.strerror[:1].isupper() else cause.strerror
    return "the connection was lost" if isinstance(error, aiohttp.ClientError) else type(error).__name__
