"""A gateway that runs beside a test."""

from __future__ import annotations

import json
import signal
import subprocess
import threading
import urllib.request
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tests.e2e.conftest import Desk

SECONDS = 10


@dataclass(frozen=True)
class Served:
    """A running gateway."""

    url: str
    process: subprocess.Popen[str]

    def get(self, path: str) -> str:
        """The body of an answer."""
        with urllib.request.urlopen(f"{self.url}{path}", timeout=SECONDS) as answer:
            return str(answer.read().decode())


@contextmanager
def served(desk: Desk, *arguments: str) -> Iterator[Served]:
    """The gateway that the command opens, for as long as the block; it must end by itself when it is asked to."""
    with desk.start(*arguments) as process:
        assert process.stdout
        lines = iter(process.stdout.readline, "")
        url = next(json.loads(line)["url"] for line in lines if line.startswith('{"url"'))
        threading.Thread(target=deque, args=(lines, 0), daemon=True).start()  # a full pipe would stop it
        yield Served(url, process)
        process.send_signal(signal.SIGTERM)
        assert process.wait(SECONDS) == 0
