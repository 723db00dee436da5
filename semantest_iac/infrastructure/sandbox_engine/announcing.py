"""Completion events on their way out: handed in from the run's thread, published in order by the loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from semantest_iac.domain.deployment.announcements import announcement
from semantest_iac.domain.ports.provisioner import Publish, Work
from semantest_iac.infrastructure.sandbox_engine.monitor import Settled
from semantest_iac.infrastructure.sandbox_engine.run import Run
from semantest_iac.infrastructure.sandbox_engine.steps import Brake
from semantest_iac.infrastructure.sandbox_engine.urns import type_of
from semantest_iac.infrastructure.sandbox_engine.values import Properties, bare
from semantest_iac_events.stack_event import StackEvent

Tell = Callable[[StackEvent], None]


@asynccontextmanager
async def publishing(publish: Publish, brake: Brake) -> AsyncIterator[Tell]:
    """A thread-safe way to publish; leaving the block waits until everything told is on record.

    What cannot be recorded (a lost lease, a full disk) stops the run, and is raised in the end. A run that was
    called off publishes nothing more.
    """
    queue: asyncio.Queue[StackEvent | None] = asyncio.Queue()
    loop = asyncio.get_running_loop()
    drained = asyncio.create_task(_drain(queue, publish, brake))
    try:
        yield lambda event: _hand_in(loop, queue, event)
    except asyncio.CancelledError:
        drained.cancel()
        raise
    finally:
        loop.call_soon(queue.put_nowait, None)  # after everything told from this thread
        await drained


async def _drain(queue: asyncio.Queue[StackEvent | None], publish: Publish, brake: Brake) -> None:
    try:
        while (event := await queue.get()) is not None:
            await publish(event)
    except Exception as error:
        brake.pull(error)
        raise


def _hand_in(loop: asyncio.AbstractEventLoop, queue: asyncio.Queue[StackEvent | None], event: StackEvent) -> None:
    loop.call_soon_threadsafe(queue.put_nowait, event)


def announcer(work: Work, run: Run, tell: Tell, *, lacks_code: bool) -> Settled:
    """Tells of every kind of resource that settles with something changed."""
    digest = work.artifact.digest if work.artifact else ""

    def settled(urn: str, outputs: Properties) -> None:
        if run.has_changed(urn):
            event = announcement(type_of(urn), bare(outputs), work.identity, digest, lacks_code=lacks_code)
            if event:
                tell(event)

    return settled
