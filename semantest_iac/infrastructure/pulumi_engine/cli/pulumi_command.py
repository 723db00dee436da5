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


class Transcript:
    """Takes bytes as they come; keeps the first and the last of it, and hands whole lines to a listener.

    A listener that raises is not called again: its exception waits in `fault`, because reading must go on or the
    program would block on a full pipe for ever.
    """

    def __init__(self, listener: Callable[[str], object] | None = None) -> None:
        self.fault: Exception | None = None
        self._listener = listener
        self._pending = b""
        self._skipping = False  # the rest of a line that was too long
        self._head: list[str] = []
        self._tail: deque[str] = deque()
        self._room, self._used = TRANSCRIPT_HEAD_LIMIT, 0
        self._is_cut = False

    def feed(self, data: bytes) -> None:
        """The next bytes; bytes that are no UTF-8 become replacement characters."""
        *lines, rest = data.split(b"\n")
        for line in lines:
            self._extend(line)
            self._end_line()
        self._extend(rest)

    def close(self) -> None:
        """No more will come: a last line without an end counts too."""
        if self._pending:
            self._end_line()

    @property
    def text(self) -> str:
        """The lines that were kept, and a mark where some were left out."""
        return "\n".join([*self._head, *([_OMISSION_MARK] if self._is_cut else []), *self._tail])

    def _extend(self, part: bytes) -> None:
        if not self._skipping:
            self._pending += part[: TRANSCRIPT_LINE_LIMIT - len(self._pending)]
            self._skipping = len(self._pending) >= TRANSCRIPT_LINE_LIMIT

    def _end_line(self) -> None:
        line = self._pending.decode("utf-8", "replace").rstrip()
        self._pending, self._skipping = b"", False
        self._keep(line)
        if self._listener and self.fault is None:
            try:
                self._listener(line)
            except Exception as error:  # kept, and raised when all has ended
                self.fault = error

    def _keep(self, line: str) -> None:
        if self._room >= len(line) and not self._tail:
            self._head.append(line)
            self._room -= len(line) + 1
            return
        self._tail.append(line)
        self._used += len(line) + 1
        while self._used > TRANSCRIPT_TAIL_LIMIT and len(self._tail) > 1:
            self._used -= len(self._tail.popleft()) + 1
            self._is_cut = True


_POLL_S = 0.1
_PIPE_DRAIN_S = 1.0  # how long a pipe may stay open after the CLI's end: a plugin may hold it
_READ_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class CommandTimeouts:
    """How many seconds a command may take, and how long it has to come to an end after it was asked to."""

    deadline_s: float
    grace_s: float


class CommandStoppedError(Exception):
    """The CLI was stopped from outside or by its deadline; the message says which."""


class BoundedCommand(PulumiCommand):
    """One CLI at a time: own session, dies with this process, no terminal, bounded output and time.

    `exit_code` is that of the last one: the only honest word on how it ended, as the error classes of the SDK are
    guessed from text. Unlike its base it does not start the CLI to learn a version that is known already.
    """

    def __init__(self, cli: PulumiCli, environment: Mapping[str, str], patience: CommandTimeouts) -> None:
        self.command = str(cli.path)
        self.version = VersionInfo.parse(cli.version)
        self._environment = environment
        self._patience = patience
        self._stop = threading.Event()
        self.exit_code: int | None = None
        self._group = 0  # of the running CLI

    def stop(self) -> None:
        """End the running command and refuse further ones; may be called from any thread."""
        self._stop.set()

    def kill(self) -> None:
        """End it at once: what it was doing stays begun in its state; may be called from any thread."""
        self._stop.set()
        if group := self._group:
            kill_process_group(group)

    @property
    def is_running(self) -> bool:
        """Whether a CLI is at work."""
        return bool(self._group)

    def run(
        self,
        args: list[str],
        cwd: str,
        additional_env: Mapping[str, str],
        on_output: OnOutput | None = None,
        on_error: OnOutput | None = None,
    ) -> CommandResult:
        """The result of a command that succeeded.

        Raises CommandError where it failed, CommandStoppedError where it was not let run to its end, and what a
        callback raised, after the end of the CLI.
        """
        if self._stop.is_set():
            raise CommandStoppedError("it was called off")
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
            reason = self._attended(process, transcripts)
        finally:
            self._group = 0
        self.exit_code = process.returncode
        return _command_result(process.returncode, transcripts, reason)

    def _attended(self, process: subprocess.Popen[bytes], transcripts: tuple[Transcript, Transcript]) -> str:
        """Read until the end; why the end was forced, if it was."""
        leash = _GroupTerminator(process.pid, self._patience, self._stop)
        try:
            with selectors.DefaultSelector() as selector:
                for pipe, transcript in zip((process.stdout, process.stderr), transcripts, strict=True):
                    if pipe:
                        os.set_blocking(pipe.fileno(), False)
                        selector.register(pipe, selectors.EVENT_READ, transcript)
                _read_pipes(selector, process, leash)
            while process.poll() is None:  # it closed its pipes and lives on
                leash.tighten()
                time.sleep(_POLL_S / 10)
        finally:
            kill_process_group(process.pid)
            process.wait()
            for pipe in (process.stdout, process.stderr):
                if pipe:
                    pipe.close()
        return leash.reason


class _GroupTerminator:
    """Ends a process group when its time is over or somebody calls: SIGINT, grace, SIGKILL."""

    def __init__(self, group: int, patience: CommandTimeouts, stop: threading.Event) -> None:
        self.reason = ""
        self._group = group
        self._grace_s = patience.grace_s
        self._stop = stop
        self._deadline = time.monotonic() + patience.deadline_s
        self._kill_at = float("inf")

    def tighten(self) -> None:
        """Look at the clock and act."""
        now = time.monotonic()
        if now >= self._kill_at:
            kill_process_group(self._group)
        elif not self.reason and (self._stop.is_set() or now >= self._deadline):
            self.reason = "it was called off" if self._stop.is_set() else "it took longer than it may"
            self._kill_at = now + self._grace_s
            kill_process_group(self._group, signal.SIGINT)


def _read_pipes(selector: selectors.BaseSelector, process: subprocess.Popen[bytes], leash: _GroupTerminator) -> None:
    """Read both pipes until they end, or the process has ended and its pipes stay silent or open for too long."""
    ended = float("inf")
    while selector.get_map():
        ready = selector.select(_POLL_S)
        leash.tighten()
        for key, _ in ready:
            if not _read_available(key.fd, key.data):
                selector.unregister(key.fileobj)
        if process.poll() is not None:
            ended = min(ended, time.monotonic())
            if not ready or time.monotonic() > ended + _PIPE_DRAIN_S:
                return


def _read_available(descriptor: int, transcript: Transcript) -> bool:
    """Move what is there; False at the end of the pipe."""
    with suppress(BlockingIOError):
        data = os.read(descriptor, _READ_BYTES)
        transcript.feed(data)
        return bool(data)
    return True


def _command_result(code: int, transcripts: tuple[Transcript, Transcript], reason: str) -> CommandResult:
    for transcript in transcripts:
        transcript.close()
    out, error = transcripts
    result = CommandResult(out.text, error.text, code)
    for transcript in transcripts:
        if transcript.fault:
            raise transcript.fault
    if reason:
        raise CommandStoppedError(reason)
    if code != 0:
        raise create_command_error(result)
    return result
