"""The ports of what moves events: sources they are received from, targets they are published to, and what is kept."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Literal, Protocol

from semantest_iac.domain.errors import DeploymentError

DeadLetterDirection = Literal["received", "published"]


class TransportError(DeploymentError):
    """A broker, server or file of events cannot be used as it is configured."""

    code = "TRANSPORT_ERROR"


class UnreachableTransportError(TransportError):
    """A broker or server of events does not answer; a later try may succeed.

    `retry_after_s` is how long it asked to be left alone, None where it did not say.
    """

    code = "TRANSPORT_UNREACHABLE"
    retryable = True

    def __init__(self, message: str, code: str | None = None, *, hint: str = "", retry_after_s: float | None = None):
        super().__init__(message, code, hint=hint)
        self.retry_after_s = retry_after_s


@dataclass(frozen=True, slots=True)
class ReceivedMessage:
    """A message as its source delivered it; nothing of it is trusted.

    `source` is the source's name in the configuration. `headers` have lower-case names. `place` says where the source
    keeps the message, such as `SEMANTEST:42`. `deliveries` counts how often it was delivered, this time included.
    `forgery` says why it is not from who it should be: such a message is shown to people, and leads to nothing.
    """

    source: str
    body: bytes = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    place: str = ""
    deliveries: int = 1
    forgery: str = ""


TakeMessage = Callable[[ReceivedMessage], Awaitable[None]]
"""Returns once what the message leads to is durable: it may be acknowledged, and need not be delivered again.

Raises DeploymentError where it could not be taken now: it must be delivered again, after a pause.
"""


class EventSource(Protocol):
    """Delivers messages of one broker, server or folder; each at least once, in the order of the source."""

    name: str

    async def receive(self, take: TakeMessage, stopped: asyncio.Event) -> None:
        """Deliver messages until `stopped`; connects again, with growing pauses, as often as it must.

        What is being taken when `stopped` is set is taken to its end. Raises TransportError for what no try mends.
        """
        ...

    def find_fault(self) -> str:
        """Return why nothing arrives now; empty while it is connected."""
        ...


@dataclass(frozen=True, slots=True)
class PublishedMessage:
    """A message for a target; `key` is the stack, whose messages stay in order, and `id` the same at each try."""

    id: str
    type: str
    key: str
    body: bytes = field(repr=False)
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)


class EventTarget(Protocol):
    """Takes messages to one broker, server or file."""

    name: str

    def connect(self) -> AbstractAsyncContextManager[PublishMessage]:
        """Open a connection for the block; raises UnreachableTransportError, or TransportError for wrong settings.

        One message at a time is published over it. It is opened again after each UnreachableTransportError.
        """
        ...


class PublishMessage(Protocol):
    """Publishes over an open connection."""

    async def __call__(self, message: PublishedMessage) -> None:
        """Return once the target has the message for certain.

        Raises UnreachableTransportError where a later try may succeed, TransportError where the target refused it.
        """
        ...


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message that could not be read, or not be published; it is kept until a person removes or replays it.

    `transport` is the name of its source or target. `failed_at` is in seconds since 1970 in UTC. Credentials among its
    headers are left out, and values of known secrets in its body are masked: then `is_complete` is false, and it cannot
    be replayed.
    """

    id: str
    direction: DeadLetterDirection
    transport: str
    code: str
    reason: str
    failed_at: float
    body: bytes = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    place: str = ""
    is_complete: bool = True


class DeadLetters(Protocol):
    """Keeps dead letters, in the database of the ledger."""

    async def add(self, letter: DeadLetter) -> None:
        """Keep a letter; one with the same id replaces it. It is durable when this returns; raises LedgerError."""
        ...

    def list(self) -> list[DeadLetter]:
        """Return all letters, oldest first."""
        ...

    def get(self, prefix: str) -> DeadLetter:
        """Return the letter whose id begins so; raises NotFoundError for none and for several."""
        ...

    async def remove(self, id_: str) -> None:
        """Remove a letter; nothing happens where there is none."""
        ...


class TransportPositions(Protocol):
    """Remembers how far each source was read, by its name; in the database of the ledger."""

    def read(self, transport: str) -> str | None:
        """Return the position that was saved last, None where none was."""
        ...

    async def save(self, transport: str, position: str) -> None:
        """Remember the position; it is durable when this returns. Raises LedgerError."""
        ...


class SeenMessages(Protocol):
    """Remembers what was taken from sources that have no order, so that a replay is known; in the ledger's database."""

    async def has_any(self, transport: str, keys: Collection[str]) -> bool:
        """Whether a message of the source with one of these keys was taken; raises LedgerError."""
        ...

    async def add(self, transport: str, keys: Collection[str], kept_s: float | None) -> None:
        """Remember the keys of a message for so many seconds, None for good; durable when this returns.

        Raises LedgerError.
        """
        ...
