"""A source of messages over a connection that may be lost: takes one after the other, and connects again."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import dataclass
from itertools import islice
from time import monotonic
from typing import Any, Protocol

from semantest_iac.application.ports.event_transports import (
    ReceivedMessage,
    TakeMessage,
    TransportError,
    UnreachableTransportError,
)
from semantest_iac.application.worker import wait_until_set
from semantest_iac.domain.errors import DeploymentError
from semantest_iac.infrastructure.transports.brokers.connections import DEFAULT_TIMING, BrokerTiming
from semantest_iac.infrastructure.transports.pauses import grow_pauses

_LOG = logging.getLogger(__name__)
_MOST_GROWTH = 16  # pauses are the longest ones by then


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message, and what its broker's library knows it by."""

    message: ReceivedMessage
    handle: Any


class BrokerSession(Protocol):
    """A connection over which one message after the other is received.

    Each method raises UnreachableTransportError where the connection is lost. Closing gives back what was not taken.
    """

    async def receive_next(self) -> Delivery | None:
        """Return the next message; None where there is none for a moment."""
        ...

    async def acknowledge(self, delivery: Delivery) -> None:
        """Tell the broker that the message was taken."""
        ...

    async def put_off(self, delivery: Delivery, pause_s: float) -> None:
        """Have the message delivered again after so long; meanwhile others are."""
        ...

    async def extend_leases(self) -> None:
        """Tell the broker that what it has delivered is still with this worker."""
        ...

    async def check(self) -> None:
        """Return once the server has answered."""
        ...


OpenSession = Callable[[], AbstractAsyncContextManager[BrokerSession]]


class BrokerSource:
    """The EventSource of a broker; `while_away` says what becomes of messages while it is not connected."""

    def __init__(
        self, name: str, open_session: OpenSession, timing: BrokerTiming = DEFAULT_TIMING, *, while_away: str = ""
    ) -> None:
        self.name = name
        self._while_away = while_away
        self._open_session = open_session
        self._timing = timing
        self._fault = f"'{name}' is not connected yet"

    def find_fault(self) -> str:
        """Return why nothing arrives now; empty while it is connected."""
        return self._fault

    async def receive(self, take: TakeMessage, stopped: asyncio.Event) -> None:
        """Deliver messages until `stopped`; raises TransportError for what no try mends."""
        pauses = grow_pauses(*self._timing.reconnect_pauses)
        while not stopped.is_set():
            try:
                async with self._open_session() as session:
                    pauses, self._fault = grow_pauses(*self._timing.reconnect_pauses), ""
                    _LOG.info("'%s' is connected.", self.name)
                    await self._deliver(session, take, stopped)
            except UnreachableTransportError as error:
                self._fault = f"{error.reason} {self._while_away}".rstrip()
                pause_s = next(pauses)
                _LOG.warning("%s %s The next try is in %.1f s.", self._fault, error.hint, pause_s)
                await wait_until_set(stopped, pause_s)
            except TransportError as error:
                self._fault = error.reason
                raise
        self._fault = f"'{self.name}' is stopped"

    async def _deliver(self, session: BrokerSession, take: TakeMessage, stopped: asyncio.Event) -> None:
        extending = asyncio.create_task(self._extend_leases(session))
        checked_at = monotonic()
        try:
            while not stopped.is_set():
                delivery = await session.receive_next()
                if delivery is not None:
                    await self._take(session, delivery, take)
                elif monotonic() - checked_at >= self._timing.idle_check:
                    await session.check()
                    checked_at = monotonic()
        finally:
            extending.cancel()
            with suppress(asyncio.CancelledError):
                await extending

    async def _take(self, session: BrokerSession, delivery: Delivery, take: TakeMessage) -> None:
        try:
            await take(delivery.message)
        except DeploymentError as error:
            pause_s = _draw_redelivery_pause(delivery.message.deliveries, self._timing.redelivery_pauses)
            _LOG.warning(
                "'%s' could not hand over %s: %s It is delivered again in %.1f s.",
                self.name,
                delivery.message.place or "a message",
                error.reason,
                pause_s,
            )
            await session.put_off(delivery, pause_s)
        else:
            await session.acknowledge(delivery)

    async def _extend_leases(self, session: BrokerSession) -> None:
        """Extend leases three times as often as they end; a lost connection shows elsewhere."""
        while True:
            await asyncio.sleep(self._timing.lease / 3)
            with suppress(UnreachableTransportError):
                await session.extend_leases()


def _draw_redelivery_pause(deliveries: int, pauses: tuple[float, float]) -> float:
    return next(islice(grow_pauses(*pauses), min(deliveries, _MOST_GROWTH) - 1, None))
