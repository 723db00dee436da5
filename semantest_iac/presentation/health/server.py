"""Answers /healthz and /readyz of a worker over HTTP, on the worker's own event loop.

An event loop that is blocked answers nothing: whoever asks takes that for what it is.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from ipaddress import ip_address
from types import MappingProxyType
from typing import Final, NamedTuple

from semantest_iac.application.worker_health import HealthFault, WorkerHealth
from semantest_iac.domain.errors import RefusedError

HEAD_LIMIT_BYTES: Final = 8 * 1024
CONNECTION_TIMEOUT_S: Final = 15.0  # longer than all checks take
MOST_CONNECTIONS: Final = 32
_PHRASES: Final = {
    200: "OK",
    400: "Bad Request",
    404: "Not Found",
    405: "Method Not Allowed",
    431: "Request Header Fields Too Large",
    503: "Service Unavailable",
}


class HealthAddress(NamedTuple):
    """Where the endpoints listen; one that other machines reach has to be allowed."""

    host: str
    port: int
    is_remote_allowed: bool = False


@asynccontextmanager
async def serve_health(health: WorkerHealth, address: HealthAddress) -> AsyncIterator[str]:
    """Answer as long as the block and yield the URL; raises RefusedError if the address cannot be used."""
    _require_allowed(address)
    answering = _HealthConnections(health)
    try:
        server = await asyncio.start_server(
            answering.answer, address.host, address.port, limit=HEAD_LIMIT_BYTES, backlog=MOST_CONNECTIONS
        )
    except OSError as error:
        reason = os.strerror(error.errno).lower() if error.errno else str(error)
        message = f"Cannot answer health checks on {address.host}:{address.port}: {reason}."
        hint = "Choose another --health-address; port 0 takes a free one."
        raise RefusedError(message, "PORT_TAKEN", hint=hint) from error
    host, port, *_ = server.sockets[0].getsockname()
    try:
        yield f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
    finally:
        server.close()
        answering.abort()


def _require_allowed(address: HealthAddress) -> None:
    try:
        is_loopback = ip_address(address.host).is_loopback
    except ValueError:
        is_loopback = address.host == "localhost"
    if not is_loopback and not address.is_remote_allowed:
        raise RefusedError(
            f"Cannot answer health checks on '{address.host}': other machines would reach it.",
            "NOT_LOOPBACK",
            hint="Use 127.0.0.1 or ::1; with --allow-remote-health, probes of Kubernetes and others reach it.",
        )


class _Answer(NamedTuple):
    status: int
    faults: Sequence[HealthFault] = ()
    allow: str = ""
    transports: Mapping[str, str] = MappingProxyType({})

    def encode(self, *, with_body: bool) -> bytes:
        content = {"status": "ok" if self.status == 200 else "failed"}
        described = {
            name: {"status": "failed", "reason": fault} if fault else {"status": "ok"}
            for name, fault in self.transports.items()
        }
        faults = {"faults": [fault._asdict() for fault in self.faults]}
        body = json.dumps(content | faults | ({"transports": described} if described else {})).encode() + b"\n"
        head = [
            f"HTTP/1.1 {self.status} {_PHRASES[self.status]}",
            "Content-Type: application/json",
            f"Content-Length: {len(body)}",
            "Cache-Control: no-store",
            "Connection: close",
            *([f"Allow: {self.allow}"] if self.allow else []),
        ]
        return "\r\n".join([*head, "", ""]).encode() + (body if with_body else b"")


class _HealthConnections:
    """Answers one request on each connection, within a time and for so many at once."""

    def __init__(self, health: WorkerHealth) -> None:
        self._health = health
        self._open = dict[asyncio.StreamWriter, None]()  # the oldest first

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the request; a client that sends none, or too much, or does not read, is left."""
        if len(self._open) >= MOST_CONNECTIONS:  # silent clients must not keep a probe from its answer
            oldest = next(iter(self._open))
            del self._open[oldest]
            oldest.transport.abort()
        self._open[writer] = None
        try:
            async with asyncio.timeout(CONNECTION_TIMEOUT_S):
                writer.write(await self._read_and_answer(reader))
                await writer.drain()
                writer.close()
                await writer.wait_closed()
        except (TimeoutError, OSError, asyncio.IncompleteReadError):
            writer.transport.abort()
        finally:
            self._open.pop(writer, None)

    def abort(self) -> None:
        """Leave the clients that are still there."""
        for writer in list(self._open):
            writer.transport.abort()

    async def _read_and_answer(self, reader: asyncio.StreamReader) -> bytes:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except asyncio.LimitOverrunError:
            return _Answer(431).encode(with_body=True)
        with suppress(ValueError):
            method, target, version = head.partition(b"\r\n")[0].decode("ascii").split(" ")
            if version.startswith("HTTP/1."):
                answer = await self._answer_request(method, target.partition("?")[0])
                return answer.encode(with_body=method != "HEAD")
        return _Answer(400).encode(with_body=True)

    async def _answer_request(self, method: str, path: str) -> _Answer:
        if path not in ("/healthz", "/readyz"):
            return _Answer(404)
        if method not in ("GET", "HEAD"):
            return _Answer(405, allow="GET, HEAD")
        is_readiness = path == "/readyz"
        faults = await self._health.find_readiness_faults() if is_readiness else self._health.find_liveness_faults()
        transports = self._health.describe_transports() if is_readiness else {}
        return _Answer(503 if faults else 200, faults, transports=transports)
