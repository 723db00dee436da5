"""One instance of a service: a process with a port of its own, which is asked whether it works."""

from __future__ import annotations

import asyncio
import http.client
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from semantest_iac.domain.compute.containers import HealthProbe
from semantest_iac.domain.networking.http_exchange import HttpRequest, HttpResponse
from semantest_iac.domain.security.redaction import Redactor
from semantest_iac.infrastructure.function_runtimes.platforms import parent_death_signal_prefix
from semantest_iac.infrastructure.local_service.containers.http_calls import send_to_port
from semantest_iac.infrastructure.local_service.containers.service_spec import (
    PORT_VARIABLE,
    IngressRules,
    ServiceSpec,
    ServiceUnreachableError,
)

_HEALTHY = range(200, 400)
_FIRST_LOOKS_S = 0.1  # between two looks at an instance that starts
_LARGEST_CHUNK = 64 * 1024

WriteLog = Callable[[str], None]
"""Receives lines that a service wrote, without the values of its secrets."""


class _Health:
    """What the answers of one instance say about it."""

    def __init__(self, probe: HealthProbe) -> None:
        self._probe = probe
        self._began = time.monotonic()
        self._failures = 0

    def find_fault(self, status: int, *, is_ready: bool) -> str:
        """Return why the instance is to be replaced after an answer, 0 for none; empty where it may go on."""
        probe, is_healthy = self._probe, status in _HEALTHY
        self._failures = 0 if is_healthy else self._failures + is_ready
        said = f"answered {probe.path} with {status}" if status else f"did not answer {probe.path}"
        if self._failures >= probe.failures:
            return f"{said}, {self._failures} times in a row"
        if not is_healthy and not is_ready and time.monotonic() - self._began > probe.start_s:
            return f"{said}{'' if status else f' at the port in {PORT_VARIABLE}'}, for {probe.start_s} seconds"
        return ""


class ServiceInstance:
    """A process that leads its own group; `ended` is set when it does not run any more, whatever the reason."""

    def __init__(self, spec: ServiceSpec, number: int, write_log: WriteLog, calls: Executor) -> None:
        self.spec = spec
        self.number = number
        self.port = 0
        self.requests = 0
        self.is_ready = False
        self.reason = ""
        self.ended = asyncio.Event()
        self._write_log = write_log
        self._calls = calls
        self._folder = Path()
        self._process: asyncio.subprocess.Process | None = None
        self._running: asyncio.Task[None] | None = None
        self._is_leaving = self._is_stopping = False
        self._answered = asyncio.Event()
        self._answered.set()

    def start(self, on_change: Callable[[], None]) -> None:
        """Start the process in the background; `on_change` is called when it is ready and when it has ended."""
        self._running = asyncio.create_task(self._run(on_change))

    @property
    def ingress(self) -> IngressRules:
        """What holds for requests to the service."""
        return self.spec.ingress

    @contextmanager
    def count_request(self) -> Iterator[None]:
        """Count a request, for which the process is left alone as long as the block."""
        self.requests += 1
        self._answered.clear()
        try:
            yield
        finally:
            self.requests -= 1
            if not self.requests:
                self._answered.set()

    async def call(self, request: HttpRequest) -> HttpResponse:
        """Send a request to the process and return the whole answer; raises ServiceUnreachableError."""
        try:
            return await asyncio.get_running_loop().run_in_executor(
                self._calls, send_to_port, self.port, request, self.ingress.idle_s
            )
        except (OSError, http.client.HTTPException, ValueError) as error:
            text = str(error) or type(error).__name__
            raise ServiceUnreachableError(f"service '{self.spec.name}' did not answer: {text}") from error

    async def stop(self, grace_s: float) -> None:
        """Ask the process to end when it has answered what it got, and kill it and what it has started if it does not.

        It has so many seconds to answer, and as many to end.
        """
        self._is_leaving, self.is_ready = True, False
        with suppress(TimeoutError):
            async with asyncio.timeout(grace_s):
                await self._answered.wait()
        self._is_stopping = True
        self._signal(signal.SIGTERM)
        with suppress(TimeoutError):
            async with asyncio.timeout(grace_s):
                await self.ended.wait()
        self._signal(signal.SIGKILL)
        if self._running:
            await asyncio.gather(self._running, return_exceptions=True)

    async def _run(self, on_change: Callable[[], None]) -> None:
        self._folder = Path(await asyncio.to_thread(tempfile.mkdtemp, prefix="semantest-service-"))
        reading: asyncio.Task[None] | None = None
        try:
            if reason := _find_program_fault(self.spec):
                self.reason = reason
                return
            pipe, stream, output = await _open_pipe()
            reading = asyncio.create_task(self._read_output(stream, pipe))
            self._process = await self._spawn(output)
            if self._is_stopping:
                self._signal(signal.SIGKILL)
            await self._watch(self._process, on_change)
        except OSError as error:
            self.reason = f"{self.spec.command[0]}: {error.strerror or error}"
        finally:
            self.is_ready = False
            await self._clean_up(reading)
            self.ended.set()
            on_change()

    async def _clean_up(self, reading: asyncio.Task[None] | None) -> None:
        """End what the process has started, take the rest of what it wrote, and remove its folder."""
        self._signal(signal.SIGKILL)
        if self._process:
            await self._process.wait()
        if reading:
            with suppress(TimeoutError):
                await asyncio.wait_for(reading, 1)
        await asyncio.to_thread(shutil.rmtree, self._folder, ignore_errors=True)

    async def _spawn(self, output: int) -> asyncio.subprocess.Process:
        """Start the process, which writes to this descriptor; it is closed here."""
        self.port = _find_free_port()
        own = {PORT_VARIABLE: str(self.port), "HOME": str(self._folder), "TMPDIR": str(self._folder)}
        try:
            return await asyncio.create_subprocess_exec(
                *parent_death_signal_prefix(),
                *self.spec.command,
                cwd=self.spec.folder,
                env={"PATH": _find_path(self.spec), "LANG": "C.UTF-8", **self.spec.environment, **own},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        finally:
            os.close(output)

    async def _watch(self, process: asyncio.subprocess.Process, on_change: Callable[[], None]) -> None:
        """Return when the process has ended, or does not work any more."""
        waiting, health = asyncio.create_task(process.wait()), _Health(self.spec.probe)
        try:
            while not self.reason:
                interval = self.spec.probe.interval_s if self.is_ready else _FIRST_LOOKS_S
                await asyncio.wait({waiting}, timeout=interval)
                if waiting.done():
                    self.reason = "" if self._is_leaving else f"ended with status {process.returncode}"
                    return
                if not self._is_leaving:
                    self._judge(health, on_change, await self._ask())
        finally:
            waiting.cancel()

    def _judge(self, health: _Health, on_change: Callable[[], None], status: int) -> None:
        was_ready = self.is_ready
        self.reason = health.find_fault(status, is_ready=was_ready)
        self.is_ready = (was_ready or status in _HEALTHY) and not self._is_leaving
        if self.is_ready and not was_ready:
            on_change()

    async def _ask(self) -> int:
        """Return the status of its answer to the probe, 0 where there is none."""
        request = HttpRequest("GET", self.spec.probe.path, headers=(("user-agent", "semantest-iac probe"),))
        try:
            answer = await asyncio.to_thread(send_to_port, self.port, request, float(self.spec.probe.timeout_s))
        except (OSError, http.client.HTTPException, ValueError):
            return 0
        return answer.status

    async def _read_output(self, stream: asyncio.StreamReader, pipe: asyncio.BaseTransport) -> None:
        """Pass on whole lines, and the rest at the end, without values of secrets."""
        with closing(pipe):
            await self._pass_on(stream, Redactor(self.spec.secrets))

    async def _pass_on(self, stream: asyncio.StreamReader, redactor: Redactor) -> None:
        waiting = b""
        while chunk := await stream.read(_LARGEST_CHUNK):
            lines, _, waiting = (waiting + chunk).rpartition(b"\n")
            if len(waiting) > _LARGEST_CHUNK:
                lines, waiting = lines + b"\n" + waiting, b""
            if lines.strip():
                self._write_log(redactor.redact(lines.decode(errors="replace")))
        if waiting.strip():
            self._write_log(redactor.redact(waiting.decode(errors="replace")))

    def _signal(self, number: signal.Signals) -> None:
        if self._process:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, number)


def _find_path(spec: ServiceSpec) -> str:
    return spec.environment.get("PATH") or os.environ.get("PATH", os.defpath)


def _find_program_fault(spec: ServiceSpec) -> str:
    """Return why the program cannot be started; what starts it as its child would say no more than a status."""
    program = spec.command[0]
    if os.sep not in program:
        is_there = shutil.which(program, path=_find_path(spec)) is not None
        return "" if is_there else f"there is no program '{program}' on the PATH: install it, or correct start"
    path = Path(spec.folder or ".", program)
    if not path.is_file():
        return f"there is no file '{program}' in the folder of the service: correct start"
    return "" if os.access(path, os.X_OK) else f"'{program}' is not executable: chmod +x {path}"


def _find_free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


async def _open_pipe() -> tuple[asyncio.BaseTransport, asyncio.StreamReader, int]:
    """Return a pipe and where to write into it; with one of asyncio, a process ends only with what it has started."""
    ours, theirs = os.pipe()
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    protocol = asyncio.StreamReaderProtocol(reader)
    pipe, _ = await loop.connect_read_pipe(lambda: protocol, open(ours, "rb", buffering=0))  # noqa: ASYNC230, PTH123, SIM115 - a descriptor
    return pipe, reader, theirs
