"""The child's end of the pipe to its parent: one task comes in, lines of JSON go out, and its end is the parent's."""

from __future__ import annotations

import json
import os
import pickle
import socket
import struct
import threading
from collections.abc import Callable, Mapping
from typing import Any

from semantest_iac.infrastructure.pulumi_engine.tasks import Task

LENGTH = struct.Struct(">Q")


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

    def when_parent_ends(self, act: Callable[[], None]) -> None:
        """Act in a thread of its own as soon as the parent hangs up or dies."""
        threading.Thread(target=self._await_end, args=(act,), daemon=True).start()

    def _await_end(self, act: Callable[[], None]) -> None:
        try:
            while self._socket.recv(1024):
                pass
        except OSError:
            pass
        act()

    def _exactly(self, count: int) -> bytes:
        parts = bytearray()
        while len(parts) < count:
            part = self._socket.recv(min(count - len(parts), 1 << 20))
            if not part:
                raise EOFError("the parent has ended")
            parts += part
        return bytes(parts)
