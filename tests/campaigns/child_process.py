"""Runs a function in a forked child with everything imported, and returns how the child ended."""

from __future__ import annotations

import json
import os
import select
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

LIMIT_S = 600.0
_BYTES_PER_READ = 1 << 16


class ChildResult(NamedTuple):
    """What the function returned (None if it did not), the signal that ended the child, and whether it hung."""

    value: Any
    signal: int
    hung: bool


def list_processes_of(folder: Path) -> list[str]:
    """List the id and command line of every other process that has the folder in its words or variables."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            words, variables = (entry / "cmdline").read_bytes(), (entry / "environ").read_bytes()
        except OSError:  # it has ended, or is another user's
            continue
        if bytes(folder) in words + variables and int(entry.name) != os.getpid():
            found.append(f"{entry.name}: {words.replace(bytes(1), b' ').decode(errors='replace')}")
    return found


def run_in_child(function: Callable[[], Any], limit_s: float = LIMIT_S) -> ChildResult:
    """Call the function, whose result must be JSON, in a child that is killed after so many seconds.

    The caller has no threads. An exception of the function is returned as `{"raised": …}`.
    """
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        _run_and_exit(function, writer)
    os.close(writer)
    text, hung = _read_until(reader, time.monotonic() + limit_s)
    if hung:
        os.kill(child, signal.SIGKILL)
    status = os.waitpid(child, 0)[1]
    return ChildResult(json.loads(text) if text else None, status & 0x7F, hung)


def _run_and_exit(function: Callable[[], Any], writer: int) -> None:
    code = 1
    try:
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # the parent's stdout has its reports only
        content = json.dumps(_call(function)).encode()
        while content:
            content = content[os.write(writer, content) :]
        code = 0
    finally:
        os._exit(code)


def _call(function: Callable[[], Any]) -> Any:
    try:
        return function()
    except Exception as error:
        return {"raised": f"{type(error).__name__}: {error}"}


def _read_until(reader: int, deadline: float) -> tuple[bytes, bool]:
    """Read to the end of the pipe; True if the deadline came first."""
    chunks: list[bytes] = []
    while select.select([reader], [], [], max(0.0, deadline - time.monotonic()))[0]:
        chunk = os.read(reader, _BYTES_PER_READ)
        if not chunk:
            os.close(reader)
            return b"".join(chunks), False
        chunks.append(chunk)
    os.close(reader)
    return b"", True
