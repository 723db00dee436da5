"""What connections to all brokers have in common: their times, their addresses, and the errors of their libraries."""

from __future__ import annotations

import asyncio
import logging
import re
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Final
from urllib.parse import SplitResult, unquote, urlsplit

from semantest_iac.application.ports.event_transports import TransportError, UnreachableTransportError
from semantest_iac.domain.environments.event_sections import EventSourceSection, EventTargetSection
from semantest_iac.domain.errors import ExtraMissingError

DEFAULT_EVENT_CHANNEL: Final = "infrastructure.events"
"""Subject, routing key, stream, channel or topic of a target that names none."""
DEFAULT_GROUP: Final = "semantest-iac"
CONTENT_TYPE: Final = "content-type"
PREFETCHED_MESSAGES: Final = 32
"""How many messages a source has at most that are not acknowledged and not put off."""

_TLS_SCHEMES: Final = frozenset({"tls", "wss", "amqps", "rediss", "ssl", "kafka+ssl"})


@dataclass(frozen=True, slots=True)
class BrokerTiming:
    """Seconds. A server that does not answer within `answer` counts as lost; `idle_check` is how often one is asked.

    `fetch` is the longest wait for a message, and so for the end of a source. `lease` is how long a message may be with
    a worker that says nothing of it. The pauses are the first and the longest one.
    """

    answer: float = 10.0
    idle_check: float = 10.0
    fetch: float = 1.0
    lease: float = 30.0
    reconnect_pauses: tuple[float, float] = (0.5, 30.0)
    redelivery_pauses: tuple[float, float] = (1.0, 60.0)


DEFAULT_TIMING: Final = BrokerTiming()


@dataclass(frozen=True, slots=True)
class BrokerAddress:
    """Where a source or a target finds its broker. `url` has no credentials, so it can be shown."""

    name: str
    url: str
    username: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)

    def create_tls_context(self) -> ssl.SSLContext | None:
        """Return what certificates are verified with; None where the scheme of the URL has no TLS."""
        return ssl.create_default_context() if urlsplit(self.url).scheme in _TLS_SCHEMES else None


def read_address(name: str, section: EventSourceSection | EventTargetSection) -> BrokerAddress:
    """Return the address of a section, whose own keys win over what the URL says of user and password."""
    url = section.url or ""
    try:
        parts = urlsplit(url)
        shown = _without_credentials(parts)
        user, password = (unquote(it) if it else None for it in (parts.username, parts.password))
    except ValueError as error:
        raise TransportError(f"Cannot use '{name}': its url is no URL.", hint="Such as nats://HOST:4222.") from error
    token = section.token
    if user and not password and not section.password and parts.scheme in ("nats", "tls"):
        user, token = None, token or user  # as clients of NATS read nats://TOKEN@HOST
    return BrokerAddress(name, shown, section.username or user, section.password or password, token)


def _without_credentials(parts: SplitResult) -> str:
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def require_library(name: str, library: str, extra: str) -> None:
    """Raise ExtraMissingError where FastStream or the client of the broker is not installed."""
    for needed in ("faststream", library):
        if find_spec(needed) is None:
            raise ExtraMissingError(f"use '{name}'", needed, extra)


def silence_loggers(*names: str) -> None:
    """Keep libraries from logging each failed try: the source or target says so itself, without addresses of users."""
    for name in names:
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)


@dataclass(frozen=True, slots=True)
class BrokerFailure:
    """What an error of a library means; the first one fits whose `types`, and `pattern` in the error's text, fit.

    The text itself is not shown: it may hold credentials.
    """

    types: tuple[type[BaseException], ...]
    cause: str
    hint: str
    pattern: str = ""
    is_final: bool = False

    def fits(self, error: BaseException) -> bool:
        """Whether the error is one of these."""
        return isinstance(error, self.types) and bool(re.search(self.pattern, str(error), re.IGNORECASE))


NO_ANSWER: Final = BrokerFailure(
    (OSError, TimeoutError, asyncio.CancelledError),
    "the server does not answer",
    "Check that it runs and can be reached.",
)
WRONG_LOGIN: Final = "it refuses user, password or token"
LOGIN_HINT: Final = "Check username, password and token of the section, and what they may do there."


@contextmanager
def translate_failures(
    verb: str, address: BrokerAddress, list_failures: Callable[[], Sequence[BrokerFailure]]
) -> Iterator[None]:
    """Raise the errors of a library as TransportError or UnreachableTransportError; others stay as they are.

    Some libraries cancel whoever waits for them where a connection is lost; that is no cancellation of the task.
    """
    try:
        yield
    except TransportError:
        raise
    except (Exception, asyncio.CancelledError) as error:
        if _is_cancelled(error):
            raise
        for failure in (*list_failures(), NO_ANSWER):
            if failure.fits(error):
                message = f"Cannot {verb} '{address.name}' ({address.url}): {failure.cause}."
                kind = TransportError if failure.is_final else UnreachableTransportError
                raise kind(message, hint=failure.hint) from error
        raise


def _is_cancelled(error: BaseException) -> bool:
    """Whether somebody has cancelled the task, and not a library what the task waits for."""
    task = asyncio.current_task()
    return isinstance(error, asyncio.CancelledError) and (task is None or task.cancelling() > 0)


@contextmanager
def ignoring_failures() -> Iterator[None]:
    """Let pass what fails on a connection that is given up; the broker does the rest when it sees that."""
    try:
        yield
    except (Exception, asyncio.CancelledError) as error:
        if _is_cancelled(error):
            raise


@asynccontextmanager
async def closing_within(timeout_s: float, close: Callable[[], Awaitable[object]]) -> AsyncIterator[None]:
    """Close a connection after the block, whatever its server does."""
    try:
        yield
    finally:
        with ignoring_failures():
            async with asyncio.timeout(timeout_s):
                await close()


def write_header(value: object) -> str:
    """Return a header's value as text, whatever a library gives."""
    return value.decode("utf-8", "replace") if isinstance(value, bytes | bytearray) else str(value)
