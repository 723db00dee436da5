"""Requests that are queued by one process and carried out by others."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.e2e.conftest import Workspace
from tests.object_stores import run_s3, secret_key
from tests.postgresql_server import MISSING_REASON, PostgresqlServer, find_postgresql, run_postgresql

_DEPLOY = ("deploy", "rest-api", "--json")
_FAILED = ("infrastructure.deployment.rolled_back", "infrastructure.deployment.failed")
_TIMEOUT_S = 60.0
_SERVICE = """\
import time

def handler(event, context):
    time.sleep({seconds})
    return {{"statusCode": 200, "body": "from the first machine"}}
"""
_CONFIGURATION = "components:\n  rest-api: {source: api, handler: app.handler, runtime: python3.13}\n"


def _queue(workspace: Workspace) -> list[dict[str, Any]]:
    return list(workspace.run("queue", "--json").json)


def _states(workspace: Workspace) -> list[str]:
    return [row["state"] for row in workspace.run("history", "--json").json]


def _wait_for(workspace: Workspace, state: str) -> None:
    deadline = time.monotonic() + _TIMEOUT_S
    while _states(workspace)[:1] != [state]:
        assert time.monotonic() < deadline, f"never {state}: {_states(workspace)}"
        time.sleep(0.2)


@pytest.fixture
def slow_workspace(tmp_path: Path) -> Workspace:
    """A workspace whose service takes five seconds to answer."""
    (tmp_path / "api").mkdir()
    (tmp_path / "api" / "app.py").write_text(_SERVICE.format(seconds=5))
    (tmp_path / "semantest.yaml").write_text(_CONFIGURATION)
    return Workspace(tmp_path)


class TestDetachedDeployments:
    def test_are_carried_out_by_a_worker(self, workspace: Workspace) -> None:
        queued = workspace.run(*_DEPLOY, "--detach")
        [run] = _queue(workspace)
        worker = workspace.run("worker", "--until-idle", "--json")

        assert (queued.code, queued.json["state"], run["state"]) == (0, "pending", "waiting")
        assert (worker.code, json.loads(worker.out.splitlines()[-1])["type"]) == (
            0,
            "infrastructure.deployment.completed",
        )
        assert (_states(workspace), _queue(workspace)) == (["completed"], [])
        assert workspace.run("invoke", "rest-api", "GET", "/health", "--json").json["status"] == 200

    def test_can_be_cancelled_while_they_wait(self, workspace: Workspace) -> None:
        deployment = workspace.run(*_DEPLOY, "--detach").json["deployment"]
        cancelled = workspace.run("cancel", deployment[:8], "--json")
        again = workspace.run("cancel", deployment, "--json")

        assert (cancelled.code, cancelled.json["state"], _states(workspace)) == (0, "cancelled", ["cancelled"])
        assert (again.code, again.json["error"]["code"]) == (3, "DEPLOYMENT_ENDED")

    def test_are_replaced_by_a_later_request(self, workspace: Workspace) -> None:
        workspace.run(*_DEPLOY, "--detach")
        later = workspace.run(*_DEPLOY)

        assert (later.code, _states(workspace)) == (0, ["completed", "superseded"])


class TestWorkers:
    def test_let_a_deployment_end_when_they_are_stopped(self, slow_workspace: Workspace) -> None:
        slow_workspace.run(*_DEPLOY, "--detach")
        with slow_workspace.start("worker") as worker:
            _wait_for(slow_workspace, "verifying")
            worker.send_signal(signal.SIGTERM)
            assert worker.wait(_TIMEOUT_S) == 0

        assert _states(slow_workspace) == ["completed"]

    def test_cancel_what_another_process_asks_them_to(self, slow_workspace: Workspace) -> None:
        deployment = slow_workspace.run(*_DEPLOY, "--detach").json["deployment"]
        with slow_workspace.start("worker") as worker:
            _wait_for(slow_workspace, "verifying")
            asked = slow_workspace.run("cancel", deployment, "--json")
            _wait_for(slow_workspace, "cancelled")
            worker.send_signal(signal.SIGTERM)

        assert asked.json["state"] == "cancelling"

    def test_go_on_with_the_run_of_a_killed_one(self, slow_workspace: Workspace) -> None:
        slow_workspace.run(*_DEPLOY, "--detach")
        with slow_workspace.start("worker") as worker:
            _wait_for(slow_workspace, "verifying")
            os.kill(worker.pid, signal.SIGKILL)
            worker.wait()
        [left] = _queue(slow_workspace)
        ended = slow_workspace.run("worker", "--until-idle", "--json")

        types = [json.loads(line)["type"] for line in ended.out.splitlines()]
        assert (left["abandoned"], types.count("infrastructure.deployment.completed")) == (True, 1)
        assert (_states(slow_workspace), _queue(slow_workspace)) == (["completed"], [])


def _ask(url: str, path: str) -> tuple[int, Any]:
    """Return the status and the answer of a health check."""
    parts = urlsplit(url)
    connection = HTTPConnection(str(parts.hostname), parts.port, timeout=_TIMEOUT_S)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, json.loads(response.read())
    finally:
        connection.close()


def _wait_until_ready(url: str) -> None:
    deadline = time.monotonic() + _TIMEOUT_S
    while (answer := _ask(url, "/readyz"))[0] != 200:
        assert time.monotonic() < deadline, answer
        time.sleep(0.2)


def _wait_until_unready(url: str) -> list[dict[str, str]]:
    """Wait until the worker is not ready, and return why; an answer is kept for a moment."""
    deadline = time.monotonic() + _TIMEOUT_S
    while (answer := _ask(url, "/readyz"))[0] == 200:
        assert time.monotonic() < deadline, answer
        time.sleep(0.2)
    return list(answer[1]["faults"])


def _write_url(server: PostgresqlServer) -> str:
    """Return where a server is, as SEMANTEST_LEDGER_URL has it."""
    parts = dict(part.split("=", 1) for part in server.url.split())
    return f"postgresql://{parts['user']}@/{parts['dbname']}?host={parts['host']}"


def _list_children(pid: int) -> list[int]:
    """Return the processes that a process has started, by the kernel's list."""
    text = "".join(path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/children"))
    return [int(word) for word in text.split()]


class TestSandboxChildren:
    def test_may_be_killed_without_harm_to_their_worker(self, workspace: Workspace) -> None:
        with workspace.start("worker") as worker:
            deadline = time.monotonic() + _TIMEOUT_S
            while not (children := _list_children(worker.pid)):
                assert time.monotonic() < deadline
                time.sleep(0.1)
            os.kill(children[0], signal.SIGKILL)
            workspace.run(*_DEPLOY, "--detach")
            _wait_for(workspace, "completed")
            worker.send_signal(signal.SIGTERM)
            ended = worker.wait(_TIMEOUT_S)

        assert (ended, [pid for pid in children if Path(f"/proc/{pid}").exists()]) == (0, [])


class TestHealthChecks:
    def test_follow_a_worker_to_its_end(self, slow_workspace: Workspace) -> None:
        slow_workspace.run(*_DEPLOY, "--detach")
        with slow_workspace.start("worker", "--health-address", "127.0.0.1:0") as worker:
            assert worker.stderr is not None
            url = worker.stderr.readline().split()[5].removesuffix("/healthz")
            _wait_for(slow_workspace, "verifying")
            at_work = [_ask(url, path) for path in ("/healthz", "/readyz")]
            worker.send_signal(signal.SIGTERM)
            deadline = time.monotonic() + _TIMEOUT_S
            while (draining := _ask(url, "/readyz"))[0] == 200:
                assert time.monotonic() < deadline
            alive = _ask(url, "/healthz")
            ended = worker.wait(_TIMEOUT_S)

        well = (200, {"status": "ok", "faults": []})
        assert (at_work, alive, ended) == ([well, well], well, 0)
        assert draining == (503, {"status": "failed", "faults": [{"check": "worker", "code": "DRAINING"}]})

    def test_tell_when_the_database_is_away_and_back(self, tmp_path: Path) -> None:
        programs = find_postgresql()
        if programs is None:
            pytest.skip(MISSING_REASON)
        with run_postgresql(programs) as server, run_s3() as store:
            store.create_bucket("packages")
            variables = {
                **store.variables,
                store.key_variable: secret_key(store),
                "SEMANTEST_LEDGER_URL": _write_url(server),
                "SEMANTEST_ARTIFACTS_URL": "s3://packages",
            }
            with Workspace(tmp_path, variables).start("worker", "--health-address", "127.0.0.1:0") as worker:
                assert worker.stderr is not None
                url = worker.stderr.readline().split()[5].removesuffix("/healthz")
                _wait_until_ready(url)
                server.stop(signal.SIGQUIT)
                away = _wait_until_unready(url)
                alive = _ask(url, "/healthz")
                server.start()
                _wait_until_ready(url)
                worker.send_signal(signal.SIGTERM)
                ended = worker.wait(_TIMEOUT_S)

        assert {fault["check"] for fault in away} <= {"ledger", "queue"}
        assert {fault["code"] for fault in away} == {"LEDGER_UNREACHABLE"}
        assert (alive[0], ended) == (200, 0)

    @pytest.mark.parametrize(
        ("address", "code", "words"),
        [
            ("0.0.0.0:0", 3, "other machines would reach it"),
            ("127.0.0.1", 2, "write it as 127.0.0.1:8099"),
            ("127.0.0.1:70000", 2, "write it as 127.0.0.1:8099"),
        ],
    )
    def test_refuse_addresses(self, workspace: Workspace, address: str, code: int, words: str) -> None:
        refused = workspace.run("worker", "--health-address", address)

        assert (refused.code, words in refused.err, "Traceback" in refused.err) == (code, True, False)


_FORGED = 'x"}\n{"level":"info","event":"forged\u2028\x1b[2J"'


class TestLogs:
    def test_have_one_object_for_each_line(self, workspace: Workspace) -> None:
        deployment = workspace.run(*_DEPLOY, "--detach").json["deployment"]
        worker = workspace.run("worker", "--until-idle", "--log-format", "json")

        lines = [json.loads(line) for line in worker.err.splitlines()]
        about = [line for line in lines if line.get("deployment") == deployment]
        assert (worker.code, worker.out) == (0, "")
        assert {line["trace_id"] for line in about} == {deployment.replace("-", "")}
        assert {line["stack"] for line in about} == {"rest-api.aws.development.us-east-1"}
        assert [about[0]["event"], *(line["event"] for line in about[-2:])] == [
            "run.claimed",
            "infrastructure.deployment.completed",
            "run.ended",
        ]
        assert all(list(line)[:3] == ["time", "level", "event"] and line["worker"] for line in lines)

    def test_redact_secrets_and_cannot_be_forged(self, tmp_path: Path) -> None:
        canary = "canary-7391-kite"
        text = f"raise RuntimeError('{canary} ' + {_FORGED!r})\n\ndef handler(event, context): ...\n"
        (tmp_path / "api").mkdir()
        (tmp_path / "api" / "app.py").write_text(text)
        (tmp_path / "semantest.yaml").write_text(_CONFIGURATION)
        workspace = Workspace(tmp_path, {"SEMANTEST_SECRET_KEY": canary})
        workspace.run(*_DEPLOY, "--detach")
        worker = workspace.run("worker", "--until-idle", "--log-format", "json")

        lines = [json.loads(line) for line in worker.err.splitlines()]
        [failed] = [line for line in lines if line["event"] in _FAILED and line.get("reason")]
        assert canary not in worker.err
        assert all(line["event"] != "forged" for line in lines)
        assert (failed["level"], bool(failed["code"])) == ("error", True)

    def test_hold_the_error_that_ends_the_worker(self, workspace: Workspace) -> None:
        refused = workspace.run("worker", "--health-address", "0.0.0.0:0", "--log-format", "json")

        [line] = [json.loads(line) for line in refused.err.splitlines()]
        assert (refused.code, line["event"], line["code"]) == (3, "worker.failed", "NOT_LOOPBACK")


@pytest.fixture(scope="module")
def shared() -> Iterator[dict[str, str]]:
    """The variables of machines that share a PostgreSQL and an object store, and no folder."""
    programs = find_postgresql()
    if programs is None:
        pytest.skip(MISSING_REASON)
    with run_postgresql(programs) as server, run_s3() as store:
        store.create_bucket("packages")
        yield {
            **store.variables,
            store.key_variable: secret_key(store),
            "SEMANTEST_LEDGER_URL": _write_url(server),
            "SEMANTEST_ARTIFACTS_URL": "s3://packages",
        }


class TestMachines:
    def test_share_a_ledger_and_packages(self, shared: dict[str, str], tmp_path: Path) -> None:
        first, second = (Workspace(tmp_path / name, shared) for name in ("first", "second"))
        for machine in (first, second):
            machine.folder.mkdir()
        source = first.folder / "api"
        source.mkdir()
        (source / "app.py").write_text(_SERVICE.format(seconds=0))
        (first.folder / "semantest.yaml").write_text(_CONFIGURATION)

        queued = first.run(*_DEPLOY, "--detach")
        worked = second.run("worker", "--until-idle", "--json")

        assert (queued.code, queued.json["state"], worked.code) == (0, "pending", 0)
        assert [_states(machine) for machine in (first, second)] == [["completed"], ["completed"]]
        assert not (first.home / "ledger.db").exists()
        answered = second.run("invoke", "rest-api", "GET", "/", "--json").json
        assert (answered["status"], answered["body"]) == (200, "from the first machine")
        refused, destroyed = (machine.run("destroy", "rest-api", "--yes") for machine in (first, second))
        assert (refused.code, "its simulated cloud is in another home" in refused.err, destroyed.code) == (3, True, 0)


def test_an_option_of_the_health_checks_alone_is_refused(workspace: Workspace) -> None:
    refused = workspace.run("worker", "--until-idle", "--allow-remote-health")

    assert (refused.code, "--health-address" in refused.err) == (2, True), refused.err


def test_a_worker_that_is_stopped_names_what_was_pressed(workspace: Workspace) -> None:
    with workspace.start("worker") as worker:
        assert worker.stderr is not None
        worker.stderr.readline()  # it waits for requests
        worker.send_signal(signal.SIGINT)
        said = worker.stderr.readline()
        assert worker.wait(_TIMEOUT_S) == 0

    assert said.strip() == "Stopping after the deployments in progress; Ctrl-C again cancels them."
