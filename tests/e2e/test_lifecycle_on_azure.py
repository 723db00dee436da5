"""The same lifecycle on Azure, and what differs there."""

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
    body = {"edition": EDITION, "token": len(os.environ["TOKEN"])}
    return {"statusCode": 200, "headers": {"content-type": "application/json"}, "body": json.dumps(body)}
"""


@pytest.fixture(scope="module")
def outcomes(shared_workspace: Any) -> dict[str, Any]:
    """The outcomes of the commands by name, run in order."""
    folder: Path = shared_workspace.folder
    (folder / "service").mkdir()
    (folder / "semantest.yaml").write_text(_CONFIGURATION, encoding="utf-8")
    (folder / ".env").write_text(f"SEMANTEST_SECRET_TOKEN={_SECRET}\n", encoding="utf-8")
    deploy = ("deploy", *_STACK, "--set", _ALARMS, "--json")
    invoke = ("invoke", "rest-api", "GET", "/any", "--provider", "azure", "--json")
    one_alarm = _ALARMS.replace(", {type: error_rate, threshold: 0.05}", "")
    steps: dict[str, tuple[Callable[[], object], tuple[str, ...]]] = {
        "deploy": (lambda: _write(folder, 1), deploy),
        "again": (_do_nothing, deploy),
        "package": (lambda: _write(folder, 2), deploy),
        "call": (_do_nothing, invoke),
        "refused": (lambda: _refuse_packages(folder), deploy),
        "call after": (
            lambda: _accept_packages(folder),
            ("invoke", "rest-api", "GET", "/any", "--provider", "azure", "--json"),
        ),
        "alarm": (_do_nothing, ("deploy", *_STACK, "--set", one_alarm)),
        "destroy": (_do_nothing, ("destroy", *_STACK, "--yes", "--json")),
        "recreated": (_do_nothing, ("deploy", *_STACK, "--env", "development", "--json")),
        "verify": (_do_nothing, ("ledger", "verify", "--json")),
    }
    done = {}
    for name, (prepare, arguments) in steps.items():
        prepare()
        done[name] = shared_workspace.run(*arguments)
    return done


def _do_nothing() -> None: ...


def _write(folder: Path, edition: int) -> None:
    (folder / "service" / "index.py").write_text(_SERVICE.replace("EDITION", str(edition)), encoding="utf-8")


def _refuse_packages(folder: Path) -> None:
    """Write a third edition, and let the simulated cloud refuse its package."""
    _write(folder, 3)
    fault = {
        "effect": "refuse",
        "operation": "publish",
        "code": "Broken",
        "status": 400,
        "message": "The zip is broken.",
    }
    (folder / ".semantest" / "faults.json").write_text(json.dumps([fault]), encoding="utf-8")


def _accept_packages(folder: Path) -> None:
    (folder / ".semantest" / "faults.json").unlink()
    _write(folder, 2)


def _mutations(outcome: Any) -> dict[str, int]:
    return {op: count for op, count in outcome.json["changes"].items() if op != "same"}


def _planned(outcome: Any) -> set[tuple[str, str]]:
    plan = next(event for event in outcome.events if event["type"] == "infrastructure.deployment.planned")
    return {(change["op"], change["type"]) for change in plan["data"]["resources"]}


def _body(outcome: Any) -> Any:
    return json.loads(outcome.json["body"])


class TestLifecycleOnAzure:
    def test_deploys_a_service_that_answers(self, outcomes: dict[str, Any]) -> None:
        result = outcomes["deploy"].json

        assert (outcomes["deploy"].code, result["state"], result["health"]["status"]) == (0, "completed", 200)
        assert result["endpoint"] == f"https://{result['outputs']['function_name']}.azurewebsites.net"
        assert result["outputs"]["function_arn"].endswith(f"/sites/{result['outputs']['function_name']}")

    def test_publishes_the_function_s_event_after_its_code(self, outcomes: dict[str, Any]) -> None:
        kinds = [event["type"].removeprefix("infrastructure.") for event in outcomes["deploy"].events]

        assert kinds[-4:] == ["updated", "function.deployed", "httpapi.deployed", "deployment.completed"]

    def test_deploying_again_changes_nothing(self, outcomes: dict[str, Any]) -> None:
        assert (outcomes["again"].code, _mutations(outcomes["again"])) == (0, _NOTHING)
        assert outcomes["again"].json["changes"]["same"] == outcomes["deploy"].json["changes"]["create"]

    def test_a_changed_package_is_in_the_plan_and_runs(self, outcomes: dict[str, Any]) -> None:
        assert _planned(outcomes["package"]) == {("update", _APP)}
        assert _body(outcomes["call"]) == {"edition": 2, "token": len(_SECRET)}

    def test_rolls_back_when_the_package_is_refused(self, outcomes: dict[str, Any]) -> None:
        result = outcomes["refused"].json

        assert (outcomes["refused"].code, result["state"]) == (1, "rolled_back")
        assert (result["error"]["code"], "The zip is broken" in result["error"]["message"]) == ("PUBLISH_FAILED", True)
        assert _body(outcomes["call after"])["edition"] == 2

    def test_an_alarm_that_is_no_longer_configured_is_deleted(self, outcomes: dict[str, Any]) -> None:
        assert "Plan: 1 to delete" in outcomes["alarm"].out
        assert "- delete  monitor.ScheduledQueryRule  alarm-error-rate" in outcomes["alarm"].out

    def test_the_next_deployment_has_new_names(self, outcomes: dict[str, Any]) -> None:
        first, second = outcomes["deploy"].json["outputs"], outcomes["recreated"].json["outputs"]

        assert (outcomes["destroy"].json["state"], outcomes["recreated"].json["state"]) == ("completed", "completed")
        assert first["function_name"] != second["function_name"]

    def test_the_secret_is_in_no_output_and_no_file(self, outcomes: dict[str, Any], shared_workspace: Any) -> None:
        printed = "".join(outcome.out + outcome.err for outcome in outcomes.values())
        stored = b"".join(content for path, content in shared_workspace.files().items() if path.name != ".env")

        assert (_SECRET in printed, _SECRET.encode() in stored) == (False, False)
        assert outcomes["verify"].json["intact"] is True
