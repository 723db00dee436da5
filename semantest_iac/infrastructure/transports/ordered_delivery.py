"""How sources that have an order hand messages on: one after the other, each until it is taken."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any, Final, TypeVar

from semantest_iac.application.ports.event_transports import ReceivedMessage, TakeMessage
from semantest_iac.application.worker import wait_until_set
from semantest_iac.domain.errors import DeploymentError
from semantest_iac.infrastructure.transports.pauses import grow_pauses

MOST_HANDED_ON_BYTES: Final = 1024 * 1024 + 1
"""Of a message of more than 1 MiB only so much is handed on: enough to be refused as too large."""

_Result = TypeVar("_Result")


async def take_in_order(
    take: TakeMessage, message: ReceivedMessage, stopped: asyncio.Event, on_fault: Callable[[str], None]
) -> bool:
    """Hand a message on until it is taken: those behind it wait. False if `stopped` is set before.

    `on_fault` is told why it was not taken.
    """
    pauses = grow_pauses()
    while True:
        try:
            await take(message)
        except DeploymentError as error:
            on_fault(f"Cannot take a message of '{message.source}' ({message.place}): {error.reason}")
        else:
            return True
        await wait_until_set(stopped, next(pauses))
        if stopped.is_set():
            return False
        message = replace(message, deliveries=message.deliveries + 1)


async def run_unless(stopped: asyncio.Event, work: Coroutine[Any, Any, _Result]) -> _Result | None:
    """Return what the work returns; if the event is set before, the work is cancelled, and None returned."""
    working, stopping = asyncio.ensure_future(work), asyncio.ensure_future(stopped.wait())
    try:
        await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
        return working.result() if working.done() else None
    finally:
        working.cancel()
        stopping.cancel()
        await asyncio.gather(working, stopping, return_exceptions=True)
