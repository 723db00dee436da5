"""Publishes messages to one target, however often that takes."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from typing import Literal

from semantest_iac.application.ports.event_transports import (
    EventTarget,
    PublishedMessage,
    PublishMessage,
    TransportError,
    UnreachableTransportError,
)
from semantest_iac.application.worker import wait_until_set
from semantest_iac.domain.errors import DeploymentError

_LOG = logging.getLogger(__name__)
_TRIES = 3  # of a message that the target refuses
_FEW_REFUSED = 5  # messages in a row; with more of them, it is the target that is at fault


@dataclass(frozen=True, slots=True)
class RetryPauses:
    """How long to wait before each further try, in seconds: twice as long each time, with jitter.

    A target may ask to be left alone for longer, up to `longest_asked_s`.
    """

    first_s: float = 0.5
    longest_s: float = 60.0
    longest_asked_s: float = 3600.0

    def choose(self, failures: int, asked_s: float | None = None) -> float:
        """Return the pause after so many failures in a row, 1 for the first."""
        grown_s = min(self.longest_s, self.first_s * 2.0 ** min(failures - 1, 30))
        jittered_s = grown_s * random.uniform(0.5, 1.0)  # noqa: S311 - so that not all come back at once
        return max(jittered_s, min(asked_s or 0.0, self.longest_asked_s))


@dataclass(frozen=True, slots=True)
class FinalRefusal:
    """The target has refused a message again and again."""

    error: Exception


class TargetPublisher:
    """Keeps a connection to one target, opens it again after it was lost, and knows what is wrong with it.

    It is used by one task. While the target does not answer, it tries without end. Where the target refuses one message
    after the other, the pauses grow: then it is not the messages that are at fault, and few are to be lost meanwhile.
    """

    def __init__(self, target: EventTarget, pauses: RetryPauses) -> None:
        self.name = target.name
        self.fault = ""
        self.is_publishing = False
        self._target = target
        self._pauses = pauses
        self._exits = AsyncExitStack()
        self._send: PublishMessage | None = None
        self._failed_connects = 0
        self._failed_tries = 0
        self._refused_in_a_row = 0

    async def connect(self, stopped: asyncio.Event) -> PublishMessage | None:
        """Connect, if it is not connected; None where it is stopped before.

        Wrong settings are tried again too, as they may be mended on the server.
        """
        while self._send is None and not stopped.is_set():
            try:
                self._send = await self._exits.enter_async_context(self._target.connect())
            except Exception as error:
                await self.close()
                self._failed_connects += 1
                self.note_fault(describe_failure(error))
                await wait_until_set(stopped, self._pauses.choose(self._failed_connects, _find_asked_pause(error)))
        if self._send is not None and self._failed_connects:
            self._failed_connects = 0
            self.clear_fault()
        return self._send

    async def publish(
        self, message: PublishedMessage, stopped: asyncio.Event, require_right: Callable[[], None]
    ) -> Literal["published", "stopped"] | FinalRefusal:
        """Try until the target has the message, or has refused it too often.

        `require_right` raises, before each try, where nothing may be published any more.
        """
        refusals = 0
        while (send := await self.connect(stopped)) is not None and not stopped.is_set():
            require_right()
            error = await self._try(send, message)
            if error is None:
                return "published"
            refusals += not isinstance(error, UnreachableTransportError)
            await self.pause_after(error, stopped)
            if refusals == _TRIES:
                return self._count_refusal(error)
        return "stopped"

    async def pause_after(self, error: Exception, stopped: asyncio.Event) -> None:
        """Wait before the next try, the longer the more of them have failed."""
        is_refusal = not isinstance(error, UnreachableTransportError)
        if is_refusal and isinstance(error, TransportError) and self._refused_in_a_row < _FEW_REFUSED:
            self._failed_tries = 0
        self._failed_tries += 1
        self.note_fault(describe_failure(error))
        await wait_until_set(stopped, self._pauses.choose(self._failed_tries, _find_asked_pause(error)))

    async def close(self) -> None:
        """Leave the connection, whatever state it is in."""
        self._send = None
        exits, self._exits = self._exits, AsyncExitStack()
        with suppress(Exception):  # one that is lost cannot be closed
            await exits.aclose()

    def note_fault(self, reason: str) -> None:
        """Remember why nothing is published, and say it once."""
        if reason != self.fault:
            self.fault = reason
            _LOG.warning("Nothing is published to '%s' now: %s", self.name, reason)

    def clear_fault(self) -> None:
        """Forget what was wrong."""
        if self.fault:
            self.fault = ""
            _LOG.info("Events are published to '%s' again.", self.name)

    async def _try(self, send: PublishMessage, message: PublishedMessage) -> Exception | None:
        """Return why the target does not have the message; a connection that may be lost is closed."""
        self.is_publishing = True
        try:
            await send(message)
        except Exception as error:
            if isinstance(error, UnreachableTransportError) or not isinstance(error, TransportError):
                await self.close()
            return error
        finally:
            self.is_publishing = False
        self._failed_tries = self._refused_in_a_row = 0
        self.clear_fault()
        return None

    def _count_refusal(self, error: Exception) -> FinalRefusal:
        self._refused_in_a_row += 1
        if self._refused_in_a_row < _FEW_REFUSED:  # the message was at fault, and not the target
            self.clear_fault()
        return FinalRefusal(error)


def describe_failure(error: Exception) -> str:
    """Return the reason of an error of ours, else its type with its message."""
    return error.reason if isinstance(error, DeploymentError) else f"{type(error).__name__}: {error}"


def _find_asked_pause(error: Exception) -> float | None:
    return error.retry_after_s if isinstance(error, UnreachableTransportError) else None
