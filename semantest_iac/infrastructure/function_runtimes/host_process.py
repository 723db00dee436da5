"""Starts one operating system process with a host program in it and talks to it over a socket."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import socket
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from pathlib import Path

from semantest_iac.domain.security.redaction import Redactor, redact_cut_text

MAX_LOG_BYTES = 64 * 1024
MAX_LOG_LINES = 4000
READ_CHUNK_BYTES = 256 * 1024
PROCESS_EXIT_TIMEOUT_S = 5
LOWER_PRIORITY = 10  # added to the nice value
CHANNEL_VARIABLE = "SEMANTEST_CHANNEL"  # as in the host programs, which hide it from the function
_PEAK_MEMORY = re.compile(rb"^VmHWM:\s+(\d+) kB$", re.MULTILINE)


class LogTail:
    """Keeps the last MAX_LOG_BYTES and MAX_LOG_LINES of the output that was not taken yet, without values of secrets.

    As many bytes more are kept as the longest form of a secret has, so that none is cut before it is recognized.
    """

    def __init__(self, redactor: Redactor | None = None) -> None:
        self._redactor = redactor or Redactor()
        self._output = bytearray()
        self._is_cut = False
        self._has_ended = False

    @cached_property
    def _most_bytes(self) -> int:
        return MAX_LOG_BYTES + self._redactor.longest_form

    async def collect(self, stream: asyncio.StreamReader) -> None:
        """Read the stream to its end, so that a function that writes much is never blocked."""
        while chunk := await stream.read(READ_CHUNK_BYTES):
            self._output += chunk
            if len(self._output) > self._most_bytes:
                del self._output[: -self._most_bytes]
                self._is_cut = True
        self._has_ended = True

    def take(self) -> str:
        """Return the output since the last time as text, with an ellipsis first if the beginning was dropped.

        What may be the beginning of a secret is returned with the rest of it.
        """
        text = self._output.decode(errors="replace")
        dropped = self._output[:-MAX_LOG_BYTES] if self._is_cut else b""
        start = len(dropped.decode(errors="ignore"))
        self._output.clear()
        if not self._has_ended:
            waiting = text[self._redactor.find_unfinished(text) :]
            self._output += waiting.encode()
            text = text[: len(text) - len(waiting)]
        redacted = redact_cut_text(self._redactor, text, start)
        if redacted.count("\n") > MAX_LOG_LINES:
            redacted = redacted.split("\n", redacted.count("\n") - MAX_LOG_LINES)[-1]
            self._is_cut = True
        is_cut, self._is_cut = self._is_cut, False
        return f"…{redacted}" if is_cut else redacted


class HostProcess:
    """A process that leads its own group; `end` kills the whole group."""

    def __init__(
        self,
        process: asyncio.subprocess.Process,
        channel: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        redactor: Redactor,
    ) -> None:
        self._process = process
        self._reader, self._writer = channel
        self.logs = LogTail(redactor)
        self._log_task = asyncio.create_task(self.logs.collect(process.stdout or asyncio.StreamReader()))

    @classmethod
    async def spawn(
        cls,
        command: Sequence[str],
        folder: Path,
        environment: Mapping[str, str],
        max_answer_bytes: int,
        redactor: Redactor,
    ) -> HostProcess:
        """Start the command; a variable names its descriptor, and its first line says whether it is ready."""
        ours, theirs = socket.socketpair()
        try:
            process = await asyncio.create_subprocess_exec(
                *command, pass_fds=(theirs.fileno(),), cwd=folder,
                env={**environment, CHANNEL_VARIABLE: str(theirs.fileno())}, stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
        return cls(process, await asyncio.open_unix_connection(sock=ours, limit=max_answer_bytes), redactor)

    async def ask(self, line: bytes = b"") -> bytes:
        """Send a line and wait for the next answer; empty when the process has ended.

        Raises ValueError for an answer longer than `max_answer_bytes`.
        """
        try:
            self._writer.write(line)
            await self._writer.drain()
            answer = await self._reader.readline()
        except ConnectionError:
            return b""
        await asyncio.sleep(0)  # the function's output arrived before its answer: let the collector read it
        await asyncio.sleep(0)
        return answer if answer.endswith(b"\n") else b""

    def lower_priority(self) -> None:
        """Let the process use what serve, and processes of other priority, leave of the processor."""
        with suppress(ProcessLookupError):
            os.setpriority(os.PRIO_PROCESS, self._process.pid, os.getpriority(os.PRIO_PROCESS, 0) + LOWER_PRIORITY)

    def measure_memory(self) -> int:
        """Return the most memory that the process used, in MB rounded up; 0 where the system does not tell."""
        try:
            status = Path(f"/proc/{self._process.pid}/status").read_bytes()
        except OSError:
            return 0
        match = _PEAK_MEMORY.search(status)
        return -(-int(match[1]) // 1024) if match else 0

    async def end(self) -> int:
        """Kill the group and return the exit status, negative for a signal; safe to call twice."""
        status = await self._exit_status()
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._writer.close()
        with suppress(TimeoutError):
            async with asyncio.timeout(PROCESS_EXIT_TIMEOUT_S):
                await self._process.wait()
                await self._log_task
        self._log_task.cancel()
        return -signal.SIGKILL if status is None else status

    async def _exit_status(self) -> int | None:
        """Return the exit status if the process ended by itself: its socket closes shortly before it exits."""
        if self._reader.at_eof():
            with suppress(TimeoutError):
                async with asyncio.timeout(1):
                    return await self._process.wait()
        return self._process.returncode
