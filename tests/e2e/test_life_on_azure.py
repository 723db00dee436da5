"""The same life on the other cloud: what a person types differs in one word, and what differs is told."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

_STACK = ("--component", "rest-api", "--provider", "azure")
_NOTHING = {"create": 0, "update": 0, "replace": 0, "delete": 0}
_APP = "azure-native:web:WebApp"
_SECRET = "hunter2-canary-value"
_ALARMS = "monitoring.alerts=[{type: latency, threshold: 500}, {type: error_rate, threshold: 0.05}]"
_CONFIGURATION = """\
components:
  rest-api:
    source: service
    handler: index.handler
    environment:
      TOKEN: ${secrets.token}
"""
_SERVICE = """\
import json, os

def handler(event, context):
    told = {"edition": EDITION, "token": len(os.environ["TOKEN"])}
    return {"statusCode": 200, "headers": {"content-type": "application/json"}, "body": json.dumps(told)}
"""


@pytest.fixture(scope="module")
def life(shared_desk: Any) -> dict[str, Any]:
    """Every command of the life by name, run in order."""
    folder: Path = shared_desk.folder
    (folder / "service").mkdir()
    (folder / "semantest.yaml").write_text(_CONFIGURATION, encoding="utf-8")
    (folder / ".env").write_text(f"SEMANTEST_SECRET_TOKEN={_SECRET}\n", encoding="utf-8")
    steps: dict[str, tuple[Callable[[], object], tuple[str, ...]]] = {
        "deploy": (lambda: _write(folder, 1), ("deploy", *_STACK, "--set", _ALARMS, "--json")),
        "again": (_idle, ("deploy", *_STACK, "--set", _ALARMS, "--json")),
        "package": (lambda: _write(folder, 2), ("deploy", *_STACK, "--set", _ALARMS, "--json")),
        "call": (_idle, ("invoke", "rest-api", "GET", "/any", "--provider", "azure", "--json")),
        "refused": (lambda: _refuse(folder), ("deploy", *_STACK, "--set", _ALARMS, "--json")),
        "call after": (lambda: _obey(folder), ("invoke", "rest-api", "GET", "/any", "--provider", "azure", "--json")),
        "alarm": (_idle, ("deploy", *_STACK, "--set", _ALARMS.replace(", {type: error_rate, threshold: 0.05}", ""))),
        "destroy": (_idle, ("destroy", *_STACK, "--yes", "--json")),
        "reborn": (_idle, ("deploy", *_STACK, "--env", "development", "--json")),
        "verify": (_idle, ("ledger", "verify", "--json")),
    }
    done = {}
    for name, (prepare, arguments) in steps.items():
        prepare()
        done[name] = shared_desk.run(*arguments)
    return done


def _idle() -> None:
    """Nothing to prepare."""


def _write(folder: Path, edition: int) -> None:
    (folder / "service" / "index.py").write_text(_SERVICE.replace("EDITION", str(edition)), encoding="utf-8")


def _refuse(folder: Path) -> None:
    """A third edition, and a service that takes no package."""
    _write(folder, 3)
    fault = {
        "effect": "refuse",
        "operation": "publish",
        "code": "Broken",
        "status": 400,
        "message": "The zip is broken.",
    }
    (folder / ".semantest" / "faults.json").write_text(json.dumps([fault]), encoding="utf-8")


def _obey(folder: Path) -> None:
    """As it was before."""
    (folder / ".semantest" / "faults.json").unlink()
    _write(folder, 2)


def _mutations(outcome: Any) -> dict[str, int]:
    return {op: count for op, count in outcome.json["changes"].items() if op != "same"}


def _planned(outcome: Any) -> set[tuple[str, str]]:
    plan = next(event for event in outcome.events if event["type"] == "infrastructure.deployment.planned")
    return {(change["op"], change["type"]) for change in plan["data"]["resources"]}


def _body(outcome: Any) -> Any:
    return json.loads(outcome.json["body"])


class TestLifeOnAzure:
    def test_begins_with_a_service_that_answers(self, life: dict[str, Any]) -> None:
        result = life["deploy"].json

        assert (life["deploy"].code, result["state"], result["health"]["status"]) == (0, "completed", 200)
        assert result["endpoint"] == f"https://{result['outputs']['function_name']}.azurewebsites.net"
        assert result["outputs"]["function_arn"].endswith(f"/sites/{result['outputs']['function_name']}")

    def test_tells_of_the_function_when_its_code_is_there(self, life: dict[str, Any]) -> None:
        kinds = [event["type"].removeprefix("infrastructure.") for event in life["deploy"].events]

        assert kinds[-4:] == ["updated", "function.deployed", "httpapi.deployed", "deployment.completed"]

    def test_stays_as_it_is_when_nothing_changed(self, life: dict[str, Any]) -> None:
        assert (life["again"].code, _mutations(life["again"])) == (0, _NOTHING)
        assert life["again"].json["changes"]["same"] == life["deploy"].json["changes"]["create"]

    def test_runs_a_changed_package_and_shows_it_in_the_plan(self, life: dict[str, Any]) -> None:
        assert _planned(life["package"]) == {("update", _APP)}
        assert _body(life["call"]) == {"edition": 2, "token": len(_SECRET)}

    def test_goes_back_when_the_package_is_not_taken(self, life: dict[str, Any]) -> None:
        result = life["refused"].json

        assert (life["refused"].code, result["state"]) == (1, "rolled_back")
        assert (result["error"]["code"], "The zip is broken" in result["error"]["message"]) == ("PUBLISH_FAILED", True)
        assert _body(life["call after"])["edition"] == 2

    def test_loses_the_one_alarm_that_left_the_configuration(self, life: dict[str, Any]) -> None:
        assert "Plan: 1 to delete" in life["alarm"].out
        assert "- delete  monitor.ScheduledQueryRule  alarm-error-rate" in life["alarm"].out

    def test_begins_anew_although_names_stay_reserved(self, life: dict[str, Any]) -> None:
        first, second = life["deploy"].json["outputs"], life["reborn"].json["outputs"]

        assert (life["destroy"].json["state"], life["reborn"].json["state"]) == ("completed", "completed")
        assert first["function_name"] != second["function_name"]

    def test_tells_nobody_the_secret(self, life: dict[str, Any], shared_desk: Any) -> None:
        told = "".join(outcome.out + outcome.err for outcome in life.values())
        kept = b"".join(content for path, content in shared_desk.files().items() if path.name != ".env")

        assert (_SECRET in told, _SECRET.encode() in kept) == (False, False)
        assert life["verify"].json["intact"] is True
