"""The bridge in applications of the real PythonEDA, each in a process of its own; `dev` is simulated."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import IO

import pytest

from tests.pythoneda_packages import require_real_pythoneda

_ROOT = Path(__file__).parents[2]
_TIMEOUT_S = 120
STACK = "rest-api.aws.development.us-east-1"
UPDATE = ("update", "--stack", "aws-dev", "--location", "us-east-1", "--metadata", "component=rest-api")

_SLOW_CONFIGURATION = """
components:
  rest-api: {source: api, handler: app.handler, runtime: python3.12}
"""
_SLOW_SERVICE = """
import time

def handler(event, context):
    time.sleep(4)
    return {"statusCode": 200, "body": "ok"}
"""

# It leaves what it accepts to a worker, and says what it hears.
_ASKING = """
import asyncio, sys
from pythoneda.shared import EventListener, listen
from pythoneda.shared.application import PythonEDA, enable
from pythoneda.shared.iac import events as iac
from pythoneda.shared.infrastructure.cli import CliHandler
from semantest_iac.pythoneda.deployments import InfrastructureDeployments

class Answers(EventListener):
    @classmethod
    @listen(iac.InfrastructureUpdated)
    async def listen_updated(cls, event):
        print("heard", event.stack_name, event.previous_event_ids, event.id, flush=True)
        App.heard.set()

class Ask(CliHandler):
    def __init__(self):
        super().__init__("Ask for an update", "ask")
    def add_arguments(self, parser):
        parser.add_argument("id")
    async def handle(self, app, args):
        request = iac.InfrastructureUpdateRequested(
            "aws-dev", "", "us-east-1", {"component": "rest-api"}, ["cause-1"], args.id)
        await app.accept(request)

class Wait(CliHandler):
    def __init__(self):
        super().__init__("Wait for an answer", "wait")
    def add_arguments(self, parser):
        pass
    async def handle(self, app, args):
        await App.heard.wait()

@enable(InfrastructureDeployments, home=".semantest", slots=0)
@enable(Ask)
class App(PythonEDA):
    heard = asyncio.Event()
    def __init__(self, name):
        super().__init__(name, None, __file__)
    def load_all_packages(self):
        self.load_module_recursive("pythoneda")

asyncio.run(App.main("asking"))
"""

# Its listener keeps the event loop until the deployment has ended, which only another thread can bring about.
_BLOCKING = """
import asyncio, time
from pathlib import Path
from pythoneda.shared.application import PythonEDA, enable
from pythoneda.shared.iac import events as iac
from pythoneda.shared.infrastructure.cli import CliHandler
from semantest_iac import Application
from semantest_iac.pythoneda.deployments import InfrastructureDeployments

class Block(CliHandler):
    def __init__(self):
        super().__init__("Block", "block")
    def add_arguments(self, parser):
        pass
    async def handle(self, app, args):
        request = iac.InfrastructureUpdateRequested("aws-dev", "", "us-east-1", {"component": "rest-api"})
        asking = asyncio.create_task(app.accept(request))
        while not (rows := Application(Path(".semantest")).ledger.deployments()):
            await asyncio.sleep(0.01)
        while rows[0].state != "completed":
            time.sleep(0.01)
            rows = Application(Path(".semantest")).ledger.deployments()
        print("ended while the loop was blocked; then", type((await asking)[0]).__name__)

@enable(InfrastructureDeployments, home=".semantest")
@enable(Block)
class App(PythonEDA):
    def __init__(self, name):
        super().__init__(name, None, __file__)
    def load_all_packages(self):
        self.load_module_recursive("pythoneda")

asyncio.run(App.main("blocking"))
"""


@pytest.fixture(scope="module")
def variables(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    return require_real_pythoneda(tmp_path_factory.mktemp("pythoneda"))


class RealApplications:
    """Runs programs that import the real PythonEDA in one folder."""

    def __init__(self, folder: Path, variables: Mapping[str, str]) -> None:
        self.folder = folder
        self._variables = variables

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run Python with these arguments to its end."""
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=self.folder,
            env=self._variables,
            capture_output=True,
            text=True,
            check=False,
            timeout=_TIMEOUT_S,
        )

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, *arguments],
            cwd=self.folder,
            env=self._variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def write(self, name: str, text: str) -> str:
        (self.folder / name).write_text(text, encoding="utf-8")
        return name

    def list_deployments(self) -> list[tuple[str, str]]:
        """Return stack and state of each deployment, newest first."""
        listed = json.loads(self.run("-m", "semantest_iac", "history", "--json").stdout)
        return [(row["stack"], row["state"]) for row in listed]


@pytest.fixture
def real(tmp_path: Path, variables: Mapping[str, str]) -> RealApplications:
    return RealApplications(tmp_path, variables)


def printed(ended: subprocess.CompletedProcess[str]) -> list[str]:
    """Return the lines of the output without PythonEDA's log."""
    return [line for line in ended.stdout.splitlines() if not re.match(r"\[.*\] \d{4}-", line)]


class TestApplication:
    def test_updates_and_removes_a_stack(self, real: RealApplications) -> None:
        updated = real.run("-m", "semantest_iac.pythoneda", *UPDATE)
        removed = real.run("-m", "semantest_iac.pythoneda", "remove", "-s", "rest-api.aws.dev.us-east-1")

        assert (updated.returncode, printed(updated)[0]) == (0, "InfrastructureUpdated aws-dev"), updated.stderr
        assert (removed.returncode, printed(removed)[0]) == (0, "InfrastructureRemoved rest-api.aws.dev.us-east-1")
        assert f"  stack: {STACK}" in printed(updated)
        assert real.list_deployments() == [(STACK, "completed"), (STACK, "completed")]

    def test_says_why_it_cannot(self, real: RealApplications) -> None:
        ended = real.run("-m", "semantest_iac.pythoneda", "update", "-s", "moon", "-m", "component=rest-api")

        assert (ended.returncode, printed(ended)[0]) == (1, "InfrastructureUpdateFailed moon")
        assert "unknown environment 'moon'" in ended.stdout

    def test_refuses_wrong_usage(self, real: RealApplications) -> None:
        ended = real.run("-m", "semantest_iac.pythoneda", "nonsense")

        assert (ended.returncode, printed(ended)) == (2, [])
        assert "Traceback" not in ended.stderr

    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
    def test_listens_until_a_signal(self, real: RealApplications, number: signal.Signals) -> None:
        listening = real.start("-m", "semantest_iac.pythoneda", "listen")
        _await_line(listening, "Waiting for requests")
        listening.send_signal(number)
        out, _ = listening.communicate(timeout=_TIMEOUT_S)

        assert (listening.returncode, "Traceback" in out) == (0, False), out


class TestDeploymentsInProgress:
    def test_end_before_the_application_does(self, real: RealApplications) -> None:
        real.write("semantest.yaml", _SLOW_CONFIGURATION)
        (real.folder / "api").mkdir()
        real.write("api/app.py", _SLOW_SERVICE)
        updating = real.start("-m", "semantest_iac.pythoneda", *UPDATE)
        while real.list_deployments() != [(STACK, "verifying")]:
            assert updating.poll() is None, updating.communicate()[0]
        updating.send_signal(signal.SIGTERM)
        out, _ = updating.communicate(timeout=_TIMEOUT_S)

        assert (updating.returncode, "Stopping after the deployments in progress" in out) == (4, True), out
        assert real.list_deployments() == [(STACK, "completed")]


class TestExample:
    def test_does_what_it_says(self, real: RealApplications) -> None:
        ended = real.run(str(_ROOT / "docs" / "examples" / "pythoneda_application.py"), "demo")

        assert ended.returncode == 0, ended.stderr[-2000:]
        assert sorted(line.partition(" ")[0] for line in printed(ended)) == [
            "InfrastructureRemoved",
            "completed",
            "failed",
            "updated",
        ]


class TestProcesses:
    def test_that_are_killed_are_answered_by_the_next_one(self, real: RealApplications) -> None:
        script, id_ = real.write("asking.py", _ASKING), "8f14e45f-ceea-467f-a8d9-b5e0d8a7c3f1"
        asking = real.start(script, "ask", id_)
        while real.list_deployments() == []:
            assert asking.poll() is None, asking.communicate()[0]
        asking.kill()
        asking.communicate()
        worker = real.run("-m", "semantest_iac", "worker", "--until-idle")

        answered = real.run(script, "wait")

        assert worker.returncode == 0, worker.stderr
        [line] = printed(answered)
        assert line.startswith(f"heard aws-dev ['{id_}', 'cause-1'] "), answered.stderr
        assert real.list_deployments() == [(STACK, "completed")]

    def test_whose_loop_is_blocked_carry_on(self, real: RealApplications) -> None:
        ended = real.run(real.write("blocking.py", _BLOCKING), "block")

        assert printed(ended) == ["ended while the loop was blocked; then InfrastructureUpdated"], ended.stderr


def _await_line(process: subprocess.Popen[str], text: str) -> None:
    stream: IO[str] | None = process.stdout
    assert stream is not None
    for line in stream:
        if text in line:
            return
    raise AssertionError(f"The process ended without '{text}'.")
