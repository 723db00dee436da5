"""The parent's end: starts a child, hands it its task, and reads what it tells."""

from __future__ import annotations

import asyncio
import json
import pickle
import socket
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any

from semantest_iac.domain.errors import DeploymentError
from semantest_iac.infrastructure.pulumi_engine.channel import LENGTH, STOP
from semantest_iac.infrastructure.pulumi_engine.runs import Run
from semantest_iac.infrastructure.pulumi_engine.tasks import Task

LONGEST_MESSAGE = 64 * 1024 * 1024
_CHILD = "semantest_iac.infrastructure.pulumi_engine.child"
_LAST_WORDS = 4_000
_FAREWELL_S = 5.0  # what a child may need beyond the grace of its CLI

Message = Mapping[str, Any]


class Child:
    """A process that waits for tasks, and imports meanwhile what most of them need."""

    def __init__(
        self,
        process: asyncio.subprocess.Process,
        channel: tuple[asyncio.StreamReader, asyncio.StreamWriter],
    ) -> None:
        self._process = process
        self._reader, self._writer = channel
        self._noise = asyncio.create_task(_last_words(process.stdout))

    @property
    def is_alive(self) -> bool:
        """Whether it can be given another task."""
        return self._process.returncode is None

    async def asked(self, task: Task) -> AsyncIterator[Message]:
        """Its messages, of which it sends no more after the last one of the task."""
        text = pickle.dumps(task)
        with suppress(ConnectionError):  # it may be dead before it has heard its task
            self._writer.write(LENGTH.pack(len(text)) + text)
            await self._writer.drain()
        with suppress(ConnectionError):
            while line := await self._reader.readline():
                yield json.loads(line)

    async def dismiss(self, grace_s: float) -> None:
        """Have it end in peace, what it is at work on included; after the grace and a little more it is killed."""
        with suppress(ConnectionError):
            self._writer.write(STOP)
        await self._ended(grace_s + _FAREWELL_S)

    async def kill(self) -> None:
        """Nothing is left of it; one that has ended is fine."""
        await self._ended(0)
        self._noise.cancel()
        self._writer.close()

    async def died(self) -> DeploymentError:
        """The error for a child that ended without a last message."""
        status = await self._process.wait()
        await asyncio.wait([self._noise], timeout=1)
        cause = f"it was killed by signal {-status}" if status < 0 else f"it ended with status {status}"
        error = DeploymentError(
            f"Cannot finish the deployment: the engine's process is gone, {cause}.",
            "ENGINE_DIED",
            hint="Run again: what was done is remembered, and the rest is taken up from there.",
        )
        if self._noise.done():
            error.add_note(self._noise.result())
        return error

    async def _ended(self, farewell_s: float) -> None:
        try:
            async with asyncio.timeout(farewell_s):
                await self._process.wait()
        except TimeoutError:
            with suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()


@asynccontextmanager
async def started(run: Run, environment: Mapping[str, str]) -> AsyncIterator[Child]:
    """A child of that run, which does not outlive the block."""
    ours, theirs = socket.socketpair()
    try:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", _CHILD, stdin=theirs.fileno(), stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT, env=environment, pass_fds=(run.owner,),
            cwd=run.work, start_new_session=True,
        )  # fmt: skip
    except BaseException:
        ours.close()
        raise
    finally:
        theirs.close()
    child = Child(process, await asyncio.open_unix_connection(sock=ours, limit=LONGEST_MESSAGE))
    try:
        yield child
    finally:
        await asyncio.shield(child.kill())


async def _last_words(stream: asyncio.StreamReader | None) -> str:
    """The end of what the child prints: it has nothing to say there but how it broke."""
    kept = b""
    while stream and (data := await stream.read(1 << 16)):
        kept = (kept + data)[-_LAST_WORDS:]
    return kept.decode(errors="replace")
