"""Takes the messages of all sources: each leads to what its events ask for, or becomes a dead letter."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from time import monotonic, time

from semantest_iac.application.intake.infrastructure_event_bus import (
    EventResult,
    InfrastructureEventBus,
    ReportReceived,
)
from semantest_iac.application.intake.received_events import ReceivedEvent
from semantest_iac.application.ports.event_transports import DeadLetter, DeadLetters, ReceivedMessage
from semantest_iac.domain.environments.names import make_printable
from semantest_iac.domain.errors import DeploymentError
from semantest_iac.presentation.subscribers.message_reader import LARGEST_BODY_BYTES, read_message
from semantest_iac_events.forms.fields import EventFormError

_LOG = logging.getLogger(__name__)
MOST_DEFECTS = 5
"""How often a message is delivered that this program fails on, before it becomes a dead letter."""

UNREADABLE_CODE, FORGED_CODE, DEFECT_CODE = "MESSAGE_UNREADABLE", "MESSAGE_FORGED", "INTERNAL_ERROR"
MOST_FORGERIES, FORGERY_PERIOD_S, LONGEST_FORGERY_BYTES = 50, 1.0, 4096
"""Of each source so many forged messages are kept at most, one in so many seconds, and so much of each."""

_LONGEST_REASON = 2000
_CREDENTIAL_WORDS = ("authorization", "cookie", "token", "secret", "signature", "password", "api-key")


def report_no_message(
    message: ReceivedMessage, event: ReceivedEvent | None, results: Sequence[EventResult], reason: str = ""
) -> None:
    """Report nothing."""


class EventSubscriber:
    """Settles one message after the other; `take` is what sources call."""

    def __init__(
        self,
        bus: InfrastructureEventBus,
        dead_letters: DeadLetters,
        redact: Callable[[str], str],
        report: ReportReceived = report_no_message,
    ) -> None:
        self._bus = bus
        self._dead_letters = dead_letters
        self._redact = redact
        self._report = report
        self._next_forgery: dict[str, float] = {}

    async def take(self, message: ReceivedMessage) -> None:
        """Return once the message is settled; raises DeploymentError where it must be delivered again."""
        if message.forgery:
            await self._keep_forgery(message)
            return
        try:
            events = read_message(message)
        except EventFormError as error:
            await self._reject(message, UNREADABLE_CODE, str(error))
            return
        try:
            for event in events:
                results = await self._bus.receive(event)
                self._report(message, event, results)
        except DeploymentError:
            raise
        except Exception as error:
            await self._handle_defect(message, error)

    async def _keep_forgery(self, message: ReceivedMessage) -> None:
        """Keep few of many: whoever forges messages must fill neither the database nor the log."""
        now = monotonic()
        if now < self._next_forgery.get(message.source, 0.0):
            return
        self._next_forgery[message.source] = now + FORGERY_PERIOD_S
        shortened = replace(message, body=message.body[:LONGEST_FORGERY_BYTES])
        letter = build_received_letter(shortened, FORGED_CODE, f"It is forged: {message.forgery}.", self._redact)
        slot = int(letter.id, 16) % MOST_FORGERIES
        await self._dead_letters.add(
            replace(letter, id=_hash_texts(message.source, "forgery", str(slot)), is_complete=False)
        )

    async def _handle_defect(self, message: ReceivedMessage, error: Exception) -> None:
        _LOG.exception("A message from %s could not be taken", message.source)
        reason = f"An unexpected {type(error).__name__} was raised for it."
        if message.deliveries < MOST_DEFECTS:
            raise DeploymentError(f"Cannot take a message from {message.source}: {reason}", DEFECT_CODE) from error
        await self._reject(message, DEFECT_CODE, reason)

    async def _reject(self, message: ReceivedMessage, code: str, reason: str) -> None:
        letter = build_received_letter(message, code, reason, self._redact)
        await self._dead_letters.add(letter)
        self._report(message, None, (), letter.reason)


def build_received_letter(
    message: ReceivedMessage, code: str, reason: str, redact: Callable[[str], str], failed_at: float | None = None
) -> DeadLetter:
    """Return a message as a dead letter, without what is secret; the same message has the same id at each delivery."""
    body, is_complete = message.body[:LARGEST_BODY_BYTES], len(message.body) <= LARGEST_BODY_BYTES
    text = body.decode("utf-8", "surrogateescape")
    redacted = redact(text).encode("utf-8", "surrogateescape")
    return DeadLetter(
        id=_hash_texts(message.source, message.place, text),
        direction="received",
        transport=message.source,
        code=code,
        reason=make_printable(redact(reason), _LONGEST_REASON),
        failed_at=time() if failed_at is None else failed_at,
        body=redacted,
        headers=_keep_harmless(message.headers, redact),
        place=message.place,
        is_complete=is_complete and redacted == body,
    )


def _hash_texts(*texts: str) -> str:
    return hashlib.sha256("\0".join(texts).encode("utf-8", "surrogateescape")).hexdigest()[:32]


def _keep_harmless(headers: Mapping[str, str], redact: Callable[[str], str]) -> dict[str, str]:
    return {
        name: redact(value)
        for name, value in headers.items()
        if not any(word in name.lower() for word in _CREDENTIAL_WORDS)
    }
