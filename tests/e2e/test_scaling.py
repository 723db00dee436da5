"""`scale` by the command line: on both clouds, with both engines, beside deployments that wait."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.conftest import Workspace
from tests.pulumi_cli import require_pulumi_cli

_CONFIGURATION = """\
components:
  rest-api: {instances: {min: 1, max: 50}, scaling: {max: 60}}
"""
_OF_INSTANCES = {
    "aws": {
        "aws:lambda/function:Function",
        "aws:lambda/provisionedConcurrencyConfig:ProvisionedConcurrencyConfig",
        "aws:cloudwatch/metricAlarm:MetricAlarm",
    },
    "azure": {"azure-native:web:WebApp", "azure-native:monitor:ScheduledQueryRule"},
}
_ENGINES = {"sandbox": (), "pulumi": ("--engine", "pulumi", "--cloud", "sandbox")}


def _configure(folder: Path) -> None:
    (folder / "semantest.yaml").write_text(_CONFIGURATION, encoding="utf-8")


@pytest.mark.parametrize(
    ("provider", "engine"), [("aws", "sandbox"), ("azure", "sandbox"), ("aws", "pulumi")], ids=lambda it: str(it)
)
def test_a_person_scales_and_a_deployment_takes_it_back(workspace: Workspace, provider: str, engine: str) -> None:
    if engine == "pulumi":
        require_pulumi_cli()
    _configure(workspace.folder)
    deploy = ("deploy", "rest-api", "--provider", provider, *_ENGINES[engine], "--json")
    assert workspace.run(*deploy).code == 0

    seen = workspace.run("scale", "rest-api", "--min", "2", "--max", "40", "--dry-run", "--json")
    scaled = workspace.run("scale", "--component", "rest-api", "--min", "2", "--max", "40", "--reason", "a sale")
    again = workspace.run("scale", "rest-api", "--max", "40", "--json")
    taken_back = workspace.run("preview", "rest-api", "--provider", provider, *_ENGINES[engine], "--json")
    history = workspace.run("history", "rest-api", "--json").json

    changed = {it["type"] for it in seen.json["resources"] if it["op"] != "same"}
    assert changed and changed <= _OF_INSTANCES[provider]
    assert seen.json["instances"] == {"deployed": {"min": 1, "max": 50}, "target": {"min": 2, "max": 40}}
    assert (scaled.code, "min instances: 1 -> 2" in scaled.out, "max instances: 50 -> 40" in scaled.out) == (
        0,
        True,
        True,
    )
    assert "semantest.yaml says min 1, max 50: the next deploy" in scaled.err
    assert "components.rest-api.instances: {min: 2, max: 40}" in scaled.err
    assert (again.code, again.json["changes"]["update"], again.json["state"]) == (0, 0, "completed")
    assert {it["op"] for it in taken_back.json["resources"]} <= {"same", "update"}
    assert taken_back.json["changes"] == {**seen.json["changes"], "update": seen.json["changes"]["update"]}
    assert [row["kind"] for row in history] == ["scale", "scale", "deploy"]


def test_what_cannot_be_is_refused_with_every_fault(workspace: Workspace) -> None:
    _configure(workspace.folder)
    never = workspace.run("scale", "rest-api", "--min", "2", "--json")
    assert workspace.run("deploy", "rest-api", "--json").code == 0

    nothing = workspace.run("scale", "rest-api", "--json")
    beyond = workspace.run("scale", "rest-api", "--min", "51", "--max", "61", "--json")
    crossed = workspace.run("scale", "rest-api", "--min", "55", "--json")

    faults = [[it["path"] for it in outcome.json["error"]["faults"]] for outcome in (nothing, beyond, crossed)]
    assert (never.code, never.json["error"]["code"]) == (2, "NOT_FOUND")
    assert ([outcome.code for outcome in (nothing, beyond, crossed)], faults) == (
        [2, 2, 2],
        [["min"], ["max"], ["min"]],
    )
    assert len(workspace.run("history", "--json").json) == 1


def test_scalings_among_deployments_are_neither_folded_nor_lost(workspace: Workspace) -> None:
    _configure(workspace.folder)
    assert workspace.run("deploy", "rest-api", "--json").code == 0
    memory = ("--set", "components.rest-api.memory")

    queued = [
        workspace.run("deploy", "rest-api", *memory[:1], f"{memory[1]}=1024", "--detach", "--json"),
        workspace.run("scale", "rest-api", "--min", "3", "--detach", "--json"),
        workspace.run("scale", "rest-api", "--min", "4", "--max", "41", "--detach", "--json"),
        workspace.run("deploy", "rest-api", *memory[:1], f"{memory[1]}=2048", "--detach", "--json"),
    ]
    workspace.run("worker", "--until-idle", "--json")

    rows = {row["deployment"]: row for row in workspace.run("history", "--json").json}
    states = [rows[outcome.json["deployment"]]["state"] for outcome in queued]
    recorded = workspace.run("events", "--journal", "--json").json
    resolved = [
        it["data"]["configuration"] for it in recorded if it["type"] == "infrastructure.journal.request.resolved"
    ]
    instances = [it["components"]["rest-api"]["instances"] for it in resolved]
    assert states == ["superseded", "completed", "completed", "completed"]
    assert instances == [{"min": 3, "max": 50}, {"min": 4, "max": 41}]
