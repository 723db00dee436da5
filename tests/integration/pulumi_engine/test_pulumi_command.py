"""Fake CLIs that misbehave in every way; each test writes its own."""

from __future__ import annotations

import os
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from pulumi.automation.errors import CommandError

from semantest_iac.infrastructure.pulumi_engine.cli.location import PulumiCli
from semantest_iac.infrastructure.pulumi_engine.cli.pulumi_command import (
    TRANSCRIPT_HEAD_LIMIT,
    TRANSCRIPT_LINE_LIMIT,
    TRANSCRIPT_TAIL_LIMIT,
    BoundedCommand,
    CommandStoppedError,
    CommandTimeouts,
)
from semantest_iac.infrastructure.pulumi_engine.runs import RUN_MARK_VARIABLE, find_run_processes, kill_run_processes

SHORT_TIMEOUTS = CommandTimeouts(deadline_s=1, grace_s=0.5)
LONG_TIMEOUTS = CommandTimeouts(deadline_s=60, grace_s=1)

CreateCommand = Callable[..., BoundedCommand]


@pytest.fixture
def create_command(tmp_path: Path) -> CreateCommand:
    """Creates a command whose CLI is a Python script with the given body."""

    def make(body: str, timeouts: CommandTimeouts = LONG_TIMEOUTS) -> BoundedCommand:
        script = tmp_path / "pulumi"
        script.write_text(f"#!{sys.executable}\nimport os, signal, subprocess, sys, time\n{body}\n", encoding="utf-8")
        script.chmod(0o700)
        environment = {"PATH": os.environ["PATH"], RUN_MARK_VARIABLE: tmp_path.name}
        return BoundedCommand(PulumiCli(script, "3.250.0"), environment, timeouts)

    return make


class TestBoundedCommand:
    def test_reads_invalid_utf_8(self, create_command: CreateCommand, tmp_path: Path) -> None:
        command = create_command('os.write(1, b"a\\xffb\\n" * 1_000_000)')

        result = command.run(["up"], str(tmp_path), {})

        assert result.stdout.startswith("a\ufffdb\n")

    def test_bounds_100_mb_of_output(self, create_command: CreateCommand, tmp_path: Path) -> None:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        command = create_command('for _ in range(100): os.write(1, (b"x" * 1023 + b"\\n") * 1024)')

        result = command.run(["up"], str(tmp_path), {})

        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        assert len(result.stdout) < TRANSCRIPT_HEAD_LIMIT + TRANSCRIPT_TAIL_LIMIT + TRANSCRIPT_LINE_LIMIT
        assert grown < 20 * 1024  # KiB

    def test_bounds_an_endless_line(self, create_command: CreateCommand, tmp_path: Path) -> None:
        command = create_command('for _ in range(100): os.write(2, b"x" * 1024 * 1024)')

        assert len(command.run(["up"], str(tmp_path), {}).stderr) == TRANSCRIPT_LINE_LIMIT

    def test_continues_reading_when_a_callback_raises(self, create_command: CreateCommand, tmp_path: Path) -> None:
        def refuse(_line: str) -> None:
            raise OSError("the ledger is full")

        command = create_command('for _ in range(100): os.write(1, b"x" * 1023 + b"\\n" * 1024)')

        with pytest.raises(OSError, match="the ledger is full"):
            command.run(["up"], str(tmp_path), {}, on_output=refuse)

        assert command.exit_code == 0

    @pytest.mark.parametrize(
        "body",
        [
            "time.sleep(60)",
            "signal.signal(signal.SIGINT, signal.SIG_IGN); time.sleep(60)",
            "os.close(1); os.close(2); time.sleep(60)",
            'while True: os.write(1, b"x" * 4096)',
        ],
        ids=["says nothing", "ignores SIGINT", "closes its output", "talks for ever"],
    )
    def test_ends_a_cli_after_its_time_limit(self, create_command: CreateCommand, tmp_path: Path, body: str) -> None:
        command = create_command(body, SHORT_TIMEOUTS)

        with pytest.raises(CommandStoppedError, match="time limit"):
            command.run(["up"], str(tmp_path), {})

    def test_lets_the_cli_finish_after_its_time_limit(self, create_command: CreateCommand, tmp_path: Path) -> None:
        body = 'signal.signal(signal.SIGINT, lambda *_: (print("state saved"), sys.exit(0))); time.sleep(60)'
        output: list[str] = []

        with pytest.raises(CommandStoppedError):
            create_command(body, SHORT_TIMEOUTS).run(["up"], str(tmp_path), {}, on_output=output.append)

        assert output == ["state saved"]

    def test_does_not_wait_for_a_plugin_that_holds_the_pipe(
        self, create_command: CreateCommand, tmp_path: Path
    ) -> None:
        body = 'subprocess.Popen(["sleep", "60"], start_new_session=True); print("done")'
        started = time.monotonic()

        result = create_command(body).run(["up"], str(tmp_path), {})

        assert result.stdout == "done"
        assert time.monotonic() - started < 30
        assert kill_run_processes(tmp_path.name) == 1
        assert list(find_run_processes(tmp_path.name)) == []

    def test_keeps_the_exit_code(self, create_command: CreateCommand, tmp_path: Path) -> None:
        command = create_command('sys.stderr.write("broken"); sys.exit(255)')

        with pytest.raises(CommandError, match="broken"):
            command.run(["up"], str(tmp_path), {})

        assert command.exit_code == 255

    def test_gives_the_cli_no_terminal_and_few_variables(self, create_command: CreateCommand, tmp_path: Path) -> None:
        command = create_command("print(sys.stdin.read(), sorted(os.environ))")

        output = command.run(["up"], str(tmp_path), {"PULUMI_HOME": "x"}).stdout

        assert output.startswith(" [")
        assert set(eval(output)) <= {"LC_CTYPE", "PATH", "PULUMI_AUTOMATION_API", "PULUMI_HOME", RUN_MARK_VARIABLE}

    def test_starts_nothing_after_it_was_called_off(self, create_command: CreateCommand, tmp_path: Path) -> None:
        command = create_command('open("started", "w")')
        command.stop()

        with pytest.raises(CommandStoppedError, match="cancelled"):
            command.run(["up"], str(tmp_path), {})

        assert not (tmp_path / "started").exists()
