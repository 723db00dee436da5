"""Values that were set go through every command on both clouds, and are in no output, file, event or argument."""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.secret_scanner import FORMS, SecretScanner

_VALUES = {
    "variable": "canary-Qw3rtyVariable-8121",
    "set": "canary-Zx7cvbSetValue-4410",
    "rotated": "canary-Po9iuyRotated-7733",
    "bad": "bad-canary-Lk5jhgBroken-2294",
    "argument": "canary-Mn2bvArgument-5567",
}
_CONFIGURATION = """\
provider: {provider}
components:
  rest-api:
    source: service
    handler: index.handler
    environment:
      TOKEN: ${{secrets.token}}
"""
_SERVICE = """\
import os


def handler(event, context):
    token = os.environ["TOKEN"]
    print("started with", token)
    if token.startswith("bad") and event.get("rawPath") == "/health":
        raise RuntimeError(f"cannot use {token!r}")
    is_echo = event.get("rawPath") == "/echo"
    return {"statusCode": 200, "body": f"it is {token} here" if is_echo else str(len(token))}
"""


class Commands:
    """The outcomes of commands by name, and every argument that a process on this machine had meanwhile."""

    def __init__(self, workspace: Any, provider: str) -> None:
        self.workspace = workspace
        self.outcomes: dict[str, Any] = {}
        folder: Path = workspace.folder
        (folder / "service").mkdir()
        (folder / "service" / "index.py").write_text(_SERVICE, encoding="utf-8")
        (folder / "semantest.yaml").write_text(_CONFIGURATION.format(provider=provider), encoding="utf-8")
        self._give_variable(_VALUES["variable"])

    def run_all(self, provider: str) -> None:
        """Run every command; what no cloud has a part in, on one of them."""
        set_token = "secrets", "set", "token"
        self._run("early", *set_token, "--json", stdin=_VALUES["set"])
        self._run("deploy", "deploy", "rest-api", "--json")
        if provider == "aws":
            self._run_refused(*set_token)
        self._run("list", "secrets", "list", "--json")
        self._run("set", *set_token, "--json", stdin=f"{_VALUES['set']}\n")
        self._run("waiting", "secrets", "list")
        self._give_variable("")
        self._run("redeploy", "deploy", "rest-api", "--debug")
        self._run("bad", "secrets", "rotate", "token", "--json", "--debug", stdin=_VALUES["bad"])
        self._run("echo", "invoke", "rest-api", "GET", "/echo", "--json", "--logs")
        self._run("rotate", "secrets", "rotate", "token", stdin=_VALUES["rotated"])
        self._run("generate", "secrets", "rotate", "token", "--generate", "--bytes", "24", "--json")
        self._run("audit", "secrets", "audit", "--json")
        self._run("listed", "secrets", "list", "--json")
        self._run("events", "events", "--json")

    def _run_refused(self, *set_token: str) -> None:
        self._run("argument", *set_token, "canary-Mn2bvArgument")
        self._run("assigned", *set_token[:2], "token=canary-Mn2bvArgument", "--debug")
        self._run("rotated argument", "secrets", "rotate", "canary-Mn2bv/Argument", "--json")
        self._run("unknown", "secrets", "set", "tokne", stdin=_VALUES["set"])
        self._run("long", *set_token, "--debug", stdin=_VALUES["bad"] * 3000)
        self._run("empty", *set_token, stdin="\n")
        self._run("logs", "logs", "rest-api")
        self._run("audit text", "secrets", "audit")

    def _run(self, name: str, *arguments: str, stdin: str = "") -> None:
        self.outcomes[name] = self.workspace.run(*arguments, stdin=stdin)

    def _give_variable(self, value: str) -> None:
        (self.workspace.folder / ".env").write_text(f"SEMANTEST_SECRET_TOKEN={value}\n", encoding="utf-8")


@pytest.fixture(scope="module", params=["aws", "azure"])
def watched(request: pytest.FixtureRequest, shared_workspace_of: Any) -> tuple[Commands, set[bytes]]:
    commands = Commands(shared_workspace_of(request.param), request.param)
    with _watch_arguments() as seen:
        commands.run_all(request.param)
    return commands, seen


@pytest.fixture
def outcomes(watched: tuple[Commands, set[bytes]]) -> dict[str, Any]:
    return watched[0].outcomes


@contextmanager
def _watch_arguments() -> Iterator[set[bytes]]:
    """Collect the arguments of all processes, looked at again and again."""
    seen, stopped = set[bytes](), threading.Event()

    def look() -> None:
        while not stopped.is_set():
            for file in Path("/proc").glob("[0-9]*/cmdline"):
                try:
                    seen.add(file.read_bytes())
                except OSError:  # the process has ended
                    continue
            time.sleep(0.05)

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        yield seen
    finally:
        stopped.set()
        watcher.join()


class TestCommands:
    def test_end_as_documented(self, outcomes: dict[str, Any]) -> None:
        codes = {name: outcome.code for name, outcome in outcomes.items()}
        failed = {
            "early": 2,
            "argument": 2,
            "assigned": 2,
            "rotated argument": 2,
            "unknown": 2,
            "long": 2,
            "empty": 2,
            "bad": 1,
        }

        expected = {name: failed.get(name, 0) for name in outcomes}
        assert codes == expected, [outcomes[name].err for name in codes if codes[name] != expected[name]]

    def test_say_what_to_do_first(self, outcomes: dict[str, Any]) -> None:
        assert "SEMANTEST_SECRET_TOKEN" in outcomes["early"].json["error"]["hint"]

    @pytest.mark.parametrize("watched", ["aws"], indirect=True)
    def test_refuse_what_is_no_value(self, outcomes: dict[str, Any]) -> None:
        assert "65,536" in outcomes["long"].err
        assert "the value is empty" in outcomes["empty"].err
        assert "Did you mean 'token'?" in outcomes["unknown"].err
        for name in ("argument", "assigned", "rotated argument"):
            assert "Pipe it" in outcomes[name].err + outcomes[name].out
            assert "canary" not in outcomes[name].err + outcomes[name].out

    def test_list_where_a_value_comes_from(self, outcomes: dict[str, Any]) -> None:
        [first], [last] = outcomes["list"].json, outcomes["listed"].json

        assert (first["source"], first["exists"], first["version"]) == ("variable", True, None)
        assert (last["source"], last["used"], last["references"]) == (
            "store",
            True,
            [{"function": "", "variable": "TOKEN"}],
        )
        assert "waits for a deployment" in outcomes["waiting"].out

    def test_bring_a_value_to_the_function(self, outcomes: dict[str, Any]) -> None:
        assert outcomes["echo"].json["body"] == "it is *** here"

    def test_go_back_from_a_value_that_breaks_the_service(self, outcomes: dict[str, Any]) -> None:
        ended = outcomes["bad"].json

        assert ended["state"] == "rolled_back"
        assert "goes back to the earlier value of 'token'." in ended["error"]["message"]

    def test_record_who_changed_what(self, outcomes: dict[str, Any]) -> None:
        events = [json.loads(line) for line in outcomes["events"].out.splitlines()]
        events = events[0] if isinstance(events[0], list) else events
        changed = [it["data"] for it in events if it["type"] == "infrastructure.secret.changed"]

        assert [it["action"] for it in changed] == ["set", "rotated", "rotated", "rotated"]
        assert all(it["changed_by"] and it["secret"] == "token" for it in changed)

    def test_audit_the_reader(self, outcomes: dict[str, Any]) -> None:
        [audit] = outcomes["audit"].json

        assert [it["used"] for it in audit["readers"]] == [True]
        assert [(it["variable"], it["allowed"]) for it in audit["references"]] == [("TOKEN", True)]


class TestPrompt:
    def test_shows_no_value_and_wants_it_twice(self, workspace: Any) -> None:
        commands = Commands(workspace, "aws")
        workspace.run("deploy", "rest-api")
        set_token = "secrets", "set", "token"

        first, again = "not shown: ", "once more: "

        done = workspace.run_in_dialog(*set_token, answers=[(first, _VALUES["set"]), (again, _VALUES["set"])])
        differing = workspace.run_in_dialog(*set_token, answers=[(first, _VALUES["set"]), (again, _VALUES["rotated"])])

        assert commands.workspace is workspace
        assert (done.code, differing.code) == (0, 2)
        assert "Set 'token'" in done.out
        assert "the two that were typed differ" in differing.out
        assert SecretScanner(_VALUES).scan(done.out + differing.out) == []


class TestValues:
    def test_are_in_no_output(self, outcomes: dict[str, Any]) -> None:
        scanner = SecretScanner(_VALUES)
        found = {name: scanner.scan(f"{outcome.out}\n{outcome.err}") for name, outcome in outcomes.items()}

        assert {name: forms for name, forms in found.items() if forms} == {}

    def test_are_in_no_file_of_the_home(self, watched: tuple[Commands, set[bytes]]) -> None:
        scanner = SecretScanner(_VALUES, ["plain", *(form for form in FORMS if form.startswith("base64"))])
        home: Path = watched[0].workspace.home
        found = {str(path): scanner.scan(path.read_bytes()) for path in home.rglob("*") if path.is_file()}

        assert {path: forms for path, forms in found.items() if forms} == {}
        assert (home / "cloud.db").exists()

    def test_are_encrypted_where_the_simulated_cloud_keeps_them(self, watched: tuple[Commands, set[bytes]]) -> None:
        with sqlite3.connect(watched[0].workspace.home / "cloud.db") as connection:
            rows = connection.execute("select sealed from secret_versions").fetchall()

        assert len(rows) == 4
        assert all(text.startswith("v1:") for (text,) in rows)

    def test_are_in_no_argument_of_a_process(self, watched: tuple[Commands, set[bytes]]) -> None:
        _, seen = watched

        assert not [text for text in seen if any(value.encode() in text for value in _VALUES.values())]
        assert any(b"semantest_iac" in text for text in seen)
