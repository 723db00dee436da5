"""The entry of the sandbox child: `python -m semantest_iac.infrastructure.sandbox_engine.child HOME PARENT`.

It ends with its parent: at once where the system can promise that, else as soon as the socket is closed.
"""

from __future__ import annotations

import asyncio
import ctypes
import gc
import os
import pickle
import signal
import socket
import sys
import threading
import warnings
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from semantest_iac.domain.ports.provisioner import ResourceProgress, SettledResource
from semantest_iac.infrastructure.sandbox_engine.child.messages import (
    FRAME_HEADER,
    Progressed,
    SandboxOperation,
    SandboxTask,
    Settled,
    SettledAnswer,
    StopTask,
    StoredError,
    TaskFailed,
    TaskFinished,
    TaskStopped,
    encode_frame,
)

_KILL_WITH_PARENT = 1  # PR_SET_PDEATHSIG
# The SDK modules of the others take longer than most deployments: two seconds and 100 MB for all of them.
KINDS_OF_SERVICES = frozenset(
    {
        *("Alarm", "AppSecret", "ConnectionTable", "FunctionIdentity", "HttpApi", "LiveVersion", "LogStore"),
        *("NotificationChannel", "ServerlessFunction", "WebSocketAddress", "WebSocketEndpoint"),
    }
)
_CLOUDS = ("aws", "azure")


class ParentLink:
    """The child's end of the socket, which is its standard input; nothing that it starts inherits it."""

    def __init__(self) -> None:
        self._socket = socket.socket(fileno=os.dup(0))
        self._sending = threading.Lock()
        self._taking = threading.Lock()
        self._early: SimpleQueue[object] = SimpleQueue()
        self._take: Callable[[object], object] = self._early.put
        null = os.open(os.devnull, os.O_RDONLY)
        os.dup2(null, 0)
        os.close(null)
        threading.Thread(target=self._listen, daemon=True).start()

    @property
    def has_message(self) -> bool:
        """Whether something came before `pass_to` was called."""
        return not self._early.empty()

    def pass_to(self, take: Callable[[object], object]) -> None:
        """Pass every message to a function that may be called from any thread."""
        with self._taking:
            while not self._early.empty():
                take(self._early.get())
            self._take = take

    def send(self, message: object) -> None:
        """Send a message; any thread may call it."""
        with self._sending, suppress(OSError):  # the parent is dead, and this process ends in a moment
            self._socket.sendall(encode_frame(message))

    def _listen(self) -> None:
        with suppress(OSError, EOFError):
            while True:
                (length,) = FRAME_HEADER.unpack(self._receive(FRAME_HEADER.size))
                message = pickle.loads(self._receive(length))  # noqa: S301 - from our own parent, over a private socket
                with self._taking:
                    self._take(message)
        os.kill(os.getpid(), signal.SIGKILL)  # also while the program keeps every other thread from running

    def _receive(self, count: int) -> bytes:
        parts = bytearray()
        while len(parts) < count:
            part = self._socket.recv(min(count - len(parts), 1 << 20))
            if not part:
                raise EOFError("the parent has ended")
            parts += part
        return bytes(parts)


class TaskServer:
    """Carries out the tasks that come, one at a time."""

    def __init__(self, link: ParentLink, home: Path) -> None:
        from semantest_iac.infrastructure.sandbox_engine.engine import SandboxEngine
        from semantest_iac.infrastructure.sandbox_engine.state.store import StateStore
        from semantest_iac.infrastructure.simulated_cloud.runtime.providers import cloud_factory

        self._link = link
        self._secrets: dict[str, str] = {}
        clouds = cloud_factory(home / "cloud.db")
        self._engine = SandboxEngine(StateStore(home / "sandbox"), clouds, lambda _, secret: self._secrets[secret.key])
        self._running: asyncio.Task[None] | None = None
        self._answer: asyncio.Future[bool] | None = None
        self._has_all_modules = False

    async def serve(self) -> None:
        """Serve for as long as the process lives."""
        loop, inbox = asyncio.get_running_loop(), asyncio.Queue[object]()
        self._link.pass_to(lambda message: loop.call_soon_threadsafe(inbox.put_nowait, message))
        while True:
            message = await inbox.get()
            if isinstance(message, SandboxTask):
                self._running = asyncio.create_task(self._run(message))
            elif isinstance(message, StopTask) and self._running is not None:
                self._running.cancel()
            elif isinstance(message, SettledAnswer) and self._answer is not None and not self._answer.done():
                self._answer.set_result(message.is_recorded)

    async def _run(self, task: SandboxTask) -> None:
        self._secrets = dict(task.secrets)
        answer: object
        try:
            result = await self._call(task)
            answer = TaskFinished(result, any(result is given for given in task.arguments))
        except asyncio.CancelledError:
            answer = TaskStopped()
        except Exception as error:
            answer = TaskFailed(StoredError.store(error))
        self._secrets = {}
        self._link.send(answer)
        if not self._has_all_modules:
            self._has_all_modules = True
            gc.freeze()  # else every second deployment waits 0.1 s for a look at what stays for good

    async def _call(self, task: SandboxTask) -> Any:
        engine: Any = self._engine
        return await getattr(engine, task.operation)(*task.arguments, *self._make_callbacks(task.operation))

    def _make_callbacks(self, operation: SandboxOperation) -> tuple[Any, ...]:
        if operation in ("apply", "publish_code"):
            return self._publish, self._report
        return (self._report,) if operation == "destroy" else ()

    async def _publish(self, settled: SettledResource) -> None:
        self._answer = asyncio.get_running_loop().create_future()
        self._link.send(Settled(settled))
        if not await self._answer:
            raise RuntimeError("what has settled could not be recorded")

    def _report(self, progress: ResourceProgress) -> None:
        self._link.send(Progressed(progress))


def _end_with_parent(parent: int) -> None:
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_KILL_WITH_PARENT, signal.SIGKILL)
    if os.getppid() != parent:  # it has ended already
        os.kill(os.getpid(), signal.SIGKILL)


def import_service_programs(is_enough: Callable[[], bool] = lambda: False) -> None:
    """Import what the programs of services need, on every cloud whose SDK is here; ends early once it is enough."""
    from semantest_iac.domain.errors import RefusedError
    from semantest_iac.infrastructure.cloud_programs.cloud import LazyFunction, find_cloud

    for name in _CLOUDS:
        with suppress(RefusedError, ImportError), warnings.catch_warnings():  # its SDK is not installed
            warnings.simplefilter("ignore", DeprecationWarning)
            cloud = find_cloud(name)
            common = [function for kind, function in cloud.kinds.items() if kind.__name__ in KINDS_OF_SERVICES]
            for function in (cloud.foundation, *common):
                if is_enough():
                    return
                if isinstance(function, LazyFunction):
                    function.load()


def serve_parent(home: str, parent: str) -> None:
    """Serve the parent."""
    gc.set_threshold(5_000, 20, 20)  # nearly all that is made by the imports stays
    _end_with_parent(int(parent))
    link = ParentLink()
    server = TaskServer(link, Path(home))
    import_service_programs(lambda: link.has_message)  # until there is something to do
    asyncio.run(server.serve())


if __name__ == "__main__":
    serve_parent(*sys.argv[1:])
