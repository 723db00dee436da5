"""The bridge of a PythonEDA application while it is open, and the events that it forwards to the application."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from semantest_iac.application.deployment.recorder import decode_event
from semantest_iac.application.ports.event_transports import TransportPositions
from semantest_iac.application.ports.ledger import LedgerReader, RecordedEvent
from semantest_iac.application.queries.following import follow_log
from semantest_iac.domain.errors import LedgerError, RefusedError
from semantest_iac.infrastructure.pythoneda_bridge.exchange import (
    LEDGER_PAUSE_S,
    Pause,
    RequestEntrance,
    RequestExchange,
)
from semantest_iac.infrastructure.pythoneda_bridge.messages import (
    PythonedaRequest,
    ReceivedRequest,
    build_answer,
    read_request,
)
from semantest_iac.infrastructure.pythoneda_bridge.serving_thread import ServingThread
from semantest_iac.infrastructure.pythoneda_bridge.unanswered_requests import UnansweredRequests
from semantest_iac_events.catalogue import EVENT_TYPES
from semantest_iac_events.event import Event

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class BridgeSettings:
    """How a bridge works: `home` has the ledger, and `slots` deployments are carried out at a time.

    Without any slot, workers elsewhere carry them out. With `forward_events` the application gets every published
    event, whoever caused it.
    """

    home: str | Path = ".semantest"
    slots: int = 1
    forward_events: bool = False


class BridgeService(Protocol):
    """What carries out requests for a bridge."""

    @property
    def entrance(self) -> RequestEntrance: ...

    @property
    def ledger(self) -> LedgerReader: ...

    @property
    def positions(self) -> TransportPositions: ...

    @property
    def unanswered(self) -> UnansweredRequests: ...

    async def serve(self, stopped: asyncio.Event) -> None:
        """Carry out requests until `stopped`; those in progress end first."""
        ...


class PythonedaApp(Protocol):
    """A PythonEDA application, as far as events are given to it."""

    async def accept(self, event: Any) -> list[Any]: ...

    async def emit(self, event: Any) -> None: ...


class PythonedaBridge:
    """Carries requests of an application to the service, which works in a thread, and events back.

    `classes` is PythonEDA's module of infrastructure events.
    """

    def __init__(
        self,
        open_service: Callable[[], AbstractAsyncContextManager[BridgeService]],
        application: str,
        classes: Any,
        pause: Pause = asyncio.sleep,
    ) -> None:
        self._pause = pause
        self.forwards = False
        self._thread = ServingThread(open_service)
        self._application = application
        self._transport = f"pythoneda:{application}"
        self._classes = classes
        self._service: BridgeService | None = None
        self._exchange: RequestExchange | None = None
        self._forwarded: str | None = None
        self._position = 0

    async def open(self) -> None:
        """Start the service; raises its error where it cannot be opened."""
        self._service = await self._thread.start()
        self._exchange = RequestExchange(self._service.entrance, self._service.unanswered, self._application)

    async def close(self) -> None:
        """Return when the deployments in progress have ended and the service is closed."""
        await self._thread.close()

    async def answer(self, event: PythonedaRequest) -> list[Any]:
        """Return the answer to a request of PythonEDA, none where another delivery of it is answered."""
        received = read_request(event)
        answer = await self._thread.call(self._require_exchange().answer(received))
        return [] if answer is None else [build_answer(received, answer, self._classes)]

    async def carry_out(self, request: Event) -> list[Event]:
        """Return how a request in this package's own form ended; where events are forwarded, none: that one is too."""
        if str(request.id) == self._forwarded:
            return []
        exchange = self._require_exchange()
        if self.forwards:
            await self._thread.call(exchange.submit(request))
            return []
        ending = await self._thread.call(exchange.carry_out(request))
        return [] if ending is None else [ending]

    async def submit(self, event: PythonedaRequest | Event) -> None:
        """Submit a request of either form, and do not wait for its end; raises DeploymentError."""
        exchange = self._require_exchange()
        if isinstance(event, Event):
            await self._thread.call(exchange.submit(event))
        else:
            await self._thread.call(exchange.submit_request(read_request(event)))

    async def receive_other_event(self, event: Any) -> None:
        """Let subscriptions look at an event of PythonEDA that is no request; raises DeploymentError."""
        await self._thread.call(self._require_exchange().receive_other_event(event))

    async def answer_left_behind(self, app: PythonedaApp) -> None:
        """Give the application the answers to the requests that a process before this one had received."""
        left_behind = await asyncio.to_thread(self._require_exchange().take_over)
        answering = (self._answer_left_behind(app, received) for received in left_behind)
        for result in await asyncio.gather(*answering, return_exceptions=True):
            if isinstance(result, Exception):
                _LOG.error("A request that was left behind has no answer yet.", exc_info=result)

    async def _answer_left_behind(self, app: PythonedaApp, received: ReceivedRequest) -> None:
        answer = await self._thread.call(self._require_exchange().answer_left_behind(received))
        if answer is not None:
            await _give(app, build_answer(received, answer, self._classes))

    async def start_forwarding(self) -> None:
        """Forward from where the process before had stopped, or else what is recorded from now on."""
        service = self._require_service()
        saved = await asyncio.to_thread(service.positions.read, self._transport)
        if saved is None:
            self._position = (await asyncio.to_thread(service.ledger.head)).position
            await self._save_position()
        else:
            self._position = int(saved)

    async def forward_events(self, app: PythonedaApp) -> None:
        """Give the application every published event as it is recorded, each at least once.

        A ledger that cannot be read or written for long is tried again.
        """
        while True:
            try:
                async with aclosing(follow_log(self._require_service().ledger, self._position)) as batches:
                    async for batch in batches:
                        await self._forward_batch(app, batch)
            except LedgerError as error:
                _LOG.warning("Events are not forwarded now, and tried again: %s", error.reason)
                await self._pause(LEDGER_PAUSE_S)

    async def forward_remaining_events(self, app: PythonedaApp) -> None:
        """Give the application what was recorded since; the next process begins after that."""
        ledger = self._require_service().ledger
        try:
            await self._forward_batch(app, await asyncio.to_thread(lambda: list(ledger.log(self._position))))
        except LedgerError as error:
            _LOG.warning("Events are forwarded by the next process, since the ledger cannot be read: %s", error.reason)

    async def _forward_batch(self, app: PythonedaApp, batch: Sequence[RecordedEvent]) -> None:
        for recorded in batch:
            await self._forward(app, recorded)
            self._position = recorded.position
        if batch:
            await self._save_position()

    async def _save_position(self) -> None:
        await self._require_service().positions.save(self._transport, str(self._position))

    async def _forward(self, app: PythonedaApp, recorded: RecordedEvent) -> None:
        if recorded.type not in EVENT_TYPES:
            return
        try:
            event = decode_event(recorded)
        except LedgerError:  # an event of a newer version, which this one cannot read
            return
        self._forwarded = str(event.id)  # its own requests came from the ledger, and are not submitted to it
        try:
            await app.accept(event)
        except Exception:
            _LOG.exception("A listener of the application failed at %s %s.", recorded.type, event.id)
        finally:
            self._forwarded = None

    def _require_service(self) -> BridgeService:
        if self._service is None:
            raise RuntimeError("The bridge is not open.")
        return self._service

    def _require_exchange(self) -> RequestExchange:
        if self._exchange is None:
            raise RuntimeError("The bridge is not open.")
        return self._exchange


async def _give(app: PythonedaApp, event: Any) -> None:
    """Do what an application does with an event that a listener returns."""
    try:
        await app.accept(event)
        await app.emit(event)
    except Exception:
        _LOG.exception("A listener of the application failed at %s.", type(event).__name__)


_open_bridges: list[PythonedaBridge] = []
"""PythonEDA creates its adapters and calls its listeners without arguments: what is open is found here."""


def find_open_bridge() -> PythonedaBridge | None:
    """Return the bridge that the application of this process has opened, None where it has none."""
    return _open_bridges[-1] if _open_bridges else None


def require_open(bridge: PythonedaBridge | None) -> PythonedaBridge:
    """Return the bridge; raises RefusedError where there is none."""
    if bridge is not None:
        return bridge
    hint = "Decorate the application with @enable(InfrastructureDeployments) of semantest_iac.pythoneda.deployments."
    raise RefusedError("Nothing carries out requests in this application.", "BRIDGE_CLOSED", hint=hint)


def set_open_bridge(bridge: PythonedaBridge | None) -> None:
    """Let listeners and emitters use this bridge, or none."""
    _open_bridges[:] = [] if bridge is None else [bridge]
