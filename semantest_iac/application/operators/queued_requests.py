"""Cancels requests that have not ended, whoever carries them out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from semantest_iac.application.deployment.recorder import read_deployment
from semantest_iac.application.ports.ledger import LedgerReader, NewEvent
from semantest_iac.application.ports.run_queue import RunQueue
from semantest_iac.domain.errors import NotFoundError, RefusedError
from semantest_iac_events.event import Event

Cancellation = Literal["cancelled", "cancelling"]


class QueuedRequests:
    """The requests in the queue."""

    def __init__(self, queue: RunQueue, ledger: LedgerReader, encode: Callable[[Event], NewEvent]) -> None:
        self._queue = queue
        self._ledger = ledger
        self._encode = encode

    async def cancel(self, deployment: str) -> Cancellation:
        """End a request that waits, be it for an approval, or ask the worker that carries it out: `cancelling`.

        Raises NotFoundError for an unknown deployment, RefusedError for one that has ended or that no queue knows.
        """
        found = read_deployment(self._ledger, deployment)
        if found is None:
            raise NotFoundError(f"Cannot find deployment '{deployment}'.", hint="`semantest-iac queue` lists them.")
        if found.has_ended:
            raise RefusedError(
                f"Cannot cancel deployment '{deployment}': it is {found.status.replace('_', ' ')}.",
                "DEPLOYMENT_ENDED",
                hint="Only what waits or is carried out can be cancelled.",
            )
        before = await self._queue.cancel(deployment, self._encode(found.cancel()))
        if before is None:
            raise RefusedError(
                f"Cannot cancel deployment '{deployment}': nobody works on it.",
                "NOT_IN_QUEUE",
                hint="Run deploy or destroy for its stack: either ends it, and continues from what was done.",
            )
        row = self._ledger.deployment(deployment)
        return "cancelled" if row is not None and row.finished_at else "cancelling"
