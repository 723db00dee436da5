"""A sender of webhooks for the tests: it signs as the services do, and sends exactly the bytes that it is told to."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from semantest_iac.application.ports.event_transports import ReceivedMessage, SeenMessages, TakeMessage
from semantest_iac.domain.environments.event_sections import EventSourceSection, SignatureScheme
from semantest_iac.infrastructure.transports.http.signatures import open_signature_check, parse_webhook_keys
from semantest_iac.infrastructure.transports.http.webhook_server import WebhookEndpoint, WebhookLimits
from semantest_iac.infrastructure.transports.http.webhook_source import WebhookSource
from tests.fakes.seen_messages import FakeSeenMessages

SECRET = "a-secret-of-the-tests-0123456789"
OTHER_SECRET = "the-secret-of-another-source-0123"
NOW = 1_800_000_000
BODY = b'{"type": "ServiceDeploymentNeeded", "payload": {"serviceType": "rest-api"}}'


@dataclass(frozen=True)
class Webhook:
    """A request before it is sent; headers may repeat."""

    headers: tuple[tuple[str, str], ...]
    body: bytes = BODY
    method: str = "POST"

    def get(self, name: str) -> str:
        return next(value for key, value in self.headers if key == name)

    def with_header(self, name: str, value: str) -> Webhook:
        """Replace a header."""
        return self.without(name).adding(name, value)

    def adding(self, name: str, value: str) -> Webhook:
        return replace(self, headers=(*self.headers, (name, value)))

    def without(self, name: str) -> Webhook:
        return replace(self, headers=tuple(pair for pair in self.headers if pair[0] != name))

    def with_body(self, body: bytes) -> Webhook:
        return replace(self, body=body)


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    content: Any


def sign_standard(
    secret: str = SECRET, *, id_: str = "msg_1", at: int = NOW, body: bytes = BODY, key: bytes | None = None
) -> Webhook:
    """Sign as Standard Webhooks says; written from its text, not from the code under test."""
    content = b".".join([id_.encode(), str(at).encode(), body])
    mac = hmac.new(secret.encode() if key is None else key, content, hashlib.sha256).digest()
    signature = "v1," + base64.b64encode(mac).decode()
    headers = (("webhook-id", id_), ("webhook-timestamp", str(at)), ("webhook-signature", signature))
    return Webhook((("content-type", "application/json"), *headers), body)


def sign_github(secret: str = SECRET, *, id_: str = "72d3162e", body: bytes = BODY, event: str = "push") -> Webhook:
    """Sign as GitHub says."""
    signature = "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    headers = (("X-GitHub-Delivery", id_), ("X-GitHub-Event", event), ("X-Hub-Signature-256", signature))
    return Webhook((("content-type", "application/json"), *headers), body)


SIGN: dict[SignatureScheme, Callable[..., Webhook]] = {"standard-webhooks": sign_standard, "github": sign_github}


@dataclass
class Receiver:
    """Takes what a source delivers, and keeps it; `error` is raised instead, `gate` waited for."""

    taken: list[ReceivedMessage] = field(default_factory=list)
    forged: list[ReceivedMessage] = field(default_factory=list)
    error: Exception | None = None
    gate: asyncio.Event | None = None
    begun: int = 0
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def take(self, message: ReceivedMessage) -> None:
        if message.forgery:
            self.forged.append(message)
            return
        self.begun += 1
        await self._notify()
        if self.gate:
            await self.gate.wait()
        if self.error:
            raise self.error
        self.taken.append(message)
        await self._notify()

    async def wait_until(self, is_true: Callable[[Receiver], bool]) -> None:
        """Wait until what has begun, or was taken, fits."""
        async with asyncio.timeout(60), self.changed:
            await self.changed.wait_for(lambda: is_true(self))

    async def wait_for(self, count: int) -> None:
        """Wait until so many were taken."""
        await self.wait_until(lambda it: len(it.taken) >= count)

    async def _notify(self) -> None:
        async with self.changed:
            self.changed.notify_all()


def make_webhook_source(
    scheme: SignatureScheme = "standard-webhooks",
    secret: str = SECRET,
    seen: SeenMessages | None = None,
    *,
    limits: WebhookLimits | None = None,
    port: int = 0,
    name: str = "hooks",
) -> WebhookSource:
    """Return a source that listens on loopback and whose clock stands still."""
    check = open_signature_check(scheme, parse_webhook_keys(secret, scheme))
    endpoint = WebhookEndpoint("127.0.0.1", port, "/events")
    return WebhookSource(
        name, endpoint, check, seen or FakeSeenMessages(), limits=limits, read_clock=lambda: float(NOW)
    )


@asynccontextmanager
async def listening(source: WebhookSource, take: TakeMessage) -> AsyncIterator[str]:
    """Let a source receive as long as the block, and yield its URL."""
    stopped = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(source.receive(take, stopped))
        async with asyncio.timeout(60):
            await source.is_listening.wait()
        try:
            yield source.url
        finally:
            stopped.set()


def encode_request(url: str, webhook: Webhook, *, with_length: bool = True) -> bytes:
    parts = urlsplit(url)
    lines = [f"{webhook.method} {parts.path} HTTP/1.1", f"Host: {parts.netloc}", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in webhook.headers]
    lines += [f"Content-Length: {len(webhook.body)}"] if with_length else []
    return "\r\n".join([*lines, "", ""]).encode() + webhook.body


async def send_bytes(url: str, request: bytes) -> Answer:
    """Send bytes on a connection of their own, and read the answer."""
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    try:
        async with asyncio.timeout(60):
            writer.write(request)
            return await read_answer(reader)
    finally:
        writer.close()


async def read_answer(reader: asyncio.StreamReader) -> Answer:
    head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)}
    content = await reader.readexactly(int(headers["content-length"]))
    return Answer(int(head[0].split()[1]), headers, json.loads(content))


async def send(url: str, webhook: Webhook) -> Answer:
    return await send_bytes(url, encode_request(url, webhook))


def a_section(**settings: Any) -> EventSourceSection:
    """Return settings of a source of webhooks."""
    return EventSourceSection(**{"type": "webhook", "listen": "127.0.0.1:0", "secret": SECRET, **settings})
