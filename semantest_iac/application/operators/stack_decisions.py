"""Takes decisions at the version of a stack's stream; what is recorded meanwhile has them taken again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from semantest_iac.application.ports.ledger import LedgerConflictError, LedgerReader, NewEvent
from semantest_iac.application.ports.run_queue import RunDecision, RunQueue
from semantest_iac.domain.errors import RefusedError

_Result = TypeVar("_Result")
_Decision = TypeVar("_Decision")


async def decide_at_version(
    ledger: LedgerReader,
    stack: str,
    decide: Callable[[], _Decision],
    record: Callable[[_Decision, int], Awaitable[_Result]],
) -> _Result:
    """Decide, and record that where nothing was recorded of the stack meanwhile; else decide again.

    So of several people at the same time one decides, and the others find that out from their own `decide`, which
    raises what refuses them.
    """

    def decide_now() -> tuple[_Decision, int]:
        newest = ledger.newest_event(stack)  # before anything else is read
        return decide(), newest.version if newest else 0

    while True:
        decision, version = await asyncio.to_thread(decide_now)
        try:
            return await record(decision, version)
        except LedgerConflictError:
            continue


async def decide_about_run(
    ledger: LedgerReader,
    queue: RunQueue,
    deployment: str,
    decide: Callable[[], Sequence[NewEvent]],
    *,
    stack: str,
    not_queued_hint: str,
) -> bool:
    """Record the events with what becomes of the run; returns whether there were any.

    With more than one the last is its terminal event. Raises RefusedError for a run that is in no queue, although it
    has not ended.
    """

    async def record(events: Sequence[NewEvent], version: int) -> bool:
        if not events:
            return False
        if await queue.decide(RunDecision(deployment, version, tuple(events), ends=len(events) > 1)):
            return True
        newest = await asyncio.to_thread(ledger.newest_event, stack)
        if newest and newest.version != version:  # it has ended meanwhile
            raise LedgerConflictError(f"Cannot decide about deployment '{deployment}': its stack has changed.")
        raise RefusedError(
            f"Cannot decide about deployment '{deployment}': nobody works on it.", "NOT_IN_QUEUE", hint=not_queued_hint
        )

    return await decide_at_version(ledger, stack, decide, record)
