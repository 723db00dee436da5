"""The IPC between parent and worker over a socket: pickled tasks to the worker, lines of JSON back.

`WorkerProcess` is the parent's end, `ParentConnection` the worker's."""

from __future__ import annotations

import asyncio
import json
import os
import pickle
import socket
import struct
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Literal

from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.errors import DeploymentError
from semantest_iac.domain.ports.provisioner import Work
from semantest_iac.infrastructure.pulumi_engine.cli.location import PulumiCli
from semantest_iac.infrastructure.pulumi_engine.runs import EngineRun
from semantest_iac.infrastructure.pulumi_engine.state.backend_settings import BackendSettings

OperationName = Literal["preview", "apply", "preview_removal", "remove", "detect_drift", "export", "reveal"]
Mutations = frozenset[tuple[str, str]]
"""URN and operation of everything that would change, without order: the engine's own order varies."""


@dataclass(frozen=True, slots=True)
class ExpectedChanges:
    """What apply must do and nothing else: the changes that were shown, and what they were computed from.

    Where it `is_part`, some of them are left to another run.
    """

    mutations: Mutations
    fingerprint: str = ""
    is_part: bool = False

    def unlike(self, found: Mutations) -> Mutations:
        """What was not shown of that which would be done, and the other way round."""
        return found - self.mutations if self.is_part else found ^ self.mutations


@dataclass(frozen=True, slots=True)
class PendingCreateRecovery:
    """What became of creates that were cut off: those with an id are adopted, the others are forgotten."""

    adopted: Mapping[str, str] = field(default_factory=dict)  # URN -> id


@dataclass(frozen=True, slots=True)
class Operation:
    """What is wanted; without work no program runs."""

    operation: OperationName
    stack: Stack
    work: Work | None = None
    shown: ExpectedChanges | None = None
    recovery: PendingCreateRecovery | None = None


@dataclass(frozen=True, slots=True)
class WorkerTask:
    """An order and the means to carry it out; `providers` live in the parent and stand in for those of the clouds.

    Handed over through a pipe, never by argv, environment or file: it holds the secrets' values.
    """

    order: Operation
    site: BackendSettings
    cli: PulumiCli
    home: Path
    folder: Path
    environment: Mapping[str, str]
    secrets: Mapping[str, str] = field(repr=False)
    providers: str = ""

    @property
    def stack(self) -> str:
        """The stack's name."""
        return str(self.order.stack)


LENGTH_HEADER = struct.Struct(">Q")
STOP_MESSAGE = LENGTH_HEADER.pack(0)


class ParentConnection:
    """Takes over standard input, which the parent made a socket; nothing started from here inherits it."""

    def __init__(self) -> None:
        self._socket = socket.socket(fileno=os.dup(0))
        self._sending = threading.Lock()
        self._tasks: SimpleQueue[WorkerTask | None] = SimpleQueue()
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.close(nothing)

    def tasks(self) -> Iterator[WorkerTask]:
        """One after another, until the parent says stop."""
        return iter(self._tasks.get, None)

    def send(self, message: Mapping[str, Any]) -> None:
        """One line; raises OSError when the parent is gone. Any thread may send."""
        line = json.dumps(message).encode() + b"\n"
        with self._sending:
            self._socket.sendall(line)

    def listen(self, *, stop: Callable[[], None], end: Callable[[], None]) -> None:
        """Take in tasks, call `stop` when the parent asks for it and `end` when it is gone, in a thread of its own."""
        threading.Thread(target=self._listen, args=(stop, end), daemon=True).start()

    def _listen(self, stop: Callable[[], None], end: Callable[[], None]) -> None:
        with suppress(OSError, EOFError):
            while task := self._received():
                self._tasks.put(task)
            self._tasks.put(None)
            stop()
            self._received()  # nothing follows but the parent's end
        end()

    def _received(self) -> WorkerTask | None:
        """The next task, or None for stop; raises EOFError when the parent has ended."""
        (length,) = LENGTH_HEADER.unpack(self._exactly(LENGTH_HEADER.size))
        if not length:
            return None
        task: WorkerTask = pickle.loads(self._exactly(length))  # noqa: S301 - from our own parent, over a pipe of its own
        return task

    def _exactly(self, count: int) -> bytes:
        parts = bytearray()
        while len(parts) < count:
            part = self._socket.recv(min(count - len(parts), 1 << 20))
            if not part:
                raise EOFError("the parent has ended")
            parts += part
        return bytes(parts)


MESSAGE_LIMIT_BYTES = 64 * 1024 * 1024
_WORKER_MODULE = "semantest_iac.infrastructure.pulumi_engine.worker"
_OUTPUT_TAIL_BYTES = 4_000
_STOP_MARGIN_S = 5.0  # what a child may need beyond the grace of its CLI

WorkerMessage = Mapping[str, Any]


class WorkerProcess:
    """A process that waits for tasks, and imports meanwhile what most of them need."""

    def __init__(
        self,
        process: asyncio.subprocess.Process,
        channel: tuple[asyncio.StreamReader, asyncio.StreamWriter],
    ) -> None:
        self._process = process
        self._reader, self._writer = channel
        self._noise = asyncio.create_task(_read_output_tail(process.stdout))

    @property
    def is_alive(self) -> bool:
        """Whether it can be given another task."""
        return self._process.returncode is None

    async def asked(self, task: WorkerTask) -> AsyncIterator[WorkerMessage]:
        """Its messages, of which it sends no more after the last one of the task."""
        text = pickle.dumps(task)
        with suppress(ConnectionError):  # it may be dead before it has heard its task
            self._writer.write(LENGTH_HEADER.pack(len(text)) + text)
            await self._writer.drain()
        with suppress(ConnectionError):
            while line := await self._reader.readline():
                yield json.loads(line)

    async def dismiss(self, grace_s: float) -> None:
        """Have it end in peace, what it is at work on included; after the grace and a little more it is killed."""
        with suppress(ConnectionError):
            self._writer.write(STOP_MESSAGE)
        await self._ended(grace_s + _STOP_MARGIN_S)

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
async def start_worker(run: EngineRun, environment: Mapping[str, str]) -> AsyncIterator[WorkerProcess]:
    """A child of that run, which does not outlive the block."""
    ours, theirs = socket.socketpair()
    try:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", _WORKER_MODULE, stdin=theirs.fileno(), stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT, env=environment, pass_fds=(run.owner,),
            cwd=run.work, start_new_session=True,
        )  # fmt: skip
    except BaseException:
        ours.close()
        raise
    finally:
        theirs.close()
    child = WorkerProcess(process, await asyncio.open_unix_connection(sock=ours, limit=MESSAGE_LIMIT_BYTES))
    try:
        yield child
    finally:
        await asyncio.shield(child.kill())


async def _read_output_tail(stream: asyncio.StreamReader | None) -> str:
    """The end of what the child prints: it has nothing to say there but how it broke."""
    kept = b""
    while stream and (data := await stream.read(1 << 16)):
        kept = (kept + data)[-_OUTPUT_TAIL_BYTES:]
    return kept.decode(errors="replace")
