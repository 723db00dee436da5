"""Runs the Pulumi CLI so that nothing it does, prints or leaves undone can hold up or outlive a deployment."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

from pulumi.automation import CommandResult, OnOutput, PulumiCommand
from pulumi.automation.errors import create_command_error
from semver import VersionInfo

from semantest_iac.infrastructure.function_runtimes.interpreters import death_pact
from semantest_iac.infrastructure.pulumi_engine.cli_location import Cli
from semantest_iac.infrastructure.pulumi_engine.processes import kill_group
from semantest_iac.infrastructure.pulumi_engine.transcript import Transcript

_TURN_S = 0.1
_ECHO_S = 1.0  # how long a pipe may stay open after the CLI's end: a plugin may hold it
_CHUNK = 64 * 1024


@dataclass(frozen=True, slots=True)
class Patience:
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

    def __init__(self, cli: Cli, environment: Mapping[str, str], patience: Patience) -> None:
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
            kill_group(group)

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
            [*death_pact(), self.command, "--non-interactive", *args],
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
        return _result(process.returncode, transcripts, reason)

    def _attended(self, process: subprocess.Popen[bytes], transcripts: tuple[Transcript, Transcript]) -> str:
        """Read until the end; why the end was forced, if it was."""
        leash = _Leash(process.pid, self._patience, self._stop)
        try:
            with selectors.DefaultSelector() as selector:
                for pipe, transcript in zip((process.stdout, process.stderr), transcripts, strict=True):
                    if pipe:
                        os.set_blocking(pipe.fileno(), False)
                        selector.register(pipe, selectors.EVENT_READ, transcript)
                _read(selector, process, leash)
            while process.poll() is None:  # it closed its pipes and lives on
                leash.tighten()
                time.sleep(_TURN_S / 10)
        finally:
            kill_group(process.pid)
            process.wait()
            for pipe in (process.stdout, process.stderr):
                if pipe:
                    pipe.close()
        return leash.reason


class _Leash:
    """Ends a process group when its time is over or somebody calls: SIGINT, grace, SIGKILL."""

    def __init__(self, group: int, patience: Patience, stop: threading.Event) -> None:
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
            kill_group(self._group)
        elif not self.reason and (self._stop.is_set() or now >= self._deadline):
            self.reason = "it was called off" if self._stop.is_set() else "it took longer than it may"
            self._kill_at = now + self._grace_s
            kill_group(self._group, signal.SIGINT)


def _read(selector: selectors.BaseSelector, process: subprocess.Popen[bytes], leash: _Leash) -> None:
    """Read both pipes until they end, or the process has ended and its pipes stay silent or open for too long."""
    ended = float("inf")
    while selector.get_map():
        ready = selector.select(_TURN_S)
        leash.tighten()
        for key, _ in ready:
            if not _take(key.fd, key.data):
                selector.unregister(key.fileobj)
        if process.poll() is not None:
            ended = min(ended, time.monotonic())
            if not ready or time.monotonic() > ended + _ECHO_S:
                return


def _take(descriptor: int, transcript: Transcript) -> bool:
    """Move what is there; False at the end of the pipe."""
    with suppress(BlockingIOError):
        data = os.read(descriptor, _CHUNK)
        transcript.feed(data)
        return bool(data)
    return True


def _result(code: int, transcripts: tuple[Transcript, Transcript], reason: str) -> CommandResult:
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
