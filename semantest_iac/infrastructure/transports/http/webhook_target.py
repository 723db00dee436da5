"""The target of webhooks: signs each message as Standard Webhooks says, and sends it to the one configured address.

Addresses come from the configuration alone, never from an event. Their path may be a secret, as with Slack and Teams:
only scheme and host are in errors and logs.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from semantest_iac.application.ports.event_transports import (
    PublishedMessage,
    PublishMessage,
    TransportError,
    UnreachableTransportError,
)
from semantest_iac.domain.environments.names import make_printable
from semantest_iac.domain.errors import ConfigurationError, ExtraMissingError, Fault
from semantest_iac.infrastructure.transports.http.addresses import describe_url_host, find_url_fault
from semantest_iac.infrastructure.transports.http.signatures import (
    WebhookSecretError,
    parse_webhook_keys,
    sign_standard_webhook,
)

if TYPE_CHECKING:
    from semantest_iac.domain.environments.event_sections import EventTargetSection
    from semantest_iac.infrastructure.transports.http.webhook_client import WebhookClient

_TRIED_AGAIN: Final = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS})
_LONGEST_REASON = 120
REFUSED_CODE: Final = "MESSAGE_REFUSED"


class WebhookTarget:
    """Sends messages to one URL, with a signature for each key; without keys they are not signed."""

    def __init__(
        self,
        name: str,
        url: str,
        keys: Sequence[bytes] = (),
        *,
        open_client: Callable[[str], WebhookClient] | None = None,
        read_clock: Callable[[], float] = time.time,
    ) -> None:
        self.name = name
        self._url = url
        self._host = describe_url_host(url)
        self._keys = keys
        self._open_client = open_client
        self._read_clock = read_clock

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[PublishMessage]:
        """Keep connections open for the block; the first message makes one."""
        async with self._new_client() as client:

            async def publish(message: PublishedMessage) -> None:
                answer = await client.post(message.body, self._list_headers(message))
                self._judge(answer.status, answer.retry_after, answer.text)

            yield publish

    def _new_client(self) -> WebhookClient:
        if self._open_client is not None:
            return self._open_client(self._url)
        from semantest_iac.infrastructure.transports.http.webhook_client import WebhookClient

        return WebhookClient(self._url, self._host)

    def _list_headers(self, message: PublishedMessage) -> dict[str, str]:
        """Return the headers of one try: the id is always that of the message, the time is that of the try."""
        now = int(self._read_clock())
        signatures = [sign_standard_webhook(key, message.id, now, message.body) for key in self._keys]
        signed = {"webhook-timestamp": str(now), "webhook-signature": " ".join(signatures)} if signatures else {}
        return {**message.headers, "content-type": message.content_type, "webhook-id": message.id, **signed}

    def _judge(self, status: int, retry_after: str, text: str) -> None:
        """Raise for every answer but success."""
        if 200 <= status < 300:
            return
        shown = make_printable(text.replace(self._url, "***").replace(urlsplit(self._url).path, "***"), _LONGEST_REASON)
        answer = f"it answered {_describe_status(status)}{f': {shown}' if shown.strip() else ''}"
        failure = f"Cannot publish to '{self.name}' at {self._host}: {answer}."
        if status in _TRIED_AGAIN or status >= 500:
            raise UnreachableTransportError(failure, retry_after_s=self._read_retry_after(retry_after))
        is_redirect = 300 <= status < 400
        hint = "Redirects are not followed: configure the final URL." if is_redirect else ""
        raise TransportError(failure, REFUSED_CODE, hint=hint)

    def _read_retry_after(self, value: str) -> float | None:
        """Return the seconds that the header asks to wait, which it gives as such or as a date."""
        if value.isascii() and value.isdigit():
            return float(value[:9])
        try:
            return max(0.0, parsedate_to_datetime(value).timestamp() - self._read_clock())
        except (ValueError, TypeError, OverflowError):
            return None


def open_target(name: str, section: EventTargetSection) -> WebhookTarget:
    """Return the target of these settings; raises ConfigurationError with every fault, ExtraMissingError."""
    if find_spec("aiohttp") is None:
        raise ExtraMissingError("publish events to webhooks", "aiohttp", "webhooks")
    at = f"event_targets.{name}"
    url, keys = section.url or "", tuple[bytes, ...]()
    faults = [Fault(f"{at}.url", *fault)] if (fault := find_url_fault(url)) else []
    if section.secret is not None:
        try:
            keys = parse_webhook_keys(section.secret, "standard-webhooks")
        except WebhookSecretError as error:
            faults.append(Fault(f"{at}.secret", f"cannot sign webhooks: {error}", "Make one: openssl rand -hex 32"))
    if faults:
        raise ConfigurationError(f"Cannot publish events to '{name}'.", faults=faults)
    return WebhookTarget(name, url, keys)


def _describe_status(status: int) -> str:
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)
