"""Requests of events to roll back and to scale, carried out from what is recorded by the sandbox of both clouds."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from semantest_iac.application.ports.ledger import DeploymentRow
from semantest_iac_events.event import StackRequest
from semantest_iac_events.infrastructure import RollbackRequested, ScalingTriggered
from tests.integration.application.event_folders import EventFolder

PROVIDERS = ("aws", "azure")
SERVICE = "def handler(event, context):\n    return {{'statusCode': 200, 'body': '{version}'}}\n"
CONFIGURATION = """\
provider: {provider}
components:
  rest-api: {{source: api, handler: app.handler, runtime: python3.13, memory: 512}}
subscriptions:
  hot:
    event: ServerPerformanceWarning
    action: scale
    component: rest-api
    min_instances: 1
    max_instances: 7
    match: {{cpu: {{at_least: 80}}}}
  bad: {{event: DeploymentWentWrong, action: rollback, component: rest-api}}
"""
_KILLED = 77
_KILLED_WORKER = f"""\
import asyncio, os
from pathlib import Path
from semantest_iac.bootstrap.application import Application
from semantest_iac.bootstrap.deployments import WorkerViews


def follow(lease):
    def report(progress):
        if getattr(progress, "op", "") == "update" and progress.state == "done":
            os._exit({_KILLED})

    return report


asyncio.run(Application(Path(".semantest")).worker({{}}, WorkerViews(follow_run=follow)).run_until_idle())
"""
"""A worker that is gone after the first update, as if it were killed."""


class Place(EventFolder):
    """A folder with a service, its home, and the way in for events."""

    def __init__(self, folder: Path, provider: str) -> None:
        super().__init__(folder, CONFIGURATION.format(provider=provider))
        (folder / "api").mkdir()

    def write_service(self, version: str) -> None:
        (self.folder / "api" / "app.py").write_text(SERVICE.format(version=version), encoding="utf-8")

    def deploy(self, version: str, **settings: Any) -> DeploymentRow:
        self.write_service(version)
        return self.deploy_spec(self.spec(**settings))

    def request(self, kind: type[StackRequest], **fields: Any) -> StackRequest:
        return kind(**asdict(self.spec().stack), **fields)

    def count_changes_to(self, version: str, **settings: Any) -> int:
        """How much a deployment of this version would change."""
        self.write_service(version)
        spec = self.spec(**settings)
        use_cases = self.application.deployments({}, engine=spec.engine)
        planned = use_cases.preview(spec.stack, spec.configuration, settings=spec.settings, refresh=True)
        return len(asyncio.run(planned).plan.mutations)


@pytest.fixture(params=PROVIDERS)
def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    monkeypatch.chdir(tmp_path)
    return Place(tmp_path, request.param)


class TestRollback:
    def test_brings_back_code_and_settings_and_can_be_gone_back_to_itself(self, place: Place) -> None:
        first, _ = place.deploy("one"), place.deploy("two", memory=1024)

        back = place.receive(place.request(RollbackRequested, target_deployment=first.deployment))
        place.work()

        row = place.row(back.deployment)
        assert (back.outcome, row.kind, row.state, row.error) == ("accepted", "rollback", "completed", None)
        assert place.count_changes_to("one") == 0
        assert place.application.ledger.stack(row.stack).last_good == row.deployment

        place.deploy("three")
        again = place.receive(place.request(RollbackRequested, target_deployment=back.deployment))
        place.work()

        assert place.row(again.deployment).state == "completed"
        assert place.count_changes_to("one") == 0

    def test_goes_on_after_its_worker_was_killed(self, place: Place) -> None:
        first, _ = place.deploy("one"), place.deploy("two", memory=1024)
        result = place.receive(place.request(RollbackRequested, target_deployment=first.deployment))

        killed = subprocess.run([sys.executable, "-c", _KILLED_WORKER], cwd=place.folder, timeout=120, check=False)
        place.work()

        assert killed.returncode == _KILLED
        row = place.row(result.deployment)
        types = [it.type for it in place.application.ledger.stream(row.stack)]
        assert (row.state, types.count("infrastructure.journal.request.resolved")) == ("completed", 1)
        assert place.count_changes_to("one") == 0

    def test_is_refused_to_what_cannot_be_gone_back_to(self, place: Place) -> None:
        row = place.deploy("one")
        elsewhere = {"region": "eu-west-1" if row.stack.endswith("us-east-1") else "westeurope"}
        removed = asyncio.run(place.application.deployments({}).destroy(place.spec().stack))
        requests = {
            "unknown": place.request(RollbackRequested, target_deployment="nothing"),
            "destroy": place.request(RollbackRequested, target_deployment=removed.deployment),
            "other stack": place.request(RollbackRequested, target_deployment=row.deployment).model_copy(
                update=elsewhere
            ),
        }

        results = {name: place.receive(request) for name, request in requests.items()}

        ends = {name: (result.outcome, place.row(result.deployment).state) for name, result in results.items()}
        assert ends == dict.fromkeys(requests, ("refused", "rejected"))

    def test_of_a_stack_that_was_never_deployed_is_refused(self, place: Place) -> None:
        place.write_service("one")

        result = place.receive(place.request(RollbackRequested))

        assert (result.outcome, result.code) == ("refused", "NOT_FOUND")

    def test_can_be_subscribed_to(self, place: Place) -> None:
        place.deploy("one")

        result = place.receive_form({"type": "DeploymentWentWrong", "correlationId": "c", "payload": {}})
        place.work()

        assert (result.outcome, place.row(result.deployment).state) == ("accepted", "completed")


class TestScaling:
    def test_changes_instances_alone(self, place: Place) -> None:
        place.deploy("one", memory=1024)

        result = place.receive_form({"type": "ServerPerformanceWarning", "correlationId": "c", "payload": {"cpu": 93}})
        place.work()

        row = place.row(result.deployment)
        assert (result.outcome, row.kind, row.state, row.error) == ("accepted", "scale", "completed", None)
        assert place.count_changes_to("one", memory=1024, instances={"min": 1, "max": 7}) == 0

    def test_is_applied_to_what_is_deployed_when_its_turn_comes(self, place: Place) -> None:
        place.deploy("one")
        scaling = place.request(ScalingTriggered, min_instances=0, max_instances=5, reason="test")
        spec = place.spec(memory=2048)
        form = {
            "type": "ServiceDeploymentNeeded",
            "correlationId": "d",
            "payload": {"serviceType": "rest-api", "serviceConfig": {"memory": 2048}},
        }

        deployments = [
            place.receive_form(form),
            place.receive(scaling),
            place.receive_form(form | {"correlationId": "e"}),
        ]
        place.work()

        states = [place.row(it.deployment).state for it in deployments]
        assert states == ["superseded", "completed", "completed"]
        assert spec.settings.memory == 2048
        assert [row.kind for row in place.application.ledger.deployments(limit=3)] == ["deploy", "scale", "deploy"]

    def test_is_refused_for_instances_that_cannot_be(self, place: Place) -> None:
        place.deploy("one")

        result = place.receive(place.request(ScalingTriggered, min_instances=5, max_instances=2))

        assert (result.outcome, result.code) == ("refused", "VALIDATION_ERROR")
