"""Publishes the events of the ledger to one target, each at least once and in the order of the log."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from functools import partial
from time import monotonic

from semantest_iac.application.ports.event_transports import (
    DeadLetters,
    EventTarget,
    PublishedMessage,
)
from semantest_iac.application.ports.ledger import LedgerReader, RecordedEvent
from semantest_iac.application.ports.relay_leases import RelayLease, RelayLeases
from semantest_iac.application.queries.following import follow_log
from semantest_iac.application.relay.messages import MessageRenderer, UnreadableEventError, build_dead_letter
from semantest_iac.application.relay.target_publisher import (
    FinalRefusal,
    RetryPauses,
    TargetPublisher,
    describe_failure,
)
from semantest_iac.application.worker import wait_until_set
from semantest_iac.domain.errors import DeploymentError

_LOG = logging.getLogger(__name__)
RELAY_LEASE_S = 15.0
_RENEWALS_PER_LEASE = 3
_SAVED_AFTER = 100  # published messages, so that few are published again after a crash
_SKIPPED_UNSAVED = 1000  # events that are read again after a start, although the target does not get them
_STOP_S = 5.0  # for the message that is being published when the relay is stopped
_FAILED_CODE = "RELAY_FAILED"


@dataclass(frozen=True, slots=True)
class RelaySettings:
    """How a relay publishes; a target that is new gets only new events, or all `from_start`."""

    from_start: bool = False
    lease_s: float = RELAY_LEASE_S
    pauses: RetryPauses = field(default_factory=RetryPauses)


class _LeaseEndedError(Exception):
    """Another relay publishes to the target now, or may do so."""


@dataclass(slots=True)
class _Progress:
    """How far a relay has come with the lease that it has."""

    lease: RelayLease
    renewed_at: float
    position: int = 0
    saved: int = 0
    unsaved_messages: int = 0


class Relay:
    """Publishes to one target as long as it has the lease, and waits for it otherwise.

    The same message may be published again after a crash, a lost connection or a lost lease; its id is the same then.
    While the target does not answer, it waits and tries again without end, so that the order stays. A message that the
    target refuses again and again becomes a dead letter, and the next one follows.
    """

    def __init__(  # noqa: PLR0913  # one parameter for each thing that it needs
        self,
        target: EventTarget,
        ledger: LedgerReader,
        leases: RelayLeases,
        dead_letters: DeadLetters,
        renderer: MessageRenderer,
        holder: str,
        settings: RelaySettings | None = None,
    ) -> None:
        self.target = target.name
        self._ledger = ledger
        self._leases = leases
        self._dead_letters = dead_letters
        self._renderer = renderer
        self._holder = holder
        self._settings = settings or RelaySettings()
        self._publisher = TargetPublisher(target, self._settings.pauses)

    def find_fault(self) -> str:
        """Return why nothing is published now; empty while all is well, and where another worker publishes."""
        return self._publisher.fault

    async def serve(self, stopped: asyncio.Event) -> None:
        """Publish until `stopped`; a message that is being published then is published to the end, within limits."""
        while not stopped.is_set():
            try:
                lease = await self._leases.claim(self.target, self._holder, self._settings.lease_s)
                if lease is None:
                    self._publisher.clear_fault()
                    await wait_until_set(stopped, self._settings.lease_s / _RENEWALS_PER_LEASE)
                    continue
                await self._publish_with(lease, stopped)
            except _LeaseEndedError:
                _LOG.warning("Another worker publishes to '%s' now.", self.target)
            except DeploymentError as error:  # of the ledger
                await self._publisher.pause_after(error, stopped)
            except Exception as error:
                _LOG.exception("Publishing to '%s' failed, and is tried again.", self.target)
                await self._publisher.pause_after(error, stopped)

    async def _publish_with(self, lease: RelayLease, stopped: asyncio.Event) -> None:
        """Publish as long as the lease is held and the relay is not stopped, then give it back."""
        progress = _Progress(lease, monotonic())
        try:
            progress.position = progress.saved = await self._find_start(lease)
        except BaseException:
            await self._end(progress)
            raise
        publishing = asyncio.create_task(self._publish_log(progress, stopped))
        stopping = asyncio.create_task(stopped.wait())
        renewing = asyncio.create_task(self._keep_lease(progress))
        tasks = (publishing, renewing, stopping)
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            if stopped.is_set() and self._publisher.is_publishing:
                await asyncio.wait([publishing, renewing], timeout=_STOP_S, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
            await self._end(progress)
        for task in (publishing, renewing):
            if not task.cancelled():
                task.result()

    async def _end(self, progress: _Progress) -> None:
        """Save what was published, and let another relay take over."""
        with suppress(DeploymentError, _LeaseEndedError):  # the lease ends by itself
            if progress.position > progress.saved:
                await self._save(progress)
            await self._leases.release(progress.lease)

    async def _find_start(self, lease: RelayLease) -> int:
        """Return the position to go on after; that of a new target is saved at once, so that it stays its start."""
        saved = await asyncio.to_thread(self._leases.read_position, self.target)
        head = (await asyncio.to_thread(self._ledger.head)).position
        if saved is not None and int(saved) <= head:
            return int(saved)
        if saved is not None:
            _LOG.warning("The ledger has %d events, and '%s' was sent %s: it is another one.", head, self.target, saved)
        position = 0 if self._settings.from_start and saved is None else head
        if not await self._leases.renew(lease, self._settings.lease_s, str(position)):
            raise _LeaseEndedError
        return position

    async def _keep_lease(self, progress: _Progress) -> None:
        """Renew the lease until it is lost; raises _LeaseEndedError then."""
        while True:
            await asyncio.sleep(self._settings.lease_s / _RENEWALS_PER_LEASE)
            began = monotonic()
            try:
                is_held = await self._leases.renew(progress.lease, self._settings.lease_s)
            except DeploymentError as error:  # the database may answer again before the lease ends
                _LOG.warning("The lease for '%s' was not renewed: %s", self.target, error.reason)
                continue
            if not is_held:
                raise _LeaseEndedError
            progress.renewed_at = began

    async def _publish_log(self, progress: _Progress, stopped: asyncio.Event) -> None:
        try:
            await self._publisher.connect(stopped)
            async with aclosing(follow_log(self._ledger, progress.position)) as batches:
                async for batch in batches:
                    for recorded, message in await asyncio.to_thread(self._render, batch) if batch else ():
                        if stopped.is_set():
                            return
                        await self._deliver(recorded, message, progress, stopped)
                    if batch and not stopped.is_set():
                        progress.position = batch[-1].position
                        await self._save_batch(progress)
        finally:
            await self._publisher.close()

    def _render(
        self, batch: Sequence[RecordedEvent]
    ) -> list[tuple[RecordedEvent, PublishedMessage | UnreadableEventError]]:
        rendered: list[tuple[RecordedEvent, PublishedMessage | UnreadableEventError]] = []
        for recorded in batch:
            try:
                message = self._renderer.render(recorded)
            except UnreadableEventError as error:
                rendered.append((recorded, error))
                continue
            if message is not None:
                rendered.append((recorded, message))
        return rendered

    async def _deliver(
        self,
        recorded: RecordedEvent,
        message: PublishedMessage | UnreadableEventError,
        progress: _Progress,
        stopped: asyncio.Event,
    ) -> None:
        """Publish one message, or keep it as a dead letter; returns early, with nothing done, where it is stopped."""
        if isinstance(message, UnreadableEventError):
            await self._keep_dead_letter(message.unformed, message, recorded)
        else:
            outcome = await self._publisher.publish(message, stopped, partial(self._require_lease, progress))
            if outcome == "stopped":
                return
            if isinstance(outcome, FinalRefusal):
                await self._keep_dead_letter(message, outcome.error, recorded)
        progress.position = recorded.position
        progress.unsaved_messages += 1
        if progress.unsaved_messages >= _SAVED_AFTER:
            await self._save(progress)

    async def _keep_dead_letter(self, message: PublishedMessage, error: Exception, recorded: RecordedEvent) -> None:
        code = error.error_code if isinstance(error, DeploymentError) else _FAILED_CODE
        reason, place = describe_failure(error), f"event {recorded.position}"
        letter = build_dead_letter(self.target, message, code, reason, place, time.time())
        await self._dead_letters.add(letter)
        _LOG.error(
            "Event %d was not published to '%s', and is dead letter '%s': %s",
            recorded.position,
            self.target,
            letter.id,
            reason,
        )

    def _require_lease(self, progress: _Progress) -> None:
        """Raise _LeaseEndedError where another relay may have taken over, for all that this process knows."""
        if monotonic() - progress.renewed_at > self._settings.lease_s:
            raise _LeaseEndedError

    async def _save_batch(self, progress: _Progress) -> None:
        """Save after published messages, and after many events that the target does not get."""
        if progress.unsaved_messages or progress.position - progress.saved >= _SKIPPED_UNSAVED:
            await self._save(progress)

    async def _save(self, progress: _Progress) -> None:
        began, position = monotonic(), progress.position
        if not await self._leases.renew(progress.lease, self._settings.lease_s, str(position)):
            raise _LeaseEndedError
        progress.renewed_at, progress.saved, progress.unsaved_messages = began, position, 0
