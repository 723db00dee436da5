"""The program: its commands, errors and exit codes."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import time
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.errors import ProviderError, RefusedError, StackBusyError
from semantest_iac.presentation.cli.program import COMMANDS, run_cli
from semantest_iac.presentation.cli.terminal import Terminal
from tests.fakes.screen import Screen

_DEPLOY = ("deploy", "--component", "rest-api")


class TestHelp:
    def test_lists_every_command_in_order(self, cli: Any, capsys: pytest.CaptureFixture[str]) -> None:
        code = cli("--help").code

        listed = capsys.readouterr().out.partition("Commands:\n")[2].partition("\n\n")[0]
        assert code == 0
        assert [line.split()[0] for line in listed.splitlines()] == list(COMMANDS)

    @pytest.mark.parametrize("command", COMMANDS)
    def test_of_a_command_has_an_example(self, cli: Any, command: str, capsys: pytest.CaptureFixture[str]) -> None:
        code = cli(command, "-h").code

        assert code == 0
        assert f"semantest-iac {command}" in capsys.readouterr().out

    def test_lists_the_engines_of_the_registry(self, cli: Any, world: Any, capsys: pytest.CaptureFixture[str]) -> None:
        world.engines = ("sandbox", "pulumi", "terraform")

        cli("deploy", "-h")

        listed = " ".join(capsys.readouterr().out.split())
        assert "--engine NAME sandbox (default in development) or pulumi (default elsewhere) or terraform." in listed

    @pytest.mark.parametrize(
        "command", [("serve", "--engine", "pulumi"), ("serve", "--set", "a=b"), ("logs", "rest-api", "--cloud", "real")]
    )
    def test_knows_no_option_that_has_no_effect(self, cli: Any, command: tuple[str, ...]) -> None:
        assert cli(*command).code == 2

    @pytest.mark.parametrize("command", ["config", "ledger"])
    def test_of_a_group_has_whole_sentences(self, cli: Any, command: str, capsys: pytest.CaptureFixture[str]) -> None:
        cli(command, "-h")

        listed = capsys.readouterr().out.partition("Commands:\n")[2]
        assert [line for line in listed.splitlines() if not line.endswith(".") or line.endswith("...")] == []

    @pytest.mark.parametrize("words", [(), ("help",), ("config",), ("help", "deploy"), ("config", "help")])
    def test_is_shown_if_a_command_is_missing_or_asked_for(
        self, cli: Any, words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
    ) -> None:
        outcome = cli(*words)

        assert (outcome.code, outcome.err) == (0, "")
        assert capsys.readouterr().out.startswith("Usage: ")


class TestVersion:
    def test_is_that_of_the_distribution(self, cli: Any, capsys: pytest.CaptureFixture[str]) -> None:
        code = cli("--version").code

        assert (code, capsys.readouterr().out) == (0, f"semantest-iac {version('semantest-iac')}\n")


class TestUsageErrors:
    def test_suggest_the_nearest_command(self, cli: Any) -> None:
        outcome = cli("deploi")

        assert (outcome.code, outcome.out) == (2, "")
        assert "Did you mean 'deploy'?" in outcome.err

    @pytest.mark.parametrize(
        ("words", "suggested"),
        [
            (("up",), "'deploy'"),
            (("Apply", "rest-api"), "'deploy'"),
            (("rm", "rest-api"), "'destroy'"),
            (("ls",), "'status'"),
            (("diff",), "'preview'"),
            (("config", "validat"), "'validate'"),
            (("deploy", "--enviroment", "qa"), "'--environment'"),
            (("deploy", "--stage", "qa"), "--env"),
            (("destroy", "-y"), "--yes"),
        ],
    )
    def test_name_what_is_meant_by_words_of_other_tools(self, cli: Any, words: tuple[str, ...], suggested: str) -> None:
        outcome = cli(*words)

        assert outcome.code == 2
        assert f"Did you mean {suggested}?" in outcome.err

    @pytest.mark.parametrize(
        "arguments",
        [("deploy", "--memory", "1"), ("history", "--limit", "0"), ("invoke", "rest-api"), ("nothing",)],
        ids=["option", "number", "argument", "command"],
    )
    def test_are_json_with_json(self, cli: Any, arguments: tuple[str, ...]) -> None:
        outcome = cli(*arguments, "--json")

        error = json.loads(outcome.out)["error"]
        assert (outcome.code, error["code"], error["faults"]) == (2, "USAGE_ERROR", [])
        assert outcome.err == ""


class TestLostAnswer:
    @pytest.mark.parametrize(
        ("arguments", "code"),
        [
            (("deploy", "--component", "rest-api"), 0),
            (("deploy", "--component", "rest-api", "--json"), 0),
            (("status",), 1),
            (("status", "--env", "nowhere", "--json"), 2),
        ],
    )
    def test_leaves_a_deployment_its_exit_code(
        self, make_application: Any, arguments: tuple[str, ...], code: int
    ) -> None:
        err = Screen()
        with Path("/dev/full").open("w") as out:
            ended = run_cli(arguments, make_application, Terminal(out, err))

        lost = "Cannot write to stdout: no space left on device. The rest of the answer is lost.\n"
        assert (ended, err.text.count(lost)) == (code, 1)


class TestUnreadOutput:
    @pytest.mark.parametrize("options", [(), ("--json",)], ids=["text", "json"])
    def test_delays_no_deployment(self, make_application: Any, world: Any, options: tuple[str, ...]) -> None:
        """The pipe is full from the start; it is read once the deployment has ended."""
        reading, writing = os.pipe()
        fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, 4096)
        os.write(writing, bytes(4096))
        os.set_blocking(reading, False)
        with os.fdopen(writing, "w") as out, os.fdopen(reading, "rb") as pipe, ThreadPoolExecutor() as threads:
            command = ("deploy", "rest-api", *options)
            running = threads.submit(run_cli, command, make_application, Terminal(out, out))
            while not any(row.state == "completed" for row in world.ledger.deployments()):
                time.sleep(0.01)
            assert not running.done()
            answer = b""
            while not running.done():
                answer += pipe.read() or b""
            answer += pipe.read() or b""

        assert (running.result(), b"health" in answer) == (0, True)


class TestFailingViews:
    async def test_stop_no_deployment(self, make_application: Any, home: Path) -> None:
        def fail(_: object) -> None:
            raise RuntimeError("a defect of a view")

        deployments = make_application(home).deployments({}, progress=fail, observer=fail, show_plan=fail)
        row = await deployments.deploy(Stack("rest-api", "aws", "development", "us-east-1"), {})

        assert (row.state, row.error) == ("completed", None)


class TestWords:
    @pytest.mark.parametrize(
        "words",
        [
            ("--json", "preview", "rest-api"),
            ("plan", "rest-api", "--json"),
            ("PREVIEW", "--json", "REST-API"),
            ("deploy", "--dry-run", "--component", "rest-api", "--json"),
            ("--set", "features.tracing=true", "deploy", "--json", "rest-api", "--dry-run"),
        ],
    )
    def test_are_understood_in_any_order_and_case(self, cli: Any, world: Any, words: tuple[str, ...]) -> None:
        outcome = cli(*words)

        assert (outcome.code, json.loads(outcome.out)["stack"]) == (0, "rest-api.aws.development.us-east-1")
        assert world.ledger.recorded == []


class TestErrors:
    @pytest.mark.parametrize(
        ("error", "code"),
        [
            (ProviderError("No.", provider="aws"), 1),
            (RefusedError("No."), 3),
            (StackBusyError("No."), 4),
            (ValueError("hunter2-canary"), 1),
        ],
        ids=["provider", "refused", "busy", "defect"],
    )
    def test_have_an_exit_code(self, cli: Any, world: Any, error: Exception, code: int) -> None:
        world.raises = error

        assert cli(*_DEPLOY).code == code

    def test_that_are_bugs_are_shown_without_their_text(self, cli: Any, world: Any) -> None:
        world.raises = ValueError("hunter2-canary")

        outcome = cli(*_DEPLOY)

        assert "bug in semantest-iac: an unexpected ValueError" in outcome.err
        assert "canary" not in outcome.err + outcome.out
        assert "Traceback" not in outcome.err

    def test_show_a_redacted_traceback_with_debug(self, cli: Any, world: Any) -> None:
        world.raises = ValueError("hunter2-canary")

        outcome = cli(*_DEPLOY, "--debug")

        assert "Traceback" in outcome.err
        assert "ValueError: ***" in outcome.err

    def test_of_an_interrupted_invoke_exit_4(self, cli: Any, world: Any) -> None:
        world.raises = asyncio.CancelledError()

        outcome = cli("invoke", "rest-api", "GET", "/health", "--json")

        assert (outcome.code, json.loads(outcome.out)["error"]["code"]) == (4, "CANCELLED")
