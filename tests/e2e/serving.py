"""Runs `serve` in the background of a test."""

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

from tests.e2e.conftest import Workspace

SECONDS = 10


@dataclass(frozen=True)
class RunningGateway:
    """A running `serve` process and its URL."""

    url: str
    process: subprocess.Popen[str]

    def get(self, path: str, timeout_s: float = SECONDS) -> str:
        with urllib.request.urlopen(f"{self.url}{path}", timeout=timeout_s) as answer:
            return str(answer.read().decode())


@contextmanager
def run_gateway(workspace: Workspace, *arguments: str) -> Iterator[RunningGateway]:
    """Run a command that serves and yield its gateway; at the end, SIGTERM must stop it."""
    with workspace.start(*arguments) as process:
        assert process.stdout
        lines = iter(process.stdout.readline, "")
        url = next(json.loads(line)["url"] for line in lines if line.startswith('{"url"'))
        threading.Thread(target=deque, args=(lines, 0), daemon=True).start()  # a full pipe would block it
        yield RunningGateway(url, process)
        process.send_signal(signal.SIGTERM)
        assert process.wait(SECONDS) == 0
