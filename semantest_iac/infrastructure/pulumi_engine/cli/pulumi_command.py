"""Runs the Pulumi CLI with bounded time and output, and leaves no process behind."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass

from pulumi.automation import CommandResult, OnOutput, PulumiCommand
from pulumi.automation.errors import create_command_error
from semver import VersionInfo

from semantest_iac.infrastructure.function_runtimes.platforms import parent_death_signal_prefix
from semantest_iac.infrastructure.pulumi_engine.cli.location import PulumiCli
from semantest_iac.infrastructure.pulumi_engine.runs import kill_process_group

TRANSCRIPT_LINE_LIMIT = 64 * 1024
TRANSCRIPT_HEAD_LIMIT, TRANSCRIPT_TAIL_LIMIT = 64 * 1024, 256 * 1024
_OMISSION_MARK = "[… cut …]"
_POLL_S = 0.1
_PIPE_DRAIN_S = 1.0  # how long a pipe may stay open after the CLI has ended: a plugin may hold it
_READ_BYTES = 64 * 1024


class Transcript:
    """The output of a program as text of bounded size: its first and last lines; a listener gets every line.

    A listener that raises is not called again. Its exception is kept in `listener_error` and reading goes on, because
    the program would block on a full pipe for ever.
    """

    def __init__(self, listener: Callable[[str], object] | None = None) -> None:
        self.listener_error: Exception | None = None
        self._listener = listener
        self._pending = b""
        self._is_skipping = False  # the rest of a line that is too long
        self._head: list[str] = []
        self._tail: deque[str] = deque()
        self._head_left, self._tail_size = TRANSCRIPT_HEAD_LIMIT, 0
        self._has_omissions = False

    def feed(self, data: bytes) -> None:
        """Take the next bytes; invalid UTF-8 becomes replacement characters."""
        *lines, rest = data.split(b"\n")
        for line in lines:
            self._extend(line)
            self._end_line()
        self._extend(rest)

    def close(self) -> None:
        """End a last line that has no newline."""
        if self._pending:
            self._end_line()

    @property
    def text(self) -> str:
        """The first and last lines, and a mark where lines were omitted."""
        return "\n".join([*self._head, *([_OMISSION_MARK] if self._has_omissions else []), *self._tail])

    def _extend(self, part: bytes) -> None:
        if not self._is_skipping:
            self._pending += part[: TRANSCRIPT_LINE_LIMIT - len(self._pending)]
            self._is_skipping = len(self._pending) >= TRANSCRIPT_LINE_LIMIT

    def _end_line(self) -> None:
        line = self._pending.decode("utf-8", "replace").rstrip()
        self._pending, self._is_skipping = b"", False
        self._keep(line)
        if self._listener and self.listener_error is None:
            try:
                self._listener(line)
            except Exception as error:  # raised after the end of the program
                self.listener_error = error

    def _keep(self, line: str) -> None:
        if self._head_left >= len(line) and not self._tail:
            self._head.append(line)
            self._head_left -= len(line) + 1
            return
        self._tail.append(line)
        self._tail_size += len(line) + 1
        while self._tail_size > TRANSCRIPT_TAIL_LIMIT and len(self._tail) > 1:
            self._tail_size -= len(self._tail.popleft()) + 1
            self._has_omissions = True


@dataclass(frozen=True, slots=True)
class CommandTimeouts:
    """How many seconds a command may take, and how many it has to end after SIGINT."""

    deadline_s: float
    grace_s: float


class CommandStoppedError(Exception):
    """The CLI was cancelled or exceeded its time limit; the message says which."""


class BoundedCommand(PulumiCommand):
    """Runs one CLI process at a time in a session of its own, with bounded output and time and without a terminal.

    The CLI dies with this process. `exit_code` is that of the last command: the SDK guesses its error classes from
    text, so only the exit code is reliable. Unlike its base it does not start the CLI to ask for its version. `stopped`
    is set when it is to end.
    """

    def __init__(self, cli: PulumiCli, environment: Mapping[str, str], timeouts: CommandTimeouts) -> None:
        self.command = str(cli.path)
        self.version = VersionInfo.parse(cli.version)
        self._environment = environment
        self._timeouts = timeouts
        self.stopped = threading.Event()
        self.exit_code: int | None = None
        self._group = 0  # of the running CLI

    def stop(self) -> None:
        """Interrupt the running command and refuse further ones; any thread may call it."""
        self.stopped.set()

    def kill(self) -> None:
        """Kill the running command: its state keeps the pending operations; any thread may call it."""
        self.stopped.set()
        if group := self._group:
            kill_process_group(group)

    @property
    def is_running(self) -> bool:
        return bool(self._group)

    def run(
        self,
        args: list[str],
        cwd: str,
        additional_env: Mapping[str, str],
        on_output: OnOutput | None = None,
        on_error: OnOutput | None = None,
    ) -> CommandResult:
        """Run a command and return its result.

        Raises CommandError if it failed, CommandStoppedError if it was stopped, and, after the end of the CLI, what a
        callback raised.
        """
        if self.stopped.is_set():
            raise CommandStoppedError("it was cancelled")
        process = subprocess.Popen(  # noqa: S603  # no shell
            [*parent_death_signal_prefix(), self.command, "--non-interactive", *args],
            cwd=cwd,
            env={**self._environment, **additional_env, "PULUMI_AUTOMATION_API": "true"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        self._group = process.pid
        transcripts = Transcript(on_output), Transcript(on_error)
        try:
            reason = self._wait(process, transcripts)
        finally:
            self._group = 0
        self.exit_code = process.returncode
        return _command_result(process.returncode, transcripts, reason)

    def _wait(self, process: subprocess.Popen[bytes], transcripts: tuple[Transcript, Transcript]) -> str:
        """Read the output until the command ends; return why it was stopped, empty if it was not."""
        terminator = _GroupTerminator(process.pid, self._timeouts, self.stopped)
        try:
            with selectors.DefaultSelector() as selector:
                for pipe, transcript in zip((process.stdout, process.stderr), transcripts, strict=True):
                    if pipe:
                        os.set_blocking(pipe.fileno(), False)
                        selector.register(pipe, selectors.EVENT_READ, transcript)
                _read_pipes(selector, process, terminator)
            while process.poll() is None:  # it closed its pipes but has not ended
                terminator.stop_if_due()
                time.sleep(_POLL_S / 10)
        finally:
            kill_process_group(process.pid)
            process.wait()
            for pipe in (process.stdout, process.stderr):
                if pipe:
                    pipe.close()
        return terminator.reason


class _GroupTerminator:
    """Stops a process group after its deadline or on request: SIGINT, the grace period, SIGKILL."""

    def __init__(self, group: int, timeouts: CommandTimeouts, stop: threading.Event) -> None:
        self.reason = ""
        self._group = group
        self._grace_s = timeouts.grace_s
        self._stop = stop
        self._deadline = time.monotonic() + timeouts.deadline_s
        self._kill_at = float("inf")

    def stop_if_due(self) -> None:
        now = time.monotonic()
        if now >= self._kill_at:
            kill_process_group(self._group)
        elif not self.reason and (self._stop.is_set() or now >= self._deadline):
            self.reason = "it was cancelled" if self._stop.is_set() else "it exceeded its time limit"
            self._kill_at = now + self._grace_s
            kill_process_group(self._group, signal.SIGINT)


def _read_pipes(
    selector: selectors.BaseSelector, process: subprocess.Popen[bytes], terminator: _GroupTerminator
) -> None:
    """Read both pipes until they end; after the process has ended, only for a short time."""
    ended = float("inf")
    while selector.get_map():
        ready = selector.select(_POLL_S)
        terminator.stop_if_due()
        for key, _ in ready:
            if not _read_available(key.fd, key.data):
                selector.unregister(key.fileobj)
        if process.poll() is not None:
            ended = min(ended, time.monotonic())
            if not ready or time.monotonic() > ended + _PIPE_DRAIN_S:
                return


def _read_available(descriptor: int, transcript: Transcript) -> bool:
    """Read the bytes that are available; False at the end of the pipe."""
    with suppress(BlockingIOError):
        data = os.read(descriptor, _READ_BYTES)
        transcript.feed(data)
        return bool(data)
    return True


def _command_result(code: int, transcripts: tuple[Transcript, Transcript], reason: str) -> CommandResult:
    for transcript in transcripts:
        transcript.close()
    stdout, stderr = transcripts
    result = CommandResult(stdout.text, stderr.text, code)
    for transcript in transcripts:
        if transcript.listener_error:
            raise transcript.listener_error
    if reason:
        raise CommandStoppedError(reason)
    if code != 0:
        raise create_command_error(result)
    return result
