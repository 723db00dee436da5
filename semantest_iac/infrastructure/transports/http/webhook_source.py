"""The source of signed webhooks: refuses what is not signed, or was taken before, and answers once it is durable."""

from __future__ import annotations

import asyncio
import logging
import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from semantest_iac.application.ports.event_transports import (
    ReceivedMessage,
    SeenMessages,
    TakeMessage,
    TransportError,
)
from semantest_iac.application.worker import wait_until_set
from semantest_iac.domain.errors import DeploymentError, ExtraMissingError, Fault
from semantest_iac.infrastructure.transports.http.signatures import (
    SHORTEST_KEY_BYTES,
    Headers,
    SignatureCheck,
    SignatureRefusedError,
    SignedDelivery,
    WebhookSecretError,
    open_signature_check,
    parse_webhook_keys,
)
from semantest_iac.infrastructure.transports.pauses import grow_pauses

if TYPE_CHECKING:
    from semantest_iac.domain.environments.event_sections import EventSourceSection
    from semantest_iac.infrastructure.transports.http.webhook_server import (
        WebhookAnswer,
        WebhookEndpoint,
        WebhookLimits,
    )

_LOG = logging.getLogger(__name__)
DEFAULT_PATH: Final = "/events"
_LOG_PERIOD_S = 10.0
_MOST_COUNTED = 1000
_ADDRESS = re.compile(r"(?:\[([0-9a-fA-F:.]+)\]|([^:\[\]\s]+)):(\d{1,5})")
_HIGHEST_PORT = 65535
_PATH = re.compile(r"(?:/[A-Za-z0-9._~-]+)+")
_PASSED_ON = re.compile(r"content-type|ce-[a-z0-9]+|webhook-(?:id|timestamp)|x-github-[a-z-]+|traceparent|tracestate")
"""The headers that say what a message is; others may be credentials, or of nobody's concern."""


class WebhookSource:
    """Receives signed webhooks on an address of this machine."""

    def __init__(
        self,
        name: str,
        endpoint: WebhookEndpoint,
        check: SignatureCheck,
        seen: SeenMessages,
        *,
        limits: WebhookLimits | None = None,
        read_clock: Callable[[], float] = time.time,
    ) -> None:
        self.name = name
        self._endpoint = endpoint
        self._check = check
        self._seen = seen
        self._limits = limits
        self._read_clock = read_clock
        self._in_progress = set[str]()
        self._tries = _DeliveryCounter()
        self._refusals = _RefusalLog(name)
        self._fault = f"'{name}' does not listen yet"
        self.url = ""
        self.is_listening = asyncio.Event()

    def find_fault(self) -> str:
        """Return why nothing can arrive."""
        return self._fault

    async def receive(self, take: TakeMessage, stopped: asyncio.Event) -> None:
        """Listen until `stopped`, again and again where the address cannot be had."""
        from semantest_iac.infrastructure.transports.http.webhook_server import WebhookLimits, serve_webhooks

        async def answer(headers: Headers, body: bytes) -> WebhookAnswer:
            return await self._answer(take, headers, body)

        pauses = grow_pauses()
        while not stopped.is_set():
            try:
                async with serve_webhooks(self._endpoint, answer, self._limits or WebhookLimits()) as url:
                    self._fault, self.url = "", url
                    self.is_listening.set()
                    await stopped.wait()
            except OSError as error:
                reason = os.strerror(error.errno).lower() if error.errno and error.errno > 0 else str(error)
                where = f"'{self.name}' ({self._endpoint.host}:{self._endpoint.port})"
                self._fault = f"Cannot receive from {where}: {reason}."
                _LOG.warning("%s", self._fault)
                await wait_until_set(stopped, next(pauses))
        self._fault = f"'{self.name}' is stopped"

    async def _answer(self, take: TakeMessage, headers: Headers, body: bytes) -> WebhookAnswer:
        from semantest_iac.infrastructure.transports.http.webhook_server import NOT_TAKEN, WebhookAnswer

        try:
            delivery = self._check.verify(headers, body, self._read_clock())
        except SignatureRefusedError as error:  # the reason stays here: it would help to forge the next one
            self._refusals.add(str(error))
            with suppress(DeploymentError):  # the answer is the same
                await take(ReceivedMessage(self.name, body, _select_headers(headers), forgery=str(error)))
            message = "The signature is missing, wrong or too old."
            return WebhookAnswer(HTTPStatus.UNAUTHORIZED, "SIGNATURE_REFUSED", message)
        if not self._in_progress.isdisjoint(delivery.keys):  # nobody knows yet how the other one ends
            return NOT_TAKEN
        self._in_progress.update(delivery.keys)
        try:
            if await self._take_new(take, delivery, headers, body):
                return WebhookAnswer(HTTPStatus.ACCEPTED)
        except DeploymentError as error:
            _LOG.warning("Cannot take a webhook of source '%s' now: %s", self.name, error.reason)
            return NOT_TAKEN
        except Exception:
            _LOG.exception("Cannot take a webhook of source '%s' now.", self.name)
            return NOT_TAKEN
        finally:
            self._in_progress.difference_update(delivery.keys)
        self._refusals.add("it was taken before")
        return WebhookAnswer(HTTPStatus.CONFLICT, "REPLAYED", "This delivery was taken before.")

    async def _take_new(self, take: TakeMessage, delivery: SignedDelivery, headers: Headers, body: bytes) -> bool:
        """Take a delivery, and remember it; False where it was taken before.

        A crash in between lets a replay in once more: what it leads to is known by its id, and starts nothing again.
        """
        if await self._seen.has_any(self.name, delivery.keys):
            return False
        tries = self._tries.count(delivery.id)
        await take(ReceivedMessage(self.name, body, _select_headers(headers), delivery.id, tries))
        await self._seen.add(self.name, delivery.keys, delivery.kept_s)
        self._tries.forget(delivery.id)
        return True


class _DeliveryCounter:
    """Counts how often a delivery came that could not be taken; of many such ones it forgets the oldest."""

    def __init__(self) -> None:
        self._tries: dict[str, int] = {}

    def count(self, delivery: str) -> int:
        """Return how often the delivery came, this time included."""
        tries = self._tries[delivery] = self._tries.pop(delivery, 0) + 1
        if len(self._tries) > _MOST_COUNTED:
            del self._tries[next(iter(self._tries))]
        return tries

    def forget(self, delivery: str) -> None:
        self._tries.pop(delivery, None)


class _RefusalLog:
    """Logs what was refused, one line in a while: who sends many must not fill the log."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._count = 0
        self._next = 0.0

    def add(self, reason: str) -> None:
        self._count += 1
        if time.monotonic() >= self._next:
            _LOG.warning("Refused %d webhooks of source '%s'; the last one: %s.", self._count, self._source, reason)
            self._count, self._next = 0, time.monotonic() + _LOG_PERIOD_S


def open_source(name: str, section: EventSourceSection, seen: SeenMessages) -> WebhookSource:
    """Return the source; raises TransportError with all that is wrong with its settings, ExtraMissingError."""
    scheme = section.signature or "standard-webhooks"
    faults = list(_find_faults(f"event_sources.{name}", section))
    if faults:
        raise TransportError(f"Cannot receive webhooks from '{name}'.", faults=faults)
    try:
        from semantest_iac.infrastructure.transports.http.webhook_server import WebhookEndpoint
    except ModuleNotFoundError as error:
        raise ExtraMissingError("receive webhooks", str(error.name), "webhooks") from error
    check = open_signature_check(scheme, parse_webhook_keys(section.secret or "", scheme))
    endpoint = WebhookEndpoint(*_parse_address(section.listen or ""), section.path or DEFAULT_PATH)
    return WebhookSource(name, endpoint, check, seen)


def _find_faults(at: str, section: EventSourceSection) -> Iterator[Fault]:
    if not _ADDRESS.fullmatch(section.listen or "") or _parse_address(section.listen or "")[1] > _HIGHEST_PORT:
        yield Fault(f"{at}.listen", "is no address", "Write it as 127.0.0.1:8090 or [::1]:8090.")
    if not _PATH.fullmatch(section.path or DEFAULT_PATH):
        yield Fault(f"{at}.path", "is no path", f"Write it as {DEFAULT_PATH}.")
    try:
        parse_webhook_keys(section.secret or "", section.signature or "standard-webhooks")
    except WebhookSecretError as error:
        hint = f"`openssl rand -hex 32` makes a key; it needs {SHORTEST_KEY_BYTES} characters or more."
        yield Fault(f"{at}.secret", f"cannot be used: {error}", hint)


def _parse_address(listen: str) -> tuple[str, int]:
    match = _ADDRESS.fullmatch(listen)
    assert match is not None  # noqa: S101 - `_find_faults` looks first
    return match[1] or match[2], int(match[3])


def _select_headers(headers: Headers) -> dict[str, str]:
    """Return what is passed on; of a name that is there twice both values, as HTTP joins them."""
    selected = dict[str, str]()
    for name, value in headers:
        if _PASSED_ON.fullmatch(name):
            text = value.encode(errors="surrogateescape").decode(errors="replace")  # bytes that are no UTF-8
            selected[name] = f"{selected[name]}, {text}" if name in selected else text
    return selected
