"""`queue`, `cancel`, `resolve` and `worker`."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import Any

import pytest

from semantest_iac.application.ports.run_queue import QueuedRun, RunHolder
from tests.fakes.memory_ledger import a_deploy, an_event

_STACK = "rest-api.aws.development.us-east-1"
_WAITING = QueuedRun(1, "d1", _STACK, "waiting", 0, 0, None, None, is_cancelled=False)
_RUNNING = replace(_WAITING, state="running", attempts=1, holder=RunHolder("w1", "elsewhere", 7))


def _record(world: Any, events: int | None) -> None:
    """Record the first events of a deployment."""
    asyncio.run(world.ledger.append(_STACK, None, a_deploy("d1", stack=_STACK, changes={"create": 3})[:events]))


class TestQueue:
    @pytest.mark.parametrize(
        ("run", "state"),
        [
            (_WAITING, "waiting"),
            (_RUNNING, "running"),
            (replace(_RUNNING, is_cancelled=True), "cancelling"),
            (replace(_RUNNING, is_abandoned=True), "left by a dead worker"),
            (replace(_WAITING, due=0.5), "waiting until 1970-01-01T00:00:00Z"),
        ],
        ids=["waiting", "running", "cancelling", "abandoned", "planned"],
    )
    def test_says_what_becomes_of_each_request(self, cli: Any, world: Any, run: QueuedRun, state: str) -> None:
        world.runs = [run]

        lines = cli("queue").out.splitlines()

        assert lines[0].split() == ["DEPLOYMENT", "STACK", "STATE", "WORKER", "ATTEMPTS"]
        assert lines[1].startswith(f"d1          {_STACK}  {state}")

    def test_names_the_worker(self, cli: Any, world: Any) -> None:
        world.runs = [_RUNNING]

        [run] = json.loads(cli("queue", "--json").out)

        assert (run["deployment"], run["worker"]) == ("d1", {"host": "elsewhere", "pid": 7})
        assert "pid 7 on elsewhere" in cli("queue").out

    def test_may_be_empty(self, cli: Any) -> None:
        assert cli("queue").out == "Nothing waits, and nothing is carried out.\n"
        assert json.loads(cli("queue", "--json").out) == []


class TestCancel:
    @pytest.mark.parametrize(("run", "state"), [(_WAITING, "cancelled"), (_RUNNING, "cancelling")])
    def test_says_whether_it_has_ended(self, cli: Any, world: Any, run: QueuedRun, state: str) -> None:
        _record(world, 1)
        world.runs = [run]

        outcome = cli("cancel", "d1", "--json")

        assert (outcome.code, json.loads(outcome.out)) == (0, {"deployment": "d1", "state": state})

    def test_refuses_what_has_ended(self, cli: Any, world: Any) -> None:
        _record(world, None)

        outcome = cli("cancel", "d1")

        assert outcome.code == 3
        assert "Cannot cancel deployment 'd1': it is completed." in outcome.err

    def test_refuses_what_nobody_carries_out(self, cli: Any, world: Any) -> None:
        _record(world, 2)

        outcome = cli("cancel", "d1")

        assert outcome.code == 3
        assert "Run deploy or destroy for its stack" in outcome.err

    def test_does_not_know_every_id(self, cli: Any) -> None:
        assert cli("cancel", "nothing").code == 2


def _hold(world: Any, deployment: str = "5f2c91d0") -> None:
    """Record a deployment that needs an operator."""
    left = {"remainder": ["delete api (fake)"], "code": "Quota", "reason": "No quota.", "hint": "Ask for more."}
    needs_operator = an_event("deployment.needs_operator", deployment, stack=_STACK, data=left)
    events = [*a_deploy(deployment, stack=_STACK)[:4], needs_operator]
    asyncio.run(world.ledger.append(_STACK, None, events))


class TestResolve:
    def test_frees_the_stack(self, cli: Any, world: Any) -> None:
        _hold(world)

        outcome = cli("resolve", "5f2c", "--reason", "deleted it", "--yes", "--json")

        told = {"deployment": "5f2c91d0", "stack": _STACK, "state": "needs_operator", "resolved": True, "waiting": []}
        assert (outcome.code, json.loads(outcome.out)) == (0, told)
        assert world.ledger.recorded[-1].event["data"]["reason"] == "deleted it"
        assert cli("deploy", "rest-api").code == 0

    def test_says_what_starts_now(self, cli: Any, world: Any) -> None:
        _hold(world)
        cli("deploy", "rest-api", "--detach")

        outcome = cli("resolve", "--deployment", "5f2c91d0", "--yes")

        assert outcome.out.splitlines()[0] == f"Deployment 5f2c91d0 is resolved, and {_STACK} is free."
        assert outcome.out.splitlines()[1].startswith("Left to a worker now: ")

    def test_shows_what_is_left_and_asks(self, cli: Any, world: Any) -> None:
        _hold(world)

        outcome = cli("resolve", "5f2c91d0")

        assert outcome.code == 3
        for text in (
            "why: No quota.",
            "left over: delete api (fake)",
            "run: semantest-iac resolve 5f2c91d0",
            "Add --yes.",
        ):
            assert text in outcome.err
        assert world.ledger.stack(_STACK).held_by == "5f2c91d0"

    @pytest.mark.parametrize("words", [(), ("5f2c91d0", "--deployment", "5f2c91d0")], ids=["none", "two"])
    def test_needs_one_name_and_lists_what_holds_a_stack(self, cli: Any, world: Any, words: tuple[str, ...]) -> None:
        _hold(world)

        outcome = cli("resolve", *words, "--yes")

        assert outcome.code == 2
        assert f"5f2c91d0: holds {_STACK}" in outcome.err

    def test_knows_what_holds_nothing(self, cli: Any, world: Any) -> None:
        _record(world, None)

        assert (cli("resolve", "nothing", "--yes").code, cli("resolve", "d1", "--yes").code) == (2, 3)
        assert "No stack is held." in cli("resolve").err


class TestHeldStacks:
    def test_refuse_deploy_and_destroy(self, cli: Any, world: Any) -> None:
        _hold(world)
        before = len(world.ledger.recorded)

        outcomes = [cli("deploy", "rest-api", "--json"), cli("destroy", "rest-api", "--yes", "--json")]

        codes = [json.loads(outcome.out.splitlines()[-1])["error"]["code"] for outcome in outcomes]
        assert ([outcome.code for outcome in outcomes], codes) == ([3, 3], ["STACK_HELD"] * 2)
        assert len(world.ledger.recorded) == before

    def test_accept_what_can_wait(self, cli: Any, world: Any) -> None:
        _hold(world)

        shown = cli("deploy", "rest-api", "--detach")
        queued = json.loads(cli("deploy", "rest-api", "--detach", "--json").out.splitlines()[-1])
        [run] = json.loads(cli("queue", "--json").out)

        assert shown.code == 0
        assert "It waits: deployment 5f2c91d0 needs an operator" in shown.out
        assert (queued["held_by"], run["held_by"], run["state"]) == ("5f2c91d0", "5f2c91d0", "waiting")
        assert "held by 5f2c91d0" in cli("queue").out

    @pytest.mark.parametrize("command", ["status", "history"])
    def test_are_named_with_their_holder_and_the_command(self, cli: Any, world: Any, command: str) -> None:
        _hold(world)

        [row] = json.loads(cli(command, "--json").out)

        assert row["held_by"] == "5f2c91d0"
        assert "run `semantest-iac resolve 5f2c91d0`" in cli(command).err


class TestDetachedDeployments:
    def test_are_left_in_the_queue(self, cli: Any) -> None:
        outcome = cli("deploy", "rest-api", "--detach")

        assert outcome.code == 0
        assert f"Queued {_STACK} for a worker.\n  semantest-iac events --follow --deployment " in outcome.out

    def test_serve_nothing(self, cli: Any) -> None:
        assert cli("deploy", "rest-api", "--detach", "--serve").code == 2

    def test_may_begin_later_and_before_others(self, cli: Any, world: Any) -> None:
        moment = "2096-12-31T02:00:00+00:00"
        outcome = cli("deploy", "rest-api", "--detach", "--priority", "5", "--not-before", moment)

        assert f"Queued {_STACK} for a worker, not before 2096-12-31T02:00:00Z.\n" in outcome.out
        [run] = json.loads(cli("queue", "--json").out)
        assert (run["state"], run["priority"], run["due"]) == ("waiting", 5, "2096-12-31T02:00:00Z")

    def test_say_in_json_when_they_may_begin(self, cli: Any) -> None:
        later = cli("deploy", "rest-api", "--detach", "--not-before", "2096-12-31T02:00:00Z", "--json")
        soon = cli("deploy", "rest-api", "--region", "eu-west-1", "--detach", "--json")

        dues = [json.loads(outcome.out.splitlines()[-1])["due"] for outcome in (later, soon)]
        assert dues == ["2096-12-31T02:00:00Z", None]

    @pytest.mark.parametrize(
        "options",
        [("--priority", "5"), ("--not-before", "2096-12-31"), ("--detach", "--not-before", "soon")],
        ids=["priority without a queue", "time without a queue", "no time"],
    )
    def test_refuse_options_that_say_nothing(self, cli: Any, options: tuple[str, ...]) -> None:
        assert cli("deploy", "rest-api", *options).code == 2
