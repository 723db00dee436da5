"""The child's end of the pipe to its parent: a task comes in, lines of JSON go out, and the parent's end shows."""

from __future__ import annotations

import json
import os
import pickle
import socket
import struct
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from semantest_iac.infrastructure.pulumi_engine.tasks import Task

LENGTH = struct.Struct(">Q")
STOP = b"stop"


class Channel:
    """Takes over standard input, which the parent made a socket; nothing started from here inherits it."""

    def __init__(self) -> None:
        self._socket = socket.socket(fileno=os.dup(0))
        self._sending = threading.Lock()
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.close(nothing)

    def receive(self) -> Task:
        """The task; raises EOFError when the parent ended before it was told."""
        (length,) = LENGTH.unpack(self._exactly(LENGTH.size))
        task: Task = pickle.loads(self._exactly(length))  # noqa: S301 - from our own parent, over a pipe of its own
        return task

    def send(self, message: Mapping[str, Any]) -> None:
        """One line; raises OSError when the parent is gone. Any thread may send."""
        line = json.dumps(message).encode() + b"\n"
        with self._sending:
            self._socket.sendall(line)

    def listen(self, *, stop: Callable[[], None], end: Callable[[], None]) -> None:
        """Call `stop` when the parent asks for it, and `end` when it is gone, from a thread of its own."""
        threading.Thread(target=self._listen, args=(stop, end), daemon=True).start()

    def _listen(self, stop: Callable[[], None], end: Callable[[], None]) -> None:
        with suppress(OSError):
            while self._socket.recv(1024):
                stop()
        end()

    def _exactly(self, count: int) -> bytes:
        parts = bytearray()
        while len(parts) < count:
            part = self._socket.recv(min(count - len(parts), 1 << 20))
            if not part:
                raise EOFError("the parent has ended")
            parts += part
        return bytes(parts)
