"""`send` and `receive` with a deployed stack, without a running `serve`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from semantest_iac.bootstrap.application import Application
from semantest_iac.presentation.cli.program import run_cli
from semantest_iac.presentation.cli.terminal import Terminal
from tests.fakes.screen import Screen
from tests.integration.local_service.messaging.conftest import Workers

_REFUSED = (
    (("--queue", "idle-queu", "x"), 2, "Did you mean 'idle-queue'?"),
    (("--topic", "none", "x"), 2, "There is no topic 'none' in a simulated cloud here."),
    (("--queue", "steps-queue", "x"), 3, "--group: is missing"),
    (("--queue", "idle-queue", "x" * 300_000), 3, "BODY: has 300000 bytes"),
    (("--queue", "idle-queue", ""), 3, "BODY: is empty"),
    (("--queue", "idle-queue", "@nothing"), 2, "'nothing' cannot be read"),
    (("--queue", "idle-queue", "\udcff"), 2, "it is no UTF-8 text"),
    (("--queue", "idle-queue", "x", "--group", "\udcff"), 2, "'--group': it is no UTF-8 text"),
    (("--queue", "idle-queue", "x", "--id", "\udcff"), 2, "'--id': it is no UTF-8 text"),
    (("--queue", "idle-queue", "x", "--attribute", "a=\udcff"), 2, "'--attribute': it is no UTF-8 text"),
    (("--topic", "events-topic", "x", "--delay", "5"), 3, "--delay: single messages are not delayed there"),
    (("--queue", "idle-queue", "x", "--attribute", "Kind=x"), 2, "is not NAME=VALUE"),
    (("--queue", "idle-queue", "x", "--id", "7", "--count", "2"), 2, "--id is for one message"),
    (("--queue", "idle-queue", "x", "--component", "other"), 2, "unknown component 'other'"),
    (("x",), 2, "either --queue NAME or --topic NAME"),
)


class _Commands:
    """Runs commands in the home of the stack, in an empty folder."""

    def __init__(self, workers: Workers) -> None:
        self._home = workers.application.home
        self.stack = str(workers.stack)

    def __call__(self, *words: str) -> tuple[int, str, str]:
        out, err = Screen(), Screen()
        code = run_cli([*words, "--home", str(self._home)], Application, Terminal(out, err))
        return code, out.text, err.text

    def read_json(self, *words: str) -> Any:
        code, out, err = self(*words, "--json")
        assert (code, err) == (0, "")
        return json.loads(out)


@pytest.fixture
def call(workers: Workers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> _Commands:
    monkeypatch.chdir(tmp_path)
    return _Commands(workers)


class TestSend:
    def test_reaches_queues(self, call: _Commands) -> None:
        options = ("--attribute", "kind=order.paid", "--attribute", "total=120", "--attribute", 'text="7"')
        sent = call.read_json("send", "--queue", "idle-queue", '{"order": 7}', *options)
        (message,) = call.read_json("receive", "--queue", "idle-queue")["messages"]

        assert (sent["stack"], sent["destination"]) == (call.stack, "idle-queue")
        assert (message["id"], message["body"]) == (sent["ids"][0], '{"order": 7}')
        assert message["attributes"] == {"kind": "order.paid", "total": 120, "text": "7"}
        assert call.read_json("receive", "--queue", "idle-queue")["messages"] == []

    def test_reaches_subscriptions_whose_filter_fits(self, call: _Commands) -> None:
        for total in ("120", "20"):
            call(
                "send", "--topic", "events-topic", total, "--attribute", "kind=order.x", "--attribute", f"total={total}"
            )

        received = call.read_json("receive", "--queue", "events-topic/audit")
        assert [it["body"] for it in received["messages"]] == ["120"]

    def test_reads_files_and_sends_copies(self, call: _Commands, tmp_path: Path) -> None:
        (tmp_path / "body").write_text("two\nlines")

        assert "Sent 3 messages to idle-queue" in call("send", "--queue", "idle-queue", "@body", "--count", "3")[1]
        shown = call("receive", "--queue", "idle-queue", "--keep", "--max", "1")[1]
        assert shown.splitlines()[1:] == ["  two", "  lines"]
        assert len(call.read_json("receive", "--queue", "idle-queue")["messages"]) == 3

    def test_says_who_gets_it_once_serve_runs(self, call: _Commands) -> None:
        _, _, remark = call("send", "--queue", "orders-queue", "x")

        assert "`serve` does not run: orders-worker gets it once you run" in remark

    def test_refuses_what_cannot_be_sent(self, call: _Commands) -> None:
        wrong = {}
        for words, code, reason in _REFUSED:
            ended, out, err = call("send", *words)
            if (ended, out, reason in err) != (code, "", True):
                wrong[words] = (ended, out, err)

        assert wrong == {}


class TestReceive:
    def test_keeps_what_is_only_looked_at(self, call: _Commands) -> None:
        call("send", "--queue", "idle-queue", "x")

        first, second = (call.read_json("receive", "--queue", "idle-queue", "--keep") for _ in range(2))
        assert first == second
        assert first["left"] == {"waiting": 1, "locked": 0, "delayed": 0}

    def test_says_that_there_is_none(self, call: _Commands) -> None:
        code, out, _ = call("receive", "--queue", "idle-queue", "--dead-letters", "--wait", "1")

        assert code == 0
        assert out.startswith("No message of idle-queue")
        assert f"of {call.stack} can be received now." in out
