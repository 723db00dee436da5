"""A stack from its first deployment to its second life, told by the commands that a person would use."""

from __future__ import annotations

from typing import Any

import pytest

_NAME = "rest-api.aws.development.us-east-1"
_STACK = ("--component", "rest-api")
_WITH_ALARMS = ("--set", "monitoring.alerts=[{type: latency, threshold: 500}, {type: error_rate, threshold: 0.05}]")
_WITH_ONE = ("--set", "monitoring.alerts=[{type: latency, threshold: 500}]")
_NOTHING = {"create": 0, "update": 0, "replace": 0, "delete": 0}


@pytest.fixture(scope="module")
def life(shared_desk: Any) -> dict[str, Any]:
    """Every command of the life by name, run in order."""
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
        "gone": ("status", "--json"),
        "silent": ("invoke", "rest-api", "GET", "/health", "--json"),
        "reborn": ("deploy", *_STACK, *_WITH_ONE, "--json"),
        "history": ("history", "--json"),
        "events": ("events", "--json"),
        "verify": ("ledger", "verify", "--json"),
    }
    return {name: shared_desk.run(*arguments) for name, arguments in steps.items()}


def _mutations(outcome: Any) -> dict[str, int]:
    return {op: count for op, count in outcome.json["changes"].items() if op != "same"}


def _planned(outcome: Any) -> set[tuple[str, str]]:
    plan = next(event for event in outcome.events if event["type"] == "infrastructure.deployment.planned")
    return {(change["op"], change["type"]) for change in plan["data"]["resources"]}


class TestLife:
    def test_begins_with_a_preview_that_leaves_nothing_on_record(self, life: dict[str, Any]) -> None:
        assert (life["preview"].code, life["preview"].json["verdict"]) == (0, "safe")
        assert life["before"].json == []

    def test_shows_plan_progress_endpoint_and_health(self, life: dict[str, Any]) -> None:
        out = life["deploy"].out

        assert life["deploy"].code == 0
        assert out.startswith(f"{_NAME}: simulated aws on this machine; no cloud account is touched")
        assert "  + create  lambda.Function " in out
        assert "  created  lambda.Function function  " in out
        assert "endpoint  https://" in out
        assert "GET /health -> 200" in out

    def test_is_known_to_status_and_outputs(self, life: dict[str, Any]) -> None:
        (row,) = life["status"].json

        assert (row["stack"], row["state"]) == (_NAME, "completed")
        assert life["outputs"].json["endpoint"] == row["endpoint"]

    def test_answers_requests(self, life: dict[str, Any]) -> None:
        assert (life["health"].code, life["health"].json["status"]) == (0, 200)
        assert (life["missing"].code, life["missing"].json["status"]) == (0, 404)

    def test_stays_as_it_is_when_nothing_changed(self, life: dict[str, Any]) -> None:
        result = life["again"].json

        assert (life["again"].code, _mutations(life["again"])) == (0, _NOTHING)
        assert result["changes"]["same"] > 0
        assert result["health"]["status"] == 200

    def test_changes_the_function_and_its_alias_alone_for_more_memory(self, life: dict[str, Any]) -> None:
        assert _mutations(life["memory"]) == _NOTHING | {"update": 2}
        assert _planned(life["memory"]) == {
            ("update", "aws:lambda/function:Function"),
            ("update", "aws:lambda/alias:Alias"),
        }

    def test_loses_the_one_alarm_that_left_the_configuration(self, life: dict[str, Any]) -> None:
        assert _mutations(life["alarm"]) == _NOTHING | {"delete": 1}
        assert _planned(life["alarm"]) == {("delete", "aws:cloudwatch/metricAlarm:MetricAlarm")}

    def test_ends_only_with_consent(self, life: dict[str, Any]) -> None:
        assert (life["refused"].code, life["refused"].json["error"]["code"]) == (3, "CONSENT_MISSING")
        assert (life["destroy"].code, life["destroy"].json["state"]) == (0, "completed")
        assert (life["twice"].code, life["twice"].json["deployment"]) == (0, None)

    def test_leaves_nothing_live(self, life: dict[str, Any]) -> None:
        assert [(row["kind"], row["endpoint"]) for row in life["gone"].json] == [("destroy", None)]
        assert (life["silent"].code, life["silent"].json["error"]["code"]) == (2, "NOT_FOUND")

    def test_begins_anew_although_names_stay_reserved(self, life: dict[str, Any]) -> None:
        assert (life["reborn"].code, life["reborn"].json["state"]) == (0, "completed")
        assert life["reborn"].json["outputs"]["function_name"] != life["outputs"].json["function_name"]

    def test_is_on_record_from_end_to_end(self, life: dict[str, Any]) -> None:
        kinds = [row["kind"] for row in life["history"].json]

        assert kinds == ["deploy", "destroy", "deploy", "deploy", "deploy", "deploy"]
        assert (life["verify"].code, life["verify"].json["intact"]) == (0, True)

    def test_tells_the_same_events_live_and_afterwards(self, life: dict[str, Any]) -> None:
        live = [event["id"] for event in life["again"].events]
        recorded = [event["id"] for event in life["events"].json]

        assert [event for event in recorded if event in live] == live
