"""Deployments that a person must approve, through the commands of several processes."""

from __future__ import annotations

import json
import os
import signal
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from semantest_iac.application.operators.user_names import read_user_name
from tests.e2e.conftest import Outcome, Workspace
from tests.pulumi_cli import require_pulumi_cli

_DEPLOY = ("deploy", "rest-api", "--json")
_STACK_PARTS = ("rest-api", "aws", "development", "us-east-1")
_TIMEOUT_S = 60.0


def require_approval(folder: Path, **rules: Any) -> None:
    """Write a configuration in which plans must be approved."""
    values = {"approvals": {"required": True} | rules}
    (folder / "semantest.yaml").write_text(json.dumps(values), encoding="utf-8")


def _row(workspace: Workspace) -> dict[str, Any]:
    return dict(workspace.run("history", "--json").json[0])


def _wait_for(workspace: Workspace, state: str) -> None:
    deadline = time.monotonic() + _TIMEOUT_S
    while _row(workspace)["state"] != state:
        assert time.monotonic() < deadline, f"never {state}: {_row(workspace)}"
        time.sleep(0.2)


def _types(outcome: Outcome) -> list[str]:
    return [json.loads(line).get("type", "").removeprefix("infrastructure.") for line in outcome.out.splitlines()]


def test_a_plan_waits_and_is_approved_by_another_command(workspace: Workspace) -> None:
    require_approval(workspace.folder)
    waiting = workspace.run("deploy", "rest-api")
    [shown] = workspace.run("status", "--json").json
    queue, listed = workspace.run("queue"), workspace.run("status")
    declined = workspace.run_on_terminal("approve", typed="n\n")
    approved = workspace.run_on_terminal("approve", "rest-api", typed="y\n")
    again = workspace.run("approve", shown["deployment"][:8], "--json")

    command = f"semantest-iac approve {shown['deployment']}"
    assert (waiting.code, command in waiting.out, "every plan for development" in waiting.out) == (3, True, True)
    assert (shown["state"], shown["approval"]["four_eyes"], shown["approval"]["approvers"]) == (
        "awaiting_approval",
        False,
        [],
    )
    assert ("waits for an approval" in queue.out, command in queue.err, command in listed.err) == (True, True, True)
    assert (declined.code, "It still waits" in declined.out) == (3, True), declined.out
    assert (approved.code, "Deployed" in approved.out) == (0, True), approved.out
    assert (again.code, again.json["state"], again.json["already"]) == (0, "completed", True)
    assert workspace.run("invoke", "rest-api", "GET", "/health", "--json").json["status"] == 200


def test_a_killed_worker_leaves_it_to_wait_and_another_carries_it_out(workspace: Workspace) -> None:
    require_approval(workspace.folder, expires_after="2d")
    workspace.run(*_DEPLOY, "--detach")
    for _ in range(2):
        with workspace.start("worker") as worker:
            _wait_for(workspace, "awaiting_approval")
            os.kill(worker.pid, signal.SIGKILL)
            worker.wait()
    granted = workspace.run("approve", "--detach", "--json")
    ended = workspace.run("worker", "--until-idle", "--json")

    assert (granted.code, granted.json["approved"], granted.json["state"]) == (0, True, "planned")
    types = _types(ended)
    assert (types[-1], "approval.requested" in types) == ("deployment.completed", False)
    assert _row(workspace)["state"] == "completed"


def test_scalings_and_rollbacks_wait_too(workspace: Workspace) -> None:
    """What they restore was deployed before approvals were required: those of the folder count."""
    workspace.run(*_DEPLOY)
    require_approval(workspace.folder)
    previewed = workspace.run("scale", "rest-api", "--max", "7", "--dry-run", "--json").json
    ends = []
    for command in (("scale", "rest-api", "--max", "7"), ("rollback", "rest-api", "--to", "1", "--yes")):
        waiting = workspace.run(*command, "--json")
        approved = workspace.run("approve", "--json")
        ends.append((waiting.code, waiting.json["state"], approved.code, approved.json["kind"], approved.json["state"]))

    assert ends == [(3, "awaiting_approval", 0, kind, "completed") for kind in ("scale", "rollback")]
    assert [it["guardrail"] for it in previewed["guardrails"]] == ["approvals"]
    assert previewed["cost"]["rise"] == 0  # a limit costs nothing


def test_a_rejected_plan_changes_nothing(workspace: Workspace) -> None:
    require_approval(workspace.folder)
    waiting = workspace.run(*_DEPLOY)
    rejected = workspace.run("reject", "--reason", "not on a Friday", "--json")
    none = workspace.run("approve", "--json")

    assert (waiting.code, waiting.json["state"], waiting.json["approval"]["plan_digest"] != "") == (
        3,
        "awaiting_approval",
        True,
    )
    assert (rejected.code, rejected.json["state"], rejected.json["rejected"]) == (0, "rejected", True)
    assert (none.code, none.json["error"]["code"]) == (2, "NOT_FOUND")
    row = _row(workspace)
    assert (row["error"]["code"], row["approval"]) == ("APPROVAL_DENIED", None)
    assert workspace.run("queue", "--json").json == []


def test_whoever_requested_it_cannot_approve_it(workspace: Workspace) -> None:
    require_approval(workspace.folder, four_eyes=True)
    workspace.run(*_DEPLOY)
    own = workspace.run("approve", "--json")
    require_approval(workspace.folder, approvers=["somebody-else"])
    later = workspace.run(*_DEPLOY)
    foreign = workspace.run("approve", "--json")

    states = [row["state"] for row in workspace.run("history", "--json").json]
    assert (own.code, own.json["error"]["code"]) == (3, "FOUR_EYES")
    assert (foreign.code, foreign.json["error"]["code"]) == (3, "NOT_AN_APPROVER")
    assert read_user_name() in foreign.json["error"]["message"]
    assert (later.json["state"], states) == ("awaiting_approval", ["awaiting_approval", "superseded"])


def test_sending_the_request_as_an_event_makes_nobody_else_of_its_sender(workspace: Workspace) -> None:
    require_approval(workspace.folder, four_eyes=True)
    payload = dict(zip(("component", "provider", "environment", "region"), _STACK_PARTS, strict=True))
    event = {"type": "infrastructure.deployment.requested", "correlationId": "c1"}
    sent = json.dumps(event | {"payload": payload | {"requested_by": "somebody-else"}})
    workspace.run("publish", "-", "--json", stdin=sent)
    workspace.run("worker", "--until-idle", "--json")
    renamed = replace(workspace, variables={"LOGNAME": "somebody-else", "USER": "somebody-else"})
    own = renamed.run("approve", "--json")

    assert (own.code, own.json["error"]["code"]) == (3, "FOUR_EYES")
    assert _row(workspace)["approval"]["requested_by"].startswith(f"{read_user_name()}, event ")


def test_faults_of_the_section_are_told_at_once(workspace: Workspace) -> None:
    require_approval(workspace.folder, required="sometimes", approvers=[" ", " ana"], expires_after="soon")
    refused = workspace.run("config", "validate", "--json")

    faults = {fault["path"] for fault in refused.json["error"]["faults"]}
    assert refused.code == 2
    assert {
        "approvals.required",
        "approvals.approvers[0]",
        "approvals.approvers[1]",
        "approvals.expires_after",
    } <= faults


@pytest.mark.parametrize(("engine_name", "provider"), [("pulumi", "aws"), ("sandbox", "azure")])
def test_an_engine_goes_on_with_the_plan_that_was_approved(
    workspace: Workspace, engine_name: str, provider: str
) -> None:
    if engine_name == "pulumi":
        require_pulumi_cli()
    require_approval(workspace.folder)
    engine = ("--engine", engine_name, "--cloud", "sandbox", "--provider", provider)
    waiting = workspace.run(*_DEPLOY, *engine)
    approved = workspace.run("approve", "--json")
    removal = workspace.run("destroy", "rest-api", *engine, "--yes", "--json")
    removed = workspace.run("approve", "--json")

    assert (waiting.code, approved.code, approved.json["state"]) == (3, 0, "completed"), approved.out
    assert "approval.requested" not in _types(approved)[_types(approved).index("approval.granted") :]
    assert (removal.code, removal.json["state"]) == (3, "awaiting_approval"), removal.out
    assert (removed.code, removed.json["kind"], removed.json["state"]) == (0, "destroy", "completed"), removed.out
