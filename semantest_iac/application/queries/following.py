"""Follows the ledger: yields events as any process records them, without blocking the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from time import monotonic
from typing import Any

from semantest_iac.application.ports.ledger import LedgerReader, RecordedEvent
from semantest_iac.application.queries.history import (
    EventSelection,
    find_deployment,
    is_event_of,
    to_listed_event,
)
from semantest_iac.domain.deployment.status import TERMINAL_EVENT_TYPES
from semantest_iac.domain.errors import LedgerError

LONGEST_WAIT_S = 1.0
OUTAGE_LIMIT_S = 120.0
_PAGE_SIZE = 500
_PAUSE_S = 0.1  # before reading again what could not be read


async def follow_log(
    reader: LedgerReader, after: int = 0, *, outage_limit_s: float = OUTAGE_LIMIT_S
) -> AsyncGenerator[Sequence[RecordedEvent], None]:
    """Yield all events after a position in batches, in the order of the log, then each batch that is appended.

    An empty batch says that nothing was appended for LONGEST_WAIT_S. A ledger that could be read once and does not
    answer is read again until `outage_limit_s` have passed; raises LedgerError then, and for every other failure.
    """
    last_read: float | None = None
    async with reader.watch() as watch:
        while True:
            try:
                batch = await asyncio.to_thread(_read_page, reader, after)
            except LedgerError as error:
                if not error.retryable or last_read is None or monotonic() - last_read > outage_limit_s:
                    raise
                await asyncio.sleep(_PAUSE_S)
                continue
            last_read = monotonic()
            if batch:
                after = batch[-1].position
            yield batch
            if len(batch) < _PAGE_SIZE:
                await watch.wait(LONGEST_WAIT_S)


def _read_page(reader: LedgerReader, after: int) -> list[RecordedEvent]:
    return list(reader.log(after, _PAGE_SIZE))


async def follow_deployment(reader: LedgerReader, deployment: str) -> AsyncGenerator[RecordedEvent, None]:
    """Yield the events of a deployment from its request to its terminal event, with those of the journal.

    Raises NotFoundError for a deployment that was never requested. One whose process died has no terminal event before
    another run closes it.
    """
    row = await asyncio.to_thread(find_deployment, reader, deployment)
    async with aclosing(follow_log(reader, row.position - 1)) as batches:
        async for batch in batches:
            for recorded in batch:
                if is_event_of(recorded, deployment):
                    yield recorded
                    if recorded.type in TERMINAL_EVENT_TYPES:
                        return


async def follow_events(
    reader: LedgerReader, selection: EventSelection, after: int = 0
) -> AsyncGenerator[dict[str, Any], None]:
    """Yield the CloudEvents of the selection as `read_events` returns them; those of a deployment end with its last.

    Raises NotFoundError for a deployment that was never requested.
    """
    if selection.deployment is None:
        async with aclosing(follow_log(reader, after)) as batches:
            async for batch in batches:
                for recorded in filter(selection.matches, batch):
                    yield to_listed_event(recorded)
        return
    async with aclosing(follow_deployment(reader, selection.deployment)) as events:
        async for recorded in events:
            if recorded.position > after and selection.matches(recorded):
                yield to_listed_event(recorded)
