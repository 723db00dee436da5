"""Scalings that events ask for: bounds, steps, cooldown, and what they change, in the sandbox of both clouds."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from semantest_iac.application.intake.infrastructure_event_bus import EventResult
from semantest_iac.application.ports.ledger import DeploymentRow
from semantest_iac.application.ports.run_queue import FIRST_COME
from semantest_iac.domain.compute.scaling import ScalingChange
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.errors import ValidationError
from semantest_iac_events.infrastructure import ScalingTriggered
from tests.integration.application.event_folders import EventFolder

CONFIGURATION = """\
provider: {provider}
scaling: {{max: 200, cooldown_s: 600}}
components:
  rest-api: {{instances: {{min: 1, max: 50}}, scaling: {{min: 1, max: 60}}}}
  websocket: {{}}
subscriptions:
  alarm: {{event: AlarmChanged, action: scale, component: rest-api, min_step: 2, max_step: 5}}
"""
_CHANGED = {
    "aws": {
        "aws:lambda/function:Function",  # reserved concurrency
        "aws:lambda/provisionedConcurrencyConfig:ProvisionedConcurrencyConfig",
        "aws:cloudwatch/metricAlarm:MetricAlarm",  # that of the number of instances, at 80 % of the limit
    },
    "azure": {"azure-native:web:WebApp", "azure-native:monitor:ScheduledQueryRule"},
}


class Place(EventFolder):
    """A home with a configuration, on a clock of the test."""

    def __init__(self, folder: Path, provider: str) -> None:
        self.provider = provider
        self.shift_s = 0.0
        super().__init__(folder, CONFIGURATION.format(provider=provider), self.read_now)

    def read_now(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=self.shift_s)

    def deploy(self, component: str = "rest-api", **section: Any) -> Stack:
        spec = self.spec(component, **section)
        row = self.deploy_spec(spec)
        assert row.state == "completed", row.error
        return spec.stack

    def queue_deployment(self, **section: Any) -> None:
        spec = self.spec(**section)
        use_cases = self.application.deployments({}, engine=spec.engine)
        asyncio.run(use_cases.deploy(spec.stack, spec.configuration, settings=spec.settings, detach=FIRST_COME))

    def alarm(self, state: str, number: int = 1) -> EventResult:
        return self.receive_form(
            {"type": "AlarmChanged", "correlationId": f"c{number}", "payload": {"NewStateValue": state}}
        )

    def ask(self, stack: Stack, **fields: Any) -> EventResult:
        return self.receive(ScalingTriggered(**asdict(stack), **fields))

    def instances(self, stack: Stack) -> Mapping[str, int]:
        """The instances of the newest scaling, as it was recorded."""
        resolved = self.list_events(stack, "infrastructure.journal.request.resolved")
        instances: Mapping[str, int] = resolved[-1]["configuration"]["components"][stack.component]["instances"]
        return instances

    def scale(self, stack: Stack, change: ScalingChange) -> DeploymentRow:
        return asyncio.run(self.application.deployments({}).scale(stack, change, by="a person"))


@pytest.fixture(params=["aws", "azure"])
def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    monkeypatch.chdir(tmp_path)
    return Place(tmp_path, request.param)


@pytest.fixture
def on_aws(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    monkeypatch.chdir(tmp_path)
    return Place(tmp_path, "aws")


class TestSteps:
    def test_follow_the_alarm_and_stop_at_the_bounds(self, on_aws: Place) -> None:
        place, stack = on_aws, on_aws.deploy()
        seen = []
        for number, state in enumerate(["ALARM", "ALARM", "ALARM", "OK"]):
            result = place.alarm(state, number)
            place.work()
            seen.append((result.code, dict(place.instances(stack))))
            place.shift_s += 1801

        assert seen == [
            ("", {"min": 3, "max": 55}),
            ("", {"min": 5, "max": 60}),
            ("", {"min": 7, "max": 60}),
            ("", {"min": 5, "max": 55}),
        ]

    def test_that_the_bounds_leave_nothing_of_are_answered(self, on_aws: Place) -> None:
        place, stack = on_aws, on_aws.deploy(instances={"min": 60, "max": 60})

        result = place.alarm("ALARM")

        row = place.row(result.deployment)
        assert (result.outcome, result.code) == ("refused", "SCALING_AT_LIMIT")
        assert (row.kind, row.state, row.stack) == ("scale", "rejected", str(stack))


class TestCooldown:
    def test_answers_when_the_event_may_come_again(self, place: Place) -> None:
        place.deploy()
        place.alarm("ALARM", 1)
        place.work()

        soon = place.alarm("ALARM", 2)
        place.shift_s = 601
        taken_back, again = place.alarm("OK", 3), place.alarm("ALARM", 4)
        place.work()
        place.shift_s += 1801
        later = place.alarm("OK", 5)
        place.work()

        codes = [it.code for it in (soon, taken_back, again, later)]
        assert codes == ["SCALING_COOLDOWN", "SCALING_COOLDOWN", "", ""]
        [rejected] = [
            it.event["data"]
            for it in place.application.ledger.stream(soon.stack)
            if it.type == "infrastructure.deployment.rejected" and it.event["data"]["deployment_id"] == soon.deployment
        ]
        waits = datetime.fromisoformat(rejected["retry_at"]) - datetime.now(UTC)
        assert timedelta(seconds=500) < waits <= timedelta(seconds=600)
        assert "A person may scale at any time." in rejected["hint"]

    def test_is_judged_again_when_the_turn_comes(self, on_aws: Place) -> None:
        on_aws.deploy()

        both = [on_aws.alarm("ALARM", number) for number in (1, 2)]
        on_aws.work()

        rows = [on_aws.row(result.deployment) for result in both]
        assert [result.outcome for result in both] == ["accepted", "accepted"]
        assert [row.state for row in rows] == ["completed", "rejected"]
        assert (rows[1].error or {})["code"] == "SCALING_COOLDOWN"

    def test_is_kept_after_a_person_has_scaled_and_by_no_person(self, on_aws: Place) -> None:
        stack = on_aws.deploy()

        rows = [on_aws.scale(stack, ScalingChange(minimum=minimum)) for minimum in (5, 6)]
        result = on_aws.alarm("ALARM")

        assert [row.state for row in rows] == ["completed", "completed"]
        assert result.code == "SCALING_COOLDOWN"

    def test_cannot_be_escaped_by_what_an_event_says(self, on_aws: Place) -> None:
        stack = on_aws.deploy()
        on_aws.scale(stack, ScalingChange(minimum=5))

        result = on_aws.ask(stack, min_instances=9, automatic=False, requested_by="a person")

        assert result.code == "SCALING_COOLDOWN"

    def test_does_not_follow_what_changed_nothing(self, on_aws: Place) -> None:
        stack = on_aws.deploy()
        row = on_aws.scale(stack, ScalingChange(minimum=1))

        assert (row.state, row.changes["update"]) == ("completed", 0)
        assert on_aws.alarm("ALARM").outcome == "accepted"


class TestBounds:
    @pytest.mark.parametrize(
        ("fields", "paths"),
        [({"min_instances": 0, "max_instances": 61}, ["min", "max"]), ({"min_instances": 51}, ["min"])],
    )
    def test_refuse_numbers_of_events_and_of_people(
        self, on_aws: Place, fields: dict[str, int], paths: list[str]
    ) -> None:
        stack = on_aws.deploy()
        change = ScalingChange(fields.get("min_instances"), fields.get("max_instances"))

        result = on_aws.ask(stack, **fields)
        with pytest.raises(ValidationError) as refusal:
            on_aws.scale(stack, change)

        assert (result.outcome, result.code) == ("refused", "VALIDATION_ERROR")
        assert [fault.path for fault in refusal.value.faults] == paths

    def test_that_a_deployment_before_it_moves_reject_a_request_in_its_turn(self, on_aws: Place) -> None:
        stack = on_aws.deploy()
        on_aws.queue_deployment(scaling={"max": 8}, instances={"min": 1, "max": 8})

        result = on_aws.ask(stack, min_instances=9)
        on_aws.work()

        row = on_aws.row(result.deployment)
        assert (result.outcome, row.state, (row.error or {})["code"]) == ("accepted", "rejected", "VALIDATION_ERROR")

    def test_of_an_environment_hold_for_components_without_own_ones(self, on_aws: Place) -> None:
        stack = on_aws.deploy("websocket")

        assert on_aws.ask(stack, max_instances=201).code == "VALIDATION_ERROR"
        assert on_aws.ask(stack, max_instances=200).outcome == "accepted"

    def test_of_the_cloud_hold_too(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        place = Place(tmp_path, "azure")
        stack = place.deploy("websocket", scaling={"max": 5000})

        assert place.ask(stack, max_instances=1001).code == "VALIDATION_ERROR"


class TestPlans:
    @pytest.mark.parametrize("component", ["rest-api", "websocket"])
    def test_touch_nothing_but_the_number_of_instances(self, place: Place, component: str) -> None:
        stack = place.deploy(component, memory=1024)
        change = ScalingChange(3, 42)

        plan = asyncio.run(place.application.deployments({}).preview_scaling(stack, change)).plan

        assert plan.mutations and not plan.lacks_code
        assert {it.type for it in plan.mutations} <= _CHANGED[place.provider]
        assert {it.op for it in plan.mutations} <= {"create", "update"}
        properties = {found.property for it in plan.mutations for found in it.properties if it.op == "update"}
        assert properties <= _find_properties_of_instances(place.provider)

    def test_of_functions_that_share_an_app_touch_the_app_alone(
        self, place: Place, write_functions: Callable[[], dict[str, Any]]
    ) -> None:
        stack = place.deploy(**write_functions())

        plan = asyncio.run(place.application.deployments({}).preview_scaling(stack, ScalingChange(maximum=44))).plan

        functions = [
            it for it in plan.mutations if it.type in ("aws:lambda/function:Function", "azure-native:web:WebApp")
        ]
        assert len(functions) == (2 if place.provider == "aws" else 1)
        assert {it.type for it in plan.mutations} <= _CHANGED[place.provider]


def _find_properties_of_instances(provider: str) -> set[str]:
    if provider == "azure":
        return {"functionAppConfig", "criteria"}
    return {"reservedConcurrentExecutions", "provisionedConcurrentExecutions", "threshold", "alarmDescription"}


@pytest.fixture
def write_functions(tmp_path: Path) -> Callable[[], dict[str, Any]]:
    """Write two handlers, and return the section of a component with a function of each."""

    def write() -> dict[str, Any]:
        (tmp_path / "src").mkdir()
        for name in ("one", "two"):
            text = "def handler(event, context):\n    return {'statusCode': 200}\n"
            (tmp_path / "src" / f"{name}.py").write_text(text, encoding="utf-8")
        functions = {name: {"handler": f"{name}.handler"} for name in ("one", "two")}
        routes = [{"path": f"/{name}", "methods": ["GET"], "function": name} for name in ("one", "two")]
        return {"source": "src", "runtime": "python3.13", "functions": functions, "routes": routes}

    return write
