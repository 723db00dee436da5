"""`deploy --canary`: the traffic of a simulated service moves to a new version, or back, by what requests show."""

from __future__ import annotations

import signal
import subprocess
import threading
import time
import urllib.error
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.e2e.conftest import Workspace
from tests.e2e.serving import RunningGateway, run_gateway
from tests.pulumi_cli import require_pulumi_cli

STACKS = {"aws": "rest-api.aws.development.us-east-1", "azure": "rest-api.azure.staging.westeurope"}
PLACES = {"aws": "", "azure": "provider: azure\nregion: westeurope\nenvironment: staging\nengine: sandbox\n"}
SERVICE = """
import os, random

def handler(event, context):
    if {fails} and random.random() < 0.05 and event["rawPath"] != "/health":
        raise ValueError("five in a hundred")
    return {{"statusCode": 200, "body": "{version} " + os.environ.get("COLOUR", "none")}}
"""
CONFIGURATION = """
components:
  rest-api:
    source: service
    handler: app.handler
    runtime: python3.11
    throttling: {rate: 100000, burst: 100000}
"""
DEPLOY = ("deploy", "rest-api", "--json")


def write_service(workspace: Workspace, version: str, *, fails: bool = False) -> None:
    (workspace.folder / "service" / "app.py").write_text(SERVICE.format(version=version, fails=fails))


@pytest.fixture(params=["aws", "azure"])
def provider(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def service(workspace: Workspace, provider: str) -> Workspace:
    """A workspace whose old version is deployed, and whose source is a new one."""
    (workspace.folder / "service").mkdir()
    (workspace.folder / "semantest.yaml").write_text(PLACES[provider] + CONFIGURATION)
    write_service(workspace, "old")
    assert workspace.run(*DEPLOY).code == 0
    write_service(workspace, "new")
    return workspace


@contextmanager
def send_requests(gateway: RunningGateway, stack: str) -> Iterator[Counter[str]]:
    """Send requests one after the other until the end of the context; yields the growing counts of their answers."""
    answers, is_over = Counter[str](), threading.Event()

    def ask() -> None:
        while not is_over.is_set():
            try:
                answers[gateway.get(f"/{stack}/items")] += 1
            except urllib.error.HTTPError as error:
                answers[str(error.code)] += 1
            except TimeoutError:  # on a busy machine
                continue

    threads = [threading.Thread(target=ask, daemon=True) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        yield answers
    finally:
        is_over.set()
        for thread in threads:
            thread.join(10)


def wait_for_new_answers(answers: Counter[str]) -> None:
    """Forget the answers so far, and wait for some to requests that were sent after that."""
    time.sleep(0.5)
    answers.clear()
    deadline = time.monotonic() + 60
    while answers.total() < 10 and time.monotonic() < deadline:
        time.sleep(0.1)


def wait_for_share(process: subprocess.Popen[str]) -> Iterator[str]:
    """Wait until a deployment has given its new version a share; returns the lines that it prints after that."""
    assert process.stdout
    lines = iter(process.stdout.readline, "")
    assert any("infrastructure.traffic.shifted" in line for line in lines)
    return lines


class TestCanary:
    def test_of_a_good_version_is_promoted(self, service: Workspace, provider: str) -> None:
        with (
            run_gateway(service, "serve", "--port", "0", "--json") as gateway,
            send_requests(gateway, STACKS[provider]) as answers,
        ):
            blue = "components.rest-api.environment.COLOUR=blue"
            deployed = service.run(*DEPLOY, "--canary", "50%", "--bake", "4s", "--set", blue)
            while_divided = dict(answers)
            wait_for_new_answers(answers)

        assert (deployed.code, deployed.json["state"]) == (0, "completed"), deployed.err
        assert while_divided["old none"] and while_divided["new blue"]
        assert set(answers) == {"new blue"}
        shifts = [it["data"] for it in deployed.events if it["type"] == "infrastructure.traffic.shifted"]
        assert [it["weight"] for it in shifts] == [50, 100]
        assert "none failed" in shifts[1]["reasons"][0]

    def test_of_a_version_that_fails_five_percent_of_requests_is_returned(
        self, service: Workspace, provider: str
    ) -> None:
        write_service(service, "new", fails=True)
        with (
            run_gateway(service, "serve", "--port", "0", "--json") as gateway,
            send_requests(gateway, STACKS[provider]) as answers,
        ):
            deployed = service.run(*DEPLOY, "--canary", "50%", "--bake", "6s")
            wait_for_new_answers(answers)

        assert (deployed.code, deployed.json["state"]) == (1, "rolled_back")
        assert deployed.json["error"]["code"] == "CANARY_RETURNED"
        assert "more than 1 %" in deployed.json["error"]["message"]
        assert set(answers) == {"old none"}
        write_service(service, "old")
        assert service.run("preview", "rest-api", "--json").json["verdict"] == "no_change"

    def test_is_returned_when_it_is_cancelled(self, service: Workspace) -> None:
        with service.start(*DEPLOY, "--canary", "10%", "--bake", "1h") as process:
            lines = wait_for_share(process)
            [waiting] = service.run("queue", "--json").json
            cancelled = service.run("cancel", waiting["deployment"])
            *_, last = lines

        assert cancelled.code == 0, cancelled.err
        assert '"rolled_back"' in last and "CANARY_RETURNED" in last
        assert service.run("invoke", "rest-api", "GET", "/").out.strip().endswith("old none")

    def test_is_returned_by_ctrl_c(self, service: Workspace) -> None:
        with service.start(*DEPLOY, "--canary", "10%", "--bake", "1h") as process:
            wait_for_share(process)
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=60)

        [newest, *_] = service.run("history", "--json").json
        assert (newest["state"], newest["error"]["code"]) == ("rolled_back", "CANARY_RETURNED")
        assert "the deployment was cancelled" in newest["error"]["message"]

    @pytest.mark.parametrize(
        ("command", "state", "version"), [("promote", "completed", "new"), ("return", "rolled_back", "old")]
    )
    def test_ends_when_a_person_decides(self, service: Workspace, command: str, state: str, version: str) -> None:
        with service.start(*DEPLOY, "--canary", "10%", "--bake", "1h") as process:
            wait_for_share(process)  # whoever has deployed it is killed
        shown = service.run("status", "--json").json[0]
        decided = service.run(command, "--reason", "as I like", "--json")

        assert shown["traffic"]["weight"] == 10
        assert decided.json["state"] == state
        assert service.run("invoke", "rest-api", "GET", "/").out.strip().endswith(f"{version} none")
        assert service.run(command).code != 0

    def test_goes_on_after_its_process_was_killed(self, service: Workspace) -> None:
        with service.start(*DEPLOY, "--canary", "10%", "--bake", "3s") as process:
            wait_for_share(process)
        with service.start("worker", "--json") as worker:
            assert worker.stdout
            assert any("infrastructure.deployment.completed" in line for line in iter(worker.stdout.readline, ""))

        [newest, *_] = service.run("history", "--json").json
        assert newest["state"] == "completed"
        assert service.run("invoke", "rest-api", "GET", "/").out.strip().endswith("new none")

    def test_waits_for_an_approval_and_is_approved_once(self, service: Workspace, provider: str) -> None:
        approvals = "approvals: {required: true}\n"
        (service.folder / "semantest.yaml").write_text(approvals + PLACES[provider] + CONFIGURATION)
        waiting = service.run(*DEPLOY, "--canary", "10%", "--bake", "2s")
        [shown] = service.run("status", "--json").json
        before = service.run("invoke", "rest-api", "GET", "/").out.strip()
        approved = service.run("approve", "--json")

        assert (waiting.code, waiting.json["state"], shown.get("traffic")) == (3, "awaiting_approval", None)
        assert before.endswith("old none")
        assert (approved.code, approved.json["state"]) == (0, "completed"), approved.out
        types = [it["type"].removeprefix("infrastructure.") for it in approved.events]
        assert types.count("traffic.shifted") == 2
        assert types.count("approval.requested") == 1
        assert service.run("invoke", "rest-api", "GET", "/").out.strip().endswith("new none")

    def test_is_refused_for_more_than_code_and_settings(self, service: Workspace, provider: str) -> None:
        refused = service.run(*DEPLOY, "--canary", "10%", "--set", "monitoring.log_retention_days=90")

        assert refused.code in (1, 3)
        assert refused.json["error"]["code"] == "CANARY_REFUSED"
        assert {"aws": "logGroup", "azure": "Workspace"}[provider] in refused.json["error"]["message"]

    @pytest.mark.parametrize("provider", ["aws"])
    def test_is_refused_where_the_first_share_would_delete_warm_instances(
        self, service: Workspace, provider: str
    ) -> None:
        assert service.run(*DEPLOY, "--set", "components.rest-api.instances.min=1").code == 0

        refused = service.run(*DEPLOY, "--canary", "10%", "--set", "components.rest-api.instances.min=0")

        assert refused.json["error"]["code"] == "CANARY_REFUSED"
        assert "delete of aws:lambda/provisionedConcurrencyConfig" in refused.json["error"]["message"]

    def test_shows_in_previews_with_what_it_could_not_do(self, service: Workspace, provider: str) -> None:
        shown = service.run("deploy", "rest-api", "--dry-run", "--canary", "10%,50%").out
        refused = service.run(
            "deploy", "rest-api", "--dry-run", "--canary", "10%", "--json", "--set", "monitoring.log_retention_days=90"
        )

        assert "Traffic: 10 % for 5 min, 50 % for 5 min, then all." in shown
        assert {"aws": "routingConfig", "azure": 'backend-id="shared"'}[provider] in shown
        assert refused.json["changes"]["update"] == {"aws": 4, "azure": 3}[provider]
        assert refused.json["traffic"].startswith("refused: Cannot deploy")

    def test_of_a_first_deployment_is_all_of_it(self, workspace: Workspace) -> None:
        (workspace.folder / "semantest.yaml").write_text("components: {rest-api: {canary: 10%}}")

        deployed = workspace.run("deploy", "rest-api")

        assert deployed.code == 0
        assert "Traffic: all at once: a first deployment has no version to share it with." in deployed.out


class TestCanaryOnPulumi:
    def test_moves_the_traffic_and_leaves_nothing_behind(self, workspace: Workspace, provider: str) -> None:
        require_pulumi_cli()
        place = PLACES[provider].replace("engine: sandbox\n", "")
        (workspace.folder / "service").mkdir()
        (workspace.folder / "semantest.yaml").write_text(f"{place}engine: pulumi\ncloud: sandbox\n{CONFIGURATION}")
        write_service(workspace, "old")
        assert workspace.run(*DEPLOY).code == 0
        write_service(workspace, "new")

        deployed = workspace.run(*DEPLOY, "--canary", "50%", "--bake", "1s")

        assert (deployed.code, deployed.json["state"]) == (0, "completed"), deployed.json
        changes = deployed.json["changes"]
        assert changes["create"] == changes["delete"] == {"aws": 0, "azure": 10}[provider]
        assert workspace.run("invoke", "rest-api", "GET", "/").out.strip().endswith("new none")
