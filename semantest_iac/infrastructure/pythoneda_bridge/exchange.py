"""Submits the requests of a PythonEDA application, and finds out what became of each."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Protocol

from semantest_iac.application.intake.admission import build_rejection, refuse_after_error
from semantest_iac.application.intake.infrastructure_event_bus import EventResult
from semantest_iac.application.intake.received_events import ReceivedEvent, wrap_event
from semantest_iac.application.intake.request_origin import RequestOrigin, digest_content
from semantest_iac.application.ports.request_sources import RequestRefusal, SourceOrder
from semantest_iac.domain.errors import DeploymentError, LedgerError, NotFoundError
from semantest_iac.domain.ports.cloud_rules import CloudDescriptions
from semantest_iac.infrastructure.pythoneda_bridge.messages import (
    Answer,
    ReceivedRequest,
    describe_ending,
    describe_failed_submission,
    read_other_event,
)
from semantest_iac.infrastructure.pythoneda_bridge.stack_mapping import WantedStack, read_wanted_stack
from semantest_iac.infrastructure.pythoneda_bridge.unanswered_requests import UnansweredRequests
from semantest_iac_events.event import Event, StackEvent, StackRequest

_LOG = logging.getLogger(__name__)
LEDGER_PAUSE_S = 5.0
"""Before a ledger that could not be read is read again."""

Pause = Callable[[float], Awaitable[None]]


class RequestEntrance(Protocol):
    """Where requests are submitted, and how deployments end."""

    @property
    def clouds(self) -> CloudDescriptions: ...

    def build_request(self, received: ReceivedRequest, wanted: WantedStack) -> StackRequest:
        """Return the request for the stack that the configuration of this machine makes of it.

        Raises ValidationError with every fault.
        """
        ...

    async def receive(self, event: ReceivedEvent) -> EventResult:
        """Return what a request has led to, once that is durable; raises DeploymentError where it may be taken later.

        What an event leads to by subscriptions of the configuration is not told.
        """
        ...

    async def find_end(self, deployment: str) -> StackEvent:
        """Wait for the terminal event of a deployment; raises NotFoundError for one that was never requested."""
        ...


class RequestExchange:
    """Gives each request one answer.

    A request that is delivered again while it is carried out gets none: the first delivery is answered. One that was
    carried out before gets the same answer again. What a dead process has left unanswered is answered by the next one.
    """

    def __init__(
        self, entrance: RequestEntrance, unanswered: UnansweredRequests, application: str, pause: Pause = asyncio.sleep
    ) -> None:
        self._entrance = entrance
        self._unanswered = unanswered
        self._source = f"pythoneda:{application}"
        self._pause = pause
        self._in_progress = set[str]()

    async def answer(self, received: ReceivedRequest) -> Answer | None:
        """Return what became of a request; None where another delivery of it is answered."""
        with self._unless_in_progress(received.id) as is_first:
            if not is_first:
                return None
            answer = await self._carry_out(received)
            await self._forget(received)
            return answer

    async def answer_left_behind(self, received: ReceivedRequest) -> Answer | None:
        """Return what became of a request that a dead process had received; it is not submitted again."""
        with self._unless_in_progress(received.id) as is_first:
            if not is_first:
                return None
            try:
                answer = describe_ending(await self._find_end(str(received.event_id)))
            except NotFoundError:
                lost = DeploymentError(
                    "The request was received and not accepted before its process ended.",
                    "REQUEST_INTERRUPTED",
                    hint="Send it again.",
                )
                answer = describe_failed_submission(received, lost)
            await self._forget(received)
            return answer

    def take_over(self) -> list[ReceivedRequest]:
        """Return the requests that processes have received which ended before they answered; nobody else gets them."""
        return [received for received in self._unanswered.take_over() if received.id not in self._in_progress]

    async def submit_request(self, received: ReceivedRequest) -> EventResult:
        """Submit a request without waiting for its end; raises DeploymentError."""
        wanted = read_wanted_stack(
            received.stack_name, received.project_name, received.location, received.metadata, self._entrance.clouds
        )
        request = await asyncio.to_thread(self._entrance.build_request, received, wanted)
        event = wrap_event(request, self._source)
        return await self._entrance.receive(replace(event, origin=self._find_origin(received)))

    async def carry_out(self, event: Event) -> StackEvent | None:
        """Submit a request in this package's own form and return how it ended.

        None where another delivery of it is carried out, and where it led to nothing.
        """
        with self._unless_in_progress(str(event.id)) as is_first:
            if not is_first:
                return None
            try:
                result = await self.submit(event)
                return await self._find_end(result.deployment) if result.deployment else None
            except DeploymentError as error:
                return _reject(event, refuse_after_error(error))

    async def submit(self, event: Event) -> EventResult:
        """Submit a request in this package's own form without waiting for its end; raises DeploymentError."""
        return await self._entrance.receive(wrap_event(event, self._source))

    async def receive_other_event(self, event: Any) -> None:
        """Let the subscriptions of the configuration look at any other event; raises DeploymentError."""
        await self._entrance.receive(read_other_event(event, self._source))

    async def _carry_out(self, received: ReceivedRequest) -> Answer:
        try:
            await asyncio.to_thread(self._unanswered.note, received)
            result = await self.submit_request(received)
            return describe_ending(await self._find_end(result.deployment))
        except (DeploymentError, OSError) as error:
            return describe_failed_submission(received, error)
        except Exception as error:
            _LOG.exception("A request of PythonEDA could not be submitted.")
            return describe_failed_submission(received, error)

    async def _forget(self, received: ReceivedRequest) -> None:
        """What cannot be removed is answered once more by the next process."""
        try:
            await asyncio.to_thread(self._unanswered.forget, received.id)
        except OSError as error:
            _LOG.warning("An answered request cannot be forgotten: %s", error)

    async def _find_end(self, deployment: str) -> StackEvent:
        """A ledger that cannot be read for long changes nothing about the deployment: it is asked again."""
        while True:
            try:
                return await self._entrance.find_end(deployment)
            except LedgerError as error:
                _LOG.warning("Cannot see how deployment %s ends, and look again: %s", deployment, error.reason)
                await self._pause(LEDGER_PAUSE_S)

    @contextmanager
    def _unless_in_progress(self, id_: str) -> Iterator[bool]:
        if id_ in self._in_progress:
            yield False
            return
        self._in_progress.add(id_)
        try:
            yield True
        finally:
            self._in_progress.discard(id_)

    def _find_origin(self, received: ReceivedRequest) -> RequestOrigin:
        """What was asked for counts, not what this machine's configuration made of it."""
        asked = {
            "stack_name": received.stack_name,
            "project_name": received.project_name,
            "location": received.location,
            "metadata": json.loads(json.dumps(dict(received.metadata), default=str)),
        }
        moment = received.occurred_at
        order = None if moment is None else SourceOrder(None, moment.timestamp())
        identity, digest = str(received.event_id), digest_content(received.wanted, asked)
        return RequestOrigin("pythoneda", self._source, identity, identity, digest, order, received.cause_ids)


def _reject(event: Event, refusal: RequestRefusal) -> StackEvent | None:
    """Return the rejection of a request; one that names no stack yet is logged."""
    if isinstance(event, StackRequest):
        return build_rejection(event, refusal)
    _LOG.warning("%s %s was refused: %s", event.type_name, event.id, refusal.reason)
    return None
