"""The parent's end: starts a child, hands it its task, and reads what it tells until its last message."""

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


class Conversation:
    """A child at work: iterate over its messages; leaving the `talking` block ends it."""

    def __init__(self, process: asyncio.subprocess.Process, reader: asyncio.StreamReader) -> None:
        self._process = process
        self._reader = reader
        self._noise = asyncio.create_task(_last_words(process.stdout))

    def __aiter__(self) -> AsyncIterator[Message]:
        return self._messages()

    async def _messages(self) -> AsyncIterator[Message]:
        with suppress(ConnectionError):
            while line := await self._reader.readline():
                yield json.loads(line)

    async def end(self, farewell_s: float) -> None:
        """Wait for the child, who was asked to stop; kill it when it does not."""
        try:
            async with asyncio.timeout(farewell_s):
                await self._process.wait()
        except TimeoutError:
            with suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()
        finally:
            self._noise.cancel()

    async def died(self) -> DeploymentError:
        """The error for a child that ended without a last message."""
        status = await self._process.wait()
        with suppress(TimeoutError):
            async with asyncio.timeout(1):
                await asyncio.wait([self._noise])
        said = self._noise.result() if self._noise.done() else ""
        cause = f"it was killed by signal {-status}" if status < 0 else f"it ended with status {status}"
        hint = "Run again: what was done is remembered, and the rest is taken up from there."
        error = DeploymentError(f"Cannot finish the deployment: the engine's process is gone, {cause}.", "ENGINE_DIED")
        error.hint = hint
        error.add_note(said)
        return error


@asynccontextmanager
async def talking(task: Task, run: Run) -> AsyncIterator[Conversation]:
    """A child with that task; at the end of the block it has ended, in peace if it finds the time."""
    ours, theirs = socket.socketpair()
    try:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", _CHILD, stdin=theirs.fileno(), stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT, env=dict(task.environment), pass_fds=(run.owner,),
            cwd=run.work, start_new_session=True,
        )  # fmt: skip
    except BaseException:
        ours.close()
        raise
    finally:
        theirs.close()
    reader, writer = await asyncio.open_unix_connection(sock=ours, limit=LONGEST_MESSAGE)
    conversation = Conversation(process, reader)
    try:
        with suppress(ConnectionError):  # the child may be dead before it has heard its task
            _say(writer, pickle.dumps(task))
            await writer.drain()
        yield conversation
    finally:
        with suppress(ConnectionError):
            writer.write(STOP)  # to a child that is still at work
        await asyncio.shield(conversation.end(task.site.grace_s + _FAREWELL_S))
        writer.close()


def _say(writer: asyncio.StreamWriter, text: bytes) -> None:
    writer.write(LENGTH.pack(len(text)))
    writer.write(text)


async def _last_words(stream: asyncio.StreamReader | None) -> str:
    """The end of what the child prints: it has nothing to say there but how it broke."""
    kept = b""
    while stream and (data := await stream.read(1 << 16)):
        kept = (kept + data)[-_LAST_WORDS:]
    return kept.decode(errors="replace")
