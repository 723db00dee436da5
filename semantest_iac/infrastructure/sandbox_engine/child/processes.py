"""Starts sandbox children ahead, lends them for one operation after the other, and replaces those that are used up."""

from __future__ import annotations

import asyncio
import os
import pickle
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Final

from semantest_iac.domain.errors import DeploymentError
from semantest_iac.domain.ports.provisioner import PublishSettled, ReportProgress
from semantest_iac.domain.security.redaction import Redactor
from semantest_iac.infrastructure.sandbox_engine.child.messages import (
    FRAME_HEADER,
    Progressed,
    SandboxTask,
    Settled,
    SettledAnswer,
    StopTask,
    TaskFailed,
    TaskFinished,
    encode_frame,
)

OPERATIONS_PER_CHILD: Final = 64
"""After these a child is replaced, so that nothing that programs and libraries leave in a process piles up."""
STOP_LIMIT_S: Final = 5.0
"""How long a child that was told to stop may take for its current step."""
_MODULE: Final = "semantest_iac.infrastructure.sandbox_engine.child"
_VARIABLES: Final = ("HOME", "LANG", "PATH", "PYTHONDONTWRITEBYTECODE", "TMPDIR", "TZ")
_OUTPUT_BYTES: Final = 64_000
_SHOWN_CHARACTERS: Final = 4_000


class ChildDiedError(DeploymentError):
    """A child has died during a task; `has_begun` says that it had answered, so that it may have changed something."""

    code = "ENGINE_DIED"

    def __init__(self, cause: str, *, has_begun: bool) -> None:
        super().__init__(
            f"Cannot finish the deployment: the sandbox's process is gone, {cause}.",
            hint="Run again: what was done is recorded, and the next run continues from there.",
        )
        self.has_begun = has_begun


class SandboxChild:
    """One child and the parent's end of its socket; it carries out one task at a time."""

    def __init__(
        self, process: asyncio.subprocess.Process, streams: tuple[asyncio.StreamReader, asyncio.StreamWriter]
    ) -> None:
        self.operations = 0
        self._has_answered = False
        self._process = process
        self._reader, self._writer = streams
        self._output = asyncio.create_task(_read_output(process.stdout))
        self._redactor = Redactor()

    @property
    def is_alive(self) -> bool:
        """Whether the process has not ended."""
        return self._process.returncode is None

    @property
    def pid(self) -> int:
        """The id of the process."""
        return self._process.pid

    async def run(self, task: SandboxTask, publish: PublishSettled, progress: ReportProgress) -> TaskFinished:
        """Carry out a task and return its last message, or raise its exception.

        Cancelling stops it after its current step; a child that does not stop soon is killed.
        """
        self.operations += 1
        self._has_answered = False
        self._redactor = self._redactor.with_values(task.secrets.values())
        stopping = asyncio.Event()
        running = asyncio.create_task(self._converse(task, publish, progress, stopping))
        try:
            return await asyncio.shield(running)
        except asyncio.CancelledError:
            stopping.set()
            self._send(StopTask())
            await asyncio.wait([running], timeout=STOP_LIMIT_S)
            await self.close()
            await asyncio.wait([running])
            if not running.cancelled():
                running.exception()  # retrieved, so that asyncio does not log it: the cancellation is raised instead
            raise

    async def close(self) -> None:
        """Kill the process, if it has not ended."""
        with suppress(ProcessLookupError):
            self._process.kill()
        await self._process.wait()
        self._writer.close()

    async def _converse(
        self, task: SandboxTask, publish: PublishSettled, progress: ReportProgress, stopping: asyncio.Event
    ) -> TaskFinished:
        self._send(task)
        problem: Exception | None = None
        while True:
            message = await self._receive()
            self._has_answered = True
            if isinstance(message, Progressed):
                progress(message.progress)
            elif isinstance(message, Settled):
                problem = problem or await _try_to_publish(publish, message, stopping)
                self._send(SettledAnswer(problem is None and not stopping.is_set()))
            elif problem is not None:
                raise problem
            elif isinstance(message, TaskFinished):
                return message
            elif isinstance(message, TaskFailed):
                raise message.error.restore()
            else:
                raise asyncio.CancelledError

    def _send(self, message: object) -> None:
        with suppress(ConnectionError, RuntimeError):  # one that is gone is found when it does not answer
            self._writer.write(encode_frame(message))

    async def _receive(self) -> object:
        try:
            (length,) = FRAME_HEADER.unpack(await self._reader.readexactly(FRAME_HEADER.size))
            content = await self._reader.readexactly(length)
        except (ConnectionError, asyncio.IncompleteReadError) as error:
            raise await self._describe_end() from error
        return pickle.loads(content)  # noqa: S301 - from our own child, over a private socket

    async def _describe_end(self) -> ChildDiedError:
        status = await self._process.wait()
        cause = f"it was killed by signal {-status}" if status < 0 else f"it ended with status {status}"
        error = ChildDiedError(cause, has_begun=self._has_answered)
        error.add_note(self._redactor.redact_end(await self._output, _SHOWN_CHARACTERS))
        return error


class SandboxChildren:
    """The children of one home; so many wait for work."""

    def __init__(self, home: Path, waiting: int) -> None:
        self._home = home
        self._most_waiting = waiting
        self._waiting: list[SandboxChild] = []
        self._starting = set[asyncio.Task[None]]()
        self._is_closed = False

    def start_ahead(self) -> None:
        """Start children until enough wait; returns at once."""
        for _ in range(self._most_waiting - len(self._waiting) - len(self._starting)):
            starting = asyncio.create_task(self._start_waiting())
            self._starting.add(starting)
            starting.add_done_callback(self._starting.discard)

    @asynccontextmanager
    async def lend(self) -> AsyncIterator[SandboxChild]:
        """Lend a child for one operation; one that raised, was cancelled or is used up ends after it."""
        child = await self._take() or await start_child(self._home)
        is_reusable = False
        try:
            yield child
            is_reusable = child.operations < OPERATIONS_PER_CHILD
        finally:
            if is_reusable and not self._is_closed and len(self._waiting) < self._most_waiting:
                self._waiting.append(child)
            else:
                await asyncio.shield(child.close())
                self._replace()

    async def close(self) -> None:
        """End all children."""
        self._is_closed = True
        await asyncio.gather(*self._starting, return_exceptions=True)
        for child in self._waiting:
            await child.close()
        self._waiting.clear()

    async def _take(self) -> SandboxChild | None:
        while self._waiting:
            child = self._waiting.pop()
            if child.is_alive:
                return child
            await child.close()
            self._replace()
        return None

    def _replace(self) -> None:
        if not self._is_closed:
            self.start_ahead()

    async def _start_waiting(self) -> None:
        child = await start_child(self._home)
        if self._is_closed:
            await child.close()
        else:
            self._waiting.append(child)


async def start_child(home: Path) -> SandboxChild:
    """Start a child, which imports what it needs while it waits."""
    parent_end, child_end = socket.socketpair()
    inherited = {name: os.environ[name] for name in _VARIABLES if name in os.environ}
    try:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", _MODULE, str(home), str(os.getpid()), stdin=child_end.fileno(),
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, start_new_session=True,
            env={**inherited, "PYTHONPATH": _list_import_folders(), "PYTHONUTF8": "1"},
        )  # fmt: skip
    except BaseException:
        parent_end.close()
        raise
    finally:
        child_end.close()
    return SandboxChild(process, await asyncio.open_unix_connection(sock=parent_end))


def _list_import_folders() -> str:
    return os.pathsep.join(os.path.abspath(folder) for folder in sys.path)  # noqa: PTH100 - "" means here


async def _try_to_publish(publish: PublishSettled, message: Settled, stopping: asyncio.Event) -> Exception | None:
    """Publish what has settled, and return why it could not be; after a stop nothing is published any more."""
    if stopping.is_set():
        return None
    try:
        await publish(message.resource)
    except Exception as error:
        return error
    return None


async def _read_output(stream: asyncio.StreamReader | None) -> str:
    """Return the end of what the child prints, such as the traceback of its crash."""
    tail = b""
    while stream and (data := await stream.read(1 << 16)):
        tail = (tail + data)[-_OUTPUT_BYTES:]
    return tail.decode(errors="replace")
