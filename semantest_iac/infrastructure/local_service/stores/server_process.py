"""Runs a server that others have made, until the exits that it was started with, and asks it for stores."""

from __future__ import annotations

import asyncio
import os
import ssl
import subprocess
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack, suppress

from semantest_iac.infrastructure.function_runtimes.platforms import parent_death_signal_prefix
from semantest_iac.infrastructure.local_service.stores.local_stores import StoresUnavailableError

START_TIMEOUT_S = 60.0
_KEPT_VARIABLES = ("PATH", "HOME", "LANG", "TMPDIR")
_STOP_TIMEOUT_S = 5.0


class ServerProcess:
    """A started server, and the lines that it wrote until it was ready."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._reading: asyncio.Task[None] | None = None

    @property
    def is_running(self) -> bool:
        return self._process.returncode is None

    async def read_lines(self, count: int, mark: str = "") -> list[str]:
        """Return the first lines with the mark; raises StoresUnavailableError where the server ends before."""
        assert self._process.stdout is not None  # noqa: S101 - it is a pipe
        found: list[str] = []
        with suppress(TimeoutError):
            async with asyncio.timeout(START_TIMEOUT_S):
                while len(found) < count and (line := await self._process.stdout.readline()):
                    found += [line.decode(errors="replace").strip()] if mark in line.decode(errors="replace") else []
        if len(found) < count:
            await self.stop()
            raise StoresUnavailableError("its server did not start")
        self._reading = asyncio.create_task(self._discard_output(self._process.stdout))
        return found

    @staticmethod
    async def _discard_output(stream: asyncio.StreamReader) -> None:
        """Read what the server writes, as a full pipe would block it."""
        while await stream.read(65_536):
            pass

    async def stop(self) -> None:
        """End the server, which stores what it has; kill it where it does not."""
        if self._reading:
            self._reading.cancel()
        with suppress(ProcessLookupError):
            self._process.terminate()
        try:
            await asyncio.wait_for(self._process.wait(), _STOP_TIMEOUT_S)
        except TimeoutError:
            with suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()


async def start_server(command: Sequence[str], variables: Mapping[str, str], exits: AsyncExitStack) -> ServerProcess:
    """Start a server that ends with this process, with further variables; raises StoresUnavailableError."""
    kept = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
    try:
        started = await asyncio.create_subprocess_exec(
            *parent_death_signal_prefix(),
            *command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**kept, **variables},
        )
    except OSError as error:
        raise StoresUnavailableError(f"its server cannot be started: {error.strerror}") from error
    process = ServerProcess(started)
    exits.push_async_callback(process.stop)
    return process


def create_store(
    request: urllib.request.Request,
    program: str,
    name: str,
    is_there: Callable[[urllib.error.HTTPError], bool],
    trusted: ssl.SSLContext | None = None,
) -> None:
    """Send the request that creates a table or bucket, unless it `is_there`; raises StoresUnavailableError."""
    try:
        with urllib.request.urlopen(request, timeout=START_TIMEOUT_S, context=trusted):  # noqa: S310 - our own address
            return
    except urllib.error.HTTPError as error:
        if not is_there(error):
            reason = f"{program} refuses to create '{name}' with status {error.code}"
            raise StoresUnavailableError(reason) from error
    except OSError as error:
        raise StoresUnavailableError(f"{program} does not answer: {error}") from error
