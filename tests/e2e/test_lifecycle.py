"""A stack from its first preview to the deployment after destroy."""

from __future__ import annotations

from typing import Any

import pytest

_NAME = "rest-api.aws.development.us-east-1"
_STACK = ("--component", "rest-api")
_WITH_ALARMS = ("--set", "monitoring.alerts=[{type: latency, threshold: 500}, {type: error_rate, threshold: 0.05}]")
_WITH_ONE = ("--set", "monitoring.alerts=[{type: latency, threshold: 500}]")
_NOTHING = {"create": 0, "update": 0, "replace": 0, "delete": 0}


@pytest.fixture(scope="module")
def outcomes(shared_workspace: Any) -> dict[str, Any]:
    """The outcomes of the commands by name, run in order."""
    steps = {
        "preview": ("preview", *_STACK, "--json"),
        "before": ("status", "--json"),
        "deploy": ("deploy", *_STACK, *_WITH_ALARMS),
        "status": ("status", "--json"),
        "outputs": ("outputs", "--json"),
        "health": ("invoke", "rest-api", "GET", "/health", "--json"),
        "missing": ("invoke", "rest-api", "GET", "/nowhere", "--json"),
        "again": ("deploy", *_STACK, *_WITH_ALARMS, "--json"),
        "memory": ("deploy", *_STACK, *_WITH_ALARMS, "--set", "components.rest-api.memory=1024", "--json"),
        "alarm": ("deploy", *_STACK, *_WITH_ONE, "--set", "components.rest-api.memory=1024", "--json"),
        "refused": ("destroy", *_STACK, "--json"),
        "destroy": ("destroy", *_STACK, "--yes", "--json"),
        "twice": ("destroy", *_STACK, "--yes", "--json"),
        "status after destroy": ("status", "--json"),
        "invoke after destroy": ("invoke", "rest-api", "GET", "/health", "--json"),
        "recreated": ("deploy", *_STACK, *_WITH_ONE, "--json"),
        "history": ("history", "--json"),
        "events": ("events", "--json"),
        "verify": ("ledger", "verify", "--json"),
    }
    return {name: shared_workspace.run(*arguments) for name, arguments in steps.items()}


def _mutations(outcome: Any) -> dict[str, int]:
    return {op: count for op, count in outcome.json["changes"].items() if op != "same"}


def _planned(outcome: Any) -> set[tuple[str, str]]:
    plan = next(event for event in outcome.events if event["type"] == "infrastructure.deployment.planned")
    return {(change["op"], change["type"]) for change in plan["data"]["resources"]}


class TestLifecycle:
    def test_preview_records_nothing(self, outcomes: dict[str, Any]) -> None:
        assert (outcomes["preview"].code, outcomes["preview"].json["verdict"]) == (0, "safe")
        assert outcomes["before"].json == []

    def test_deploy_shows_plan_progress_endpoint_and_health(self, outcomes: dict[str, Any]) -> None:
        out = outcomes["deploy"].out

        assert outcomes["deploy"].code == 0
        assert out.startswith(f"{_NAME}: simulated aws on this machine; no cloud account is touched")
        assert "  + create  lambda.Function " in out
        assert "  created  lambda.Function function  " in out
        assert "endpoint  https://" in out
        assert "GET /health -> 200" in out

    def test_status_and_outputs_show_the_endpoint(self, outcomes: dict[str, Any]) -> None:
        (row,) = outcomes["status"].json

        assert (row["stack"], row["state"]) == (_NAME, "completed")
        assert outcomes["outputs"].json["endpoint"] == row["endpoint"]

    def test_invoke_returns_the_response(self, outcomes: dict[str, Any]) -> None:
        assert (outcomes["health"].code, outcomes["health"].json["status"]) == (0, 200)
        assert (outcomes["missing"].code, outcomes["missing"].json["status"]) == (0, 404)

    def test_deploying_again_changes_nothing(self, outcomes: dict[str, Any]) -> None:
        result = outcomes["again"].json

        assert (outcomes["again"].code, _mutations(outcomes["again"])) == (0, _NOTHING)
        assert result["changes"]["same"] > 0
        assert result["health"]["status"] == 200

    def test_more_memory_updates_only_the_function_and_its_alias(self, outcomes: dict[str, Any]) -> None:
        assert _mutations(outcomes["memory"]) == _NOTHING | {"update": 2}
        assert _planned(outcomes["memory"]) == {
            ("update", "aws:lambda/function:Function"),
            ("update", "aws:lambda/alias:Alias"),
        }

    def test_an_alarm_that_is_no_longer_configured_is_deleted(self, outcomes: dict[str, Any]) -> None:
        assert _mutations(outcomes["alarm"]) == _NOTHING | {"delete": 1}
        assert _planned(outcomes["alarm"]) == {("delete", "aws:cloudwatch/metricAlarm:MetricAlarm")}

    def test_destroy_needs_consent(self, outcomes: dict[str, Any]) -> None:
        assert (outcomes["refused"].code, outcomes["refused"].json["error"]["code"]) == (3, "CONSENT_MISSING")
        assert (outcomes["destroy"].code, outcomes["destroy"].json["state"]) == (0, "completed")
        assert (outcomes["twice"].code, outcomes["twice"].json["deployment"]) == (0, None)

    def test_destroy_leaves_nothing_live(self, outcomes: dict[str, Any]) -> None:
        assert [(row["kind"], row["endpoint"]) for row in outcomes["status after destroy"].json] == [("destroy", None)]
        assert (outcomes["invoke after destroy"].code, outcomes["invoke after destroy"].json["error"]["code"]) == (
            2,
            "NOT_FOUND",
        )

    def test_the_next_deployment_has_new_names(self, outcomes: dict[str, Any]) -> None:
        assert (outcomes["recreated"].code, outcomes["recreated"].json["state"]) == (0, "completed")
        assert outcomes["recreated"].json["outputs"]["function_name"] != outcomes["outputs"].json["function_name"]

    def test_history_has_every_deployment(self, outcomes: dict[str, Any]) -> None:
        kinds = [row["kind"] for row in outcomes["history"].json]

        assert kinds == ["deploy", "destroy", "deploy", "deploy", "deploy", "deploy"]
        assert (outcomes["verify"].code, outcomes["verify"].json["intact"]) == (0, True)

    def test_events_are_the_same_live_and_recorded(self, outcomes: dict[str, Any]) -> None:
        live = [event["id"] for event in outcomes["again"].events]
        recorded = [event["id"] for event in outcomes["events"].json]

        assert [event for event in recorded if event in live] == live
