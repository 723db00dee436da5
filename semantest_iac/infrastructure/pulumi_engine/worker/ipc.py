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
from semantest_iac.domain.security.redaction import Redactor
from semantest_iac.infrastructure.pulumi_engine.cli.location import PulumiCli
from semantest_iac.infrastructure.pulumi_engine.runs import EngineRun
from semantest_iac.infrastructure.pulumi_engine.state.backend_settings import BackendSettings

OperationName = Literal[
    "preview", "apply", "preview_destroy", "destroy", "detect_drift", "export", "reveal", "change_key"
]
WorkerMessage = Mapping[str, Any]
Mutations = frozenset[tuple[str, str]]
"""URN and operation of every change, without order: the engine's own order varies."""

LENGTH_HEADER = struct.Struct(">Q")
STOP_MESSAGE = LENGTH_HEADER.pack(0)
MESSAGE_LIMIT_BYTES = 64 * 1024 * 1024
_WORKER_MODULE = "semantest_iac.infrastructure.pulumi_engine.worker"
_OUTPUT_TAIL, _MOST_OUTPUT_BYTES = 4_000, 256_000  # characters that are shown, and what they are redacted in
_STOP_MARGIN_S = 5.0  # what a worker may need beyond the grace period of its CLI


@dataclass(frozen=True, slots=True)
class ExpectedChanges:
    """The changes of a plan and the fingerprint of what it was computed from; apply must do exactly these changes.

    If `is_part`, another run does some of them.
    """

    mutations: Mutations
    fingerprint: str = ""
    is_part: bool = False

    def differences(self, found: Mutations) -> Mutations:
        """The mutations that are only found, and, unless `is_part`, those that are only expected."""
        return found - self.mutations if self.is_part else found ^ self.mutations


@dataclass(frozen=True, slots=True)
class PendingCreateRecovery:
    """What to do with pending creates: those with an id are adopted, the others are forgotten."""

    adopted: Mapping[str, str] = field(default_factory=dict)  # URN -> id


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation on one stack; without `work` no program runs."""

    name: OperationName
    stack: Stack
    work: Work | None = None
    expected: ExpectedChanges | None = None
    recovery: PendingCreateRecovery | None = None


@dataclass(frozen=True, slots=True)
class WorkerTask:
    """An operation and what the worker needs to run it; `providers` in the parent replace those of the clouds.

    `policy_packs` are the folders of packs that judge what the program registers.

    It is passed through a socket, never by arguments, environment or file: it holds the values of secrets.
    """

    operation: Operation
    settings: BackendSettings
    cli: PulumiCli
    home: Path
    folder: Path
    environment: Mapping[str, str]
    secrets: Mapping[str, str] = field(repr=False)
    providers: str = ""
    policy_packs: tuple[str, ...] = ()

    @property
    def stack_name(self) -> str:
        return str(self.operation.stack)


class ParentConnection:
    """The worker's end: takes over standard input, which is a socket; no process that the worker starts inherits it."""

    def __init__(self) -> None:
        self._socket = socket.socket(fileno=os.dup(0))
        self._send_lock = threading.Lock()
        self._tasks: SimpleQueue[WorkerTask | None] = SimpleQueue()
        null = os.open(os.devnull, os.O_RDONLY)
        os.dup2(null, 0)
        os.close(null)

    def tasks(self) -> Iterator[WorkerTask]:
        """Yield tasks until the parent sends the stop message."""
        return iter(self._tasks.get, None)

    def send(self, message: WorkerMessage) -> None:
        """Send one line of JSON; any thread may call it. Raises OSError if the parent is dead."""
        line = json.dumps(message).encode() + b"\n"
        with self._send_lock:
            self._socket.sendall(line)

    def listen(self, *, on_stop: Callable[[], None], on_parent_exit: Callable[[], None]) -> None:
        """Start a thread that receives tasks and calls `on_stop` for the stop message."""
        threading.Thread(target=self._listen, args=(on_stop, on_parent_exit), daemon=True).start()

    def _listen(self, on_stop: Callable[[], None], on_parent_exit: Callable[[], None]) -> None:
        with suppress(OSError, EOFError):
            while task := self._receive_task():
                self._tasks.put(task)
            self._tasks.put(None)
            on_stop()
            self._receive_task()  # after the stop message only the parent's exit can follow
        on_parent_exit()

    def _receive_task(self) -> WorkerTask | None:
        """The next task, None for the stop message; raises EOFError if the parent has exited."""
        (length,) = LENGTH_HEADER.unpack(self._receive_bytes(LENGTH_HEADER.size))
        if not length:
            return None
        task: WorkerTask = pickle.loads(self._receive_bytes(length))  # noqa: S301 - from our own parent, over a private socket
        return task

    def _receive_bytes(self, count: int) -> bytes:
        parts = bytearray()
        while len(parts) < count:
            part = self._socket.recv(min(count - len(parts), 1 << 20))
            if not part:
                raise EOFError("the parent has exited")
            parts += part
        return bytes(parts)


class WorkerProcess:
    """The parent's end: a worker that waits for tasks, and meanwhile imports what most of them need."""

    def __init__(
        self,
        process: asyncio.subprocess.Process,
        streams: tuple[asyncio.StreamReader, asyncio.StreamWriter],
    ) -> None:
        self._process = process
        self._reader, self._writer = streams
        self._output_tail = asyncio.create_task(_read_output_tail(process.stdout))
        self._redactor = Redactor()

    @property
    def is_alive(self) -> bool:
        return self._process.returncode is None

    async def run_task(self, task: WorkerTask) -> AsyncIterator[WorkerMessage]:
        """Send a task and yield the worker's messages; after the last message of the task it sends no more."""
        self._redactor = self._redactor.with_values(task.secrets.values())
        text = pickle.dumps(task)
        with suppress(ConnectionError):  # it may have died before it received the task
            self._writer.write(LENGTH_HEADER.pack(len(text)) + text)
            await self._writer.drain()
        with suppress(ConnectionError):
            while line := await self._reader.readline():
                yield json.loads(line)

    async def stop(self, grace_s: float) -> None:
        """Stop the worker and its current operation; some time after the grace period it is killed."""
        with suppress(ConnectionError):
            self._writer.write(STOP_MESSAGE)
        await self._wait_or_kill(grace_s + _STOP_MARGIN_S)

    async def kill(self) -> None:
        """Kill the worker; one that has ended is no error."""
        await self._wait_or_kill(0)
        self._output_tail.cancel()
        self._writer.close()

    async def exit_error(self) -> DeploymentError:
        """The error for a worker that ended without a last message."""
        status = await self._process.wait()
        await asyncio.wait([self._output_tail], timeout=1)
        cause = f"it was killed by signal {-status}" if status < 0 else f"it ended with status {status}"
        error = DeploymentError(
            f"Cannot finish the deployment: the engine's process is gone, {cause}.",
            "ENGINE_DIED",
            hint="Run again: what was done is recorded, and the next run continues from there.",
        )
        if self._output_tail.done():
            error.add_note(self._redactor.redact_end(self._output_tail.result(), _OUTPUT_TAIL))
        return error

    async def _wait_or_kill(self, timeout_s: float) -> None:
        """Wait for the end of the process; kill it after the timeout."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._process.wait()
        except TimeoutError:
            with suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()


@asynccontextmanager
async def start_worker(run: EngineRun, environment: Mapping[str, str]) -> AsyncIterator[WorkerProcess]:
    """Start the worker of a run; at the end of the block it is killed."""
    parent_end, worker_end = socket.socketpair()
    try:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", _WORKER_MODULE, stdin=worker_end.fileno(), stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT, env=environment, pass_fds=(run.owner_lock,),
            cwd=run.work, start_new_session=True,
        )  # fmt: skip
    except BaseException:
        parent_end.close()
        raise
    finally:
        worker_end.close()
    worker = WorkerProcess(process, await asyncio.open_unix_connection(sock=parent_end, limit=MESSAGE_LIMIT_BYTES))
    try:
        yield worker
    finally:
        await asyncio.shield(worker.kill())


async def _read_output_tail(stream: asyncio.StreamReader | None) -> str:
    """The end of the worker's output: it prints nothing but the traceback of its crash."""
    tail = b""
    while stream and (data := await stream.read(1 << 16)):
        tail = (tail + data)[-_MOST_OUTPUT_BYTES:]
    return tail.decode(errors="replace")
