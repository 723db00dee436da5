"""A rollback fails in the cloud: the stack is held until a person has brought it in order."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from semantest_iac.infrastructure.simulated_cloud.runtime.providers import open_inventory, open_simulated_cloud
from tests.e2e.conftest import Workspace
from tests.pulumi_cli import require_pulumi_cli

_DEPLOY = ("deploy", "rest-api", "--json")
_TOPIC = "aws:sns/topic:Topic"
_FAULTS = [
    {"effect": "refuse", "type": "aws:lambda/function:Function", "operation": "create"},
    {"effect": "refuse", "type": _TOPIC, "operation": "delete"},
]


@pytest.fixture(params=["sandbox", "pulumi"])
def engine(request: pytest.FixtureRequest) -> tuple[str, ...]:
    """The options that choose an engine."""
    if request.param == "pulumi":
        require_pulumi_cli()
        return ("--engine", "pulumi", "--cloud", "sandbox")
    return ()


def _get_stuck(workspace: Workspace, folder: Path, *engine: str) -> str:
    """Deploy what can neither be created nor deleted; returns the deployment, after which the cloud works again."""
    folder.mkdir(parents=True)
    (folder / "faults.json").write_text(json.dumps(_FAULTS), encoding="utf-8")
    stuck = workspace.run(*_DEPLOY, *engine)
    (folder / "faults.json").unlink()
    holder = str(stuck.json["deployment"])
    assert (stuck.code, stuck.json["state"]) == (1, "needs_operator"), stuck.out
    assert f"semantest-iac resolve {holder}" in stuck.json["error"]["commands"]
    return holder


def test_a_held_stack_refuses_commands_until_it_is_resolved(workspace: Workspace) -> None:
    holder = _get_stuck(workspace, workspace.home)

    refused = [workspace.run(*command) for command in (_DEPLOY, ("destroy", "rest-api", "--yes", "--json"))]
    found, listed = workspace.run("drift", "rest-api"), workspace.run("drift", "rest-api", "--json")
    unconfirmed = workspace.run("resolve", holder[:8])
    confirmed = workspace.run_on_terminal("resolve", holder[:8], typed="yes\n")
    again = workspace.run("resolve", holder, "--yes", "--json")
    destroyed = workspace.run("destroy", "rest-api", "--yes", "--json")

    assert [(each.code, each.json["error"]["code"]) for each in refused] == [(3, "STACK_HELD")] * 2
    assert f"events --deployment {holder}" in found.out, found.err
    assert listed.json[0]["held_by"] == holder
    assert (unconfirmed.code, "Add --yes." in unconfirmed.err) == (3, True)
    assert (confirmed.code, "Is the stack in order?" in confirmed.out) == (0, True), confirmed.out
    assert (again.code, again.json["error"]["code"]) == (3, "RESOLVED_ALREADY")
    assert (destroyed.code, destroyed.json["state"]) == (0, "completed")


def test_what_waited_sees_what_a_person_repaired(workspace: Workspace, engine: tuple[str, ...]) -> None:
    folder = workspace.home / ("pulumi" if engine else "")
    holder = _get_stuck(workspace, folder, *engine)

    queued = workspace.run(*_DEPLOY, *engine, "--detach").json
    idle = workspace.run("worker", "--until-idle", "--json")
    seen = workspace.run("preview", "rest-api", *engine, "--refresh", "--json")
    cloud = open_simulated_cloud("aws", open_inventory(folder / "cloud.db"), region="us-east-1")
    cloud.delete(*next(it for it in cloud.list_resources() if it[0] == _TOPIC))  # by hand, as it could not be before
    resolved = workspace.run("resolve", holder[:8], "--reason", "deleted the topic", "--yes", "--json")
    worked = workspace.run("worker", "--until-idle", "--json")
    newest = workspace.run("status", "--json").json[0]

    assert (queued["state"], queued["held_by"], idle.out, seen.code) == ("pending", holder, "", 0)
    assert (resolved.code, resolved.json["waiting"]) == (0, [queued["deployment"]])
    assert (newest["deployment"], newest["state"]) == (queued["deployment"], "completed"), worked.out
    assert newest["held_by"] is None
    found = [json.loads(line)["type"] for line in worked.out.splitlines()]
    assert "infrastructure.drift.detected" in found  # the topic was missed without being asked to look


def test_a_request_that_waits_is_cancelled_and_not_resolved(workspace: Workspace) -> None:
    waiting = workspace.run(*_DEPLOY, "--detach").json["deployment"]

    refused = workspace.run("resolve", waiting, "--yes", "--json").json["error"]

    assert (refused["code"], f"semantest-iac cancel {waiting}" in refused["hint"]) == ("NOTHING_HELD", True)


def test_a_worker_says_why_a_deployment_failed(workspace: Workspace) -> None:
    workspace.home.mkdir(parents=True)
    (workspace.home / "faults.json").write_text(json.dumps(_FAULTS), encoding="utf-8")
    workspace.run(*_DEPLOY, "--detach")

    worked = workspace.run("worker", "--until-idle")

    [failed] = [line for line in worked.out.splitlines() if "infrastructure.update.failed" in line]
    assert "Cannot deploy 'function'" in failed and "Rollback failed" in worked.out
