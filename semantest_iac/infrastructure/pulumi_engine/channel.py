"""The child's end of the pipe to its parent: tasks come in, lines of JSON go out, and the parent's end shows."""

from __future__ import annotations

import json
import os
import pickle
import socket
import struct
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from queue import SimpleQueue
from typing import Any

from semantest_iac.infrastructure.pulumi_engine.tasks import Task

LENGTH = struct.Struct(">Q")
STOP = LENGTH.pack(0)


class Channel:
    """Takes over standard input, which the parent made a socket; nothing started from here inherits it."""

    def __init__(self) -> None:
        self._socket = socket.socket(fileno=os.dup(0))
        self._sending = threading.Lock()
        self._tasks: SimpleQueue[Task | None] = SimpleQueue()
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.close(nothing)

    def tasks(self) -> Iterator[Task]:
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

    def _received(self) -> Task | None:
        """The next task, or None for stop; raises EOFError when the parent has ended."""
        (length,) = LENGTH.unpack(self._exactly(LENGTH.size))
        if not length:
            return None
        task: Task = pickle.loads(self._exactly(length))  # noqa: S301 - from our own parent, over a pipe of its own
        return task

    def _exactly(self, count: int) -> bytes:
        parts = bytearray()
        while len(parts) < count:
            part = self._socket.recv(min(count - len(parts), 1 << 20))
            if not part:
                raise EOFError("the parent has ended")
            parts += part
        return bytes(parts)
