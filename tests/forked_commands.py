"""Runs commands of the application in forks of a process that has imported all of it.

Importing takes longer than most commands, and the tests start more than a thousand. A forked command is a process like
any other: it has arguments, a folder, an environment and streams of its own, and ends with an exit code.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import json
import os
import pkgutil
import runpy
import select
import signal
import socket
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).parents[1]
_READ_AT_THE_START = ("PYTHON", "LC_", "LANG", "TZ", "SEMANTEST_HOME", "COVERAGE_")
_STREAMS = 3
_FEW_BYTES = 64


def can_fork(variables: Mapping[str, str]) -> bool:
    """Whether a command may be forked: Python and the modules do not read any of its variables when they start."""
    return not any(name.startswith(_READ_AT_THE_START) for name in variables)


def run_forked(
    arguments: Sequence[str], folder: Path, environment: Mapping[str, str], stdin: str, timeout_s: float
) -> subprocess.CompletedProcess[str]:
    """Run a command as `python -m semantest_iac` would and wait for its end; raises TimeoutExpired."""
    request = {"arguments": list(arguments), "folder": str(folder), "environment": dict(environment)}
    with ExitStack() as files:
        passed = [files.enter_context(tempfile.TemporaryFile()) for _ in range(_STREAMS + 1)]
        for file, text in zip(passed, (json.dumps(request), stdin), strict=False):
            file.write(text.encode())
            file.seek(0)
        reading, writing = os.pipe()
        with os.fdopen(reading, "rb", buffering=0) as answer:
            try:
                socket.send_fds(_start_server(), [b"run"], [*(file.fileno() for file in passed), writing])
            finally:
                os.close(writing)
            started = answer.read(_FEW_BYTES)
            assert started, "The process that forks has ended; its error is in the output of the tests."
            command = int(started)
            code = _wait(command, answer, [*arguments], timeout_s)
        texts = []
        for file in passed[2:]:
            file.seek(0)
            texts.append(file.read().decode())
    return subprocess.CompletedProcess([*arguments], code, *texts)


def _wait(command: int, answer: Any, arguments: list[str], timeout_s: float) -> int:
    if not select.select([answer], [], [], timeout_s)[0]:
        os.kill(command, signal.SIGKILL)
        raise subprocess.TimeoutExpired(arguments, timeout_s)
    return int(answer.read(_FEW_BYTES))


@cache
def _start_server() -> socket.socket:
    """Return the connection to the process that forks; it ends when this process has ended."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    path = os.pathsep.join((str(_ROOT), str(_ROOT / "events")))
    server = subprocess.Popen(
        [sys.executable, __file__, str(theirs.fileno())],
        env={**{name: value for name, value in os.environ.items() if can_fork({name: value})}, "PYTHONPATH": path},
        stdin=subprocess.DEVNULL,
        pass_fds=[theirs.fileno()],
    )
    theirs.close()

    def end() -> None:
        ours.close()
        server.wait()

    atexit.register(end)
    return ours


def _serve(connection: socket.socket) -> list[str]:
    """Fork a command for each request, and return its arguments there; ends the process with the connection."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the forks that wait for commands
    while True:
        _, received, _, _ = socket.recv_fds(connection, 16, _STREAMS + 2)
        if not received:
            os._exit(0)
        if os.fork() == 0:
            connection.close()
            return _become_command(received)
        for descriptor in received:
            os.close(descriptor)


def _become_command(received: list[int]) -> list[str]:
    """Fork once more: one process waits and reports the exit code, the other becomes the command."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    request, *streams, answer = received
    if command := os.fork():
        os.write(answer, str(command).encode())
        os.write(answer, str(os.waitstatus_to_exitcode(os.waitpid(command, 0)[1])).encode())
        os._exit(0)
    with os.fdopen(request, "rb") as file:
        details = json.load(file)
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
    os.closerange(_STREAMS, answer + 1)
    os.chdir(details["folder"])
    os.environ.clear()
    os.environ.update(details["environment"])
    sys.path[0] = details["folder"]
    return list(details["arguments"])


def _import_everything() -> None:
    import semantest_iac

    warnings.simplefilter("ignore", DeprecationWarning)  # the SDKs use what they deprecate
    for module in pkgutil.walk_packages(semantest_iac.__path__, "semantest_iac."):
        if "pythoneda" not in module.name and not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    from semantest_iac.infrastructure.sandbox_engine.child.__main__ import import_service_programs

    import_service_programs()
    gc.collect()
    gc.freeze()  # so that no fork copies what it does not change
    warnings.resetwarnings()


if __name__ == "__main__":
    _import_everything()
    sys.argv[1:] = _serve(socket.socket(fileno=int(sys.argv[1])))
    runpy.run_module("semantest_iac", run_name="__main__", alter_sys=True)
