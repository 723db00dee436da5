"""A cloud that limits the rate of requests, and steps that take too long, on both engines and clouds."""

from __future__ import annotations

import json
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import Workspace
from tests.pulumi_cli import require_pulumi_cli

_PULUMI = ("--engine", "pulumi", "--cloud", "sandbox")
_FUNCTIONS = {"aws": "aws:lambda/function:Function", "azure": "azure-native:web:WebApp"}
_SLOW_PULUMI = """\
#!/bin/sh
case " $* " in *" up "*) sleep 60 ;; esac
exec "{cli}" "$@"
"""
_FUNCTION_DEPLOYED = "infrastructure.function.deployed"


@pytest.fixture(params=product(["sandbox", "pulumi"], _FUNCTIONS), ids="-".join)
def target(request: pytest.FixtureRequest) -> tuple[str, tuple[str, ...]]:
    """A cloud, and the options that choose it and an engine."""
    engine, provider = request.param
    if engine == "pulumi":
        require_pulumi_cli()
    return provider, ("--provider", provider, *(_PULUMI if engine == "pulumi" else ()))


def _script_fault(workspace: Workspace, options: tuple[str, ...], **fault: Any) -> Path:
    folder = workspace.home / ("pulumi" if "pulumi" in options else "")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "faults.json").write_text(json.dumps([fault]), encoding="utf-8")
    return folder / "faults.json"


def _journal(workspace: Workspace) -> list[dict[str, Any]]:
    return [dict(event["data"]) for event in workspace.run("events", "--journal", "--json").json if _is_retry(event)]


def _is_retry(event: dict[str, Any]) -> bool:
    return str(event["type"]) == "infrastructure.journal.step.retried"


def test_a_throttled_deployment_and_destroy_go_on(workspace: Workspace, target: tuple[str, tuple[str, ...]]) -> None:
    provider, options = target
    throttled = {"effect": "throttle", "type": _FUNCTIONS[provider], "call": 1}
    fault = _script_fault(workspace, options, **throttled, operation="create")
    deployed = workspace.run("deploy", "rest-api", *options, "--json")
    fault.unlink()
    again = workspace.run("preview", "rest-api", *options, "--json")
    _script_fault(workspace, options, **throttled, operation="delete")
    destroyed = workspace.run("destroy", "rest-api", "--provider", provider, "--yes", "--json")

    assert (deployed.code, deployed.json["state"]) == (0, "completed"), deployed.out + deployed.err
    [retried, removed] = _journal(workspace)
    assert (retried["step"], retried["attempt"], retried["code"]) == ("apply", 2, "TooManyRequestsException")
    planned = next(each for each in deployed.events if each["type"] == "infrastructure.deployment.planned")
    assert deployed.json["changes"]["create"] == planned["data"]["changes"]["create"]
    types = [each["type"] for each in deployed.events]
    assert (types.count(_FUNCTION_DEPLOYED), types.count("infrastructure.updated")) == (1, 1)
    assert {op: n for op, n in again.json["changes"].items() if n and op != "same"} == {}
    assert (destroyed.code, destroyed.json["state"]) == (0, "completed"), destroyed.out + destroyed.err
    assert removed["step"] == "remove"
    assert destroyed.json["changes"]["delete"] + destroyed.json["changes"].get("keep", 0) == sum(
        again.json["changes"].values()
    )


class TestDeadlines:
    def test_end_a_build(self, workspace: Workspace) -> None:
        source = workspace.folder / "service"
        source.mkdir()
        (source / "index.py").write_text("def handler(event, context):\n    return {'statusCode': 200}\n")
        values = ("source=service", "handler=index.handler", "build=sleep 60")
        sets = [word for value in values for word in ("--set", f"components.rest-api.{value}")]

        outcome = workspace.run("deploy", "rest-api", *sets, "--set", "deadlines.build_s=1", "--json")

        assert (outcome.code, outcome.json["error"]["code"]) == (1, "STEP_TIMEOUT"), outcome.out
        assert "deadlines.build_s" in outcome.json["error"]["hint"]

    def test_stop_the_engine_and_roll_back(self, workspace: Workspace) -> None:
        slow = workspace.folder / "slow-pulumi"
        slow.write_text(_SLOW_PULUMI.format(cli=require_pulumi_cli().path), encoding="utf-8")
        slow.chmod(0o700)
        hindered = Workspace(workspace.folder, {"SEMANTEST_PULUMI": str(slow)})

        late = hindered.run("deploy", "rest-api", *_PULUMI, "--set", "deadlines.apply_s=1", "--json")
        again = workspace.run("deploy", "rest-api", *_PULUMI, "--json")

        assert (late.code, late.json["error"]["code"]) == (1, "STEP_TIMEOUT"), late.out
        assert late.json["state"] in ("rolled_back", "failed")  # failed where nothing had begun
        assert (again.code, again.json["state"]) == (0, "completed"), again.out

    @pytest.mark.parametrize("seconds", ["0", "86401"])
    def test_are_checked_with_the_rest_of_the_configuration(self, workspace: Workspace, seconds: str) -> None:
        refused = workspace.run("deploy", "rest-api", "--set", f"deadlines.apply_s={seconds}", "--json")

        [fault] = refused.json["error"]["faults"]
        assert (refused.code, fault["path"]) == (2, "deadlines.apply_s")
